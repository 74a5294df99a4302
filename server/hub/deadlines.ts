/**
 * Who is to be looked at again, and when: a hashed timing wheel (Varghese and Lauck, 1987), so that moving a deadline,
 * which every heartbeat does, costs the same for one user as for a hundred thousand.
 */
import type { Clock } from '../../src/ports.js'
import type { Stop } from '../../src/presence-service.js'

export interface Deadlines<Item> {
  /** Replaces the item's deadline; null: none. */
  set(item: Item, time: number | null): void
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
  return { set, stop }

  function set(item: Item, time: number | null): void {
    const before = dueAt.get(item)
    if (before !== undefined) slots[indexOf(before)]?.delete(item)
    if (time === null) {
      dueAt.delete(item)
      return
    }
    const due = Math.max(slotOf(time), turnedTo + 1)
    dueAt.set(item, due)
    ;(slots[indexOf(due)] ??= new Set()).add(item)
    if (!cancel) {
      turnedTo = Math.max(turnedTo, slotAt(clock.now()))
      next()
    }
  }

  function turn(): void {
    cancel = null
    const now = slotAt(clock.now())
    // After a stall every slot is visited once at most, however long it was.
    const from = Math.max(turnedTo + 1, now - SLOTS + 1)
    turnedTo = now
    for (let slot = from; slot <= now; slot++) {
      for (const item of [...(slots[indexOf(slot)] ?? [])]) {
        if (dueAt.get(item)! > now) continue
        slots[indexOf(slot)]!.delete(item)
        dueAt.delete(item)
        onDue(item)
      }
    }
    if (dueAt.size > 0 && !cancel) next()
  }

  function next(): void {
    cancel = clock.at((turnedTo + 1) * SLOT_MS, turn)
  }

  function stop(): void {
    cancel?.()
    dueAt.clear()
    slots.fill(undefined)
  }
}

/** The slot that begins at or after `time`, so that nothing is due early; and the one that has begun. */
const slotOf = (time: number): number => Math.ceil(time / SLOT_MS)
const slotAt = (now: number): number => Math.floor(now / SLOT_MS)
const indexOf = (slot: number): number => slot % SLOTS
