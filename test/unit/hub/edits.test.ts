import { describe, expect, it } from 'vitest'
import { clampRegisters } from '../../../src/model/clamp-stamps.js'
import type { Register } from '../../../src/model/registers.js'
import { createHubWorld, deviceId, START, stored } from './hub-world.js'

const WRITER = deviceId('writer')
const custom = (text: string, at: number): Register => ({ at: [at, 0, WRITER], value: { text, emoji: null, expiresAt: null } })

describe('an edit', () => {
  it('[TM2] stamped more than a minute ahead is stored as of a minute ahead, and written back to whoever wrote it', async () => {
    const { hub, open, store } = createHubWorld()
    const user = await open('alice')
    let pushes = 0
    user.replicas = [{ push: () => pushes++, stored: () => undefined }]
    const future = custom('from the future', START + 3_600_000)
    await hub.merge(user, new Map([['custom', future]])).saved
    expect(user.registers.get('custom')).toEqual(custom('from the future', START + 60_000))
    expect((await store.load('alice')).registers.get('custom')).toEqual(custom('from the future', START + 60_000))
    expect(pushes).toBe(1)
    // The device has not set it right yet, and says it again.
    hub.merge(user, new Map([['custom', future]]))
    expect([user.registers.get('custom')!.at[0], pushes]).toEqual([START + 60_000, 2])
  })

  it('[TM2] stamped within the minute stays as it is', async () => {
    const { hub, open } = createHubWorld()
    const user = await open('alice')
    for (const ahead of [59_999, 60_000]) {
      hub.merge(user, new Map([['custom', custom(`${ahead}`, START + ahead)]]))
      expect(user.registers.get('custom')!.at[0]).toBe(START + ahead)
    }
    expect(clampRegisters(new Map([['custom', custom('x', START + 60_001)]]), new Map(), START).get('custom')!.at[0]).toBe(START + 60_000)
  })

  it('[TM2] [CS1] from a fast clock is beaten by one made a little over a minute later', async () => {
    const { clock, hub, open, edit } = createHubWorld()
    const user = await open('alice')
    hub.merge(user, new Map([['custom', custom('fast', START + 86_400_000)]]))
    clock.advance(60_001)
    hub.merge(user, new Map([['custom', { ...custom('right', clock.now()), at: [clock.now(), 0, deviceId('other')] }]]))
    expect(user.registers.get('custom')!.value).toMatchObject({ text: 'right' })
    edit(user, 'custom', null)
    expect(user.shown.projection.customStatus).toBeNull()
  })

  it('[SY2] is told as stored once the store has it, with the stamp it has there', async () => {
    const { hub, open } = createHubWorld()
    const user = await open('alice')
    const told: unknown[] = []
    user.replicas = [{ push: () => undefined, stored: (stamps) => told.push([...stamps]) }]
    hub.merge(user, new Map([['custom', custom('text', START)]]))
    expect([told, [...hub.storedStamps(user)]]).toEqual([[], []])
    await stored()
    expect([told, [...hub.storedStamps(user)]]).toEqual([[[['custom', [START, 0, WRITER]]]], [['custom', [START, 0, WRITER]]]])
  })
})
