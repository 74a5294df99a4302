import { describe, expect, it } from 'vitest'
import { messagesOf } from '../../../server/hub/batch.js'
import { sizeOf } from '../../../server/hub/small-set.js'
import type { HubUser } from '../../../server/hub/hub-user.js'
import { WIRE } from '../../../src/protocol/limits.js'
import { expectTruthAfter, expectTruthAfterAnyRun, step } from './feed-runs.js'
import { createHubWorld, stored, type HubDeviceLink, type HubWorld } from './hub-world.js'
import { createOnlooker, type Onlooker } from './onlooker.js'

const USERS = ['ann', 'ben', 'cat']

interface Scene extends HubWorld {
  readonly users: readonly HubUser[]
  readonly ann: HubUser
  readonly devices: readonly HubDeviceLink[]
  /** His socket can be slow; Carol's never is. */
  readonly bob: Onlooker
  readonly carol: Onlooker
  choose(user: HubUser, choice: string): void
}

/** All are in the room, which both look at; nothing waits to be told. */
async function scene(): Promise<Scene> {
  const world = createHubWorld()
  const users = await Promise.all(USERS.map(world.open))
  // Held: nobody becomes idle here.
  const devices = users.map((user) => world.connect(user, 'laptop', { holds: ['test'] }))
  devices.forEach((device) => device.join('room'))
  const [bob, carol] = [createOnlooker(world), createOnlooker(world)]
  for (const onlooker of [bob, carol]) onlooker.open('room')
  world.clock.advance(2_000)
  return { ...world, users, ann: users[0]!, devices, bob, carol, choose: (user, choice) => world.edit(user, 'status', { choice, expiresAt: null }) }
}

describe('[T21] a slow socket', () => {
  it('is given nothing more, and nothing is queued for it; the latest of everybody is told in one delivery once it has drained', async () => {
    const { users, devices, bob, carol, choose, clock, connect } = await scene()
    bob.stall()
    const counts = [bob, carol].map(({ deliveries }) => deliveries.length) as [number, number]
    for (let turn = 0; turn < 500; turn++) {
      choose(users[turn % 3]!, ['away', 'dnd', 'auto'][turn % 7 % 3]!)
      if (turn % 10 === 3) devices[turn % 3]![turn % 20 === 3 ? 'leave' : 'join']('room')
      if (turn === 250) devices[2]!.end('gone')
      if (turn === 300) connect(users[2]!, 'laptop', { holds: ['test'] }).join('room')
      clock.advance(200)
      expect([bob.deliveries.length, bob.viewer.batch]).toEqual([counts[0], null])
      expect(bob.viewer.missed?.size ?? 0).toBeLessThanOrEqual(USERS.length + 1)
    }
    expect(carol.deliveries.length).toBeGreaterThan(counts[1] + 100)
    bob.drain()
    clock.advance(0)
    expect(bob.deliveries.length).toBe(counts[0] + 1)
    // Who has left is told of by not being named in the channel again.
    expect([...new Set(bob.deliveries.at(-1)!.news.map(({ userId }) => userId))].sort()).toEqual(['ben', 'cat'])
    for (const onlooker of [bob, carol]) onlooker.expectTruth(USERS, ['room'])
  })

  it('costs nobody else: a fast one is told in time, and the very batch that a slow one missed', async () => {
    const { ann, bob, carol, choose, tick, ...world } = await scene()
    const dave = createOnlooker(world)
    dave.open('room')
    tick()
    bob.stall()
    choose(ann, 'away')
    tick()
    expect([bob.status('ann'), carol.status('ann'), dave.status('ann')]).toEqual(['online', 'away', 'away'])
    expect(carol.deliveries.at(-1)!.batch).toBe(dave.deliveries.at(-1)!.batch)
  })

  it('is answered what was asked, which nothing later would tell', async () => {
    const { ann, bob, hub, turn } = await scene()
    bob.stall()
    const rows: unknown[] = []
    hub.teller.own(bob.viewer, ann, rows as [], 0)
    turn()
    expect(bob.deliveries.at(-1)!.news.map(({ userId }) => userId)).toContain('ann')
    expect(bob.page({ channelId: 'room' })).toEqual(USERS)
  })

  it('is told of a hide once it has drained, and of nobody who was there only meanwhile', async () => {
    const { ann, users, devices, bob, choose, clock, open, connect } = await scene()
    bob.stall()
    choose(ann, 'offline')
    const dan = await open('dan')
    const device = connect(dan, 'phone', { holds: ['test'] })
    device.join('room')
    clock.advance(1_000)
    device.end('gone')
    devices[1]!.leave('room')
    clock.advance(1_000)
    expect(bob.roster('room')).toEqual(USERS)
    bob.drain()
    clock.advance(0)
    expect([bob.roster('room'), bob.status('dan'), bob.status('ann'), bob.status('ben')]).toEqual([['cat'], undefined, undefined, undefined])
    bob.expectTruth([...users.map(({ userId }) => userId), 'dan'], ['room'])
  })

  it('that is slow again by the time it would be told is told later, and then all of it', async () => {
    const { ann, users, bob, choose, tick, turn } = await scene()
    bob.stall()
    choose(ann, 'away')
    tick()
    bob.drain()
    bob.stall()
    turn()
    const count = bob.deliveries.length
    choose(users[1]!, 'dnd')
    tick()
    expect(bob.deliveries).toHaveLength(count)
    bob.drain()
    turn()
    expect([bob.deliveries.length, bob.status('ann'), bob.status('ben')]).toEqual([count + 1, 'away', 'dnd'])
  })

  it('that has drained goes on with the tick as before', async () => {
    const { ann, bob, choose, tick, turn } = await scene()
    bob.stall()
    choose(ann, 'away')
    tick()
    bob.drain()
    turn()
    const [count, at] = [bob.deliveries.length, bob.deliveries.at(-1)!.atMs]
    choose(ann, 'dnd')
    tick()
    expect(bob.deliveries.slice(count).map(({ atMs }) => atMs - at)).toEqual([WIRE.feedTickMs])
    expect(bob.status('ann')).toBe('dnd')
  })

  it('[VS4] whose watch was revoked meanwhile is told so, and no value any more', async () => {
    const { hub, ann, bob, choose, tick, turn } = await scene()
    bob.close('room')
    bob.watch(ann)
    tick()
    bob.stall()
    choose(ann, 'away')
    tick()
    hub.teller.revoke(bob.viewer, ann)
    choose(ann, 'dnd')
    tick()
    bob.drain()
    turn()
    expect([bob.status('ann'), bob.deliveries.flatMap(({ news }) => news).some(({ told }) => told.projection.status === 'dnd')]).toEqual([undefined, false])
    bob.expectTruth(USERS, ['room'])
  })

  it.each(['a turn before', 'in the same turn'])('[VS4] whose watch, asked for %s, was revoked before it was told of anybody is told of nobody', async (when) => {
    const { hub, ann, choose, clock, tick, turn } = await scene()
    const dave = createOnlooker({ hub, clock, turn })
    dave.stall()
    dave.watch(ann)
    if (when === 'a turn before') turn()
    hub.teller.revoke(dave.viewer, ann)
    choose(ann, 'dnd')
    tick()
    dave.drain()
    turn()
    expect([dave.status('ann'), dave.told('ann').filter(([, { told }]) => told.projection.status !== 'offline')]).toEqual([undefined, []])
    dave.expectTruth(USERS, ['room'])
  })

  it('[LV5] is told that somebody left the channel meanwhile, and not that they are offline, which they are not', async () => {
    const { users, devices, bob, clock } = await scene()
    bob.stall()
    devices[1]!.leave('room')
    clock.advance(1_000)
    const count = bob.told('ben').length
    bob.drain()
    clock.advance(0)
    expect(bob.roster('room')).toEqual(['ann', 'cat'])
    expect(bob.told('ben').slice(count).map(([, { told }]) => told.projection.status)).not.toContain('offline')
    expect(users[1]!.shown.projection.status).toBe('online')
  })

  it('[VS2] is told the same of one who hid meanwhile as of one who left', async () => {
    const bytes = await Promise.all(['hides', 'leaves'].map(async (ending) => {
      const { hub, ann, devices, bob, choose, clock } = await scene()
      hub.release(ann)
      bob.stall()
      ending === 'hides' ? choose(ann, 'offline') : devices[0]!.end('gone')
      await stored()
      clock.advance(1_000)
      bob.drain()
      clock.advance(1_000)
      return bob.deliveries.map(({ atMs, batch }) => [atMs, messagesOf(batch).map((message) => Buffer.from(message).toString('hex'))])
    }))
    expect(bytes[0]).toEqual(bytes[1])
  })

  it('of a session that has ended meanwhile is told nothing when it has drained', async () => {
    const { hub, ann, bob, choose, clock, tick } = await scene()
    bob.stall()
    choose(ann, 'away')
    tick()
    hub.teller.drop(bob.viewer)
    const count = bob.deliveries.length
    bob.drain()
    clock.advance(1_000)
    expect([bob.deliveries.length, sizeOf(bob.viewer.channels)]).toEqual([count, 0])
  })
})

describe('whatever happens in whatever order, for sockets that are slow now and then', () => {
  it('[T21] every frame can be read, and everybody is told the truth in the end', () => expectTruthAfterAnyRun({ canStall: true }, 200), 60_000)

  it('one whom the viewer watches again, after their leaving the channel was missed, stays watched', () => expectTruthAfter([
    step('open', 0, 120), step('stall'), step('leave', 0, 120), step('drain'), step('watch', 0, 120),
  ]))

  it('one who left, and whom the viewer watches when they are back, stays watched', () => expectTruthAfter([
    step('open', 0, 120), step('stall'), step('go', 0, 1_200), step('watch', 0, 120), step('drain', 0, 120), step('come', 0, 120),
  ]))

  it('one who hid in a channel where nobody watches them is gone', () => expectTruthAfter([
    step('open', 0, 120), step('stall'), step('hide', 0, 1_200), step('drain', 1, 120),
  ]))

  it('one who hid and shows again is there', () => expectTruthAfter([
    step('open', 0, 120), step('stall'), step('hide', 0, 1_200), step('show', 0, 1_200), step('drain', 1, 120),
  ]))

  it('devices that are shared no more are none', () => expectTruthAfter([
    step('share devices', 0, 1_200), step('watch', 0, 120), step('stall'), step('share no devices', 0, 120), step('drain', 0, 120),
  ]))
})
