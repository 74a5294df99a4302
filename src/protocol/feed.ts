/**
 * The feed: what a connection sees of users, as small integers and the fields that changed. A status change is four bytes.
 * A connection is told a user's (and a channel's) name once, with all fields; after that only the integer. Ages travel,
 * not times (TM1); an expiry is absolute, in relay time (CS2).
 */
import { parseJson, type Parsed } from '../model/json.js'
import { LIMITS } from '../model/limits.js'
import { wholeMinutes, type Projection } from '../model/project-presence.js'
import type { JsonValue, PresenceStatus, UserPresence } from '../presence-service.js'
import { STATUSES, TYPE, body } from './messages.js'
import { WIRE } from './limits.js'
import { readBoundedString, readList, readUint8, readVarUint, refuse, write, writeList, writeUint8, writeVarString, writeVarUint, type Reader, type Writer } from './wire.js'
import { hasContent } from 'lib0/decoding'

/** Fields that are absent did not change; in an entry with `userId` they are null. */
export interface UserEntry {
  readonly number: number
  readonly userId?: string
  readonly status?: PresenceStatus
  /** The relay does not know yet (LV7); comes with `status: 'offline'`. */
  readonly isUnknown?: boolean
  /** Minutes since `lastSeen`, a rough age, or null. Absent beside a changed status: now. */
  readonly seen?: number | NonNullable<UserPresence['lastSeenRoughly']> | null
  /** Minutes since the last input; absent beside a changed status: null. */
  readonly idleMinutes?: number | null
  readonly custom?: readonly [text: string | null, emoji: string | null, expiresAt: number | null]
  readonly profile?: readonly [name: string | null, avatarUrl: string | null]
  readonly active?: readonly [name: string | null, id: string | null]
  /** Rows of `protocol/device-rows`: the owner's own, or what the person shares. */
  readonly devices?: JsonValue
  readonly joined?: readonly number[]
  readonly left?: readonly number[]
  /** This connection sees the user no longer. */
  readonly isForgotten?: boolean
}
export interface ChannelName {
  readonly channelNumber: number
  readonly channelId: string
}
export type FeedItem = ({ readonly kind: 'user' } & UserEntry) | ({ readonly kind: 'channel' } & ChannelName)

/** On every connection its own user, to whom more is told than others see; others' integers are greater. */
export const OWN_NUMBER = 1

const ROUGHLY: readonly NonNullable<UserPresence['lastSeenRoughly']>[] = ['recently', 'this-week', 'this-month', 'long-ago']
const FLAG = { name: 1, status: 2, seen: 4, idle: 8, custom: 16, profile: 32, channels: 64, active: 128, devices: 256, forgotten: 512 } as const
const UNKNOWN = 4
/** Of every flag above. */
const KNOWN_FLAGS = 1_023
/** As many as a person may have, with the longest names. */
const DEVICES_BYTES = 65_536

/** One entry, as it stands beside others in a frame. */
export const encodeEntry = (entry: UserEntry): Uint8Array => write((writer) => writeUser(writer, entry))
export const encodeChannelName = (name: ChannelName): Uint8Array => write((writer) => writeChannelName(writer, name))
/**
 * A user's introduction, then the entry of their being in a channel. By hand, into one buffer for all: a channel of a thousand that fills up is
 * half a million of them.
 */
export function encodeMembers(members: readonly { readonly number: number; readonly introduction: Uint8Array }[], channelNumber: number): Uint8Array {
  const bytes = new Uint8Array(members.reduce((sum, { introduction }) => sum + introduction.length + LONGEST_JOINED_BYTES, 0))
  let at = 0
  for (const { number, introduction } of members) {
    bytes.set(introduction, at)
    at = putVarUint(bytes, at + introduction.length, number)
    bytes[at++] = FLAG.channels
    bytes[at++] = 1
    at = putVarUint(bytes, at, channelNumber * 2)
  }
  return bytes.subarray(0, at)
}
const LONGEST_JOINED_BYTES = 18

function putVarUint(bytes: Uint8Array, at: number, value: number): number {
  let [next, rest] = [at, value]
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes[next++] = 128 | (rest % 128)
  bytes[next++] = rest
  return next
}

/** Several entries may stand in one frame. */
export function feedFrame(entries: readonly Uint8Array[]): Uint8Array {
  return joinEntries([FEED, ...entries])
}
const FEED = Uint8Array.of(TYPE.feed)

/** In as few frames as their size allows; none for none. */
export function feedFrames(entries: readonly Uint8Array[]): Uint8Array[] {
  const frames: Uint8Array[] = []
  let begin = 0
  let sizeBytes = 0
  entries.forEach(({ length }, index) => {
    if (index > begin && sizeBytes + length > WIRE.feedFrameBytes) {
      frames.push(feedFrame(entries.slice(begin, index)))
      begin = index
      sizeBytes = 0
    }
    sizeBytes += length
  })
  return begin < entries.length ? [...frames, feedFrame(entries.slice(begin))] : frames
}

function joinEntries(entries: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(entries.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const entry of entries) {
    joined.set(entry, at)
    at += entry.length
  }
  return joined
}

export const decodeFeed = (frame: Uint8Array): Parsed<FeedItem[]> => body(frame, (reader) => {
  const items: FeedItem[] = []
  while (hasContent(reader)) {
    const number = readVarUint(reader)
    items.push(number === 0 ? readChannelName(reader) : readUser(reader, number))
  }
  return items
})

function writeUser(writer: Writer, entry: UserEntry): void {
  const channels = [...(entry.joined ?? []).map((number) => number * 2), ...(entry.left ?? []).map((number) => number * 2 + 1)]
  writeVarUint(writer, entry.number)
  writeVarUint(writer, (entry.userId === undefined ? 0 : FLAG.name) | (entry.status === undefined ? 0 : FLAG.status)
    | (entry.seen === undefined ? 0 : FLAG.seen) | (entry.idleMinutes === undefined ? 0 : FLAG.idle)
    | (entry.custom === undefined ? 0 : FLAG.custom) | (entry.profile === undefined ? 0 : FLAG.profile)
    | (channels.length === 0 ? 0 : FLAG.channels) | (entry.active === undefined ? 0 : FLAG.active)
    | (entry.devices === undefined ? 0 : FLAG.devices) | (entry.isForgotten ? FLAG.forgotten : 0))
  if (entry.userId !== undefined) writeVarString(writer, entry.userId)
  if (entry.status !== undefined) writeUint8(writer, STATUSES.indexOf(entry.status) + (entry.isUnknown ? UNKNOWN : 0))
  if (entry.seen !== undefined) writeVarUint(writer, entry.seen === null ? 0 : typeof entry.seen === 'string' ? 1 + ROUGHLY.indexOf(entry.seen) : 5 + entry.seen)
  if (entry.idleMinutes !== undefined) writeVarUint(writer, entry.idleMinutes === null ? 0 : 1 + entry.idleMinutes)
  if (entry.custom !== undefined) writeVarString(writer, JSON.stringify(entry.custom))
  if (entry.profile !== undefined) writeVarString(writer, JSON.stringify(entry.profile))
  if (channels.length > 0) writeList(writer, channels, (channel) => writeVarUint(writer, channel))
  if (entry.active !== undefined) writeVarString(writer, JSON.stringify(entry.active))
  if (entry.devices !== undefined) writeVarString(writer, JSON.stringify(entry.devices))
}

function readUser(reader: Reader, number: number): FeedItem {
  const flags = readVarUint(reader)
  // What a field of a newer version looks like is not known, nor where it ends.
  if (flags > KNOWN_FLAGS) refuse('a field is not known')
  const has = (flag: number): boolean => (flags & flag) !== 0
  const userId = has(FLAG.name) ? { userId: readBoundedString(reader, LIMITS.idBytes) } : undefined
  const status = has(FLAG.status) ? readStatus(reader) : undefined
  const seen = has(FLAG.seen) ? { seen: readSeen(readVarUint(reader)) } : undefined
  const idle = has(FLAG.idle) ? { idleMinutes: readIdle(readVarUint(reader)) } : undefined
  const custom = has(FLAG.custom) ? { custom: readTriple(reader) } : undefined
  const profile = has(FLAG.profile) ? { profile: readPair(reader) } : undefined
  const channels = has(FLAG.channels) ? readList(reader, 1_000, readVarUint) : []
  const active = has(FLAG.active) ? { active: readPair(reader) } : undefined
  const devices = has(FLAG.devices) ? { devices: readJson(reader, DEVICES_BYTES) } : undefined
  return {
    kind: 'user', number, ...userId, ...status, ...seen, ...idle, ...custom, ...profile, ...active, ...devices,
    joined: channels.filter((channel) => channel % 2 === 0).map((channel) => channel / 2),
    left: channels.filter((channel) => channel % 2 === 1).map((channel) => (channel - 1) / 2),
    isForgotten: has(FLAG.forgotten),
  }
}

function writeChannelName(writer: Writer, { channelNumber, channelId }: ChannelName): void {
  writeVarUint(writer, 0)
  writeVarUint(writer, channelNumber)
  writeVarString(writer, channelId)
}
const readChannelName = (reader: Reader): FeedItem =>
  ({ kind: 'channel', channelNumber: readVarUint(reader), channelId: readBoundedString(reader, LIMITS.idBytes) })

function readStatus(reader: Reader): { status: PresenceStatus; isUnknown: boolean } {
  const byte = readUint8(reader)
  return { status: STATUSES[byte % UNKNOWN]!, isUnknown: byte >= UNKNOWN }
}
const readSeen = (coded: number): NonNullable<UserEntry['seen']> | null => (coded === 0 ? null : coded < 5 ? ROUGHLY[coded - 1]! : coded - 5)
const readIdle = (coded: number): number | null => (coded === 0 ? null : coded - 1)

function readJson(reader: Reader, maximumBytes: number): JsonValue {
  const json = parseJson(readBoundedString(reader, maximumBytes))
  return json.ok ? json.value : refuse(json.reason)
}
const isTextOrNull = (value: unknown): value is string | null => value === null || typeof value === 'string'
function readPair(reader: Reader): [string | null, string | null] {
  const [first, second] = readArray(reader)
  return isTextOrNull(first) && isTextOrNull(second) ? [first, second] : refuse('a pair is not one')
}
function readTriple(reader: Reader): [string | null, string | null, number | null] {
  const [text, emoji, expiresAt] = readArray(reader)
  return isTextOrNull(text) && isTextOrNull(emoji) && (expiresAt === null || typeof expiresAt === 'number')
    ? [text, emoji, expiresAt] : refuse('a custom status is not one')
}
function readArray(reader: Reader): readonly JsonValue[] {
  const value = readJson(reader, 4_096)
  return Array.isArray(value) ? value as readonly JsonValue[] : refuse('a list is not one')
}

const MINUTE_MS = 60_000
const minutesAgo = (time: number, now: number): number => Math.max(0, Math.round((wholeMinutes(now)! - wholeMinutes(time)!) / MINUTE_MS))

/** Everything about a user, for a connection that is told the name. */
export function introduce(number: number, next: Projection, now: number): UserEntry {
  return {
    number, userId: next.userId, status: next.status,
    ...(next.lastSeen !== null ? { seen: minutesAgo(next.lastSeen, now) } : { seen: next.lastSeenRoughly }),
    ...(next.idleSince === null ? {} : { idleMinutes: minutesAgo(next.idleSince, now) }),
    ...(hasCustom(next) ? { custom: customOf(next) } : {}),
    ...(next.name === null && next.avatarUrl === null ? {} : { profile: profileOf(next) }),
    ...(next.activeDeviceId === null ? {} : { active: activeOf(next) }),
  }
}

/** What a connection that knows `previous` must be told; null: nothing. */
export function difference(number: number, previous: Projection, next: Projection, now: number): UserEntry | null {
  const hasNewStatus = previous.status !== next.status
  const inferred = hasNewStatus ? afterStatusChange(previous, now) : previous
  const entry: UserEntry = {
    number,
    ...(hasNewStatus ? { status: next.status } : {}),
    ...(inferred.lastSeen === next.lastSeen && inferred.lastSeenRoughly === next.lastSeenRoughly ? {}
      : { seen: next.lastSeen === null ? next.lastSeenRoughly : minutesAgo(next.lastSeen, now) }),
    ...(inferred.idleSince === next.idleSince ? {} : { idleMinutes: next.idleSince === null ? null : minutesAgo(next.idleSince, now) }),
    ...(same(customOf(previous), customOf(next)) ? {} : { custom: customOf(next) }),
    ...(same(profileOf(previous), profileOf(next)) ? {} : { profile: profileOf(next) }),
    ...(same(activeOf(previous), activeOf(next)) ? {} : { active: activeOf(next) }),
  }
  return Object.keys(entry).length > 1 ? entry : null
}

/** The other half: what the receiver knows after an entry. */
export function applyEntry(known: Projection | undefined, entry: UserEntry, userId: string, now: number): Projection {
  const base = entry.userId !== undefined || !known ? nobody(userId) : entry.status !== undefined && entry.status !== known.status ? afterStatusChange(known, now) : known
  const [customStatus, emoji, customStatusExpiresAt] = entry.custom ?? customOf(base)
  const [name, avatarUrl] = entry.profile ?? profileOf(base)
  const [activeDevice, activeDeviceId] = entry.active ?? activeOf(base)
  return {
    userId, name, avatarUrl, customStatus, emoji, customStatusExpiresAt, activeDevice, activeDeviceId,
    status: entry.status ?? base.status,
    lastSeen: entry.seen === undefined ? base.lastSeen : typeof entry.seen === 'number' ? wholeMinutes(now - entry.seen * MINUTE_MS) : null,
    lastSeenRoughly: entry.seen === undefined ? base.lastSeenRoughly : typeof entry.seen === 'string' ? entry.seen : null,
    idleSince: entry.idleMinutes === undefined ? base.idleSince : entry.idleMinutes === null ? null : wholeMinutes(now - entry.idleMinutes * MINUTE_MS),
  }
}

/** Nothing is known but the name. */
export const nobody = (userId: string): Projection => ({
  userId, name: null, avatarUrl: null, status: 'offline', customStatus: null, emoji: null, customStatusExpiresAt: null,
  lastSeen: null, lastSeenRoughly: null, activeDevice: null, activeDeviceId: null, idleSince: null,
})

/** The same as the API shows it. */
export const neverHeardOf = (userId: string): UserPresence => ({ ...nobody(userId), freshness: 'unknown', asOf: null })

/** What both ends take for granted when a status changed: it was now, and nobody is idle. */
const afterStatusChange = (previous: Projection, now: number): Projection =>
  ({ ...previous, idleSince: null, lastSeen: previous.lastSeen === null ? null : wholeMinutes(now) })

const customOf = (of: Projection): NonNullable<UserEntry['custom']> => [of.customStatus, of.emoji, of.customStatusExpiresAt]
const profileOf = (of: Projection): NonNullable<UserEntry['profile']> => [of.name, of.avatarUrl]
const activeOf = (of: Projection): NonNullable<UserEntry['active']> => [of.activeDevice, of.activeDeviceId]
const hasCustom = (of: Projection): boolean => of.customStatus !== null || of.emoji !== null
const same = (a: readonly unknown[], b: readonly unknown[]): boolean => a.every((value, index) => value === b[index])
