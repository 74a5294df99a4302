/** How often something may still be done, by kind. Of one connection, or of all connections of a user together. Pure. */
import { RATES, type Rate, type RateName } from '../../src/protocol/limits.js'
import { fullBucket, take, type TokenBucket } from './token-bucket.js'

export interface Allowance {
  /** Takes `count` of each; returns how long to wait where there are not so many, else 0. */
  take(names: readonly RateName[], count: number, now: number): number
}

export function createAllowance(share: Rate = { perSecond: 1, burst: 1 }): Allowance {
  const buckets = new Map<RateName, TokenBucket>()
  return {
    take: (names, count, now) => names.reduce((waitMs, name) => {
      const rate = { perSecond: RATES[name].perSecond * share.perSecond, burst: RATES[name].burst * share.burst }
      // Many operations in one message are still one message.
      const taken = take(buckets.get(name) ?? fullBucket(rate, now), rate, now, name === 'messages' ? 1 : count)
      buckets.set(name, taken.bucket)
      return Math.max(waitMs, taken.waitMs)
    }, 0),
  }
}
