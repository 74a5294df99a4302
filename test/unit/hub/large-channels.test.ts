import { describe, expect, it } from 'vitest'
import type { HubUser } from '../../../server/hub/hub-user.js'
import type { UserId } from '../../../src/presence-service.js'
import { WIRE } from '../../../src/protocol/limits.js'
import { STATUSES } from '../../../src/protocol/messages.js'
import { expectTruthAfter, expectTruthAfterAnyRun, step } from './feed-runs.js'
import { createHubWorld, type HubDeviceLink, type HubWorld } from './hub-world.js'
import { createOnlooker, type Onlooker } from './onlooker.js'

const LIMIT = 5
const NAMES: readonly UserId[] = ['ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus']

interface Scene extends HubWorld {
  readonly users: ReadonlyMap<UserId, HubUser>
  readonly devices: ReadonlyMap<UserId, HubDeviceLink>
  readonly bob: Onlooker
  choose(userId: UserId, choice: string): void
}

/** So many are in the room, at which Bob looks; he watches Ann. Nothing waits to be told. */
async function scene(count: number, isWatching = true): Promise<Scene> {
  const world = createHubWorld()
  world.hub.teller.limitChannels(LIMIT)
  const users = new Map<UserId, HubUser>()
  const devices = new Map<UserId, HubDeviceLink>()
  // Not in the order of their ids.
  for (const [index, userId] of [...NAMES].reverse().entries()) {
    const user = await world.open(userId)
    users.set(userId, user)
    // Held: nobody becomes idle here.
    devices.set(userId, world.connect(user, 'laptop', { holds: ['test'] }))
    if (index >= NAMES.length - count) devices.get(userId)!.join('room')
  }
  const bob = createOnlooker(world)
  bob.open('room')
  if (isWatching) bob.watch(users.get('ann')!)
  world.clock.advance(2_000)
  return { ...world, users, devices, bob, choose: (userId, choice) => world.edit(users.get(userId)!, 'status', { choice, expiresAt: null }) }
}
const pagesSince = ({ deliveries }: Onlooker, count: number): [atMs: number, isComplete: boolean, counts: readonly number[]][] =>
  deliveries.slice(count).flatMap(({ atMs, pages }) => pages.filter(({ isBeginning, isComplete }) => !isBeginning || !isComplete).map(({ isComplete, counts }): [number, boolean, readonly number[]] => [atMs, isComplete, counts]))
const namesSince = ({ deliveries }: Onlooker, count: number): string[] => deliveries.slice(count).flatMap(({ news }) => news.map(({ userId }) => userId))

describe('a channel with more members than the limit', () => {
  it('is told by a page that says it is not whole, and then only by counts and whom one watches', async () => {
    const { bob, devices, choose, clock, tick } = await scene(LIMIT)
    const count = bob.deliveries.length
    expect(bob.roster('room')).toEqual(['ann', 'ben', 'cat', 'dan', 'eve'])
    devices.get('fay')!.join('room')
    tick()
    expect(pagesSince(bob, count)).toEqual([[2_050, false, [6, 0, 0, 0]]])
    expect(bob.roster('room')).toEqual(['ann'])
    clock.advance(2_000)
    const before = bob.deliveries.length
    choose('ben', 'away')
    devices.get('gus')!.join('room')
    devices.get('cat')!.end('gone')
    clock.advance(2_000)
    expect([namesSince(bob, before), pagesSince(bob, before)]).toEqual([[], [[4_100, false, [5, 1, 0, 0]]]])
    expect(bob.roster('room')).toEqual(['ann'])
  })

  it('is counted at most once a second, however much happens in it', async () => {
    const { bob, choose, clock } = await scene(6)
    const count = bob.deliveries.length
    for (let turn = 0; turn < 100; turn++) {
      choose(NAMES[1 + turn % 5]!, ['away', 'auto', 'dnd'][turn % 7 % 3]!)
      clock.advance(100)
    }
    clock.advance(2_000)
    // The second of these has to wait for its second to end.
    for (const choice of ['dnd', 'away']) {
      choose('ann', choice)
      clock.advance(100)
    }
    clock.advance(2_000)
    const pages = pagesSince(bob, count)
    expect(pages.length).toBeGreaterThan(8)
    pages.forEach(([atMs], index) => { if (index > 0) expect(atMs - pages[index - 1]![0]).toBeGreaterThanOrEqual(WIRE.countsIntervalMs) })
    bob.expectTruth(NAMES, ['room'])
    const after = bob.deliveries.length
    clock.advance(60_000)
    expect(bob.deliveries).toHaveLength(after)
  })

  it('tells of whom one watches all that happens: a status, that they leave it and come back, and [LV3] that they go, in the turn', async () => {
    const { bob, devices, choose, clock, tick, turn } = await scene(7)
    choose('ann', 'dnd')
    tick()
    expect([bob.status('ann'), bob.roster('room')]).toEqual(['dnd', ['ann']])
    clock.advance(2_000)
    devices.get('ann')!.leave('room')
    tick()
    expect([bob.status('ann'), bob.roster('room')]).toEqual(['dnd', []])
    devices.get('ann')!.join('room')
    tick()
    expect(bob.roster('room')).toEqual(['ann'])
    devices.get('ann')!.end('gone')
    turn()
    expect([bob.status('ann'), bob.roster('room')]).toEqual(['offline', []])
  })

  it('tells of whoever is watched from now on, and no more of whoever is not', async () => {
    const { bob, users, choose, clock } = await scene(7)
    bob.watch(users.get('eve')!)
    clock.advance(100)
    expect([bob.roster('room'), bob.status('eve')]).toEqual([['ann', 'eve'], 'online'])
    bob.unwatch(users.get('ann')!)
    const count = bob.deliveries.length
    choose('ann', 'away')
    clock.advance(2_000)
    expect([bob.roster('room'), namesSince(bob, count)]).toEqual([['eve'], []])
  })

  it('is told to whoever comes to it as that: counts at once, and whom they watch', async () => {
    const { hub, clock, turn, users } = await scene(7)
    const carol = createOnlooker({ hub, clock, turn })
    carol.watch(users.get('cat')!)
    carol.open('room')
    turn()
    expect([pagesSince(carol, 0), carol.roster('room')]).toEqual([[[0, false, [7, 0, 0, 0]]], ['cat']])
    carol.expectTruth(NAMES, ['room'])
  })

  it('is whole again when it is back at four fifths of the limit, and not before', async () => {
    const { bob, devices, clock } = await scene(7)
    const isComplete = (): boolean | undefined => bob.deliveries.flatMap(({ pages }) => pages).at(-1)?.isComplete
    for (const [userId, isWhole] of [['gus', false], ['fay', false], ['eve', true]] as const) {
      devices.get(userId)!.leave('room')
      clock.advance(2_000)
      expect([userId, isComplete()]).toEqual([userId, isWhole])
    }
    expect(bob.roster('room')).toEqual(['ann', 'ben', 'cat', 'dan'])
    devices.get('eve')!.join('room')
    devices.get('ben')!.end('gone')
    clock.advance(2_000)
    expect([isComplete(), bob.roster('room')]).toEqual([true, ['ann', 'cat', 'dan', 'eve']])
    bob.expectTruth(NAMES, ['room'])
  })

  it('has nobody who hides in its counts or on its pages', async () => {
    const { bob, choose, clock } = await scene(7, false)
    choose('cat', 'offline')
    clock.advance(2_000)
    expect(bob.deliveries.at(-1)!.pages.map(({ counts }) => counts)).toEqual([[6, 0, 0, 0]])
    expect(bob.page({ channelId: 'room' })).toEqual(NAMES.filter((userId) => userId !== 'cat'))
    expect(bob.page({ channelId: 'room', statuses: ['offline'] })).toEqual([])
  })
})

describe('a page', () => {
  it('has members by id, from the one after that which was named, and no more than asked for', async () => {
    const { bob } = await scene(7)
    expect(bob.page({ channelId: 'room' })).toEqual(NAMES)
    expect(bob.page({ channelId: 'room', limit: 2 })).toEqual(['ann', 'ben'])
    expect(bob.page({ channelId: 'room', limit: 2, after: 'ben' })).toEqual(['cat', 'dan'])
    // Nobody has to be called that.
    expect(bob.page({ channelId: 'room', limit: 2, after: 'bf' })).toEqual(['cat', 'dan'])
    expect(bob.page({ channelId: 'room', after: 'gus' })).toEqual([])
    expect(bob.page({ channelId: 'room', limit: 0 })).toEqual([])
    expect(bob.page({ channelId: 'nowhere' })).toEqual([])
  })

  it('has members of the statuses asked for, and all pages together each of them once, also while some come and go', async () => {
    const { bob, choose, devices, clock } = await scene(7)
    choose('ben', 'away')
    choose('dan', 'dnd')
    choose('eve', 'away')
    clock.advance(100)
    expect([bob.list('room', ['away'], 1), bob.list('room', ['away', 'dnd'], 2), bob.list('room', STATUSES, 3)]).toEqual([['ben', 'eve'], ['ben', 'dan', 'eve'], NAMES])
    const first = bob.page({ channelId: 'room', limit: 3 })
    devices.get('ann')!.leave('room')
    devices.get('fay')!.end('gone')
    expect([...first, ...bob.page({ channelId: 'room', limit: 3, after: first.at(-1)! })]).toEqual(['ann', 'ben', 'cat', 'dan', 'eve', 'gus'])
  })
})

describe('whatever happens in whatever order, in channels that grow large and small again', () => {
  it('every frame can be read, everybody is told the truth, and all pages name everybody once', () => expectTruthAfterAnyRun({ canStall: false, channelFeedLimit: 3 }, 200), 60_000)

  it('[T21] also where sockets are slow now and then', () => expectTruthAfterAnyRun({ canStall: true, channelFeedLimit: 3 }, 200), 60_000)

  it('those who leave it just when it becomes small again are told of to nobody who has not met them', () => expectTruthAfter([
    step('join', 3), step('come', 3, 120), step('open', 0, 51), step('leave'), step('leave', 1, 120),
  ], 3))

  it('a slow one who missed that it was large learns who left meanwhile', () => expectTruthAfter([
    step('open', 0, 51), step('stall'), step('join', 3), step('come', 3, 120), step('leave', 0, 120), step('leave', 1, 120), step('drain', 0, 0),
  ], 3))

  it('a slow one who sees somebody in another channel is not told of them in a large one', () => expectTruthAfter([
    step('open', 0, 51), step('open', 0, 51, { channel: 1 }), step('join', 3), step('come', 3, 120), step('join', 0, 51, { channel: 1 }),
    step('stall', 0, 1), step('be busy', 0, 120), step('drain', 0, 120), step('leave', 0, 120),
  ], 3))

  it('a slow one who opens it, and then watches somebody in it, is told the name first', () => expectTruthAfter([
    step('join', 3), step('come', 3, 120), step('stall'), step('open', 0, 0), step('watch', 1, 120), step('drain', 0, 120),
  ], 3))
})
