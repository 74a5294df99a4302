import { isWriterId } from '../../src/model/hybrid-clock.js'
import { isObject } from '../../src/model/json.js'
import { PresenceError } from '../../src/errors.js'
import type { Log } from '../../src/ports.js'
import type { UserId } from '../../src/presence-service.js'
import { REVOCATION_KEPT_MS, type Revocation, type UserStore } from '../hub/user-store.js'
import { createGroupCommit } from './group-commit.js'
import { openLevelDatabase, type LevelDatabase, type LevelOperation } from './level-database.js'
import { storeClosed } from './memory-store.js'
import { parseRevocation, seal, unseal } from './stored-values.js'
import { ALL_USERS, REVOCATIONS, firstKeyAfter, rangeOf, revocationKey, userOf } from './user-keys.js'
import { readUser, rowsOf } from './user-rows.js'
import { newWriterId } from './writer-id.js'

export interface LevelStoreOptions {
  /** Told of damaged values and of a disk that fails. */
  readonly log: Log
  readonly now?: () => number
  /** Called after every sync with the number of saves that shared it. */
  readonly onCommit?: (saves: number) => void
}

const DEFAULT_OPTIONS = { now: () => Date.now(), onCommit: () => {} }

type Operation = LevelOperation
  /** Moves a damaged value away, unless it was replaced meanwhile. */
  | { readonly type: 'set-aside'; readonly key: string; readonly value: string }

/** How far a user's activity on the disk may outgrow what is kept of it. */
const SURPLUS_ROWS = 100
const USERS_AT_ONCE = 100

/** The relay's embedded store: one LevelDB folder, one key per register, record and activity row. */
export async function openLevelStore(path: string, options: LevelStoreOptions): Promise<UserStore> {
  const { log, now, onCommit } = { ...DEFAULT_OPTIONS, ...options }
  const database = await openLevelDatabase(path, log)
  const { relayNumber, writerId } = await drawMeta(database, path, now).catch(async (error: unknown) => {
    await database.close()
    throw error
  })
  const writes = createGroupCommit<Operation>(async (groups) => {
    await database.write((level) => {
      const operations = groups.flat()
      return [...operations.flatMap(settingAside), ...operations.filter((operation) => operation.type !== 'set-aside')]

      // First: what this very batch saves under such a key is sound, and stays.
      function settingAside(operation: Operation): LevelOperation[] {
        if (operation.type !== 'set-aside' || level.getSync(operation.key) !== operation.value) return []
        const { key, value } = operation
        return [{ type: 'put', key: `damaged/${relayNumber}/${key}`, value }, { type: 'del', key }]
      }
    })
    onCommit(groups.length)
  })
  const rowsAdded = new Map<UserId, number>()
  let closing: Promise<void> | null = null

  return { relayNumber, writerId, load, save, userIds, revocations, revoke, close }

  async function load(userId: UserId) {
    refuseWhenClosed()
    const entries = await database.read((level) => level.iterator(rangeOf(userId)).all())
    const { user, damaged, surplus } = readUser(userId, entries)
    for (const { key, reason } of damaged) log('warn', 'A damaged value was set aside.', { key, reason })
    tidy([
      ...damaged.map(({ key, value }) => ({ type: 'set-aside', key, value }) as const),
      ...surplus.map((key) => ({ type: 'del', key }) as const),
    ])
    return user
  }

  async function save(userId: UserId, changes: Parameters<UserStore['save']>[1]) {
    refuseWhenClosed()
    await writes.commit([...rowsOf(userId, changes)].map(({ key, value }) => (value === null ? { type: 'del', key } : { type: 'put', key, value })))
    if (changes.activity?.length) countRows(userId, changes.activity.length)
  }

  async function* userIds() {
    let from = ALL_USERS.gte
    for (;;) {
      refuseWhenClosed()
      const found = await usersFrom(database, from)
      yield* found
      if (found.length < USERS_AT_ONCE) return
      from = firstKeyAfter(found.at(-1)!)
    }
  }

  async function revocations(): Promise<Revocation[]> {
    refuseWhenClosed()
    const entries = await database.read((level) => level.iterator(REVOCATIONS).all())
    const since = now() - REVOCATION_KEPT_MS
    return entries.flatMap(([key, value]) => {
      const revocation = parseRevocation(unseal(key, value))
      return revocation.ok && revocation.value.at >= since ? [revocation.value] : []
    })
  }

  async function revoke(revocation: Revocation): Promise<void> {
    refuseWhenClosed()
    const key = revocationKey(revocation)
    await writes.commit([{ type: 'put', key, value: seal(key, revocation) }])
  }

  function close() {
    closing ??= writes.settled().then(() => database.close())
    return closing
  }

  function refuseWhenClosed() {
    if (closing) throw storeClosed()
  }

  function countRows(userId: UserId, rows: number) {
    const count = (rowsAdded.get(userId) ?? 0) + rows
    if (count < SURPLUS_ROWS) return void rowsAdded.set(userId, count)
    rowsAdded.delete(userId)
    // Loading drops the surplus.
    if (!closing) load(userId).catch(() => {})
  }

  /** Nothing depends on it; the next load would do it again. */
  function tidy(operations: readonly Operation[]) {
    if (operations.length > 0 && !closing) writes.commit(operations).catch(() => {})
  }
}

const META_KEY = 'meta'
/** Of what lies on the disk. A later one may not be read as if it were this one. */
const FORMAT = 1

/** At least the time, so that it grows on where the last one can no longer be read. */
async function drawMeta(database: LevelDatabase, path: string, now: () => number): Promise<{ relayNumber: number; writerId: string }> {
  const stored = await database.read((level) => level.get(META_KEY))
  const meta = stored === undefined ? undefined : unseal(META_KEY, stored)
  const { format, relayNumber: last, writerId: kept } = meta?.ok && isObject(meta.value) ? meta.value : {} as Readonly<Record<string, unknown>>
  if (typeof format === 'number' && format > FORMAT) throw tooNew(path)
  const relayNumber = Math.max(typeof last === 'number' ? last + 1 : 0, Math.floor(now()))
  const writerId = isWriterId(kept) ? kept : newWriterId()
  await database.write(() => [{ type: 'put', key: META_KEY, value: seal(META_KEY, { format: FORMAT, relayNumber, writerId }) }])
  return { relayNumber, writerId }
}

const tooNew = (path: string) => new PresenceError('storage-unavailable', {
  subject: path,
  message: `The store "${path}" was written by a newer version of Porchlight.`,
  remedy: 'Run that version or a later one, or give this one a folder of its own.',
})

/** The next users in order; it leaps over the rows of each. */
function usersFrom(database: LevelDatabase, from: string): Promise<UserId[]> {
  return database.read(async (level) => {
    const found: UserId[] = []
    const iterator = level.keys({ ...ALL_USERS, gte: from })
    try {
      while (found.length < USERS_AT_ONCE) {
        const key = await iterator.next()
        if (key === undefined) break
        const userId = userOf(key)
        if (userId === null) continue
        found.push(userId)
        iterator.seek(firstKeyAfter(userId))
      }
    } finally {
      await iterator.close()
    }
    return found
  })
}
