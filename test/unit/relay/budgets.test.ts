import { describe, expect, it } from 'vitest'
import { createAllowance } from '../../../server/relay/allowance.js'
import { createBudgets } from '../../../server/relay/budgets.js'
import { createStrangers } from '../../../server/relay/strangers.js'
import { RATES, RELAY, STRANGERS_RATE, USER_SHARE, type RateName } from '../../../src/protocol/limits.js'
import { createManualClock } from '../../../testing/manual-clock.js'

const NOW = 1_700_000_000_000
const ids = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => `user${from + index}`)

describe('an allowance', () => {
  it.each(Object.keys(RATES) as RateName[])('[T20] of %s is a burst, and then a rate', (name) => {
    const allowance = createAllowance()
    const taken = (now: number): number => {
      let count = 0
      while (allowance.take([name], 1, now) === 0) count++
      return count
    }
    const { burst, perSecond } = RATES[name]
    expect([taken(NOW), taken(NOW + 10_000)]).toEqual([burst, Math.min(burst, 10 * perSecond)])
  })

  it('says how long to wait', () => {
    const allowance = createAllowance()
    expect(allowance.take(['watches'], 2_000, NOW)).toBe(0)
    expect(allowance.take(['watches'], 100, NOW)).toBe(1_000)
    expect(allowance.take(['watches'], 100, NOW + 1_000)).toBe(0)
  })

  it('counts many operations of one message as one message', () => {
    const allowance = createAllowance()
    for (let index = 0; index < 2; index++) expect(allowance.take(['messages', 'watches'], 1_000, NOW)).toBe(0)
    expect(allowance.take(['messages'], 1, NOW)).toBe(0)
  })
})

describe('[T7] strangers', () => {
  it('may be 500 at once, and then 60 a minute', () => {
    const strangers = createStrangers()
    const asked = ids(5_000).filter((id, index) => strangers.ask(id, NOW + (index < 1_000 ? 0 : 60_000)) === 0)
    expect(asked).toHaveLength(560)
  })

  it('who were asked for lately cost nothing again, however often', () => {
    const strangers = createStrangers()
    for (let round = 0; round < 100; round++) expect(ids(500).every((id) => strangers.ask(id, NOW + round) === 0)).toBe(true)
    expect(strangers.ask('somebody else', NOW)).toBeGreaterThan(0)
  })

  it('who are still asked for stay known, and those of long ago do not', () => {
    const strangers = createStrangers()
    const friends = ids(500)
    friends.forEach((id) => strangers.ask(id, NOW))
    // A thousand others, one a second, and the friends every minute: a client that comes back again and again.
    for (let second = 1; second <= 1_000; second++) {
      expect(strangers.ask(`other${second}`, NOW + second * 1_000)).toBe(0)
      if (second % 60 === 0) expect(friends.every((id) => strangers.ask(id, NOW + second * 1_000) === 0)).toBe(true)
    }
    expect(strangers.ask('other1', NOW + 1_000_000)).toBeGreaterThan(0)
  })
})

describe('a user\'s budget', () => {
  const clock = createManualClock(NOW)

  it('[T7] is one for all their connections, and not filled by coming back', () => {
    const budgets = createBudgets(clock.now)
    const [first, second] = [budgets.of('mallory'), budgets.of('mallory')]
    ids(500).forEach((id, index) => (index % 2 === 0 ? first : second).budget.strangers.ask(id, clock.now()))
    first.release()
    first.release()
    second.release()
    const third = budgets.of('mallory')
    expect(third.budget.strangers.ask('one more', clock.now())).toBeGreaterThan(0)
    expect(budgets.of('alice').budget.strangers.ask('one more', clock.now())).toBe(0)
  })

  it('is forgotten once it would be full anyway', () => {
    const refillMs = ({ perSecond, burst }: { readonly perSecond: number; readonly burst: number }): number => (burst / perSecond) * 1_000
    const slowest = Math.max(refillMs(STRANGERS_RATE), ...Object.values(RATES).map((rate) => refillMs({ perSecond: rate.perSecond * USER_SHARE.perSecond, burst: rate.burst * USER_SHARE.burst })))
    expect(RELAY.budgetKeptMs).toBeGreaterThanOrEqual(slowest)
    const budgets = createBudgets(clock.now)
    budgets.of('alice').release()
    const bob = budgets.of('bob')
    clock.advance(RELAY.budgetKeptMs - 1)
    budgets.of('carol')
    expect(budgets.size()).toBe(3)
    clock.advance(1)
    budgets.of('carol')
    expect(budgets.size()).toBe(2)
    bob.release()
  })

  it('of more people than that, the longest unused is forgotten', () => {
    const budgets = createBudgets(clock.now)
    for (let index = 0; index < RELAY.budgetsKept + 5; index++) budgets.of(`user${index}`).release()
    expect(budgets.size()).toBeLessThanOrEqual(RELAY.budgetsKept + 1)
  })
})
