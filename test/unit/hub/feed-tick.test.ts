import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { messagesOf } from '../../../server/hub/batch.js'
import type { HubUser } from '../../../server/hub/hub-user.js'
import { createMemoryStore } from '../../../server/store/memory-store.js'
import type { UserId } from '../../../src/presence-service.js'
import { WIRE } from '../../../src/protocol/limits.js'
import { expectTruthAfter, expectTruthAfterAnyRun, step } from './feed-runs.js'
import { createHubWorld, START, stored, type HubDeviceLink, type HubWorld } from './hub-world.js'
import { createOnlooker, type Onlooker } from './onlooker.js'

const TICK_MS = WIRE.feedTickMs
const USERS: readonly UserId[] = ['ann', 'ben', 'cat']

interface Scene extends HubWorld {
  readonly ann: HubUser
  readonly ben: HubUser
  readonly cat: HubUser
  readonly devices: readonly HubDeviceLink[]
  readonly bob: Onlooker
  readonly carol: Onlooker
  choose(user: HubUser, choice: string): void
  say(user: HubUser, text: string): void
}

/** All are in the room; bob and carol look on there since the start, two seconds ago, and nothing waits to be told. */
async function scene(): Promise<Scene> {
  const world = createHubWorld()
  const users: HubUser[] = []
  const devices: HubDeviceLink[] = []
  for (const userId of USERS) {
    const user = await world.open(userId)
    users.push(user)
    // Held: nobody becomes idle here.
    const device = world.connect(user, 'laptop', { holds: ['test'] })
    device.join('room')
    devices.push(device)
  }
  const [bob, carol] = [createOnlooker(world), createOnlooker(world)]
  for (const onlooker of [bob, carol]) onlooker.open('room')
  world.clock.advance(2_000)
  const [ann, ben, cat] = users as [HubUser, HubUser, HubUser]
  return {
    ...world, ann, ben, cat, devices, bob, carol,
    choose: (user, choice) => world.edit(user, 'status', { choice, expiresAt: null }),
    say: (user, text) => world.edit(user, 'custom', { text, emoji: null, expiresAt: null }),
  }
}
/** Each delivery since there were so many: when, and who was told of as what. */
const since = ({ deliveries }: Onlooker, count: number): [atMs: number, ...told: string[]][] =>
  deliveries.slice(count).map(({ atMs, news }) => [atMs, ...news.map(({ userId, told: { projection } }) => `${userId} ${projection.status} ${projection.customStatus ?? ''}`.trim())])

describe('changes', () => {
  it('of several people within a tick reach a viewer in one delivery, a tick after the first', async () => {
    const { clock, ann, ben, cat, bob, choose, say } = await scene()
    const count = bob.deliveries.length
    choose(ann, 'away')
    clock.advance(20)
    choose(ben, 'dnd')
    clock.advance(29)
    say(cat, 'Lunch')
    expect(since(bob, count)).toEqual([])
    clock.advance(1)
    expect(since(bob, count)).toEqual([[2_000 + TICK_MS, 'ann away', 'ben dnd', 'cat online Lunch']])
    clock.advance(10_000)
    expect(bob.deliveries).toHaveLength(count + 1)
  })

  it('are built once for all who are told the same: they share the very batch, and its bytes', async () => {
    const { ann, ben, bob, carol, choose, tick, ...world } = await scene()
    const dave = createOnlooker(world)
    dave.watch(ben)
    tick()
    choose(ann, 'away')
    choose(ben, 'dnd')
    tick()
    const [toBob, toCarol, toDave] = [bob, carol, dave].map(({ deliveries }) => deliveries.at(-1)!.batch)
    expect(toBob).toBe(toCarol)
    expect(messagesOf(toBob!)).toBe(messagesOf(toCarol!))
    expect(toDave).not.toBe(toBob)
    expect(since(dave, 1)).toEqual([[2 * TICK_MS, 'ben dnd']])
  })

  it('are built once also where one was told more before: what they share then is what a later tick says', async () => {
    const { ann, ben, bob, carol, choose, tick, turn } = await scene()
    carol.ask(ben)
    turn()
    choose(ann, 'away')
    tick()
    expect(bob.deliveries.at(-1)!.batch).toBe(carol.deliveries.at(-1)!.batch)
  })

  it('leave nothing behind once they are written, tick or no tick', async () => {
    const { ann, bob, turn } = await scene()
    const roots = new Set<unknown>()
    for (let index = 0; index < 10; index++) {
      bob.ask(ann)
      turn()
      let { batch } = bob.deliveries.at(-1)!
      while (batch.before) batch = batch.before
      roots.add(batch)
    }
    expect(roots.size).toBe(10)
  })

  it('that end where they began within a tick are told to nobody', async () => {
    const { ann, bob, carol, choose, clock } = await scene()
    choose(ann, 'away')
    clock.advance(1_000)
    const counts = [bob, carol].map(({ deliveries }) => deliveries.length)
    choose(ann, 'dnd')
    choose(ann, 'away')
    clock.advance(10_000)
    expect([bob, carol].map(({ deliveries }) => deliveries.length)).toEqual(counts)
  })

  it('of one person are told as the last of them', async () => {
    const { ann, bob, choose, say, clock, tick } = await scene()
    const count = bob.deliveries.length
    for (const text of ['One', 'Two', 'Three']) {
      say(ann, text)
      clock.advance(10)
    }
    choose(ann, 'dnd')
    tick()
    expect(since(bob, count)).toEqual([[2_000 + TICK_MS, 'ann dnd Three']])
  })
})

describe('what waits for no tick', () => {
  it.each<[what: string, leave: (scene: Scene) => void]>([
    ['a leave', ({ devices }) => devices[0]!.end('gone')],
    ['a hide', ({ ann, choose }) => choose(ann, 'offline')],
  ])('[LV3] %s is told in the turn it happens, while what others changed waits', async (_, leave) => {
    const world = await scene()
    const { ben, bob, carol, choose, clock, turn } = world
    carol.close('room')
    carol.watch(world.ann)
    carol.watch(ben)
    clock.advance(100)
    const counts = [bob, carol].map(({ deliveries }) => deliveries.length) as [number, number]
    choose(ben, 'dnd')
    clock.advance(30)
    leave(world)
    expect([bob.status('ann'), carol.status('ann')]).toEqual(['online', 'online'])
    turn()
    for (const [onlooker, count] of [[bob, counts[0]], [carol, counts[1]]] as const) {
      expect([onlooker.deliveries.slice(count).map(({ atMs }) => atMs), onlooker.status('ben')]).toEqual([[2_130], 'online'])
    }
    // Who saw Ann in the room sees her no longer, and has heard why.
    expect([bob.roster('room'), bob.told('ann').map(([, { told }]) => told.projection.status).slice(-2), carol.status('ann')]).toEqual([['ben', 'cat'], ['offline', 'offline'], 'offline'])
    clock.advance(20)
    expect([bob.deliveries.slice(counts[0]).map(({ atMs }) => atMs), bob.status('ben')]).toEqual([[2_130, 2_150], 'dnd'])
  })

  it('[LV3] a leave is told in the turn also of one who is told of less often, since they change too much', async () => {
    const { ann, devices, bob, choose, clock, turn } = await scene()
    bob.watch(ann)
    for (const choice of ['away', 'dnd', 'away', 'dnd']) {
      choose(ann, choice)
      clock.advance(TICK_MS)
    }
    expect(bob.status('ann')).toBe('dnd')
    choose(ann, 'away')
    clock.advance(TICK_MS)
    expect(bob.status('ann')).toBe('dnd')
    devices[0]!.end('gone')
    turn()
    expect(bob.status('ann')).toBe('offline')
  })

  it.each<[what: string, act: (onlooker: Onlooker, ann: HubUser) => unknown]>([
    ['a watch', (onlooker, ann) => onlooker.watch(ann)],
    ['a question', (onlooker, ann) => onlooker.ask(ann)],
    ['a channel', (onlooker) => onlooker.open('room')],
  ])('%s is answered at the end of the turn, all in one delivery', async (_, act) => {
    const { ann, clock, turn, ...world } = await scene()
    const dave = createOnlooker({ ...world, clock, turn })
    clock.advance(7)
    act(dave, ann)
    act(dave, ann)
    expect(dave.deliveries).toEqual([])
    turn()
    expect(dave.deliveries.map(({ atMs }) => atMs)).toEqual([7])
    clock.advance(10_000)
    expect(dave.deliveries).toHaveLength(1)
  })

  it('[VS4] the end of a watch by the relay is told in the turn, and as an end: not that the person is offline, which they are not', async () => {
    const { hub, ann, bob, tick, turn } = await scene()
    bob.close('room')
    bob.watch(ann)
    tick()
    const count = bob.told('ann').length
    hub.teller.revoke(bob.viewer, ann)
    turn()
    expect(bob.told('ann').slice(count)).toMatchObject([[2_050, { isForgotten: true, told: { projection: { status: 'online' } } }]])
    expect(bob.status('ann')).toBeUndefined()
  })

  it('what is known of somebody from the store is told to who comes to see them, and not once more with the tick', async () => {
    const store = createMemoryStore({ now: () => 1 })
    const before = createHubWorld({ store })
    const user = await before.open('ann')
    before.edit(user, 'custom', { text: 'Lunch', emoji: null, expiresAt: null })
    before.connect(user, 'laptop').end('gone')
    await stored()
    const { open, clock, ...world } = createHubWorld({ store, start: START + 60_000 })
    const bob = createOnlooker({ ...world, clock })
    bob.watch(await open('ann'))
    clock.advance(1_000)
    expect(since(bob, 0)).toEqual([[0, 'ann offline Lunch']])
  })
})

describe('[T20] [F25] whoever changes too often', () => {
  it.each<[what: string, devices: number]>([['on one device', 1], ['on ten devices', 10]])('%s is told of about twice a second, and ends as what they are', async (_, deviceCount) => {
    const { ann, bob, clock, connect, choose } = await scene()
    const devices = Array.from({ length: deviceCount }, (__, index) => connect(ann, `phone${index}`, { holds: ['test'] }))
    const count = bob.told('ann').length
    for (let index = 0; index < 500; index++) {
      devices[index % deviceCount]!.say({ holds: [], override: index % 2 === 0 ? 'dnd' : 'away' })
      choose(ann, ['away', 'dnd'][index % 2]!)
      clock.advance(20)
    }
    choose(ann, 'dnd')
    clock.advance(1_000)
    const times = bob.told('ann').slice(count).map(([atMs]) => atMs)
    expect(times.length).toBeGreaterThan(15)
    times.forEach((atMs, index) => expect(atMs - (times[index - 2] ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(WIRE.twoChangesMs))
    expect(bob.status('ann')).toBe('dnd')
  })

  it('is the only one who waits: whoever changes less than twice a second is told of within a tenth of one', async () => {
    const gap = fc.oneof(fc.constantFrom(0, 1, 49, 50, 51, 499, 500, 501, 999, 1_000), fc.nat(1_200))
    // Somebody else's changes, which bring the tick to any moment.
    const others = fc.array(fc.nat(12_000), { maxLength: 20 })
    await fc.assert(fc.asyncProperty(fc.array(gap, { minLength: 2, maxLength: 8 }), others, async (gaps, times) => {
      const { ann, ben, bob, clock, choose } = await scene()
      const startedAt = clock.now()
      times.forEach((atMs, index) => clock.at(startedAt + atMs, () => choose(ben, ['away', 'dnd'][index % 2]!)))
      const changedAt: number[] = []
      const count = bob.told('ann').length
      for (const [index, ms] of gaps.entries()) {
        // No three within a second and a tick, which is how late the first of them may have been told.
        clock.advance(Math.max(ms, (changedAt.at(-2) ?? 0) + WIRE.twoChangesMs + TICK_MS - clock.now()))
        changedAt.push(clock.now())
        choose(ann, ['away', 'dnd', 'auto'][index % 3]!)
      }
      clock.advance(1_000)
      const told = bob.told('ann').slice(count).map(([atMs]) => START + atMs)
      expect(changedAt.filter((time) => !told.some((toldAt) => toldAt >= time && toldAt <= time + 100))).toEqual([])
    }), { numRuns: 60 })
  }, 30_000)
})

describe('whatever happens in whatever order', () => {
  it('every frame can be read, and everybody is told the truth', () => expectTruthAfterAnyRun({ canStall: false }, 200), 60_000)

  it('one who comes, is seen and goes within a tick is not taken for there', () => expectTruthAfter([
    step('go', 0, 1_200), step('watch', 0, 1_200), step('come'), step('watch', 0, null, { viewer: 1 }), step('go', 0, 0),
  ]))

  it('[LV3] one who leaves a channel, is asked about, and goes is gone at once for whoever saw them there', () => expectTruthAfter([
    step('open', 0, null, { viewer: 1 }), step('leave', 0, 0), step('ask'), step('go', 0, 10), step('come'),
  ]))

  it('one who comes into a channel between two who open it, and is watched before the second does, is known to both', () => expectTruthAfter([
    step('open'), step('join', 3), step('come', 3), step('watch', 3, null, { viewer: 1 }), step('open', 0, 120, { viewer: 1 }),
  ]))

  it('one who comes, is seen in a channel and hides within a tick is not taken for there', () => expectTruthAfter([
    step('go', 0, 1_200), step('come'), step('open'), step('hide', 0, 0),
  ]))

  it('one who is asked about between two changes is known as what they are', () => expectTruthAfter([
    step('watch', 0, 1_200), step('be busy'), step('ask'), step('show', 0, 1_200),
  ]))

  it('one who is on a page between two changes is known as what they are', () => expectTruthAfter([
    step('watch', 0, 1_200), step('be busy'), step('page'), step('show', 0, 1_200), step('say something', 0, 1_200),
  ]))

  it('[LV3] one who leaves a channel that another opens, and hides, is gone for whoever saw them there', () => expectTruthAfter([
    step('open', 0, 1_200, { viewer: 1 }), step('be away', 0, 1_200), step('leave'), step('open'), step('hide', 0, 0),
  ]))

  it('one who left a channel while it was closed is not in it when it is opened again, though their coming was not told yet', () => expectTruthAfter([
    step('open', 0, 1_200), step('come', 3, 51), step('join', 3), step('open', 0, null, { viewer: 1 }), step('close'), step('go', 3), step('open', 0, 120),
  ]))
})

it.each<[what: string, act: (scene: Scene) => void]>([
  ['a change', ({ ben, choose }) => choose(ben, 'dnd')], ['an answer', ({ bob, ann }) => bob.ask(ann)],
])('after the end %s that waits is not told any more', async (_, act) => {
  const world = await scene()
  const { hub, bob, clock } = world
  act(world)
  const count = bob.deliveries.length
  await hub.close()
  clock.advance(10_000)
  expect(bob.deliveries).toHaveLength(count)
})
