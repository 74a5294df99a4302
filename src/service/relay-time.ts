/** This device's clock as the relay would read it: by the offset last measured, and the steady clock in between (TM3). */
import type { Clock } from '../ports.js'

export interface RelayTime extends Clock {
  /** Null: never measured; our own clock is taken for right. */
  offsetMs(): number | null
  /** Returns by how much time moved. */
  correct(offsetMs: number): number
}

export function createRelayTime(clock: Clock, lastKnownOffsetMs: number | null): RelayTime {
  let offset = lastKnownOffsetMs
  return {
    now: () => clock.now() + (offset ?? 0),
    at: (time, callback) => clock.at(time - (offset ?? 0), callback),
    offsetMs: () => offset,
    correct(offsetMs) {
      const movedMs = offsetMs - (offset ?? 0)
      offset = offsetMs
      return movedMs
    },
  }
}
