/** Arguments of the public calls, each read once and checked, by browser and server alike. A hostile one gets a reason, never a throw. */
import type { ActivityEvent, ChannelId, DeviceId, JsonValue, Policy, PresenceStatus, Privacy, UserId } from '../presence-service.js'
import { nearestOf } from './did-you-mean.js'
import { LATEST_TIME_MS } from './hybrid-clock.js'
import { isJson, isObject, isPoisonous, sizeInBytes } from './json.js'
import { LIMITS } from './limits.js'
import { isAvatarUrl, type CustomValue, type ProfileValue, type StatusValue } from './registers.js'
import { cleanText, isCleanText, isEmoji } from './text.js'

export interface Refused {
  readonly ok: false
  /** The argument or option concerned. */
  readonly subject: string
  /** The fact, in one sentence. */
  readonly reason: string
  /** What to do about it, in one sentence. */
  readonly remedy: string
}
export type Argument<T> = { readonly ok: true; readonly value: T } | Refused

export const parseUserId = (value: unknown): Argument<UserId> => argument('userId', () => {
  // Browsers take such a part out of an address, and a relay's rooms are addresses.
  if (value === '.' || value === '..') refuse('userId', 'is a part of paths', 'Pass an id of your users.')
  return toId('userId', value)
})
export const parseChannelId = (value: unknown): Argument<ChannelId> => argument('channelId', () => toId('channelId', value))
export const parseDeviceId = (value: unknown): Argument<DeviceId> => argument('deviceId', () => toId('deviceId', value))
export const parseUserIds = (value: unknown): Argument<readonly UserId[]> => argument('userIds', () => {
  if (!Array.isArray(value)) refuse('userIds', 'is not a list', 'Pass an array of user ids.')
  return Array.from(value as unknown[], (id) => toId('userId', id))
})
export const parseStatus = (value: unknown): Argument<PresenceStatus> => argument('status', () => toStatus(value))
export const parseReason = (value: unknown): Argument<string> => argument('reason', () => toId('reason', value, LIMITS.holdReasonBytes))
export const parseId = (subject: string, value: unknown): Argument<string> => argument(subject, () => toId(subject, value))

/** `setStatus`: `online` goes back to automatic. */
export const parseStatusChange = (status: unknown, options: unknown, now: number): Argument<StatusValue> => argument('status', () =>
  toStatusValue(status, toExpiry(toOptions('options', options, EXPIRY), now)))

/** `setCustomStatus`; null: nothing to show is a clearing. */
export const parseCustomStatus = (text: unknown, options: unknown, now: number): Argument<CustomValue | null> => argument('customStatus', () => {
  const given = toOptions('options', options, ['emoji', ...EXPIRY])
  return toCustomValue(text, given['emoji'], toExpiry(given, now))
})

export interface PresenceChange {
  readonly status?: StatusValue
  readonly custom?: CustomValue | null
}
/** `setPresence`. An emoji alone keeps the present text and, without a new expiry, its expiry. */
export const parsePresenceChange = (change: unknown, current: CustomValue | null, now: number): Argument<PresenceChange> => argument('change', () => {
  const given = toOptions('change', change, ['status', 'customStatus', 'emoji', ...EXPIRY])
  const expiresAt = toExpiry(given, now)
  const { status, customStatus: text, emoji } = given
  return {
    ...(status !== undefined && { status: toStatusValue(status, expiresAt) }),
    ...(text !== undefined && { custom: toCustomValue(text ?? '', emoji, expiresAt) }),
    ...(text === undefined && emoji !== undefined && { custom: toCustomValue(current?.text ?? '', emoji, expiresAt ?? keptExpiry(current, emoji)) }),
  }
})

/** What is not given stays as it is. */
export const parseProfile = (profile: unknown, current: ProfileValue): Argument<ProfileValue> => argument('profile', () => {
  const { name, avatarUrl } = { ...current, ...defined(toOptions('profile', profile, ['name', 'avatarUrl'])) }
  if (avatarUrl !== null && !isAvatarUrl(avatarUrl)) refuse('avatarUrl', 'is not an http(s) address', `Pass one of at most ${LIMITS.avatarUrlUnits} characters, or null.`)
  return fitting('profile', { name: name === null ? null : toText('name', name, LIMITS.nameGraphemes) || null, avatarUrl })
})

export const parsePrivacy = (privacy: unknown, current: Privacy): Argument<Privacy> => argument('privacy', () => {
  const { lastSeen, devices, activity } = { ...current, ...defined(toOptions('privacy', privacy, ['lastSeen', 'devices', 'activity'])) }
  return {
    lastSeen: toOneOf('lastSeen', lastSeen, ['exact', 'coarse', 'none'] as const),
    devices: toBoolean('devices', devices),
    activity: toBoolean('activity', activity),
  }
})

export const parseDeviceName = (value: unknown): Argument<string> => argument('name', () => {
  const name = toText('name', value, LIMITS.nameGraphemes)
  if (name === '') refuse('name', 'is empty', 'Pass a name that can be seen.')
  return fitting('name', { name }).name
})

export type ActivityDetails = Omit<ActivityEvent, 'id' | 'deviceId'>
/** AC3: a future time becomes now. */
export const parseActivity = (input: unknown, now: number): Argument<ActivityDetails> => argument('activity', () => {
  const { type, channelId, timestamp, data } = toOptions('activity', input, ['type', 'channelId', 'timestamp', 'data'])
  return {
    type: toId('type', type, LIMITS.activityTypeBytes),
    channelId: channelId === undefined ? null : toId('channelId', channelId),
    timestamp: timestamp === undefined ? Math.floor(now) : Math.min(Math.floor(now), toTime('timestamp', timestamp)),
    data: toData(data),
  }
})

export interface ActivityQuery {
  readonly limit: number
  readonly since: number
}
/** `getActivity`. */
export const parseActivityQuery = (options: unknown): Argument<ActivityQuery> => argument('options', () => {
  const { limit, since } = toOptions('options', options, ['limit', 'since'])
  return { limit: toLimit(limit), since: since === undefined ? 0 : toTime('since', since) }
})

export interface UsersQuery {
  /** Null: everyone there is to see. */
  readonly channelId: ChannelId | null
  readonly statuses: readonly PresenceStatus[]
  readonly limit: number
  readonly after: UserId | null
}
/** `getOnlineUsers` and `countOnlineUsers`. */
export const parseUsersQuery = (query: unknown): Argument<UsersQuery> => argument('query', () => {
  const { channelId, statuses = ['online', 'away', 'dnd'], limit, after } = toOptions('query', query, ['channelId', 'statuses', 'limit', 'after'])
  if (!Array.isArray(statuses)) refuse('statuses', 'is not a list', 'Pass an array of statuses.')
  return {
    channelId: channelId === undefined ? null : toId('channelId', channelId),
    statuses: Array.from(statuses as unknown[], toStatus),
    limit: toLimit(limit),
    after: after === undefined ? null : toId('after', after),
  }
})

export const DEFAULT_POLICY: Required<Policy> = { heartbeatIntervalMs: 30_000, awayAfterMs: 300_000, offlineAfterMs: 3_600_000 }

/** The three intervals among a service's options. */
export const parsePolicy = (options: Readonly<Record<string, unknown>>): Argument<Required<Policy>> => argument('options', () => ({
  heartbeatIntervalMs: toInterval('heartbeatIntervalMs', options),
  awayAfterMs: toInterval('awayAfterMs', options),
  offlineAfterMs: toInterval('offlineAfterMs', options),
}))

/** An options object's own values, each read once; an unknown name is refused. Nothing given is `{}`. */
export const parseOptions = (options: unknown, known: readonly string[]): Argument<Readonly<Record<string, unknown>>> =>
  argument('options', () => toOptions('options', options, known))

const EXPIRY = ['expiresAt', 'expiresInMs']

/** Ends the reading with a reason; caught by `argument` alone. */
class Refusal extends Error {
  readonly refused: Refused
  constructor(refused: Refused) {
    super(refused.reason)
    this.refused = refused
  }
}
function refuse(subject: string, fact: string, remedy: string): never {
  throw new Refusal({ ok: false, subject, reason: `${subject} ${fact}.`, remedy })
}
/** Getters and proxies may throw anything: that too is an answer. */
function argument<T>(subject: string, read: () => T): Argument<T> {
  try {
    return { ok: true, value: read() }
  } catch (error) {
    return error instanceof Refusal ? error.refused : { ok: false, subject, reason: `${subject} cannot be read.`, remedy: 'Pass plain values.' }
  }
}

function toOptions(subject: string, options: unknown, known: readonly string[]): Record<string, unknown> {
  if (options === undefined) return {}
  if (!isObject(options)) refuse(subject, 'is not a plain object', 'Pass { name: value }.')
  const names = Object.keys(options)
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) refuse(unknown.slice(0, 64), 'is not an option', didYouMean(unknown, known))
  return Object.fromEntries(names.map((name) => [name, options[name]]))
}
const defined = (options: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))

function didYouMean(given: unknown, known: readonly string[]): string {
  const nearest = typeof given === 'string' ? nearestOf(given, known) : undefined
  return nearest ? `Did you mean "${nearest}"?` : `Pass one of: ${known.join(', ')}.`
}

// Half a surrogate pair has no bytes of its own, and two such ids would be one on the wire.
const UNFIT_FOR_IDS = /[\p{Cc}\p{Cs}]/u
function toId(subject: string, value: unknown, maximumBytes: number = LIMITS.idBytes): string {
  if (typeof value !== 'string' || value === '' || value.length > maximumBytes || sizeInBytes(value) > maximumBytes || UNFIT_FOR_IDS.test(value) || isPoisonous(value)) {
    refuse(subject, 'is not usable', `Pass a string of 1 to ${maximumBytes} bytes without control characters.`)
  }
  return value
}

function toOneOf<T extends string>(subject: string, value: unknown, known: readonly T[]): T {
  return known.find((one) => one === value) ?? refuse(subject, 'is not one of those known', didYouMean(value, known))
}
const toStatus = (value: unknown): PresenceStatus => toOneOf('status', value, ['online', 'away', 'dnd', 'offline'] as const)
const toLimit = (value: unknown): number => {
  if (value === undefined) return Number.POSITIVE_INFINITY
  return Number.isInteger(value) && (value as number) >= 0 ? value as number : refuse('limit', 'is not a whole number', 'Pass 0 or more, or leave it out.')
}
const toBoolean = (subject: string, value: unknown): boolean =>
  typeof value === 'boolean' ? value : refuse(subject, 'is neither true nor false', 'Pass true or false.')

function toStatusValue(value: unknown, expiresAt: number | null): StatusValue {
  const status = toStatus(value)
  if (status !== 'online') return { choice: status, expiresAt }
  return expiresAt === null ? { choice: 'auto', expiresAt } : refuseExpiry('online is automatic and')
}

function toCustomValue(given: unknown, givenEmoji: unknown, expiresAt: number | null): CustomValue | null {
  const text = toText('customStatus', given, LIMITS.customStatusGraphemes)
  const emoji = givenEmoji === undefined || givenEmoji === null ? null : toEmoji(givenEmoji)
  if (text !== '' || emoji !== null) return fitting('customStatus', { text, emoji, expiresAt })
  return expiresAt === null ? null : refuseExpiry('a clearing')
}
const keptExpiry = (current: CustomValue | null, emoji: unknown): number | null =>
  current && (current.text !== '' || emoji !== null) ? current.expiresAt : null
const refuseExpiry = (what: string): never => refuse('expiresAt', `does not apply: ${what} does not expire`, 'Leave the expiry out.')

function toText(subject: string, value: unknown, maximumGraphemes: number): string {
  if (typeof value !== 'string') refuse(subject, 'is not text', 'Pass a string.')
  // A megabyte is refused before anything is done with it.
  const text = value.length > LIMITS.textUnits ? value : cleanText(value)
  return isCleanText(text, maximumGraphemes) ? text : refuse(subject, 'is too long', `Pass at most ${maximumGraphemes} characters.`)
}
function toEmoji(value: unknown): string {
  const emoji = typeof value === 'string' && value.length <= LIMITS.textUnits ? cleanText(value) : ''
  return isEmoji(emoji) ? emoji : refuse('emoji', 'is not one character', 'Pass exactly one emoji, or leave it out.')
}
/** Long emoji sequences are one character and dozens of bytes. */
function fitting<T>(subject: string, value: T): T {
  if (sizeInBytes(JSON.stringify(value)) > LIMITS.registerValueBytes) refuse(subject, `is over ${LIMITS.registerValueBytes} bytes`, 'Pass a shorter one.')
  return value
}

function toData(data: unknown): JsonValue {
  if (data === undefined) return null
  const text = isJson(data) ? JSON.stringify(data) : refuse('data', 'is not plain JSON', 'Pass strings, finite numbers, booleans, null, arrays and plain objects.')
  if (sizeInBytes(text) > LIMITS.activityDataBytes) refuse('data', `is over ${LIMITS.activityDataBytes} bytes`, 'Pass less, or an id of it.')
  // A copy: what the caller changes afterwards, or a proxy answers differently, is not recorded.
  const copy: unknown = JSON.parse(text)
  return isJson(copy) ? copy : null
}

function toExpiry({ expiresAt, expiresInMs }: Record<string, unknown>, now: number): number | null {
  if (expiresAt !== undefined && expiresInMs !== undefined) refuse('expiresAt', 'and expiresInMs are both given', 'Pass one of the two.')
  if (expiresAt === undefined && expiresInMs === undefined) return null
  const subject = expiresAt === undefined ? 'expiresInMs' : 'expiresAt'
  const at = expiresAt === undefined ? toTime(subject, expiresInMs) + now : toTime(subject, expiresAt)
  return at > now && at <= LATEST_TIME_MS ? Math.ceil(at) : refuse(subject, 'is not in the future', 'Pass milliseconds that end after now and before the year 10000.')
}
function toTime(subject: string, value: unknown): number {
  return typeof value === 'number' && value >= 0 && value <= LATEST_TIME_MS ? Math.floor(value)
    : refuse(subject, 'is not a time', 'Pass milliseconds: Date.now(), or a duration.')
}
function toInterval(subject: keyof Policy, options: Readonly<Record<string, unknown>>): number {
  const value = options[subject]
  if (value === undefined) return DEFAULT_POLICY[subject]
  return typeof value === 'number' && value >= 1_000 && value <= 86_400_000 ? Math.round(value)
    : refuse(subject, 'is not from 1 s to 24 h', 'Pass milliseconds, 1_000 to 86_400_000.')
}
