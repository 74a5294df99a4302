/** What all connections of a user together may do. Kept for a while after the last of them, so that coming back is no new start. */
import type { Stop, UserId } from '../../src/presence-service.js'
import { once } from '../../src/model/emitter.js'
import { RELAY, USER_SHARE } from '../../src/protocol/limits.js'
import { createAllowance, type Allowance } from './allowance.js'
import { createStrangers, type Strangers } from './strangers.js'

export interface Budget {
  readonly allowance: Allowance
  readonly strangers: Strangers
}
export interface Budgets {
  /** For one connection; `release` when it ends. */
  of(userId: UserId): { readonly budget: Budget; readonly release: Stop }
  /** Of how many users anything is known. */
  size(): number
}

interface Kept extends Budget {
  connections: number
  /** Of the last connection's end. */
  restingSince: number
}

export function createBudgets(now: () => number): Budgets {
  const inUse = new Map<UserId, Kept>()
  /** The longest at rest first. */
  const resting = new Map<UserId, Kept>()
  return { of, size: () => inUse.size + resting.size }

  function of(userId: UserId): { budget: Budget; release: Stop } {
    forgetFilled()
    const kept = inUse.get(userId) ?? resting.get(userId) ?? { allowance: createAllowance(USER_SHARE), strangers: createStrangers(), connections: 0, restingSince: 0 }
    resting.delete(userId)
    inUse.set(userId, kept)
    kept.connections++
    return { budget: kept, release: once(() => release(userId, kept)) }
  }

  function release(userId: UserId, kept: Kept): void {
    if (--kept.connections > 0) return
    kept.restingSince = now()
    inUse.delete(userId)
    resting.set(userId, kept)
  }

  function forgetFilled(): void {
    for (const [userId, { restingSince }] of resting) {
      if (now() - restingSince < RELAY.budgetKeptMs && resting.size <= RELAY.budgetsKept) return
      resting.delete(userId)
    }
  }
}
