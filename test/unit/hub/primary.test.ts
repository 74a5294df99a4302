import { describe, expect, it } from 'vitest'
import { deviceRows } from '../../../server/hub/hub-user.js'
import { createHubWorld, deviceId } from './hub-world.js'

async function alice() {
  const world = createHubWorld()
  const user = await world.open('alice')
  const primary = (): string | undefined => deviceRows(user, world.clock.now()).find((row) => row.isPrimary)?.id.replace(/0+$/, '')
  return { ...world, user, primary }
}

describe('[DV2] the primary device', () => {
  it('is the one with the most recent input, once the present one has been it for ten seconds', async () => {
    const { clock, connect, user, primary } = await alice()
    connect(user, 'laptop')
    clock.advance(6_000)
    const phone = connect(user, 'phone')
    expect(primary()).toBe('laptop')
    clock.advance(4_000)
    expect(primary()).toBe('phone')
    clock.advance(1_000)
    phone.say({ sinceInputMs: 0 })
    expect(primary()).toBe('phone')
  })

  it('stays while inputs are within five seconds of each other', async () => {
    const { clock, connect, user, primary } = await alice()
    const laptop = connect(user, 'laptop')
    const phone = connect(user, 'phone')
    for (let turn = 0; turn < 20; turn++) {
      clock.advance(2_000)
      ;(turn % 2 === 0 ? phone : laptop).say({ sinceInputMs: 0 })
      expect(primary()).toBe('laptop')
    }
  })

  it.each<[how: string, end: (laptop: ReturnType<ReturnType<typeof createHubWorld>['connect']>) => void]>([
    ['is locked', (laptop) => laptop.say({ locked: true })],
    ['is gone', (laptop) => laptop.end('gone')],
  ])('is replaced at once when it %s', async (_, end) => {
    const { connect, user, primary } = await alice()
    const laptop = connect(user, 'laptop')
    connect(user, 'phone')
    expect(primary()).toBe('laptop')
    end(laptop)
    expect(primary()).toBe('phone')
  })

  it('stays the last one when none is in use, also when it has left', async () => {
    const { clock, connect, user, primary } = await alice()
    const laptop = connect(user, 'laptop')
    connect(user, 'phone', { lastInputAt: null })
    clock.advance(300_100)
    expect([primary(), user.shown.projection.status]).toEqual(['laptop', 'away'])
    laptop.end('gone')
    expect([primary(), user.shown.projection.status]).toEqual(['laptop', 'away'])
  })

  it('is told to all of the person\'s devices, and to others by name only where devices are shared', async () => {
    const { connect, edit, look, user, tick } = await alice()
    const [sibling, bob] = [look('sibling'), look('bob')]
    const laptop = connect(user, 'laptop')
    sibling.own(user)
    bob.watch(user)
    connect(user, 'phone')
    tick()
    const count = bob.frames.length
    laptop.say({ locked: true })
    tick()
    expect(bob.frames).toHaveLength(count)
    expect(Buffer.from(sibling.frames.at(-1)!.frame).toString()).toContain(deviceId('phone'))
    edit(user, 'privacy', { lastSeen: 'exact', devices: true, activity: false })
    expect(user.shown.projection).toMatchObject({ activeDevice: 'phone', activeDeviceId: deviceId('phone') })
    tick()
    expect(bob.transcript().slice(count).join('')).toContain(Buffer.from(deviceId('phone')).toString('hex'))
  })
})
