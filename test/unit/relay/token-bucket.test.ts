import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fullBucket, take } from '../../../server/relay/token-bucket.js'
import type { Rate } from '../../../src/protocol/limits.js'

const NOW = 1_700_000_000_000
const RATE: Rate = { perSecond: 20, burst: 40 }

/** How many of `times` are let through. */
function taken(rate: Rate, times: readonly number[]): number {
  let bucket = fullBucket(rate, NOW)
  return times.filter((time) => {
    const after = take(bucket, rate, time)
    bucket = after.bucket
    return after.isTaken
  }).length
}
const at = (count: number, stepMs: number, from = NOW): number[] => Array.from({ length: count }, (_, index) => from + index * stepMs)

describe('a token bucket', () => {
  it('[T20] lets a burst through, and no more', () => {
    expect(taken(RATE, at(100, 0))).toBe(40)
  })
  it('[T20] lets its rate through for as long as you like', () => {
    expect(taken(RATE, at(10_000, 50))).toBe(10_000)
    expect(taken(RATE, at(10_000, 49))).toBeLessThan(10_000)
  })
  it.each<[ms: number, more: number]>([[49, 0], [50, 1], [999, 19], [1_000, 20], [2_000, 40], [3_600_000, 40]])('has after %i ms %i more', (ms, more) => {
    expect(taken(RATE, [...at(40, 0), ...at(100, 0, NOW + ms)])).toBe(40 + more)
  })
  it('[F10] is neither filled nor emptied by a clock that goes back', () => {
    expect(taken(RATE, [...at(40, 0), NOW - 3_600_000, NOW])).toBe(40)
  })
  it('does not fill faster by being asked often', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 200 }), (steps) => {
      let time = NOW
      const times = steps.map((step) => (time += step))
      expect(taken(RATE, times)).toBeLessThanOrEqual(Math.ceil(RATE.burst + (RATE.perSecond * (time - NOW)) / 1_000))
    }))
  })
})
