/** Everyone a service sees: the last value of each, how fresh it is, and who is in which channel. Values and functions, no I/O. */
import type { ChannelId, PresenceEvents, PresenceStatus, Roster, UserId, UserPresence } from '../presence-service.js'
import type { Projection } from './project-presence.js'
import { countByStatus } from './queries.js'

export interface DirectoryChange {
  readonly userId: UserId
  readonly before: UserPresence | undefined
  readonly after: UserPresence | undefined
}

/** What a relay told: a value it knows, or that it does not know yet (LV7). */
export interface Told {
  readonly projection: Projection
  readonly isUnknown: boolean
}

export interface Directory {
  readonly users: ReadonlyMap<UserId, UserPresence>
  /** The last projection told, whatever its freshness. */
  get(userId: UserId): UserPresence | undefined
  tell(userId: UserId, told: Told, now: number): DirectoryChange | null
  /** The value as it is. */
  put(presence: UserPresence): DirectoryChange | null
  forget(userId: UserId): DirectoryChange | null
  join(channelId: ChannelId, userId: UserId): void
  leave(channelId: ChannelId, userId: UserId): void
  /** A channel's snapshot begins: its members are about to be named. */
  begin(channelId: ChannelId): void
  /** A channel's snapshot is here; whoever it did not name is not in it. */
  complete(channelId: ChannelId): void
  /** The channel is too large to be told whole: how many are in it, and from now on only those who are watched. */
  count(channelId: ChannelId, counts: Readonly<Record<PresenceStatus, number>>): void
  dropChannel(channelId: ChannelId): void
  /** As before anything was told of it. */
  resetChannel(channelId: ChannelId): void
  isIn(channelId: ChannelId, userId: UserId): boolean
  isInAnyChannel(userId: UserId): boolean
  roster(channelId: ChannelId): Roster | undefined
  /** LV5: the connection is gone; what was known stays, as of now. */
  lose(now: number): DirectoryChange[]
  /** CS2: ends custom statuses whose time has come. */
  expire(now: number): DirectoryChange[]
  nextExpiryAt(): number | null
}

interface Channel {
  members: Set<UserId>
  /** Named since the snapshot began; null once it is complete. */
  arriving: Set<UserId> | null
  isLive: boolean
  /** Of a channel that is not told whole. */
  counts: Readonly<Record<PresenceStatus, number>> | null
  roster: Roster | null
}

export function createDirectory(): Directory {
  const users = new Map<UserId, UserPresence>()
  /** Those whose custom status ends by itself: few of many. */
  const expiring = new Set<UserId>()
  const channels = new Map<ChannelId, Channel>()
  return { users, get: (userId) => users.get(userId), tell, put, forget, join, leave, begin, complete, count, dropChannel, resetChannel, isInAnyChannel, roster,
    isIn: (channelId, userId) => channels.get(channelId)?.members.has(userId) ?? false,
    lose, expire, nextExpiryAt }

  function tell(userId: UserId, told: Told, now: number): DirectoryChange | null {
    return put(freshened(users.get(userId), told, now))
  }

  function put(after: UserPresence): DirectoryChange | null {
    const { userId } = after
    const before = users.get(userId)
    if (before && isSame(before, after)) return null
    users.set(userId, after)
    after.customStatusExpiresAt === null ? expiring.delete(userId) : expiring.add(userId)
    for (const channel of channels.values()) if (channel.members.has(userId)) channel.roster = null
    return { userId, before, after }
  }

  function forget(userId: UserId): DirectoryChange | null {
    const before = users.get(userId)
    if (!before) return null
    users.delete(userId)
    expiring.delete(userId)
    for (const channelId of channels.keys()) leave(channelId, userId)
    return { userId, before, after: undefined }
  }

  function join(channelId: ChannelId, userId: UserId): void {
    const channel = channelOf(channelId)
    channel.arriving?.add(userId)
    channel.members.add(userId)
    channel.roster = null
  }

  function leave(channelId: ChannelId, userId: UserId): void {
    const channel = channels.get(channelId)
    if (!channel) return
    channel.arriving?.delete(userId)
    if (channel.members.delete(userId)) channel.roster = null
  }

  function begin(channelId: ChannelId): void {
    channelOf(channelId).arriving = new Set()
  }

  function complete(channelId: ChannelId): void {
    const channel = channelOf(channelId)
    if (channel.arriving) channel.members = channel.arriving
    channel.arriving = null
    channel.isLive = true
    channel.counts = null
    channel.roster = null
  }

  function count(channelId: ChannelId, counts: Readonly<Record<PresenceStatus, number>>): void {
    const channel = channelOf(channelId)
    if (channel.arriving || !channel.counts) channel.members = channel.arriving ?? new Set()
    channel.arriving = null
    channel.isLive = true
    channel.counts = counts
    channel.roster = null
  }

  function dropChannel(channelId: ChannelId): void {
    channels.delete(channelId)
  }

  function resetChannel(channelId: ChannelId): void {
    channels.delete(channelId)
    channelOf(channelId)
  }

  function isInAnyChannel(userId: UserId): boolean {
    for (const { members } of channels.values()) if (members.has(userId)) return true
    return false
  }

  function roster(channelId: ChannelId): Roster | undefined {
    const channel = channels.get(channelId)
    if (!channel) return undefined
    channel.roster ??= rosterOf(channelId, channel, users)
    return channel.roster
  }

  function lose(now: number): DirectoryChange[] {
    for (const channel of channels.values()) {
      channel.arriving = new Set()
      channel.isLive = false
      channel.roster = null
    }
    return changed((presence) => (presence.freshness === 'live' ? { ...presence, freshness: 'stale', asOf: now } : presence))
  }

  function expire(now: number): DirectoryChange[] {
    return changed((presence) => presence.customStatusExpiresAt !== null && presence.customStatusExpiresAt <= now
      ? { ...presence, customStatus: null, emoji: null, customStatusExpiresAt: null } : presence)
  }

  function changed(change: (presence: UserPresence) => UserPresence): DirectoryChange[] {
    return [...users.values()].flatMap((presence) => {
      const after = change(presence)
      return after === presence ? [] : (put(after) ?? [])
    })
  }

  function nextExpiryAt(): number | null {
    let next: number | null = null
    for (const userId of expiring) {
      const at = users.get(userId)?.customStatusExpiresAt ?? null
      if (at !== null && (next === null || at < next)) next = at
    }
    return next
  }

  function channelOf(channelId: ChannelId): Channel {
    const channel = channels.get(channelId) ?? { members: new Set(), arriving: new Set(), isLive: false, counts: null, roster: null }
    channels.set(channelId, channel)
    return channel
  }
}

/** LV7: what the relay does not know yet keeps its last known value, as stale; without one it is unknown. */
function freshened(before: UserPresence | undefined, { projection, isUnknown }: Told, now: number): UserPresence {
  if (!isUnknown) return { ...projection, freshness: 'live', asOf: null }
  if (!before || before.freshness === 'unknown') return { ...projection, status: 'offline', freshness: 'unknown', asOf: null }
  return { ...before, freshness: 'stale', asOf: before.asOf ?? now }
}

function rosterOf(channelId: ChannelId, { members, isLive, counts }: Channel, users: ReadonlyMap<UserId, UserPresence>): Roster {
  const present = [...members].sort().flatMap((userId) => users.get(userId) ?? [])
  const isKnown = present.length > 0 || counts !== null
  return { channelId, users: present, counts: counts ?? countByStatus(present), isComplete: counts === null, freshness: isLive ? 'live' : isKnown ? 'stale' : 'unknown' }
}

/** For flat values of one shape. */
export function isSame<T extends object>(a: T, b: T): boolean {
  return (Object.keys(a) as (keyof T)[]).every((key) => a[key] === b[key])
}

type Emitted = { [E in keyof PresenceEvents]: [event: E, ...args: PresenceEvents[E]] }[keyof PresenceEvents]

/** Visible, effective changes only: nothing when somebody is first seen, and nothing that is only a guess (LV5). */
export function eventsOf({ userId, before, after }: DirectoryChange): Emitted[] {
  if (!before || !after || before.freshness === 'unknown' || after.freshness === 'unknown') return []
  const events: Emitted[] = []
  if (before.status !== after.status) {
    events.push(['statusChange', userId, before.status, after.status])
    if (before.status === 'offline') events.push(['online', userId])
    if (after.status === 'offline') events.push(['offline', userId])
  }
  if (before.customStatus !== after.customStatus || before.emoji !== after.emoji) {
    events.push(['customStatusChange', userId, after.customStatus, after.emoji])
  }
  return events
}
