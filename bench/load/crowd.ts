import { until } from '../../test/support/until.js'

/** Does it for all, so many at a time; the first failure ends it. */
export async function forAll<Item>(items: readonly Item[], atOnce: number, act: (item: Item, index: number) => Promise<void>): Promise<void> {
  let next = 0
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++
      await act(items[index]!, index)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, work))
}

/** Calls `act` `count` times, `intervalMs` apart; a late one is made up for. Resolves after the last. */
export function atPace(count: number, intervalMs: number, act: (index: number) => void): Promise<void> {
  const startedAt = performance.now()
  let done = 0
  return new Promise((resolve, reject) => {
    const beat = (): void => {
      try {
        while (done < count && performance.now() >= startedAt + done * intervalMs) act(done++)
      } catch (error) {
        return reject(error instanceof Error ? error : new Error(String(error)))
      }
      if (done === count) return resolve()
      setTimeout(beat, startedAt + done * intervalMs - performance.now())
    }
    beat()
  })
}

/** Until so many were counted; one too few is a failure of what is measured. */
export const reached = (count: () => number, expected: number, what: string, withinMs = 60_000): Promise<true> =>
  until(() => count() >= expected, `${expected} ${what}`, withinMs).then(() => true as const, () => { throw new Error(`${count()} of ${expected} ${what} arrived.`) })
