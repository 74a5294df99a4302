/** Values as they lie on a disk: sealed with a checksum, and parsed like a stranger's when they come back. */
import { crc32 } from 'node:zlib'
import { isJson, isObject, parsed, unreadable, type Parsed } from '../../src/model/json.js'
import { LIMITS } from '../../src/model/limits.js'
import type { ActivityEvent, Device } from '../../src/presence-service.js'
import { WIRE } from '../../src/protocol/limits.js'
import type { DepartureRecord, Revocation } from '../hub/user-store.js'

const CHECKSUM_UNITS = 8

/** The key is part of the sum: a value that turns up under another key is damaged, too. */
export function seal(key: string, value: unknown): string {
  const json = JSON.stringify(value)
  return checksum(key, json) + json
}

export function unseal(key: string, sealed: string): Parsed<unknown> {
  const json = sealed.slice(CHECKSUM_UNITS)
  if (sealed.slice(0, CHECKSUM_UNITS) !== checksum(key, json)) return unreadable('its checksum is wrong')
  try {
    return parsed<unknown>(JSON.parse(json))
  } catch {
    return unreadable('it is not JSON')
  }
}

const checksum = (key: string, json: string): string =>
  crc32(json, crc32(`${key}\n`)).toString(16).padStart(CHECKSUM_UNITS, '0')

const KINDS: ReadonlySet<unknown> = new Set<Device['kind']>(['desktop', 'laptop', 'phone', 'tablet', 'server', 'other'])

export function parseDepartureRecord(raw: unknown): Parsed<DepartureRecord> {
  if (!isObject(raw)) return unreadable('it is not an object')
  const { name, kind, lastSeenAt, lastInputAt, digest } = raw
  return isText(name, LIMITS.textUnits) && KINDS.has(kind) && isMoment(lastSeenAt) && (lastInputAt === null || isMoment(lastInputAt))
    && isText(digest, WIRE.digestUnits)
    ? parsed({ name, kind: kind as Device['kind'], lastSeenAt, lastInputAt, digest })
    : unreadable('it does not fit a departure record')
}

export function parseActivityEvent(raw: unknown): Parsed<ActivityEvent> {
  if (!isObject(raw)) return unreadable('it is not an object')
  const { id, type, channelId, timestamp, deviceId, data } = raw
  return isText(id, LIMITS.textUnits) && isText(type, LIMITS.textUnits) && (channelId === null || isText(channelId, LIMITS.textUnits))
    && isMoment(timestamp) && isText(deviceId, LIMITS.textUnits) && isJson(data)
    ? parsed({ id, type, channelId, timestamp, deviceId, data })
    : unreadable('it does not fit an activity row')
}

export function parseRevocation(raw: Parsed<unknown>): Parsed<Revocation> {
  if (!raw.ok) return raw
  if (!isObject(raw.value)) return unreadable('it is not an object')
  const { what, id, at } = raw.value
  return (what === 'token' || what === 'user' || what === 'device') && isText(id, LIMITS.textUnits) && isMoment(at)
    ? parsed({ what, id, at })
    : unreadable('it does not fit a revocation')
}

const isText = (value: unknown, maximumUnits: number): value is string => typeof value === 'string' && value.length <= maximumUnits
const isMoment = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0
