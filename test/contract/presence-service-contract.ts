/** What every PresenceService does, whichever it is: in the browser for the person at the keyboard, in Node for any user. */
import { afterEach, beforeEach, describe } from 'vitest'
import { describeChoices } from './presence-service/choices.js'
import { describeDevices } from './presence-service/devices.js'
import { describeEvents } from './presence-service/events.js'
import { describeLifecycle } from './presence-service/lifecycle.js'
import { describePeople } from './presence-service/people.js'
import type { Stage, Traits, World } from './presence-service/stage.js'

/** `open` is called for each test; ids are new in each, so that worlds may share a relay. */
export function describePresenceService(name: string, traits: Traits, open: (testId: string) => Promise<World>): void {
  describe(`PresenceService contract: ${name}`, () => {
    let tests = 0
    let world: World | null = null
    const run = Math.random().toString(36).slice(2, 8)
    const testId = (): string => `${run}-${tests}`
    beforeEach(async () => {
      tests++
      world = await open(testId())
    })
    afterEach(async () => {
      await world?.close()
      world = null
    })
    const stage: Stage = { ...traits, world: () => world!, id: (userName) => `${userName}-${testId()}` }
    describeChoices(stage)
    describeDevices(stage)
    describePeople(stage)
    describeEvents(stage)
    describeLifecycle(stage)
  })
}
