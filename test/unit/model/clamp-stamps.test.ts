import { describe, expect, it } from 'vitest'
import { clampRegisters, isCorrection } from '../../../src/model/clamp-stamps.js'
import { compareStamps, type Stamp } from '../../../src/model/hybrid-clock.js'
import type { Register, Registers } from '../../../src/model/registers.js'

const NOW = 1_800_000_000_000
const LIMIT = NOW + 60_000
const ALICE = 'AliceAliceAliceAliceAA'
const BOB = 'BobBobBobBobBobBobBobB'
const register = (ms: number, value: string, writerId = ALICE, counter = 0): Register => ({ at: [ms, counter, writerId], value })
const of = (rows: Record<string, Register>): Registers => new Map(Object.entries(rows))
const NOTHING: Registers = new Map()

describe('clamping stamps', () => {
  it('[TM2] leaves what is no more than 60 s ahead as it is', () => {
    const incoming = of({ status: register(LIMIT, 'a'), custom: register(NOW - 1, 'b') })
    expect(clampRegisters(incoming, NOTHING, NOW)).toBe(incoming)
  })

  it('[TM2] stores what is further ahead as now + 60 s', () => {
    expect(clampRegisters(of({ status: register(LIMIT + 1, 'a') }), NOTHING, NOW).get('status')).toEqual(register(LIMIT, 'a'))
  })

  it('[TM2] keeps the order of several', () => {
    const clamped = clampRegisters(of({ a: register(LIMIT + 9, '3'), b: register(LIMIT + 5, '1', BOB), c: register(LIMIT + 5, '2', BOB, 1) }), NOTHING, NOW)
    const inOrder = [...clamped].sort(([, one], [, other]) => compareStamps(one.at, other.at)).map(([, { value }]) => value)
    expect(inOrder).toEqual(['1', '2', '3'])
  })

  it.each<[string, Stamp]>([['at the limit', [LIMIT, 7, BOB]], ['beyond it, by a relay of another clock', [LIMIT + 500, 0, BOB]]])(
    '[TM2] still beats what it would have beaten: a truth %s', (_, at) => {
      const clamped = clampRegisters(of({ status: register(LIMIT + 10_000, 'later') }), of({ status: { at, value: 'earlier' } }), NOW).get('status')!
      expect(compareStamps(clamped.at, at)).toBeGreaterThan(0)
      expect(clamped.at[0]).toBe(at[0])
    })

  it('[TM2] merges nothing where the truth is the same edit, already set right', () => {
    expect(clampRegisters(of({ status: register(LIMIT + 10_000, 'a') }), of({ status: register(NOW - 5_000, 'a') }), NOW).size).toBe(0)
  })

  it.each([
    ['the same value, lower', register(1, 'a'), register(2, 'a'), true],
    ['the same value, by another writer', register(1, 'a', BOB), register(2, 'a'), false],
    ['another value', register(1, 'b'), register(2, 'a'), false],
    ['the same stamp', register(2, 'a'), register(2, 'a'), false],
    ['a higher stamp', register(3, 'a'), register(2, 'a'), false],
  ])('a correction is the same edit with a lower stamp: %s', (_, candidate, original, expected) => {
    expect(isCorrection(candidate, original)).toBe(expected)
  })
})
