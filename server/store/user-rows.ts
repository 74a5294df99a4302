/** A user as rows of an ordered store, and back. What cannot be read is named, and costs nobody anything else. */
import { isJson, parsed, unreadable, type Parsed } from '../../src/model/json.js'
import { parseRegister, type Register } from '../../src/model/registers.js'
import type { ActivityEvent, DeviceId, JsonValue, UserId } from '../../src/presence-service.js'
import type { DepartureRecord, StoredUser, UserChanges } from '../hub/user-store.js'
import { newestActivity } from './apply-changes.js'
import { parseActivityEvent, parseDepartureRecord, seal, unseal } from './stored-values.js'
import { activityKey, frozenKey, parseUserKey, recordKey, registerKey } from './user-keys.js'

export interface Row {
  readonly key: string
  readonly value: string
}
export interface DamagedRow extends Row {
  readonly reason: string
}

/** What to write, and for null what to delete. */
export function* rowsOf(userId: UserId, changes: UserChanges): Generator<{ readonly key: string; readonly value: string | null }> {
  const row = (key: string, value: unknown) => ({ key, value: value === null ? null : seal(key, value) })
  for (const [name, register] of changes.registers ?? []) yield row(registerKey(userId, name), register)
  for (const [deviceId, record] of changes.records ?? []) yield row(recordKey(userId, deviceId), record)
  if (changes.frozen !== undefined) yield row(frozenKey(userId), changes.frozen)
  for (const event of changes.activity ?? []) yield row(activityKey(userId, event.id), event)
}

export interface ReadUser {
  readonly user: StoredUser
  readonly damaged: readonly DamagedRow[]
  /** Keys of activity beyond the newest that are kept. */
  readonly surplus: readonly string[]
}

export function readUser(userId: UserId, entries: Iterable<readonly [key: string, value: string]>): ReadUser {
  const registers = new Map<string, Register>()
  const records = new Map<DeviceId, DepartureRecord>()
  const rows: ActivityEvent[] = []
  let frozen: JsonValue | null = null
  const damaged: DamagedRow[] = []
  for (const [key, value] of entries) {
    const read = readRow(key, value)
    if (!read.ok) damaged.push({ key, value, reason: read.reason })
  }
  const activity = newestActivity(rows)
  const newest = new Set(activity)
  return {
    user: { registers, records, frozen, activity },
    damaged,
    surplus: rows.filter((row) => !newest.has(row)).map(({ id }) => activityKey(userId, id)),
  }

  function readRow(key: string, value: string): Parsed<unknown> {
    const raw = unseal(key, value)
    if (!raw.ok) return raw
    const at = parseUserKey(userId, key)
    switch (at.part) {
      case 'register': return kept(parseRegister(at.name, raw.value), (register) => registers.set(at.name, register))
      case 'record': return kept(parseDepartureRecord(raw.value), (record) => records.set(at.deviceId, record))
      case 'frozen': return kept(isJson(raw.value) ? parsed(raw.value) : unreadable('it is not plain JSON'), (value) => { frozen = value })
      case 'activity': return kept(parseActivityEvent(raw.value), (event) => rows.push(event))
      case 'unknown': return unreadable('nothing of that name is known')
      default: return at satisfies never
    }
  }
}

function kept<T>(read: Parsed<T>, keep: (value: T) => void): Parsed<T> {
  if (read.ok) keep(read.value)
  return read
}
