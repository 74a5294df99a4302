import { describe, expect, it } from 'vitest'
import { asFigure, asShare, judge, judgeBeside } from '../../../bench/finding.js'
import { fullestWindow } from '../../../bench/measure/fullest-window.js'
import { percentile } from '../../../bench/measure/percentile.js'
import { readOptions } from '../../../bench/options.js'

describe('a budget', () => {
  const measured = { name: 'a row', unit: 'B', how: '' }

  it.each([[8, true], [8.01, false]])('of 8 is %s met: %s', (value, pass) => {
    expect(judge({ ...measured, value, atMost: 8 })).toMatchObject({ value, budget: '≤ 8 B', pass })
  })

  it.each([[1, true], [1.01, false]])('of a tenth of a peer’s 10 is %s met: %s', (value, pass) => {
    expect(judgeBeside({ ...measured, value, peer: { name: 'a peer', value: 10 }, atMost: 1 / 10 })).toMatchObject({ ratio: value / 10, budget: '≤ 1/10 of a peer', pass })
  })

  it('is not met by what could not be measured', () => {
    expect(judge({ ...measured, value: NaN, atMost: 8 }).pass).toBe(false)
    expect(judgeBeside({ ...measured, value: 1, peer: { name: 'a peer', value: NaN }, atMost: 1 }).pass).toBe(false)
  })
})

it.each([[1 / 15, '1/15'], [0.5, '0.5'], [0.0001, '1/10,000'], [1.28, '1.3']])('a share of %d is written %s', (share, text) => {
  expect(asShare(share)).toBe(text)
})

it.each([[0.6237, '0.624'], [68_123, '68,100'], [4, '4']])('a figure of %d is written %s', (value, text) => {
  expect(asFigure(value)).toBe(text)
})

it.each([[0.5, 2], [0.99, 4], [1, 4], [0, 1]])('the %d percentile of four values', (share, value) => {
  expect(percentile([4, 1, 3, 2], share)).toBe(value)
})

it('the fullest window is open at its end', () => {
  expect(fullestWindow([0, 100, 50, 149, 151, 400], 100)).toBe(3)
  expect(fullestWindow([0, 100], 100)).toBe(1)
  expect(fullestWindow([], 100)).toBe(0)
})

describe('what the command line asks for', () => {
  const benches = [{ name: 'one', rows: ['bytes of one'] }, { name: 'two', rows: ['bytes of another'] }].map((bench) => ({ ...bench, run: async () => [] }))

  it.each<[args: string[], names: string[], isWhole: boolean]>([
    [[], ['one', 'two'], true], [['--only', 'TWO'], ['two'], false], [['--only', 'bytes of'], ['one', 'two'], true], [['--only=^one|other'], ['one', 'two'], true],
  ])('%j', (args, names, isWhole) => {
    const options = readOptions(args, benches)
    expect(options).toMatchObject({ kind: 'run', isWhole })
    expect(options.kind === 'run' && options.benches.map(({ name }) => name)).toEqual(names)
  })

  it.each([[['--only', 'three']], [['--oly', 'two']], [['two']], [['--only', '(']]])('%j is not understood', (args) => {
    expect(readOptions(args, benches)).toMatchObject({ kind: 'misused' })
  })
})
