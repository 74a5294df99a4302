/**
 * T7: how many people one may ask for with whom one shares no channel. Counted by user, so that a new connection is no new start. Who was
 * asked for lately costs nothing again: a client that comes back asks for the same people as before. Pure.
 */
import type { UserId } from '../../src/presence-service.js'
import { RELAY, STRANGERS_RATE } from '../../src/protocol/limits.js'
import { fullBucket, take, type TokenBucket } from './token-bucket.js'

export interface Strangers {
  /** 0: go on; else how long to wait. Whether there is such a person makes no difference. */
  ask(userId: UserId, now: number): number
}

export function createStrangers(): Strangers {
  let bucket: TokenBucket | null = null
  /** The longest not asked for go first. */
  const recent = new Set<UserId>()
  return {
    ask(userId, now) {
      const isRecent = recent.delete(userId)
      const taken = isRecent ? null : take(bucket ?? fullBucket(STRANGERS_RATE, now), STRANGERS_RATE, now)
      if (taken) bucket = taken.bucket
      if (taken && !taken.isTaken) return taken.waitMs
      recent.add(userId)
      const [oldest] = recent
      if (recent.size > RELAY.strangersRemembered) recent.delete(oldest!)
      return 0
    },
  }
}
