/** SY3: how many of a person's devices have what this one has. */
import { LIMITS } from './limits.js'

interface ReportingDevice {
  readonly isConnected: boolean
  readonly seenAgoMs: number | null
  readonly digest: string | null
}

/** Of the devices seen in the last 30 days, those whose last report equals `digest`. */
export function devicesSeen(devices: readonly ReportingDevice[], digest: string): { synced: number; total: number } {
  // A server-run device holds no registers, and says so by an empty digest.
  const counted = devices.filter(({ digest: told }) => told !== '').filter(({ isConnected, seenAgoMs }) => isConnected || (seenAgoMs !== null && seenAgoMs < LIMITS.deviceCountsMs))
  return { synced: counted.filter((device) => device.digest === digest).length, total: counted.length }
}
