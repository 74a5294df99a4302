/** So many at once, so many a second. Pure: the caller keeps the state and knows the time. */
export interface TokenBucket {
  readonly tokens: number
  readonly at: number
}
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

export const fullBucket = (rate: Rate, now: number): TokenBucket => ({ tokens: rate.burst, at: now })

/** The bucket after taking one, where there was one to take. */
export function take(bucket: TokenBucket, rate: Rate, now: number): { bucket: TokenBucket; isTaken: boolean } {
  const at = Math.max(bucket.at, now)
  const tokens = Math.min(rate.burst, bucket.tokens + ((at - bucket.at) / 1_000) * rate.perSecond)
  return tokens >= 1 ? { bucket: { tokens: tokens - 1, at }, isTaken: true } : { bucket: { tokens, at }, isTaken: false }
}
