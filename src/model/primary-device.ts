/** DV2: which of a person's devices they are at. Steady: it neither flickers nor lingers on a device that is gone. */
import type { DeviceId } from '../presence-service.js'
import { earliest, inUseUntil, isInUse, type DeviceFacts } from './derive-presence.js'

export interface Primary {
  readonly deviceId: DeviceId
  /** When it became the primary. */
  readonly since: number
}
export interface PrimaryChoice {
  readonly primary: Primary | null
  /** When the answer may change without news. */
  readonly validUntil: number | null
}

/** Inputs closer than this count as equally recent. */
const EQUALLY_RECENT_MS = 5_000
/** A primary in use stays at least this long. */
const STAYS_MS = 10_000

export function choosePrimary(devices: readonly DeviceFacts[], present: Primary | null, now: number): PrimaryChoice {
  const inUse = devices.filter((device) => isInUse(device, now))
  if (inUse.length === 0) return { primary: present, validUntil: null }
  const latest = Math.max(...inUse.map(recency))
  const mostRecent = inUse.filter((device) => latest - recency(device) <= EQUALLY_RECENT_MS)
  const current = inUse.find((device) => device.deviceId === present?.deviceId)
  const isBehind = current === undefined || !mostRecent.includes(current)
  const freeAt = current === undefined ? now : present!.since + STAYS_MS
  const next = isBehind && freeAt <= now ? mostRecent.reduce((best, device) => (device.deviceId < best.deviceId ? device : best)) : current!
  return {
    primary: next === current ? present : { deviceId: next.deviceId, since: now },
    validUntil: earliest([isBehind ? freeAt : null, inUse.length > 1 ? inUseUntil(next, now) : null], now),
  }
}

/** Not minus infinity, which is no distance from itself: two devices without any input are equally recent too. */
const recency = (device: DeviceFacts): number => device.lastInputAt ?? Number.MIN_SAFE_INTEGER
