import type { StoredUser, UserChanges } from '../hub/user-store.js'
import { LIMITS } from '../../src/model/limits.js'
import type { ActivityEvent } from '../../src/presence-service.js'

export const NOBODY: StoredUser = { registers: new Map(), records: new Map(), frozen: null, activity: [] }

/** What is stored after a save. */
export function applyChanges(stored: StoredUser, changes: UserChanges): StoredUser {
  const records = new Map(stored.records)
  for (const [deviceId, record] of changes.records ?? []) {
    if (record) records.set(deviceId, record)
    else records.delete(deviceId)
  }
  return {
    registers: new Map([...stored.registers, ...(changes.registers ?? [])]),
    records,
    frozen: changes.frozen === undefined ? stored.frozen : changes.frozen,
    activity: newestActivity([...stored.activity, ...(changes.activity ?? [])]),
  }
}

/** One row per id, the last one given; newest last, and of the same moment in the order given; the newest of them only (AC1). */
export function newestActivity(rows: readonly ActivityEvent[]): ActivityEvent[] {
  return [...new Map(rows.map((row) => [row.id, row])).values()]
    .sort((a, b) => a.timestamp - b.timestamp)
    .slice(-LIMITS.activityRows)
}
