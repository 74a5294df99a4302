/** Carries what changed of users to the store: one save per user at a time, and what failed is tried again. */
import type { Clock, Log } from '../../src/ports.js'
import { PresenceError } from '../../src/errors.js'
import type { Stamp } from '../../src/model/hybrid-clock.js'
import { LIMITS } from '../../src/model/limits.js'
import type { Register } from '../../src/model/registers.js'
import type { ActivityEvent, DeviceId } from '../../src/presence-service.js'
import type { HubUser } from './hub-user.js'
import type { Meter } from './meter.js'
import { frozenToJson } from './show.js'
import type { UserStore } from './user-store.js'

export interface Changes {
  readonly registers?: readonly string[]
  readonly records?: readonly DeviceId[]
  readonly frozen?: boolean
  readonly activity?: readonly ActivityEvent[]
}
export interface Saver {
  /** Resolves once these changes, as they are by then, are durable. Rejects with `storage-unavailable`; they are tried again all the same. */
  save(user: HubUser, changes: Changes): Promise<void>
  isSaving(user: HubUser): boolean
  /** Waits for what is under way, and tries once more what had failed. */
  close(): Promise<void>
}
export interface SaverOptions {
  readonly store: UserStore
  readonly clock: Clock
  readonly log: Log
  readonly meter: Meter
  readonly onStored: (user: HubUser, stamps: ReadonlyMap<string, Stamp>) => void
  /** Nothing of theirs is on its way any more. */
  readonly onIdle: (user: HubUser) => void
}

interface Pending {
  registers: Set<string>
  records: Set<DeviceId>
  frozen: boolean
  activity: ActivityEvent[]
  waiting: { resolve: () => void; reject: (error: PresenceError) => void }[]
}
const RETRY_MS = 1_000

export function createSaver({ store, clock, log, meter, onStored, onIdle }: SaverOptions): Saver {
  const pending = new Map<HubUser, Pending>()
  const running = new Map<HubUser, Promise<void>>()
  /** Whose last save failed: until it is tried again, nothing of theirs overtakes it. */
  const resting = new Set<HubUser>()
  let isClosed = false
  return { save, isSaving, close }

  function isSaving(user: HubUser): boolean {
    return pending.has(user) || running.has(user)
  }

  function save(user: HubUser, changes: Changes): Promise<void> {
    const waiting = add(user, changes)
    const saved = new Promise<void>((resolve, reject) => waiting.push({ resolve, reject }))
    // Most callers have nothing to do about a failure: it is logged, and tried again.
    saved.catch(() => undefined)
    run(user)
    return saved
  }

  function add(user: HubUser, { registers = [], records = [], frozen = false, activity = [] }: Changes): Pending['waiting'] {
    const entry = pending.get(user) ?? { registers: new Set(), records: new Set(), frozen: false, activity: [], waiting: [] }
    pending.set(user, entry)
    registers.forEach((name) => entry.registers.add(name))
    records.forEach((id) => entry.records.add(id))
    entry.frozen ||= frozen
    entry.activity.push(...activity)
    return entry.waiting
  }

  function run(user: HubUser): void {
    if (running.has(user) || resting.has(user)) return
    const next = pending.get(user)
    if (!next) return
    pending.delete(user)
    running.set(user, write(user, next).finally(() => {
      running.delete(user)
      run(user)
      if (!isSaving(user)) onIdle(user)
    }))
  }

  async function write(user: HubUser, next: Pending): Promise<void> {
    const registers = new Map<string, Register>([...next.registers].flatMap((name) => {
      const register = user.registers.get(name)
      return register ? [[name, register]] : []
    }))
    const begunAt = clock.now()
    try {
      await store.save(user.userId, {
        ...(registers.size > 0 ? { registers } : {}),
        ...(next.records.size > 0 ? { records: new Map([...next.records].map((id) => [id, user.records.get(id) ?? null])) } : {}),
        ...(next.frozen ? { frozen: user.frozen && frozenToJson(user.frozen, user.lastChangeAt) } : {}),
        ...(next.activity.length > 0 ? { activity: next.activity } : {}),
      })
    } catch (cause) {
      meter.saved(false, clock.now() - begunAt)
      fail(user, next, cause)
      return
    }
    meter.saved(true, clock.now() - begunAt)
    if (registers.size > 0) onStored(user, new Map([...registers].map(([name, { at }]) => [name, at])))
    next.waiting.forEach(({ resolve }) => resolve())
  }

  function fail(user: HubUser, next: Pending, cause: unknown): void {
    log('error', 'The store did not take a change; it will be tried again.', { cause: String(cause) })
    const error = new PresenceError('storage-unavailable', {
      message: 'The store did not take the change.', remedy: 'Check its disk or server; the change is kept in memory and tried again.', cause,
    })
    next.waiting.forEach(({ reject }) => reject(error))
    if (isClosed) return
    const later = pending.get(user)
    pending.set(user, {
      registers: new Set([...next.registers, ...later?.registers ?? []]), records: new Set([...next.records, ...later?.records ?? []]),
      frozen: next.frozen || (later?.frozen ?? false), activity: [...next.activity, ...later?.activity ?? []].slice(-LIMITS.activityRows), waiting: later?.waiting ?? [],
    })
    resting.add(user)
    clock.at(clock.now() + RETRY_MS, () => retry(user))
  }

  function retry(user: HubUser): void {
    if (resting.delete(user)) run(user)
  }

  async function close(): Promise<void> {
    isClosed = true
    // What failed is tried once more, and not again.
    for (const user of [...resting]) retry(user)
    while (running.size > 0) await Promise.all(running.values())
  }
}
