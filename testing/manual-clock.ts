/** Time that passes only when a test says so. */
import type { Clock } from '../src/ports.js'

export interface ManualClock extends Clock {
  /** Lets time pass: what becomes due runs in the order of its time, and reads that time from `now()`. */
  advance(ms: number): void
}

/** `start`: epoch milliseconds. */
export function createManualClock(start: number): ManualClock {
  const timers = new Set<{ readonly time: number; readonly callback: () => void }>()
  let time = start
  return {
    now: () => time,
    at(due, callback) {
      // Never in the past: a timer set for then fires at the next turn, as a real one does.
      const timer = { time: Math.max(due, time), callback }
      timers.add(timer)
      return () => { timers.delete(timer) }
    },
    advance(ms) {
      const end = time + ms
      for (let timer = nextUntil(end); timer; timer = nextUntil(end)) {
        timers.delete(timer)
        time = timer.time
        timer.callback()
      }
      time = end
    },
  }

  /** Of those due at one time, the one set first. */
  function nextUntil(end: number) {
    let next: { readonly time: number; readonly callback: () => void } | undefined
    for (const timer of timers) if (timer.time <= end && (!next || timer.time < next.time)) next = timer
    return next
  }
}
