/** What a person's status is, from what they chose, what their devices last told, and the time. Same code in browser and relay. */
import type { DeviceId, PresenceStatus, StatusChoice } from '../presence-service.js'
import type { StatusValue } from './registers.js'

/** A device as far as deriving goes. Times are of the clock that derives. */
export interface DeviceFacts {
  readonly deviceId: DeviceId
  /** Also during the grace after a lost socket: the relay decides when a device is gone. */
  readonly connected: boolean
  /** Null: never an input. */
  readonly lastInputAt: number | null
  /** Where there never was an input, the wait for one starts here (PR4). */
  readonly connectedAt?: number
  readonly locked: boolean
  readonly suspended: boolean
  /** Reasons for which the device is kept in use (PR11). */
  readonly holds: readonly string[]
  /** What the device contributes instead of what its input says (PR10), until it disconnects. */
  readonly override: PresenceStatus | null
  readonly awayAfterMs: number
  readonly offlineAfterMs: number
}

export interface PresenceFacts {
  /** What the person chose; a lapsed choice counts as automatic. */
  readonly choice: StatusValue
  readonly devices: readonly DeviceFacts[]
}

export interface DerivedPresence {
  /** What others see. */
  readonly status: PresenceStatus
  /** What it would be without a choice. */
  readonly automatic: PresenceStatus
  readonly choice: StatusChoice
  readonly choiceExpiresAt: number | null
  /** Appears offline by choice: to others, exactly a person who is gone. */
  readonly isHidden: boolean
  /** Since when nobody used a device, while automatically away. */
  readonly idleSince: number | null
  /** Nothing here changes before this time unless something happens; null: not by itself. */
  readonly validUntil: number | null
}

export function derivePresence({ choice: chosen, devices }: PresenceFacts, now: number): DerivedPresence {
  const { choice, expiresAt } = hasLapsed(chosen, now) ? AUTOMATIC : chosen
  const connected = devices.filter((device) => device.connected)
  const automatic = automaticStatus(connected, now)
  const status = connected.length === 0 ? 'offline' : choice === 'auto' ? automatic : choice
  return {
    status, automatic, choice, choiceExpiresAt: expiresAt,
    isHidden: choice === 'offline',
    idleSince: choice === 'auto' && status === 'away' ? latestOf(connected.map((device) => device.lastInputAt)) : null,
    validUntil: earliest([expiresAt, ...connected.map((device) => inUseUntil(device, now)), offlineDeadline(connected, now)], now),
  }
}

/** PR5 and PR11: input younger than its own limit and neither locked nor suspended, or held. An override replaces all of it (PR10). */
export function isInUse(device: DeviceFacts, now: number): boolean {
  if (!device.connected) return false
  if (device.override !== null) return device.override === 'online'
  if (device.suspended) return false
  if (device.holds.length > 0) return true
  return !device.locked && device.lastInputAt !== null && now < device.lastInputAt + device.awayAfterMs
}

/** Until when a device in use stays so by itself; null: it is not, or nothing but news ends it. */
export const inUseUntil = (device: DeviceFacts, now: number): number | null =>
  device.override === null && device.holds.length === 0 && isInUse(device, now) ? device.lastInputAt! + device.awayAfterMs : null

/** What one device adds to the automatic status (PR10). */
export function contributionOf(device: DeviceFacts, now: number): PresenceStatus {
  if (!device.connected) return 'offline'
  return device.override ?? (isInUse(device, now) ? 'online' : 'away')
}

const AUTOMATIC: StatusValue = { choice: 'auto', expiresAt: null }
const hasLapsed = ({ expiresAt }: StatusValue, now: number): boolean => expiresAt !== null && expiresAt <= now

/** PR10: the highest contribution counts. */
const HIGHEST_FIRST: readonly PresenceStatus[] = ['online', 'dnd', 'away', 'offline']

function automaticStatus(connected: readonly DeviceFacts[], now: number): PresenceStatus {
  const contributions = connected.map((device) => contributionOf(device, now))
  const highest = HIGHEST_FIRST.find((status) => contributions.includes(status)) ?? 'offline'
  if (highest !== 'away') return highest
  const idleUntil = offlineAt(connected)
  return idleUntil !== null && idleUntil <= now ? 'offline' : 'away'
}

/** PR4: the latest input of any device plus the largest limit among them; null where an override holds it away. */
function offlineAt(connected: readonly DeviceFacts[]): number | null {
  if (connected.some(({ override }) => override === 'away')) return null
  const counting = connected.filter((device) => device.override === null)
  const since = latestOf(counting.map(({ lastInputAt, connectedAt = null }) => lastInputAt ?? connectedAt))
  return since === null ? null : since + Math.max(...counting.map((device) => device.offlineAfterMs))
}

export const latestOf = (times: readonly (number | null)[]): number | null =>
  times.reduce<number | null>((latest, time) => (time === null ? latest : Math.max(latest ?? time, time)), null)

const offlineDeadline = (connected: readonly DeviceFacts[], now: number): number | null =>
  automaticStatus(connected, now) === 'away' ? offlineAt(connected) : null

/** The earliest time still to come. */
export function earliest(times: readonly (number | null)[], now: number): number | null {
  const ahead = times.filter((time): time is number => time !== null && time > now)
  return ahead.length === 0 ? null : Math.min(...ahead)
}
