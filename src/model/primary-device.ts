/** DV2: which of a person's devices they are at. Steady: it neither flickers nor lingers on a device that is gone. */
import type { DeviceId } from '../presence-service.js'
import { isInUse, type DeviceFacts } from './derive-presence.js'

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
  const best = mostRecent(inUse)
  const current = inUse.find((device) => device.deviceId === present?.deviceId)
  if (!current) return { primary: { deviceId: best.deviceId, since: now }, validUntil: null }
  if (recency(best) - recency(current) <= EQUALLY_RECENT_MS) return { primary: present, validUntil: null }
  const freeAt = present!.since + STAYS_MS
  return freeAt <= now
    ? { primary: { deviceId: best.deviceId, since: now }, validUntil: null }
    : { primary: present, validUntil: freeAt }
}

function mostRecent(devices: readonly DeviceFacts[]): DeviceFacts {
  const latest = Math.max(...devices.map(recency))
  return devices.filter((device) => latest - recency(device) <= EQUALLY_RECENT_MS)
    .reduce((best, device) => (device.deviceId < best.deviceId ? device : best))
}

const recency = (device: DeviceFacts): number => device.lastInputAt ?? Number.NEGATIVE_INFINITY
