/** Anything that users and viewers may do, in any order; after each run every viewer has been told the truth. */
import fc from 'fast-check'
import { expect } from 'vitest'
import type { HubUser } from '../../../server/hub/hub-user.js'
import type { ChannelId, UserId } from '../../../src/presence-service.js'
import { STATUSES } from '../../../src/protocol/messages.js'
import { createHubWorld, stored, type HubDeviceLink, type HubWorld } from './hub-world.js'
import { createOnlooker, type Onlooker } from './onlooker.js'

const USERS: readonly UserId[] = ['ann', 'ben', 'cat', 'dan', 'eve']
const CHANNELS: readonly ChannelId[] = ['room', 'hall']
const VIEWERS = 2
/** Ages are told in whole minutes: a run stays clear of where one ends, and skips some whole. */
const MINUTE_MS = 60_000

interface Person {
  readonly userId: UserId
  device: HubDeviceLink | null
  readonly joined: Set<ChannelId>
}
interface Scene extends HubWorld {
  readonly person: Person
  readonly user: HubUser
  readonly onlooker: Onlooker
  readonly channelId: ChannelId
  /** Another takes the viewer's place, who is told nothing any more. */
  reconnect(): void
  /** Of this step, to make things differ. */
  readonly number: number
}

function come({ person, user, connect }: Pick<Scene, 'person' | 'user' | 'connect'>): void {
  if (person.device) return
  // Held: only what is done here changes anything.
  person.device = connect(user, 'laptop', { holds: ['run'] })
  for (const channelId of person.joined) person.device.join(channelId)
}
const choose = (choice: string) => ({ edit, user }: Scene): void => edit(user, 'status', { choice, expiresAt: null })
const share = (devices: boolean) => ({ edit, user }: Scene): void => edit(user, 'privacy', { lastSeen: 'exact', devices, activity: false })

type Doing = 'come' | 'go' | 'hide' | 'show' | 'be away' | 'be busy' | 'say something' | 'share devices' | 'share no devices' | 'join' | 'leave'
  | 'watch' | 'unwatch' | 'open' | 'close' | 'ask' | 'page' | 'stall' | 'drain' | 'reconnect'
const DOINGS: Readonly<Record<Doing, (scene: Scene) => unknown>> = {
  come,
  go({ person }) {
    person.device?.end('gone')
    person.device = null
  },
  hide: choose('offline'),
  show: choose('auto'),
  'be away': choose('away'),
  'be busy': choose('dnd'),
  'say something': ({ edit, user, number }) => edit(user, 'custom', { text: `${number}`, emoji: null, expiresAt: null }),
  'share devices': share(true),
  'share no devices': share(false),
  join({ person, channelId }) {
    person.joined.add(channelId)
    person.device?.join(channelId)
  },
  leave({ person, channelId }) {
    person.joined.delete(channelId)
    person.device?.leave(channelId)
  },
  watch: ({ onlooker, user }) => onlooker.watch(user),
  unwatch: ({ onlooker, user }) => onlooker.unwatch(user),
  open: ({ onlooker, channelId }) => onlooker.open(channelId),
  close: ({ onlooker, channelId }) => onlooker.close(channelId),
  ask: ({ onlooker, user }) => onlooker.ask(user),
  page: ({ onlooker, channelId, number }) => onlooker.page({ channelId, limit: 1 + number % 3 }),
  stall: ({ onlooker }) => onlooker.stall(),
  drain: ({ onlooker }) => onlooker.drain(),
  reconnect: ({ reconnect }) => reconnect(),
}

export interface Step {
  readonly doing: Doing
  readonly user: number
  readonly viewer: number
  readonly channel: number
  /** Null: the same turn goes on. */
  readonly waitMs: number | null
}
export interface RunOptions {
  readonly canStall: boolean
  /** Of members, until a channel is large; there are five people. */
  readonly channelFeedLimit?: number
}

/** `SEED=n` replays the runs of a seed that failed before. */
export async function expectTruthAfterAnyRun({ canStall, channelFeedLimit = 500 }: RunOptions, numRuns: number): Promise<void> {
  const doings = (Object.keys(DOINGS) as Doing[]).filter((doing) => canStall || (doing !== 'stall' && doing !== 'drain'))
  // Most of it to the same few, and within a tick: that is where things meet.
  const steps: fc.Arbitrary<Step> = fc.record({
    doing: fc.constantFrom(...doings), user: fc.constantFrom(0, 0, 0, 1, 2, 3, 4), viewer: fc.constantFrom(0, 0, 1), channel: fc.constantFrom(0, 0, 1),
    waitMs: fc.constantFrom(null, null, null, null, 0, 0, 1, 10, 10, 49, 50, 51, 120, 600, MINUTE_MS + 1_200),
  })
  const seed = process.env['SEED']
  await fc.assert(fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 40, size: 'max' }), (run) => expectTruthAfter(run, channelFeedLimit)), {
    numRuns, ...(seed && { seed: Number(seed) }),
  })
}

/** One step of the first viewer, in the first channel; of the first user where it is not said which. */
export const step = (doing: Doing, user = 0, waitMs: number | null = null, { viewer = 0, channel = 0 }: { viewer?: number; channel?: number } = {}): Step => ({ doing, user, viewer, channel, waitMs })

/** The first three people are there, and in the first channel. */
export async function expectTruthAfter(steps: readonly Step[], channelFeedLimit = 500): Promise<void> {
  const world = createHubWorld()
  const { hub, clock } = world
  hub.teller.limitChannels(channelFeedLimit)
  const people = USERS.map((userId, index): Person => ({ userId, device: null, joined: new Set(index < 3 ? CHANNELS.slice(0, 1) : []) }))
  const onlookers = Array.from({ length: VIEWERS }, () => createOnlooker(world))
  const ended: { readonly onlooker: Onlooker; readonly count: number }[] = []
  function reconnect(viewer: number): void {
    const onlooker = onlookers[viewer]!
    hub.teller.drop(onlooker.viewer).forEach(hub.dropIfUnused)
    ended.push({ onlooker, count: onlooker.deliveries.length })
    onlookers[viewer] = createOnlooker(world)
  }
  async function act(doing: Doing, at: Partial<Step> = {}, number = 0): Promise<void> {
    const person = people[at.user ?? 0]!
    // Nobody is kept in memory but for a reason.
    const user = await world.open(person.userId)
    const viewer = at.viewer ?? 0
    DOINGS[doing]({ ...world, person, user, onlooker: onlookers[viewer]!, channelId: CHANNELS[at.channel ?? 0]!, number, reconnect: () => reconnect(viewer) })
    hub.release(user)
  }
  for (const user of [0, 1, 2]) await act('come', { user })
  clock.advance(2_000)
  for (const [number, { doing, waitMs, ...at }] of steps.entries()) {
    await act(doing, at, number)
    if (waitMs === null) continue
    await stored()
    clock.advance(waitMs % MINUTE_MS)
    if (waitMs > MINUTE_MS) world.skip(MINUTE_MS)
    expect(onlookers.flatMap((onlooker) => brokenPromises(world, onlooker))).toEqual([])
  }
  await stored()
  for (const onlooker of [...onlookers, ...ended.map((each) => each.onlooker)]) onlooker.drain()
  clock.advance(2_000)
  expect(ended.map(({ onlooker }) => onlooker.deliveries.length)).toEqual(ended.map(({ count }) => count))
  for (const onlooker of onlookers) {
    onlooker.expectTruth(USERS, CHANNELS)
    expect([onlooker.viewer.batch, onlooker.viewer.missed]).toEqual([null, null])
  }
  const counts = onlookers.map(({ deliveries }) => deliveries.length)
  clock.advance(10_000)
  // What was told is not told again.
  expect(onlookers.map(({ deliveries }) => deliveries.length)).toEqual(counts)
  for (const channelId of CHANNELS) expectWholePages(world, onlookers[0]!, channelId)
}

/** What holds at the end of every turn. LV3: whoever left or hides is gone for everybody, whatever else waits. T21: nothing is queued. */
function brokenPromises({ hub }: HubWorld, { viewer, status, roster }: Onlooker): string[] {
  if (viewer.missed) return viewer.missed.size > USERS.length + CHANNELS.length ? [`${viewer.missed.size} things are kept for a slow socket`] : []
  const gone = USERS.filter((userId) => (hub.find(userId)?.shown.projection.status ?? 'offline') === 'offline')
  return gone.flatMap((userId) => [
    ...(status(userId) === undefined || status(userId) === 'offline' ? [] : [`${userId} is ${status(userId)}`]),
    ...CHANNELS.filter((channelId) => !hub.find(userId)?.channels.size && roster(channelId).includes(userId)).map((channelId) => `${userId} is in the ${channelId}`),
  ])
}

/** All pages of a channel name everybody in it once, by id, and nobody else; so do its counts. */
function expectWholePages({ hub }: HubWorld, onlooker: Onlooker, channelId: ChannelId): void {
  const channel = hub.teller.channel(channelId)
  const members = [...channel?.members ?? []]
  for (const statuses of [STATUSES, ['online'], ['away', 'dnd']] as const) {
    const wanted = members.filter(({ shown }) => statuses.some((status) => status === shown.projection.status)).map(({ userId }) => userId).sort()
    for (const limit of [1, 2, 5]) expect([limit, onlooker.list(channelId, statuses, limit)]).toEqual([limit, wanted])
  }
  if (channel) expect(channel.counts).toEqual(Object.fromEntries(STATUSES.map((status) => [status, members.filter(({ shown }) => shown.projection.status === status).length])))
}
