import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDeadlines } from '../../../server/hub/deadlines.js'
import { createManualClock } from '../../../testing/manual-clock.js'

const START = 1_700_000_000_012
/** One turn of the wheel. */
const TURN_MS = 102_400

function setUp() {
  const clock = createManualClock(START)
  let stalledMs = 0
  const timers = new Set<unknown>()
  const due: [item: string, at: number][] = []
  /** Whatever else an item does when it is due. */
  let onDue: (item: string) => void = () => undefined
  const now = (): number => clock.now() + stalledMs
  const deadlines = createDeadlines<string>({
    now,
    at(time, callback) {
      timers.add(callback)
      const stop = clock.at(time - stalledMs, () => { timers.delete(callback); callback() })
      return () => { timers.delete(callback); stop() }
    },
  }, (item) => {
    due.push([item, now() - START])
    onDue(item)
  })
  return {
    clock, deadlines, due, now, timers: () => timers.size,
    /** Time passes, and nothing runs meanwhile. */
    stall: (ms: number) => { stalledMs += ms },
    onDue: (listener: (item: string) => void) => { onDue = listener },
  }
}

describe('a deadline', () => {
  it.each([0, 1, 87, 88, 89, 100, 4_000, TURN_MS - 1, TURN_MS, TURN_MS + 1, TURN_MS + 100, 3_600_000])('in %i ms is met then, or within a tenth of a second', (ms) => {
    const { clock, deadlines, due } = setUp()
    deadlines.set('alice', START + ms)
    clock.advance(ms - 1)
    expect(due).toEqual([])
    clock.advance(101)
    expect(due.map(([item]) => item)).toEqual(['alice'])
    clock.advance(3 * TURN_MS)
    expect(due).toHaveLength(1)
  })

  it('can be moved, earlier and later, and taken back', () => {
    const { clock, deadlines, due } = setUp()
    deadlines.set('alice', START + 1_000)
    deadlines.set('alice', START + 5_000)
    deadlines.set('bob', START + 5_000)
    deadlines.set('bob', START + 1_000)
    deadlines.set('carol', START + 1_000)
    deadlines.set('carol', null)
    deadlines.set('nobody', null)
    clock.advance(2_000)
    expect(due.map(([item]) => item)).toEqual(['bob'])
    clock.advance(4_000)
    expect(due.map(([item]) => item)).toEqual(['bob', 'alice'])
  })

  it('that is past already is met in the next tenth of a second, also after a long rest', () => {
    const { clock, deadlines, due } = setUp()
    clock.advance(3_600_000)
    deadlines.set('alice', START)
    deadlines.set('bob', START + 3_600_000 - 250)
    clock.advance(200)
    expect(due.map(([item]) => item).sort()).toEqual(['alice', 'bob'])
  })

  it('can be set anew by whoever is due', () => {
    const { clock, deadlines, due, onDue } = setUp()
    onDue((item) => { if (due.length < 3) deadlines.set(item, clock.now() + 1_000) })
    deadlines.set('alice', START + 1_000)
    clock.advance(10_000)
    expect(due.map(([, at]) => Math.floor(at / 1_000))).toEqual([1, 2, 3])
  })

  it('can be taken back by another that is due at the same time', () => {
    const { clock, deadlines, due, onDue } = setUp()
    onDue(() => deadlines.set('bob', null))
    deadlines.set('alice', START + 1_000)
    deadlines.set('bob', START + 1_000)
    clock.advance(TURN_MS * 2)
    expect(due.map(([item]) => item)).toEqual(['alice'])
  })

  it('can be put off by another that is due at the same time', () => {
    const { clock, deadlines, due, onDue } = setUp()
    onDue((item) => { if (item === 'alice') deadlines.set('bob', START + 9_000) })
    deadlines.set('alice', START + 1_000)
    deadlines.set('bob', START + 1_000)
    clock.advance(8_900)
    expect(due.map(([item]) => item)).toEqual(['alice'])
    clock.advance(200)
    expect(due.map(([item]) => item)).toEqual(['alice', 'bob'])
  })

  it('[LV6] is met once after a stall, however long it was', () => {
    for (const stallMs of [500, TURN_MS - 100, TURN_MS, 5 * TURN_MS]) {
      const { clock, deadlines, due, stall } = setUp()
      for (let index = 0; index < 50; index++) deadlines.set(`${index}`, START + 100 + index * 7)
      deadlines.set('later', START + 6 * TURN_MS)
      stall(stallMs)
      clock.advance(200)
      expect(due.filter(([item]) => item !== 'later')).toHaveLength(50)
      clock.advance(7 * TURN_MS)
      expect(due).toHaveLength(51)
    }
  })

  it('[LV6] is not lost when those before it take their time', () => {
    const { clock, deadlines, due, stall, onDue, now } = setUp()
    onDue((item) => {
      stall(150)
      deadlines.set(item, now() + 60_000)
    })
    for (let index = 0; index < 10; index++) deadlines.set(`${index}`, START + 1_000 + index * 100)
    clock.advance(3_000)
    expect(new Set(due.map(([item]) => item)).size).toBe(10)
  })

  it('costs no timer while there is none', () => {
    const { clock, deadlines, timers } = setUp()
    expect(timers()).toBe(0)
    deadlines.set('alice', START + 1_000)
    deadlines.set('bob', START + 1_000)
    expect(timers()).toBe(1)
    clock.advance(2_000)
    expect(timers()).toBe(0)
  })

  it('is met although another one\'s turn failed', () => {
    const { clock, deadlines, due, onDue } = setUp()
    onDue((item) => { if (item === 'alice') throw new Error('a mistake of ours') })
    deadlines.set('alice', START + 1_000)
    deadlines.set('bob', START + 2_000)
    expect(() => clock.advance(1_100)).toThrow('a mistake of ours')
    clock.advance(2_000)
    expect(due.map(([item]) => item)).toEqual(['alice', 'bob'])
  })

  it('is not met after the end', () => {
    const { clock, deadlines, due, timers } = setUp()
    deadlines.set('alice', START + 1_000)
    deadlines.stop()
    deadlines.stop()
    deadlines.set('bob', START + 1_000)
    clock.advance(10_000)
    expect([due, timers()]).toEqual([[], 0])
  })
})

it('whatever is set when, each is met on time and once, and what was taken back is not', () => {
  const step = fc.record({
    item: fc.constantFrom('a', 'b', 'c', 'd'), passMs: fc.constantFrom(0, 1, 50, 99, 100, 101, 5_000, TURN_MS),
    inMs: fc.option(fc.constantFrom(-5_000, -1, 0, 1, 99, 100, 101, 1_000, TURN_MS - 100, TURN_MS, TURN_MS + 100, 250_000), { nil: null }),
  })
  fc.assert(fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
    const { clock, deadlines, due } = setUp()
    const wanted = new Map<string, number>()
    const check = (): void => {
      for (const [item, at] of due.splice(0)) {
        expect(wanted.has(item)).toBe(true)
        expect(START + at).toBeGreaterThanOrEqual(wanted.get(item)!)
        wanted.delete(item)
      }
      for (const time of wanted.values()) expect(clock.now()).toBeLessThanOrEqual(time + 100)
    }
    for (const { item, passMs, inMs } of steps) {
      for (let left = passMs; left > 0; left -= 100) {
        clock.advance(Math.min(100, left))
        check()
      }
      deadlines.set(item, inMs === null ? null : clock.now() + inMs)
      inMs === null ? wanted.delete(item) : wanted.set(item, Math.max(clock.now(), clock.now() + inMs))
    }
    clock.advance(3 * TURN_MS)
    check()
    expect(wanted.size).toBe(0)
  }))
})
