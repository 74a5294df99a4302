import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RESTART_MS, planDrain } from '../../../server/relay/drain-plan.js'

const clients = fc.integer({ min: 0, max: 3_000 })
const withinMs = fc.constantFrom(0, 1, 999, 10_000, 60_000)

it('F16 lets clients go evenly, the first at once and the last before the time is over', () => fc.assert(fc.property(clients, withinMs, (count, ms) => {
  const times = planDrain(count, ms).map(({ leaveAfterMs }) => leaveAfterMs)
  expect(times.length).toBe(count)
  expect(times[0] ?? 0).toBe(0)
  expect(times.at(-1) ?? 0).toBeLessThanOrEqual(ms)
  expect(times.slice(1).every((time, index) => Math.abs(time - times[index]! - ms / count) <= 1)).toBe(true)
})))

it('F16 asks nobody back before the last has gone and the next relay may listen, and everybody right then', () => fc.assert(fc.property(clients, withinMs, (count, ms) => {
  expect(planDrain(count, ms).every(({ leaveAfterMs, retryAfterMs }) => leaveAfterMs + retryAfterMs === ms + RESTART_MS)).toBe(true)
})))
