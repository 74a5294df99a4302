/** How often something may still be done, by kind. Of one connection, or of all connections of a user together. Pure. */
import { RATES, type Rate, type RateName } from '../../src/protocol/limits.js'

export interface Allowance {
  /** Takes `count` of each; returns how long to wait where there are not so many, else 0. */
  take(names: readonly RateName[], count: number, now: number): number
}

/**
 * A number for each rate: until when it is not full again (the generic cell rate algorithm, ITU-T I.371), since there are two of these for
 * each connection.
 */
export const createAllowance = (share: Rate = { perSecond: 1, burst: 1 }): Allowance => new FillingUp(share)

/** A class, for there is one for each connection. */
class FillingUp implements Allowance {
  readonly #share: Rate
  #fullAt: readonly number[] = NONE

  constructor(share: Rate) {
    this.#share = share
  }

  take(names: readonly RateName[], count: number, now: number): number {
    // Many operations in one message are still one message.
    return Math.max(0, ...names.map((name) => this.#takeOne(name, name === 'messages' ? 1 : count, now)))
  }

  #takeOne(name: RateName, count: number, now: number): number {
    const place = PLACES.indexOf(name)
    const { perSecond, burst } = RATES[name]
    const eachMs = 1_000 / (perSecond * this.#share.perSecond)
    const fullAt = Math.max(now, this.#fullAt[place] ?? now) + count * eachMs
    // Rounding errors add up: less than half a millisecond is none.
    const waitMs = Math.ceil(fullAt - now - burst * this.#share.burst * eachMs - 0.5)
    if (waitMs > 0) return waitMs
    this.#fullAt = PLACES.map((_, index) => (index === place ? fullAt : this.#fullAt[index] ?? 0))
    return 0
  }
}

const NONE: readonly number[] = []
const PLACES = Object.keys(RATES) as RateName[]
