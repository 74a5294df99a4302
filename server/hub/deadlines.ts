/**
 * Who is to be looked at again, and when: a hashed timing wheel (Varghese and Lauck, 1987), so that moving a deadline,
 * which every heartbeat does, costs the same for one user as for a hundred thousand.
 */
import type { Clock } from '../../src/ports.js'
import type { Stop } from '../../src/presence-service.js'

/** What has a time of its own to be looked at. */
export interface Due {
  due(): void
}

export interface Deadlines<Item> {
  /** Replaces the item's deadline; null: none. */
  set(item: Item, time: number | null): void
  /** For good. */
  stop(): void
}

/** A deadline is met at most this late, which is the feed's longest tick (LV3). */
const SLOT_MS = 100
/** One turn is 102 s; what is due later stays in its slot for another. */
const SLOTS = 1_024

export function createDeadlines<Item>(clock: Clock, onDue: (item: Item) => void): Deadlines<Item> {
  const slots: (Set<Item> | undefined)[] = new Array<undefined>(SLOTS)
  const dueAt = new Map<Item, number>()
  let turnedTo = slotAt(clock.now())
  let cancel: Stop | null = null
  let isTurning = false
  let isStopped = false
  return { set, stop }

  function set(item: Item, time: number | null): void {
    const before = dueAt.get(item)
    if (before !== undefined) slots[indexOf(before)]?.delete(item)
    if (time === null || isStopped) {
      dueAt.delete(item)
      return
    }
    // At rest the wheel stands still. While it turns it does not: what became due meanwhile has yet to be visited.
    if (!cancel && !isTurning) turnedTo = Math.max(turnedTo, slotAt(clock.now()))
    const due = Math.max(slotOf(time), turnedTo + 1)
    dueAt.set(item, due)
    ;(slots[indexOf(due)] ??= new Set()).add(item)
    if (!cancel && !isTurning) next()
  }

  function turn(): void {
    cancel = null
    isTurning = true
    const now = slotAt(clock.now())
    // After a stall every slot is visited once at most, however long it was.
    const from = Math.max(turnedTo + 1, now - SLOTS + 1)
    turnedTo = now
    try {
      for (let slot = from; slot <= now; slot++) visit(slot, now)
    } finally {
      isTurning = false
      if (dueAt.size > 0) next()
    }
  }

  function visit(slot: number, now: number): void {
    for (const item of [...(slots[indexOf(slot)] ?? [])]) {
      const due = dueAt.get(item)
      // One before it may have put it off, or taken it back.
      if (due === undefined || due > now) continue
      slots[indexOf(slot)]!.delete(item)
      dueAt.delete(item)
      onDue(item)
    }
  }

  function next(): void {
    cancel = clock.at((turnedTo + 1) * SLOT_MS, turn)
  }

  function stop(): void {
    isStopped = true
    cancel?.()
    dueAt.clear()
    slots.fill(undefined)
  }
}

/** The slot that begins at or after `time`, so that nothing is due early; and the one that has begun. */
const slotOf = (time: number): number => Math.ceil(time / SLOT_MS)
const slotAt = (now: number): number => Math.floor(now / SLOT_MS)
const indexOf = (slot: number): number => slot % SLOTS
