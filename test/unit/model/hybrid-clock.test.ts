import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareStamps, isFarAhead, isStamp, isTime, isWriterId, LATEST_TIME_MS, nextStamp, shiftStamp, type Stamp } from '../../../src/model/hybrid-clock.js'
import { hostileValues } from './hostile-values.js'
import { near, NOW, WRITERS } from './arbitraries.js'

const [writer, other] = WRITERS
const MAXIMUM_COUNTER = 0xffff_ffff

const stamps: fc.Arbitrary<Stamp> = fc.tuple(near(NOW, NOW + 1_000), fc.constantFrom(0, 1, MAXIMUM_COUNTER), fc.constantFrom(...WRITERS))

describe('the next stamp', () => {
  it.each<[name: string, now: number, greatest: Stamp | undefined, at: Stamp]>([
    ['[CS1] is now, where nothing is known',                  NOW, undefined, [NOW, 0, writer]],
    ['[CS1] is now, where now is later than all known',       NOW, [NOW - 1, 9, other], [NOW, 0, writer]],
    ['[CS1] counts on within one millisecond',                NOW, [NOW, 9, other], [NOW, 10, writer]],
    ['[CS1] counts on where what is known is ahead of now',   NOW, [NOW + 5_000, 0, other], [NOW + 5_000, 1, writer]],
    ['[TM3] counts on where the clock was set back',          NOW - 3_600_000, [NOW, 0, writer], [NOW, 1, writer]],
    ['[CS1] borrows a millisecond where the counter is full', NOW, [NOW, MAXIMUM_COUNTER, other], [NOW + 1, 0, writer]],
    ['[CS1] is whole milliseconds',                           NOW + 0.9, undefined, [NOW, 0, writer]],
    ['[CS1] is readable from a clock before 1970',            -5, undefined, [0, 0, writer]],
    ['[CS1] is readable from a clock after 9999',             LATEST_TIME_MS + 5, undefined, [LATEST_TIME_MS, 0, writer]],
  ])('%s', (_, now, greatest, at) => {
    expect(nextStamp(now, greatest, writer)).toEqual(at)
  })

  it('[CS1] is above the greatest known, whatever the clock says', () => fc.assert(fc.property(stamps, near(NOW, 0, NOW + 9_999), (greatest, now) => {
    const next = nextStamp(now, greatest, writer)
    expect(compareStamps(next, greatest)).toBeGreaterThan(0)
    expect(isStamp(next)).toBe(true)
  })))
})

describe('comparing stamps', () => {
  it('[CS1] goes by time, then counter, then writer', () => {
    const inOrder: readonly Stamp[] = [[NOW, 0, writer], [NOW, 0, other], [NOW, 1, writer], [NOW, 2, writer], [NOW + 1, 0, writer]]
    fc.assert(fc.property(fc.shuffledSubarray([...inOrder], { minLength: inOrder.length }), (shuffled) => {
      expect(shuffled.sort(compareStamps)).toEqual(inOrder)
    }))
  })
  it('[CS1] is a total order', () => fc.assert(fc.property(stamps, stamps, stamps, (a, b, c) => {
    expect(Math.sign(compareStamps(a, b))).toBe(0 - Math.sign(compareStamps(b, a)))
    expect(compareStamps(a, b) === 0).toBe(JSON.stringify(a) === JSON.stringify(b))
    if (compareStamps(a, b) <= 0 && compareStamps(b, c) <= 0) expect(compareStamps(a, c)).toBeLessThanOrEqual(0)
  })))
})

describe('correcting stamps', () => {
  it.each<[name: string, ms: number, byMs: number, expected: number]>([
    ['[TM2] shifts forward by a measured offset', NOW, 3_600_000, NOW + 3_600_000],
    ['[TM2] shifts back',                         NOW, -3_600_000, NOW - 3_600_000],
    ['[TM2] to whole milliseconds',               NOW, 0.6, NOW + 1],
    ['[TM2] not below 1970',                      5, -6, 0],
    ['[TM2] not beyond 9999',                     LATEST_TIME_MS - 1, 2, LATEST_TIME_MS],
  ])('%s', (_, ms, byMs, expected) => {
    const shifted = shiftStamp([ms, 7, writer], byMs)
    expect(shifted).toEqual([expected, 7, writer])
    expect(isStamp(shifted)).toBe(true)
  })
  it('[TM2] keeps the order of what one device wrote', () => fc.assert(fc.property(stamps, stamps, fc.double({ min: -1e9, max: 1e9, noNaN: true }), (a, b, byMs) => {
    expect(Math.sign(compareStamps(shiftStamp(a, byMs), shiftStamp(b, byMs)))).toBe(Math.sign(compareStamps(a, b)))
  })))
  it('[TM2] is too far ahead beyond 60 s', () => {
    expect(isFarAhead([NOW + 60_000, 0, writer], NOW)).toBe(false)
    expect(isFarAhead([NOW + 60_001, 0, writer], NOW)).toBe(true)
  })
})

describe('reading stamps', () => {
  it('[CS1] up to the end of the year 9999', () => expect(new Date(LATEST_TIME_MS).toISOString()).toBe('9999-12-31T23:59:59.999Z'))
  it.each<[name: string, value: unknown, expected: boolean]>([
    ['one', [NOW, 0, writer], true],
    ['the least', [0, 0, writer], true],
    ['the greatest', [LATEST_TIME_MS, MAXIMUM_COUNTER, writer], true],
    ['beyond the greatest time', [LATEST_TIME_MS + 1, 0, writer], false],
    ['beyond the greatest counter', [NOW, MAXIMUM_COUNTER + 1, writer], false],
    ['a negative time', [-1, 0, writer], false],
    ['a negative counter', [NOW, -1, writer], false],
    ['a fraction', [NOW + 0.5, 0, writer], false],
    ['NaN', [Number.NaN, 0, writer], false],
    ['a time as text', [String(NOW), 0, writer], false],
    ['a short writer', [NOW, 0, writer.slice(1)], false],
    ['a long writer', [NOW, 0, `${writer}A`], false],
    ['a writer and a line break', [NOW, 0, `${writer}\n`], false],
    ['a writer with a slash', [NOW, 0, `${writer.slice(1)}/`], false],
    ['too few', [NOW, 0], false],
    ['too many', [NOW, 0, writer, 0], false],
  ])('[CS1] %s', (_, value, expected) => expect(isStamp(value)).toBe(expected))

  it.each(hostileValues.filter(([name]) => !name.includes('proxy')))('[T23] takes no hostile value for a stamp, time or id: %s', (_, value) => {
    expect([isStamp(value), isTime(value), isWriterId(value)]).toEqual([false, false, false])
  })
})
