/** A viewer as a client is one: it reads what it is told as it comes, and keeps what that makes of those it sees. Its socket may be slow. */
import { expect } from 'vitest'
import { messagesOf } from '../../../server/hub/batch.js'
import type { Batch, HubUser, Viewer } from '../../../server/hub/hub-user.js'
import { sizeOf } from '../../../server/hub/small-set.js'
import { createViewer, sees, watches } from '../../../server/hub/viewer.js'
import { createDirectory } from '../../../src/model/directory.js'
import type { ChannelId, JsonValue, PresenceStatus, UserId } from '../../../src/presence-service.js'
import { decodeFeed } from '../../../src/protocol/feed.js'
import { createFeedReader, type FeedNews } from '../../../src/protocol/feed-reader.js'
import { TYPE, byStatus, decodePage, typeOf, type Page, type PageRequest } from '../../../src/protocol/messages.js'
import type { HubWorld } from './hub-world.js'

export interface Delivery {
  /** Since the start. */
  readonly atMs: number
  readonly batch: Batch
  readonly news: readonly FeedNews[]
  readonly pages: readonly Page[]
}
export interface Onlooker {
  readonly viewer: Viewer
  readonly deliveries: readonly Delivery[]
  watch(user: HubUser): void
  unwatch(user: HubUser): void
  open(channelId: ChannelId): void
  close(channelId: ChannelId): void
  ask(user: HubUser): void
  /** The ids of one page. */
  page(request: Partial<Omit<PageRequest, 'requestId'>> & Pick<PageRequest, 'channelId'>): readonly UserId[]
  /** The ids of all of them, one page after the other. */
  list(channelId: ChannelId, statuses: readonly PresenceStatus[], limit: number): readonly UserId[]
  /** From now on its socket takes nothing. */
  stall(): void
  /** It has taken all. */
  drain(): void
  /** What was told of the user, each with the time since the start. */
  told(userId: UserId): [atMs: number, news: FeedNews][]
  /** Last told; undefined of those it does not see. */
  status(userId: UserId): string | undefined
  /** Who is in a channel that it sees, as far as it was told. */
  roster(channelId: ChannelId): readonly UserId[]
  /** What it was told is what is; call when nothing waits. */
  expectTruth(userIds: readonly UserId[], channelIds: readonly ChannelId[]): void
}

export function createOnlooker({ hub, clock, turn }: Pick<HubWorld, 'hub' | 'clock' | 'turn'>): Onlooker {
  const startedAt = clock.now()
  const deliveries: Delivery[] = []
  const reader = createFeedReader()
  const directory = createDirectory()
  const watched = new Set<UserId>()
  const opened = new Set<ChannelId>()
  /** What is shared of them; an entry with a name tells that too, by saying nothing. */
  const devices = new Map<UserId, JsonValue>()
  const rows = new Map<number, readonly UserId[]>()
  let requests = 0
  let isSlow = false
  const drained: (() => void)[] = []
  const viewer = createViewer({ deliver, isSlow: () => isSlow, onceDrained: (callback) => { drained.push(callback) } })
  return {
    viewer, deliveries, page, list, told, expectTruth,
    watch(user) {
      watched.add(user.userId)
      hub.teller.watch(viewer, user, clock.now())
    },
    unwatch(user) {
      watched.delete(user.userId)
      hub.teller.unwatch(viewer, user)
      // Of a channel told by counts one knows whom one watches.
      for (const channelId of opened) if (directory.roster(channelId)?.isComplete === false) directory.leave(channelId, user.userId)
      forgetUnseen(user.userId)
      hub.dropIfUnused(user)
    },
    open(channelId) {
      opened.add(channelId)
      hub.teller.openChannel(viewer, channelId, clock.now())
    },
    close(channelId) {
      opened.delete(channelId)
      const members = roster(channelId)
      directory.dropChannel(channelId)
      members.forEach(forgetUnseen)
      hub.teller.closeChannel(viewer, channelId)
    },
    ask: (user) => hub.teller.answer(viewer, user, clock.now()),
    stall: () => { isSlow = true },
    drain() {
      isSlow = false
      for (const callback of drained.splice(0)) callback()
    },
    status: (userId) => directory.get(userId)?.status,
    roster,
  }

  function deliver(batch: Batch): number {
    const news: FeedNews[] = []
    const pages: Page[] = []
    for (const frame of messagesOf(batch)) typeOf(frame) === TYPE.page ? pages.push(...readPage(frame)) : news.push(...readNews(frame))
    deliveries.push({ atMs: clock.now() - startedAt, batch, news, pages })
    return 0
  }

  function readNews(frame: Uint8Array): FeedNews[] {
    const [news, items] = [reader.read(frame, clock.now()), decodeFeed(frame)]
    if (!news.ok || !items.ok) throw new Error(`Refused by the reader: ${news.ok ? '' : news.reason}.`)
    const named = items.value.flatMap((item) => (item.kind === 'user' ? [item.userId !== undefined] : []))
    news.value.forEach((each, index) => take(each, named[index]!))
    return news.value
  }

  function take(news: FeedNews, isIntroduction: boolean): void {
    const { userId, told: { projection, isUnknown }, joined, left, isForgotten } = news
    for (const channelId of joined) if (opened.has(channelId)) directory.join(channelId, userId)
    if (isSeen(userId)) directory.put({ ...projection, freshness: isUnknown ? 'unknown' : 'live', asOf: null })
    if (news.devices !== undefined || isIntroduction) devices.set(userId, news.devices ?? [])
    for (const channelId of left) directory.leave(channelId, userId)
    if (isForgotten) watched.delete(userId)
    forgetUnseen(userId)
  }

  function readPage(frame: Uint8Array): Page[] {
    const message = decodePage(frame)
    if (!message.ok) throw new Error(`Not a page: ${message.reason}.`)
    if (message.value.kind === 'rows') {
      const { requestId, entries } = message.value
      const listed = reader.read(entries, clock.now())
      if (!listed.ok) throw new Error(`Refused by the reader: ${listed.reason}.`)
      rows.set(requestId, listed.value.map(({ userId }) => userId))
      return []
    }
    const { page: counted } = message.value
    const channelId = reader.channelId(counted.channelNumber)
    if (channelId === undefined || !opened.has(channelId)) return []
    const before = roster(channelId)
    if (counted.isBeginning) directory.begin(channelId)
    if (counted.isBeginning && counted.isComplete) return [counted]
    counted.isComplete ? directory.complete(channelId) : directory.count(channelId, byStatus(counted.counts))
    before.forEach(forgetUnseen)
    return [counted]
  }

  function page(request: Parameters<Onlooker['page']>[0]): readonly UserId[] {
    const requestId = ++requests
    hub.teller.page(viewer, { statuses: ['online', 'away', 'dnd', 'offline'], limit: 1_000, after: null, ...request, requestId }, clock.now())
    turn()
    return rows.get(requestId)!
  }

  function list(channelId: ChannelId, statuses: readonly PresenceStatus[], limit: number): readonly UserId[] {
    const listed: UserId[] = []
    for (;;) {
      const next = page({ channelId, statuses, limit, after: listed.at(-1) ?? null })
      listed.push(...next)
      if (next.length < limit) return listed
    }
  }

  function isSeen(userId: UserId): boolean {
    return watched.has(userId) || directory.isInAnyChannel(userId)
  }

  function forgetUnseen(userId: UserId): void {
    if (!isSeen(userId)) directory.forget(userId)
  }

  function roster(channelId: ChannelId): readonly UserId[] {
    return directory.roster(channelId)?.users.map(({ userId }) => userId) ?? []
  }

  function told(userId: UserId): [number, FeedNews][] {
    return deliveries.flatMap(({ atMs, news }) => news.filter((each) => each.userId === userId).map((each): [number, FeedNews] => [atMs, each]))
  }

  function expectTruth(userIds: readonly UserId[], channelIds: readonly ChannelId[]): void {
    const users = userIds.flatMap((userId) => hub.find(userId) ?? [])
    const seen = users.filter((user) => sees(viewer, user))
    expect([...watched].sort()).toEqual(users.filter((user) => watches(viewer, user)).map(({ userId }) => userId).sort())
    expect(sizeOf(viewer.channels)).toBe(opened.size)
    for (const channelId of channelIds) {
      const channel = hub.teller.channel(channelId)
      const members = [...channel?.members ?? []].filter((user) => opened.has(channelId) && (!channel!.isLarge || watches(viewer, user)))
      expect([channelId, roster(channelId)]).toEqual([channelId, members.map(({ userId }) => userId).sort()])
      if (opened.has(channelId) && channel!.isLarge) expect([channelId, directory.roster(channelId)!.counts]).toEqual([channelId, channel!.counts])
      if (opened.has(channelId)) expect([channelId, directory.roster(channelId)!.isComplete]).toEqual([channelId, !channel!.isLarge])
    }
    for (const { userId, shown } of seen) {
      expect(directory.get(userId)).toEqual({ ...shown.projection, freshness: shown.isUnknown ? 'unknown' : 'live', asOf: null })
      expect([userId, devices.get(userId)]).toEqual([userId, shown.devices === '' ? [] : JSON.parse(shown.devices) as JsonValue])
    }
    for (const userId of userIds) if (!seen.some((user) => user.userId === userId)) expect([userId, directory.get(userId)]).toEqual([userId, undefined])
  }
}
