import { describe, expect, it } from 'vitest'
import { WIRE } from '../../../src/protocol/limits.js'
import { CAME, createHubWorld, TICK_MS } from './hub-world.js'

const AWAY_MS = 300_000
const OFFLINE_MS = 3_600_000

async function alice() {
  const world = createHubWorld()
  const user = await world.open('alice')
  const bob = world.look('bob')
  const laptop = world.connect(user, 'laptop')
  bob.watch(user)
  return { ...world, user, bob, laptop }
}
/** Told when the hub noticed by itself, and with the feed's next tick. */
const LATE_MS = TICK_MS + WIRE.feedTickMs
const within = (time: number) => expect.toSatisfy((at: number) => at >= time && at <= time + LATE_MS, `a time from ${time} to ${time + LATE_MS}`)

describe('the hub', () => {
  it('[PR4] [LV4] times away and offline itself, when a device says nothing more', async () => {
    const { clock, bob } = await alice()
    clock.advance(2 * OFFLINE_MS)
    expect(bob.statuses('alice')).toEqual([...CAME, [within(AWAY_MS), 'away'], [within(OFFLINE_MS), 'offline']])
  })

  it('[PR5] takes a device for in use until its input is as old as its own limit, and not a millisecond longer', async () => {
    const { clock, hub, user } = await alice()
    const statusNow = () => {
      hub.refresh(user)
      return user.shown.projection.status
    }
    clock.advance(AWAY_MS - 1)
    expect(statusNow()).toBe('online')
    clock.advance(1)
    expect(statusNow()).toBe('away')
  })

  it('[PR5] counts from the input that was told as an age, not from its telling', async () => {
    const { clock, bob, laptop } = await alice()
    clock.advance(100_000)
    laptop.say({ sinceInputMs: 40_000 })
    clock.advance(AWAY_MS)
    expect(bob.statuses('alice')).toEqual([...CAME, [within(60_000 + AWAY_MS), 'away']])
  })

  it('[PR12] hears a device in use restate its input, and shows nothing of that', async () => {
    const { clock, bob, laptop, tick } = await alice()
    tick()
    const count = bob.frames.length
    for (let heartbeat = 0; heartbeat < 40; heartbeat++) {
      clock.advance(30_000)
      laptop.say({ sinceInputMs: 5_000 })
    }
    tick()
    expect(bob.frames).toHaveLength(count)
    clock.advance(AWAY_MS)
    expect(bob.statuses('alice')).toEqual([...CAME, [within(40 * 30_000 - 5_000 + AWAY_MS), 'away']])
  })

  it('[PR12] takes an older input for none that is new', async () => {
    const { clock, bob, laptop, tick } = await alice()
    clock.advance(10_000)
    laptop.say({ sinceInputMs: 1_000_000 })
    tick()
    expect(bob.statuses('alice')).toEqual(CAME)
  })

  it('[PR5] shows a locked device as away with the next tick, and an unlocked one as what its input says', async () => {
    const { clock, bob, laptop, tick } = await alice()
    clock.advance(1_000)
    laptop.say({ locked: true, sinceInputMs: 1_000 })
    clock.advance(1_000)
    laptop.say({ locked: false, sinceInputMs: 2_000 })
    tick()
    expect(bob.statuses('alice')).toEqual([...CAME, [1_000 + WIRE.feedTickMs, 'away'], [2_000 + WIRE.feedTickMs, 'online']])
  })

  it('[PR6] lets a device in use outweigh those that are idle or locked', async () => {
    const { clock, bob, laptop, user, connect, tick } = await alice()
    clock.advance(1_000)
    laptop.say({ locked: true })
    tick()
    const phone = connect(user, 'phone', { kind: 'phone' })
    clock.advance(AWAY_MS - 1_000)
    phone.say({ sinceInputMs: 0 })
    clock.advance(AWAY_MS - 1_000)
    expect(bob.statuses('alice')).toEqual([...CAME, [1_000 + WIRE.feedTickMs, 'away'], [1_000 + 2 * WIRE.feedTickMs, 'online']])
  })

  it('[PR4] waits for the largest limit among the devices before it calls somebody offline', async () => {
    const { clock, bob, connect, user } = await alice()
    connect(user, 'phone', { lastInputAt: null, offlineAfterMs: 2 * OFFLINE_MS })
    clock.advance(3 * OFFLINE_MS)
    expect(bob.statuses('alice')).toEqual([...CAME, [within(AWAY_MS), 'away'], [within(2 * OFFLINE_MS), 'offline']])
  })

  it('[PR10] [PR11] keeps a device in use while it is held, and as it was set until it disconnects', async () => {
    const { clock, bob, laptop, user, connect, tick } = await alice()
    laptop.say({ holds: ['call'] })
    clock.advance(OFFLINE_MS)
    expect(bob.statuses('alice')).toEqual(CAME)
    laptop.say({ holds: [], override: 'dnd' })
    clock.advance(OFFLINE_MS)
    laptop.end('gone')
    connect(user, 'laptop')
    tick()
    expect(bob.statuses('alice')).toEqual([
      ...CAME, [OFFLINE_MS + WIRE.feedTickMs, 'dnd'], [2 * OFFLINE_MS, 'offline'], [2 * OFFLINE_MS + WIRE.feedTickMs, 'online'],
    ])
  })

  it('shows a device that comes as it comes, and nothing in between', async () => {
    const { hub, open, connect, look, tick } = createHubWorld()
    const user = await open('carol')
    const [bob, changes] = [look('bob'), [] as string[]]
    hub.onChange(({ user: { shown } }) => changes.push(shown.projection.status))
    bob.watch(user)
    connect(user, 'laptop', { lastInputAt: null, holds: ['film'] })
    tick()
    expect(bob.statuses('carol')).toEqual([[0, 'offline'], [WIRE.feedTickMs, 'online']])
    expect(changes.filter((status) => status === 'away')).toEqual([])
  })

  it('[PR8] ends a chosen status at its expiry, without anybody writing', async () => {
    const { clock, bob, user, edit, laptop, tick } = await alice()
    tick()
    edit(user, 'status', { choice: 'dnd', expiresAt: clock.now() + 10_000 })
    laptop.say({})
    clock.advance(20_000)
    expect(bob.statuses('alice')).toEqual([...CAME, [2 * WIRE.feedTickMs, 'dnd'], [within(WIRE.feedTickMs + 10_000), 'online']])
  })
})
