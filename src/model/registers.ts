/** Registers: durable values a person chose. Everywhere the only merge is *the greatest `at` wins*. */
import type { JsonValue, LastSeenDetail, Privacy, QuietHours, StatusChoice } from '../presence-service.js'
import { compareStamps, isStamp, isTime, isWriterId, type Stamp } from './hybrid-clock.js'
import { canonicalJson, isJson, isObject, parsed, sizeInBytes, unreadable, type Parsed } from './json.js'
import { LIMITS } from './limits.js'
import { cleanText, isCleanText, isEmoji } from './text.js'

export interface Register {
  readonly at: Stamp
  readonly value: JsonValue
}
export type Registers = ReadonlyMap<string, Register>

export type StatusValue = { readonly choice: StatusChoice; readonly expiresAt: number | null }
export type CustomValue = { readonly text: string; readonly emoji: string | null; readonly expiresAt: number | null }
export type ProfileValue = { readonly name: string | null; readonly avatarUrl: string | null }
export type DeviceValue = { readonly name: string } | { readonly removed: true }

export const deviceRegister = (deviceId: string): string => `device/${deviceId}`

/** True where `candidate` beats `current`; equal stamps are decided by the greater JSON text, so that all decide alike. */
export function wins(candidate: Register, current: Register | undefined): boolean {
  if (!current) return true
  const order = compareStamps(candidate.at, current.at)
  return order !== 0 ? order > 0 : canonicalJson(candidate.value) > canonicalJson(current.value)
}

/** The winners of both, and which names changed against `current`. */
export function mergeRegisters(current: Registers, incoming: Registers): { merged: Registers; changed: string[] } {
  const changed = [...incoming].filter(([name, register]) => wins(register, current.get(name))).map(([name]) => name)
  if (changed.length === 0) return { merged: current, changed }
  const merged = new Map(current)
  for (const name of changed) merged.set(name, incoming.get(name)!)
  return { merged, changed }
}

export function greatestStamp(registers: Iterable<readonly [string, Register]>): Stamp | undefined {
  let greatest: Stamp | undefined
  for (const [, { at }] of registers) if (!greatest || compareStamps(at, greatest) > 0) greatest = at
  return greatest
}

/** A removed device's mark counts for nothing once it is 90 days old (DV4). */
export const isForgotten = (name: string, { at, value }: Register, now: number): boolean =>
  name.startsWith('device/') && isObject(value) && value['removed'] === true && at[0] + LIMITS.tombstoneMs <= now

export const registerSizeBytes = (name: string, { at, value }: Register): number =>
  sizeInBytes(name) + at[2].length + 16 + sizeInBytes(JSON.stringify(value))

/** A name and a stamped value as found in a document, on a disk or on a wire. Reading it may throw: a stranger wrote it. */
export function parseRegister(name: string, raw: unknown): Parsed<Register> {
  try {
    return readRegister(name, raw)
  } catch {
    return unreadable('it cannot be read')
  }
}

function readRegister(name: string, raw: unknown): Parsed<Register> {
  if (!isRegisterName(name)) return unreadable('the name is not a register')
  if (!isObject(raw) || !isStamp(raw['at'])) return unreadable('it has no stamp')
  const value = raw['value']
  // One level less than the gate lets through: the stamped object is around it.
  if (!isJson(value, 1)) return unreadable('the value is not plain JSON')
  const maximumBytes = name === 'quietHours' ? LIMITS.quietHoursBytes : LIMITS.registerValueBytes
  if (sizeInBytes(JSON.stringify(value)) > maximumBytes) return unreadable(`the value is over ${maximumBytes} bytes`)
  const isValid = name.startsWith('device/') ? isDeviceValue : VALIDATORS.get(name)
  if (isValid && !isValid(value)) return unreadable('the value does not fit the register')
  return parsed({ at: raw['at'], value })
}

const REGISTER_NAME = /^[a-z][\w-]*(\/[\w-]+)?$/i
const RESERVED_NAMES = new Set(['constructor', 'prototype', 'tostring', 'valueof', 'hasownproperty'])
function isRegisterName(name: string): boolean {
  if (name.length > LIMITS.registerNameUnits || !REGISTER_NAME.test(name) || RESERVED_NAMES.has(name.toLowerCase())) return false
  return !name.startsWith('device/') || isWriterId(name.slice('device/'.length))
}

const CHOICES: ReadonlySet<unknown> = new Set<StatusChoice>(['auto', 'away', 'dnd', 'offline'])
const LAST_SEEN: ReadonlySet<unknown> = new Set<LastSeenDetail>(['exact', 'coarse', 'none'])
const isExpiry = (value: unknown): boolean => value === null || isTime(value)
const isTextOrNull = (value: unknown, maximumGraphemes: number): boolean =>
  value === null || (typeof value === 'string' && isCleanText(value, maximumGraphemes))

/** A register without a validator here is one of a newer version: kept, within its size, and not read. */
const VALIDATORS: ReadonlyMap<string, (value: unknown) => boolean> = new Map(Object.entries({
  status: (value: unknown) => isObject(value) && CHOICES.has(value['choice']) && isExpiry(value['expiresAt']),
  custom: (value: unknown) => value === null || (isObject(value) && typeof value['text'] === 'string'
    && isCleanText(value['text']) && (value['emoji'] === null || (typeof value['emoji'] === 'string' && isEmoji(value['emoji'])))
    && isExpiry(value['expiresAt'])),
  profile: (value: unknown) => isObject(value) && isTextOrNull(value['name'], LIMITS.nameGraphemes)
    && (value['avatarUrl'] === null || isAvatarUrl(value['avatarUrl'])),
  privacy: (value: unknown) => isObject(value) && LAST_SEEN.has(value['lastSeen'])
    && typeof value['devices'] === 'boolean' && typeof value['activity'] === 'boolean',
  quietHours: (value: unknown) => value === null || isQuietHours(value),
}))

function isDeviceValue(value: unknown): boolean {
  return isObject(value) && (value['removed'] === true
    || (typeof value['name'] === 'string' && value['name'] !== '' && isCleanText(value['name'], LIMITS.nameGraphemes)))
}

/** Only addresses that a page may show without running anything. */
export const isAvatarUrl = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= LIMITS.avatarUrlUnits && /^https?:\/\/[^\s"'<>\\]+$/i.test(value) && cleanText(value) === value

// A name's shape only: which zones exist differs between browsers.
const TIME_ZONE = /^[\w+-]+(\/[\w+-]+)*$/
const TIME_OF_DAY = /^([01]\d|2[0-3]):[0-5]\d$/
function isQuietHours(value: unknown): boolean {
  return isObject(value) && typeof value['timeZone'] === 'string' && TIME_ZONE.test(value['timeZone'])
    && (value['showAs'] === 'dnd' || value['showAs'] === 'nothing')
    && Array.isArray(value['rules']) && value['rules'].length <= LIMITS.quietHoursRules && value['rules'].every(isQuietRule)
}
const isQuietRule = (rule: unknown): boolean => isObject(rule)
  && typeof rule['from'] === 'string' && TIME_OF_DAY.test(rule['from']) && typeof rule['to'] === 'string' && TIME_OF_DAY.test(rule['to'])
  && Array.isArray(rule['days']) && rule['days'].length <= 7
  && rule['days'].every((day) => Number.isInteger(day) && (day as number) >= 0 && (day as number) <= 6)

/** What an unset register means. */
export const DEFAULT_STATUS: StatusValue = { choice: 'auto', expiresAt: null }
export const DEFAULT_PROFILE: ProfileValue = { name: null, avatarUrl: null }
export const DEFAULT_PRIVACY: Privacy = { lastSeen: 'exact', devices: false, activity: false }

const hasLapsed = (value: { readonly expiresAt: number | null }, now: number): boolean =>
  value.expiresAt !== null && value.expiresAt <= now

/** Expiry is filtered at every read; nobody needs to be awake for it (CS2, PR8). */
export function readStatus(registers: Registers, now: number): StatusValue {
  const value = registers.get('status')?.value as StatusValue | undefined
  return value && !hasLapsed(value, now) ? value : DEFAULT_STATUS
}
export function readCustom(registers: Registers, now: number): CustomValue | null {
  const value = registers.get('custom')?.value as CustomValue | null | undefined
  return value && !hasLapsed(value, now) ? value : null
}
export const readProfile = (registers: Registers): ProfileValue =>
  (registers.get('profile')?.value as ProfileValue | undefined) ?? DEFAULT_PROFILE
export const readPrivacy = (registers: Registers): Privacy =>
  (registers.get('privacy')?.value as Privacy | undefined) ?? DEFAULT_PRIVACY
export const readQuietHours = (registers: Registers): QuietHours | null =>
  (registers.get('quietHours')?.value as QuietHours | null | undefined) ?? null
export const readDevice = (registers: Registers, deviceId: string): DeviceValue | undefined =>
  registers.get(deviceRegister(deviceId))?.value as DeviceValue | undefined
export const isRemoved = (registers: Registers, deviceId: string): boolean => {
  const value = readDevice(registers, deviceId)
  return value !== undefined && 'removed' in value && value.removed
}

/** Equal for equal winners, whoever computes it: what a device reports so that others can say who is in sync (SY3). */
export function digestOf(registers: Registers, now: number): string {
  const rows = [...registers].filter(([name, register]) => !isForgotten(name, register, now))
    .map(([name, { at, value }]) => `${name} ${at.join(' ')} ${canonicalJson(value)}`).sort()
  return fingerprint(rows.join('\n'))
}

/** 2 × 32 bits of FNV-1a (Fowler–Noll–Vo) over UTF-16 units: notices difference, promises nothing against an attacker. */
function fingerprint(text: string): string {
  let forward = 0x811c9dc5
  let backward = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    forward = Math.imul(forward ^ text.charCodeAt(index), 0x01000193)
    backward = Math.imul(backward ^ text.charCodeAt(text.length - 1 - index), 0x01000193)
  }
  return (forward >>> 0).toString(36) + '.' + (backward >>> 0).toString(36)
}
