import type { Clock } from '../../src/ports.js'
import type { Stop } from '../../src/presence-service.js'

export const LATE: unique symbol = Symbol('late')

/** What the promise comes to, or `LATE`; rejects as it does. */
export async function inTime<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | typeof LATE> {
  let cancel: Stop = () => undefined
  const late = new Promise<typeof LATE>((resolve) => { cancel = clock.at(clock.now() + ms, () => resolve(LATE)) })
  return Promise.race([promise, late]).finally(() => cancel())
}
