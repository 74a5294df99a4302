/**
 * Where a user's values lie in an ordered store: `u/<user>/<part>/<name>`. An encoded id holds no slash, so that no id can
 * reach into another's range.
 */
import type { DeviceId, UserId } from '../../src/presence-service.js'
import type { Revocation } from '../hub/user-store.js'

export interface KeyRange {
  readonly gte: string
  readonly lt: string
}

const USERS = 'u/'
/** The character after the slash. */
const AFTER_SLASH = '0'

export const ALL_USERS: KeyRange = { gte: USERS, lt: `u${AFTER_SLASH}` }

const prefixOf = (userId: UserId): string => `${USERS}${encodeURIComponent(userId)}`
export const rangeOf = (userId: UserId): KeyRange => ({ gte: `${prefixOf(userId)}/`, lt: firstKeyAfter(userId) })
/** Where the next user may begin. */
export const firstKeyAfter = (userId: UserId): string => prefixOf(userId) + AFTER_SLASH

export const registerKey = (userId: UserId, name: string): string => `${prefixOf(userId)}/r/${name}`
export const recordKey = (userId: UserId, deviceId: DeviceId): string => `${prefixOf(userId)}/d/${encodeURIComponent(deviceId)}`
export const frozenKey = (userId: UserId): string => `${prefixOf(userId)}/f/`
/** By device, then by number: `deviceId:seq` with the number in sixteen digits. */
export function activityKey(userId: UserId, eventId: string): string {
  const colon = eventId.lastIndexOf(':')
  return `${prefixOf(userId)}/a/${encodeURIComponent(eventId.slice(0, colon))}/${eventId.slice(colon + 1).padStart(16, '0')}`
}

/** `v/<token, user or device>/<id>/<time>`: an older one never takes the place of a newer. */
export const REVOCATIONS: KeyRange = { gte: 'v/', lt: `v${AFTER_SLASH}` }
export const revocationKey = ({ what, id, at }: Revocation): string => `v/${what}/${encodeURIComponent(id)}/${at}`

export type UserKey =
  | { readonly part: 'register'; readonly name: string }
  | { readonly part: 'record'; readonly deviceId: DeviceId }
  | { readonly part: 'frozen' }
  | { readonly part: 'activity' }
  | { readonly part: 'unknown' }

/** What a key out of `rangeOf(userId)` holds. */
export function parseUserKey(userId: UserId, key: string): UserKey {
  const rest = key.slice(prefixOf(userId).length + 1)
  const name = rest.slice(2)
  switch (rest.slice(0, 2)) {
    case 'r/': return { part: 'register', name }
    case 'd/': return decoded(name, (deviceId) => ({ part: 'record', deviceId }))
    case 'f/': return { part: 'frozen' }
    case 'a/': return { part: 'activity' }
    default: return { part: 'unknown' }
  }
}

/** Whose key it is; null for one that nobody here wrote. */
export function userOf(key: string): UserId | null {
  try {
    return decodeURIComponent(key.slice(USERS.length).split('/', 1)[0]!)
  } catch {
    return null
  }
}

function decoded(text: string, toKey: (text: string) => UserKey): UserKey {
  try {
    return toKey(decodeURIComponent(text))
  } catch {
    return { part: 'unknown' }
  }
}
