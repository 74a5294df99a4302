/**
 * T7: how many people one may ask for with whom one shares no channel. Counted by user, so that a new connection is no new start. Who was
 * asked for lately costs nothing again: a client that comes back asks for the same people as before. Pure.
 */
import { randomInt } from 'node:crypto'
import type { UserId } from '../../src/presence-service.js'
import { RELAY, STRANGERS_RATE } from '../../src/protocol/limits.js'
import { fullBucket, take, type TokenBucket } from './token-bucket.js'

export interface Strangers {
  /** 0: go on; else how long to wait. Whether there is such a person makes no difference. */
  ask(userId: UserId, now: number): number
}

/** By a hash, since names would weigh ten times as much; of those that are kept, some one in a million is taken for another. */
export function createStrangers(): Strangers {
  let bucket: TokenBucket | null = null
  /** The longest not asked for come first. */
  let recent: readonly number[] = []
  return {
    ask(userId, now) {
      const asked = hashOf(userId)
      const isRecent = recent.includes(asked)
      const taken = isRecent ? null : take(bucket ?? fullBucket(STRANGERS_RATE, now), STRANGERS_RATE, now)
      if (taken) bucket = taken.bucket
      if (taken && !taken.isTaken) return taken.waitMs
      if (recent.at(-1) !== asked) recent = [...(isRecent ? recent.filter((other) => other !== asked) : recent), asked].slice(-RELAY.strangersRemembered)
      return 0
    },
  }
}

/** FNV-1a (Fowler, Noll and Vo), from a beginning that is drawn at each start: nobody can choose a name to be taken for another. */
function hashOf(text: string): number {
  let hash = BEGINNING
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 16_777_619)
  return hash >> 1
}
const BEGINNING = randomInt(2 ** 31)
