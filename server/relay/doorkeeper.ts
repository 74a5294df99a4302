/** How many sockets there may be: by address, by user, in all, signed in or not. Counts and a clock's word, no sockets. */
import type { UserId, Stop } from '../../src/presence-service.js'
import { once } from '../../src/model/emitter.js'
import { CLOSE } from '../../src/protocol/close-codes.js'
import { ARRIVALS_RATE, RELAY } from '../../src/protocol/limits.js'
import { fullBucket, take, type TokenBucket } from './token-bucket.js'

export interface Doorkeeper {
  /** Somebody is at the door, from an address (null: nobody in particular's). */
  arrive(address: string | null, now: number): Arrival
  /** Forgets addresses from which nobody is here, and nobody came lately. */
  tidy(now: number): void
  /** Addresses of which anything is known. */
  addresses(): number
}
/** Refused before anything was read: with an HTTP status, since that costs the least when there are too many. */
export type Arrival = { readonly isAllowed: true; readonly visit: Visit } | { readonly isAllowed: false; readonly status: 429 | 503; readonly reason: string }
export interface Visit {
  /** Null: come in. Else what to close with, which is "later" and not "never". */
  signIn(userId: UserId): { readonly code: number; readonly reason: string } | null
  /** The socket is gone. Twice is fine. */
  leave: Stop
}

interface Place {
  strangers: number
  signedIn: number
  arrivals: TokenBucket
}

export function createDoorkeeper(): Doorkeeper {
  const places = new Map<string, Place>()
  const users = new Map<UserId, number>()
  let strangers = 0
  let signedIn = 0
  return { arrive, tidy, addresses: () => places.size }

  function arrive(address: string | null, now: number): Arrival {
    const place = address === null ? null : placeOf(address, now)
    if (place) {
      const arrived = take(place.arrivals, ARRIVALS_RATE, now)
      place.arrivals = arrived.bucket
      if (!arrived.isTaken) return { isAllowed: false, status: 429, reason: 'arrivals-from-address' }
      if (place.strangers >= RELAY.strangersPerAddress) return { isAllowed: false, status: 429, reason: 'strangers-from-address' }
    }
    if (strangers >= RELAY.strangers) return { isAllowed: false, status: 503, reason: 'strangers' }
    return { isAllowed: true, visit: visitOf(place) }
  }

  function placeOf(address: string, now: number): Place {
    const place = places.get(address) ?? { strangers: 0, signedIn: 0, arrivals: fullBucket(ARRIVALS_RATE, now) }
    places.set(address, place)
    return place
  }

  function visitOf(place: Place | null): Visit {
    let user: UserId | null = null
    countStranger(1)
    return { signIn, leave: once(leave) }

    function countStranger(by: number): void {
      strangers += by
      if (place) place.strangers += by
    }

    function countUser(userId: UserId, by: number): void {
      const count = (users.get(userId) ?? 0) + by
      count > 0 ? users.set(userId, count) : users.delete(userId)
      signedIn += by
      if (place) place.signedIn += by
    }

    function signIn(userId: UserId): ReturnType<Visit['signIn']> {
      if (signedIn >= RELAY.connections) return { code: CLOSE.overloaded, reason: 'this relay is full' }
      if (place && place.signedIn >= RELAY.connectionsPerAddress) return { code: CLOSE.rateLimited, reason: 'too many connections from this address' }
      // The new one, not the oldest: the two would send each other away for ever.
      if ((users.get(userId) ?? 0) >= RELAY.connectionsPerUser) return { code: CLOSE.rateLimited, reason: 'too many connections of this user' }
      user = userId
      countStranger(-1)
      countUser(userId, 1)
      return null
    }

    function leave(): void {
      user === null ? countStranger(-1) : countUser(user, -1)
    }
  }

  function tidy(now: number): void {
    for (const [address, { strangers: here, signedIn: known, arrivals }] of places) {
      const isRested = now - arrivals.at >= (ARRIVALS_RATE.burst / ARRIVALS_RATE.perSecond) * 1_000
      if (here + known === 0 && isRested) places.delete(address)
    }
  }
}
