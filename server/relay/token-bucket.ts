/** So many at once, so many a second. Pure: the caller keeps the state and knows the time. */
import type { Rate } from '../../src/protocol/limits.js'

export interface TokenBucket {
  readonly tokens: number
  readonly at: number
}

export const fullBucket = (rate: Rate, now: number): TokenBucket => ({ tokens: rate.burst, at: now })

/** The bucket after taking `count`, where there were so many to take; else `waitMs` says when there will be. */
export function take({ tokens, at }: TokenBucket, rate: Rate, now: number, count = 1): { readonly bucket: TokenBucket; readonly isTaken: boolean; readonly waitMs: number } {
  const later = Math.max(at, now)
  const filled = Math.min(rate.burst, tokens + ((later - at) / 1_000) * rate.perSecond)
  return filled >= count
    ? { bucket: { tokens: filled - count, at: later }, isTaken: true, waitMs: 0 }
    : { bucket: { tokens: filled, at: later }, isTaken: false, waitMs: Math.ceil(((count - filled) / rate.perSecond) * 1_000) }
}
