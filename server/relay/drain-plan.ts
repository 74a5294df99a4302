/** Who leaves a relay that is drained, and when they may come back. Pure. */
export interface Departure {
  readonly leaveAfterMs: number
  readonly retryAfterMs: number
}

/** After the last has gone, a relay that is started again at once does not listen yet: who tries too often waits longer between tries. */
export const RESTART_MS = 1_000

/**
 * One after the other, evenly; and back once the last has gone, since until then the relay is there and lets nobody in. Clients spread
 * their return by themselves.
 */
export const planDrain = (clients: number, withinMs: number): readonly Departure[] => Array.from({ length: clients }, (_, index) => {
  const leaveAfterMs = Math.floor((withinMs * index) / clients)
  return { leaveAfterMs, retryAfterMs: Math.ceil(withinMs) - leaveAfterMs + RESTART_MS }
})
