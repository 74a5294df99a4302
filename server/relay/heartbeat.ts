/** LV1: who is silent, and who is stuck. Pings say *connected*; they are answered below the page, so that a throttled tab never blinks. */
import type { Clock } from '../../src/ports.js'
import { RELAY, WIRE } from '../../src/protocol/limits.js'

export interface Beating {
  ping(): void
  keepalive(): void
  /** Nothing was heard for too long. */
  silent(): void
  /** A message has begun to arrive, and has not ended. */
  isReceiving(): boolean
  /** What was sent and waits for the peer to take it. */
  waitingBytes(): number
  /** A message took too long to arrive, or the peer to take what it was sent. */
  stuck(): void
}
export interface Heartbeat {
  add(beating: Beating): Watched
  /** For everything that arrives. */
  heard(watched: Watched): void
  /** For whole messages. */
  received(watched: Watched): void
  remove(watched: Watched): void
  stop(): void
}

const TICK_MS = 1_000
/** A tick later than this is our own stall, and counts against nobody (LV6). */
const STALL_MS = 500

/** Times of one who is watched; only the heartbeat looks into it. */
export interface Watched {
  readonly beating: Beating
  heardAt: number
  pingAt: number
  keepaliveAt: number
  /** Null: nothing is on its way. */
  receivingSince: number | null
  waitingSince: number | null
}

export function createHeartbeat(clock: Clock): Heartbeat {
  const all = new Set<Watched>()
  let stalledMs = 0
  let nextTickAt = clock.now() + TICK_MS
  let cancel = clock.at(nextTickAt, tick)
  return { add, heard, received, remove: (watched) => { all.delete(watched) }, stop: () => cancel() }

  /** Time as far as we were awake to see it. */
  function awake(): number {
    return clock.now() - stalledMs
  }

  function add(beating: Beating): Watched {
    const now = awake()
    const watched: Watched = {
      beating, heardAt: now, pingAt: now + WIRE.pingIntervalMs, keepaliveAt: now + WIRE.keepaliveIntervalMs, receivingSince: null, waitingSince: null,
    }
    all.add(watched)
    return watched
  }

  function heard(watched: Watched): void {
    watched.heardAt = awake()
  }

  function received(watched: Watched): void {
    heard(watched)
    watched.receivingSince = null
  }

  function tick(): void {
    const lateMs = clock.now() - nextTickAt
    if (lateMs > STALL_MS) stalledMs += lateMs
    const now = awake()
    for (const watched of [...all]) beat(watched, now)
    nextTickAt = clock.now() + TICK_MS
    cancel = clock.at(nextTickAt, tick)
  }

  function beat(watched: Watched, now: number): void {
    if (now - watched.heardAt >= WIRE.silentAfterMs) {
      all.delete(watched)
      watched.beating.silent()
      return
    }
    watched.receivingSince = watched.beating.isReceiving() ? watched.receivingSince ?? now : null
    watched.waitingSince = watched.beating.waitingBytes() > RELAY.stuckBytes ? watched.waitingSince ?? now : null
    // A message may have begun just after the look before.
    if (hasLasted(watched.receivingSince, RELAY.messageMs - TICK_MS, now) || hasLasted(watched.waitingSince, RELAY.stuckMs, now)) {
      all.delete(watched)
      watched.beating.stuck()
      return
    }
    if (now >= watched.pingAt) {
      watched.pingAt = now + WIRE.pingIntervalMs
      watched.beating.ping()
    }
    if (now >= watched.keepaliveAt) {
      watched.keepaliveAt = now + WIRE.keepaliveIntervalMs
      watched.beating.keepalive()
    }
  }
}

const hasLasted = (since: number | null, ms: number, now: number): boolean => since !== null && now - since >= ms
