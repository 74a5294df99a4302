/** Whom this service sees: who asked for whom, what the relay told, and what is only remembered. */
import { PresenceError, serviceClosed } from '../errors.js'
import { createDirectory, eventsOf, type Directory, type DirectoryChange } from '../model/directory.js'
import { stopAll, type Emitter } from '../model/emitter.js'
import type { Clock } from '../ports.js'
import type { ChannelId, JsonValue, PresenceEvents, Roster, Stop, UserId, UserPresence } from '../presence-service.js'
import { parseDeviceRows, toDevice } from '../protocol/device-rows.js'
import { neverHeardOf } from '../protocol/feed.js'
import { createFeedReader, type FeedNews, type FeedReader } from '../protocol/feed-reader.js'
import { TYPE, byStatus, decodePage, typeOf, type Notice, type Page, type PageMessage, type WatchOperation } from '../protocol/messages.js'
import { createInterests } from './interests.js'
import { createPages, type Pages } from './pages.js'
import { createPeopleListeners } from './people-listeners.js'
import { createQuestions } from './questions.js'
import { createRemembered } from './remembered.js'

export interface PeopleOptions {
  /** Relay time. */
  readonly time: Clock
  readonly emitter: Emitter<PresenceEvents>
  /** To the relay, if it is there; after `connected()` everything wanted is asked for again. */
  readonly ask: (operations: readonly WatchOperation[]) => void
  /** The same for a request for a page. */
  readonly askForPage: (frame: Uint8Array) => void
  readonly isConnected: () => boolean
  /** Own devices, as the relay tells the owner. */
  readonly onOwnDevices: (rows: JsonValue) => void
  readonly onChange: () => void
  /** What nobody waits for the answer of. */
  readonly onFailure: (error: PresenceError) => void
  /** Without a relay one is alone in every channel. */
  readonly isAlone: boolean
  /** Null in `porchlight/watch`, whose visitor is nobody. */
  readonly ownUserId: UserId | null
}
export interface People {
  readonly directory: Directory
  /** The relay has told who is in the channel, on this connection. Throws what it refused it with. */
  isTold(channelId: ChannelId): boolean
  /** Some members of a channel that is not told whole. */
  readonly page: Pages['ask']
  watch(userIds: readonly UserId[]): Stop
  join(channelId: ChannelId): Stop
  watchChannel(channelId: ChannelId): Stop
  /** From what is told anyway, or by asking once; offline, what is remembered. */
  get(userId: UserId): Promise<UserPresence>
  peek(userId: UserId): UserPresence | undefined
  onUser(userId: UserId, listener: (presence: UserPresence) => void): Stop
  onRoster(channelId: ChannelId, listener: (roster: Roster) => void): Stop
  /** One's own presence stands among the others'. */
  tellOwn(presence: UserPresence): void
  connected(): void
  lost(): void
  receive(frame: Uint8Array): void
  notice(notice: Notice): void
  close(): void
}

export function createPeople({ time, emitter, ask, askForPage, isConnected, onOwnDevices, onChange, onFailure, isAlone, ownUserId }: PeopleOptions): People {
  const directory = createDirectory()
  const remembered = createRemembered()
  const questions = createQuestions(time, (id) => ask([{ verb: 'ask', id }]))
  const pages = createPages(time, askForPage)
  const listeners = createPeopleListeners(directory, emitter)
  const toldChannels = new Set<ChannelId>()
  const refusedChannels = new Map<ChannelId, PresenceError>()
  /** What people share of their devices, as last told: what is said again is no change. */
  const sharedDevices = new Map<UserId, string>()
  const interests = createInterests({
    ask, onClosed: closeChannel,
    onJoined: (channelId) => { if (isAlone) beAlone(channelId) },
    onLeft: (channelId) => { if (isAlone) leaveAlone(channelId) },
    onUnwatched(userIds) {
      // Of a channel told by counts one knows whom one watches.
      for (const channelId of interests.channels()) if (directory.roster(channelId)?.isComplete === false) userIds.forEach((userId) => directory.leave(channelId, userId))
      userIds.forEach(forgetUnseen)
      if (userIds.length > 0) onChange()
    },
  })
  let reader: FeedReader = createFeedReader()
  let cancelExpiry: Stop = () => undefined
  return {
    directory, isTold, page: pages.ask,
    watch: (userIds) => interests.watch(userIds.filter((userId) => userId !== ownUserId)), join: interests.join, watchChannel: interests.watchChannel,
    get, peek, onUser, onRoster, tellOwn, connected, lost, receive, notice,
    close() {
      cancelExpiry()
      questions.answerAll(serviceClosed)
      pages.lost()
      listeners.clear()
    },
  }

  function isTold(channelId: ChannelId): boolean {
    const refusal = refusedChannels.get(channelId)
    if (refusal) throw refusal
    return toldChannels.has(channelId)
  }

  function closeChannel(channelId: ChannelId): void {
    toldChannels.delete(channelId)
    refusedChannels.delete(channelId)
    const members = directory.roster(channelId)?.users ?? []
    directory.dropChannel(channelId)
    members.forEach(({ userId }) => forgetUnseen(userId))
    onChange()
  }

  /** Without a relay. */
  function beAlone(channelId: ChannelId): void {
    if (ownUserId !== null) directory.join(channelId, ownUserId)
    directory.complete(channelId)
    listeners.tellRoster(channelId)
  }

  function leaveAlone(channelId: ChannelId): void {
    if (ownUserId !== null) directory.leave(channelId, ownUserId)
    listeners.tellRoster(channelId)
  }

  function isSeen(userId: UserId): boolean {
    return userId === ownUserId || interests.isWatched(userId) || directory.isInAnyChannel(userId)
  }

  /** A value that nobody updates any more is a remembered one. */
  function forgetUnseen(userId: UserId): void {
    if (isSeen(userId)) return
    const change = directory.forget(userId)
    sharedDevices.delete(userId)
    if (change?.before) remember(change.before)
  }

  /** Not even what was last known is theirs to see any more. */
  function becomeUnknown(userId: UserId): void {
    if (isSeen(userId)) return
    const change = directory.forget(userId)
    sharedDevices.delete(userId)
    if (change) announce({ ...change, after: neverHeardOf(userId) })
  }

  function remember(presence: UserPresence): void {
    remembered.keep(presence, time.now())
  }

  async function get(userId: UserId): Promise<UserPresence> {
    expire()
    const known = directory.get(userId)
    if (known?.freshness === 'live' || !isConnected()) return known ?? remembered.get(userId) ?? neverHeardOf(userId)
    return await questions.ask(userId) ?? peek(userId) ?? neverHeardOf(userId)
  }

  function peek(userId: UserId): UserPresence | undefined {
    expire()
    return directory.get(userId) ?? remembered.get(userId)
  }

  function receive(frame: Uint8Array): void {
    if (typeOf(frame) === TYPE.page) return receivePage(frame)
    if (typeOf(frame) !== TYPE.feed) return
    const news = reader.read(frame, time.now())
    if (news.ok) news.value.forEach(take)
    onChange()
  }

  function take(news: FeedNews): void {
    const { userId } = news
    const isOwn = userId === ownUserId
    if (isOwn && news.isToOwner && news.devices !== undefined) onOwnDevices(news.devices)
    const isNewcomer = !isOwn && !isSeen(userId) && news.joined.some((channelId) => directory.roster(channelId)?.freshness === 'live')
    // What is told of a channel that was closed meanwhile comes late.
    news.joined.filter(interests.isOpen).forEach((channelId) => directory.join(channelId, userId))
    if (isSeen(userId) && !isOwn && !news.isForgotten) tell(news, isNewcomer)
    news.left.forEach((channelId) => directory.leave(channelId, userId))
    if (!isOwn) answer(userId, news)
    if (news.isForgotten) {
      interests.revoke(userId)
      becomeUnknown(userId)
    }
    forgetUnseen(userId)
    for (const channelId of [...news.joined, ...news.left]) listeners.tellRoster(channelId)
  }

  /** Who comes into a channel that was already seen comes online, as far as one can see. */
  function tell({ userId, told, devices }: FeedNews, isNewcomer: boolean): void {
    const isFirstSight = directory.get(userId) === undefined
    const before = remembered.get(userId) ?? (isNewcomer ? { ...told.projection, status: 'offline' as const, freshness: 'live' as const, asOf: null } : undefined)
    const change = directory.tell(userId, told, time.now())
    if (change) announce({ ...change, before: change.before ?? before })
    remembered.drop(userId)
    if (devices !== undefined) tellDevices(userId, devices, isFirstSight)
  }

  function tellDevices(userId: UserId, rows: JsonValue, isFirstSight: boolean): void {
    const [before, after] = [sharedDevices.get(userId) ?? '[]', JSON.stringify(rows)]
    sharedDevices.set(userId, after)
    if (!isFirstSight && before !== after) emitter.emit('deviceChange', userId, parseDeviceRows(rows).map((row) => toDevice(row, time.now(), null)))
  }

  function answer(userId: UserId, { told }: FeedNews): void {
    if (!questions.isAsked(userId)) return
    const known = directory.get(userId)
    const presence: UserPresence = known ?? { ...told.projection, freshness: told.isUnknown ? 'unknown' : 'live', asOf: null }
    if (!known) remember(presence)
    questions.answer(userId, presence)
  }

  function receivePage(frame: Uint8Array): void {
    const page = decodePage(frame)
    if (!page.ok) return
    page.value.kind === 'rows' ? receiveRows(page.value) : receiveCounts(page.value.page)
  }

  function receiveRows({ requestId, entries }: PageMessage & { kind: 'rows' }): void {
    const rows = reader.read(entries, time.now())
    if (rows.ok) pages.receive(requestId, rows.value)
  }

  function receiveCounts({ channelNumber, counts, isComplete, isSettled, isBeginning }: Page): void {
    const channelId = reader.channelId(channelNumber)
    if (channelId === undefined || !interests.isOpen(channelId)) return
    if (isBeginning) directory.begin(channelId)
    if (isBeginning && isComplete) return
    toldChannels.add(channelId)
    const before = directory.roster(channelId)?.users ?? []
    if (!isComplete) {
      directory.count(channelId, byStatus(counts))
      before.forEach(({ userId }) => forgetUnseen(userId))
    } else if (isSettled) {
      // LV7: until then who may still come back stays as last known.
      directory.complete(channelId)
      before.filter(({ userId }) => !isSeen(userId)).forEach(({ userId }) => leaveUnseen(userId))
    }
    listeners.tellRoster(channelId)
    onChange()
  }

  /** One who was in the channel when the connection was lost, and is not any more. */
  function leaveUnseen(userId: UserId): void {
    const change = directory.forget(userId)
    if (!change?.before) return
    const after: UserPresence = { ...change.before, status: 'offline', idleSince: null, activeDevice: null, activeDeviceId: null, freshness: 'live', asOf: null }
    announce({ ...change, after })
    remember(after)
  }

  function notice({ code, subject, message }: Notice): void {
    if (code === 'draining') return
    const error = new PresenceError(code, { subject, message, remedy: REMEDIES[code] ?? 'See the relay\'s log.' })
    if (interests.isOpen(subject)) {
      refusedChannels.set(subject, error)
      if (toldChannels.delete(subject)) loseChannel(subject)
    }
    if (!questions.answer(subject, error)) onFailure(error)
    onChange()
  }

  /** What one could see until now, one may not see any more. */
  function loseChannel(channelId: ChannelId): void {
    const members = directory.roster(channelId)?.users ?? []
    directory.resetChannel(channelId)
    members.forEach(({ userId }) => becomeUnknown(userId))
    listeners.tellRoster(channelId)
  }

  function connected(): void {
    reader = createFeedReader()
    toldChannels.clear()
    refusedChannels.clear()
    // The relay may just have set our clock right.
    scheduleExpiry()
    ask(interests.operations())
  }

  function lost(): void {
    directory.lose(time.now()).filter(({ userId }) => userId !== ownUserId).forEach(announce)
    pages.lost()
    questions.answerAll((userId) => peek(userId) ?? neverHeardOf(userId))
    for (const channelId of interests.channels()) listeners.tellRoster(channelId)
  }

  function tellOwn(presence: UserPresence): void {
    const change = directory.put(presence)
    if (change) announce(change)
  }

  function announce(change: DirectoryChange): void {
    for (const [event, ...args] of eventsOf(change)) emitter.emit(event, ...args as never)
    if (change.after) listeners.tell(change.after)
    scheduleExpiry()
  }

  /** CS2: nobody needs to be awake for it, but whoever is hears of it. */
  function scheduleExpiry(): void {
    cancelExpiry()
    const next = directory.nextExpiryAt()
    if (next !== null) cancelExpiry = time.at(next, () => { if (expire()) onChange() })
  }
  function expire(): boolean {
    const next = directory.nextExpiryAt()
    if (next === null || next > time.now()) return false
    directory.expire(time.now()).forEach(announce)
    scheduleExpiry()
    return true
  }

  function onUser(userId: UserId, listener: (presence: UserPresence) => void): Stop {
    const stop = interests.watch(userId === ownUserId ? [] : [userId])
    return stopAll([stop, listeners.onUser(userId, listener, peek(userId))])
  }

  function onRoster(channelId: ChannelId, listener: (roster: Roster) => void): Stop {
    return stopAll([interests.watchChannel(channelId), listeners.onRoster(channelId, listener)])
  }
}

/** What to do about what a relay refuses. */
const REMEDIES: Readonly<Partial<Record<Notice['code'], string>>> = {
  'forbidden': 'Ask for a token that allows it.',
  'quota': 'Give up something else first: people watched, channels, devices no longer used.',
  'invalid-argument': 'Use the same version on both sides: this relay does not know what was sent.',
  'rate-limited': 'Wait, and ask for less at once.',
}

