import { describe, expect, it } from 'vitest'
import { createManualClock } from '../../../testing/manual-clock.js'

describe('the manual clock', () => {
  const START = 1_800_000_000_000

  it('stands still until it is advanced', () => {
    const clock = createManualClock(START)
    expect(clock.now()).toBe(START)
    clock.advance(250)
    expect(clock.now()).toBe(START + 250)
  })

  it('runs what becomes due in the order of its time, then of its setting, at that time', () => {
    const clock = createManualClock(START)
    const ran: string[] = []
    const note = (name: string) => () => { ran.push(`${name} ${clock.now() - START}`) }
    clock.at(START + 30, note('c'))
    clock.at(START + 10, note('a'))
    clock.at(START + 10, note('b'))
    clock.at(START + 31, note('not yet'))
    clock.advance(30)
    expect(ran).toEqual(['a 10', 'b 10', 'c 30'])
  })

  it('runs what a callback sets, if it is due within the same advance', () => {
    const clock = createManualClock(START)
    const ran: number[] = []
    const tick = (): void => {
      ran.push(clock.now() - START)
      clock.at(clock.now() + 10, tick)
    }
    clock.at(START + 10, tick)
    clock.advance(35)
    expect([ran, clock.now()]).toEqual([[10, 20, 30], START + 35])
  })

  it('runs what was due in the past at the next turn, and never turns back', () => {
    const clock = createManualClock(START)
    const ran: number[] = []
    clock.at(START - 1_000, () => ran.push(clock.now() - START))
    expect(ran).toEqual([])
    clock.advance(0)
    expect(ran).toEqual([0])
  })

  it('forgets a timer that was stopped, also by another that ran first', () => {
    const clock = createManualClock(START)
    const ran: string[] = []
    clock.at(START + 1, () => {
      ran.push('first')
      stop()
    })
    const stop = clock.at(START + 1, () => ran.push('second'))
    clock.advance(10)
    stop()
    expect(ran).toEqual(['first'])
  })
})
