import { performance } from 'node:perf_hooks'
import type { Clock } from '../../src/ports.js'

/** Longer timers fire at once in Node. */
const LONGEST_TIMER_MS = 2_147_483_647

/** The wall clock as it was when the process started, and monotonic since. */
export function createNodeClock(): Clock {
  const now = (): number => Math.floor(performance.timeOrigin + performance.now())
  return {
    now,
    at(time, callback) {
      let timer: NodeJS.Timeout
      const wait = (): void => {
        const delayMs = Math.max(0, time - now())
        timer = setTimeout(() => (now() < time ? wait() : callback()), Math.min(Math.ceil(delayMs), LONGEST_TIMER_MS))
        // A process may end while presence is waiting for a deadline.
        timer.unref()
      }
      wait()
      return () => clearTimeout(timer)
    },
  }
}
