import type { Log } from '../../src/ports.js'
import type { UserId } from '../../src/presence-service.js'
import type { UserStore } from '../hub/user-store.js'
import type { Disk, LevelOperation } from './disk.js'
import { createGroupCommit } from './group-commit.js'
import { openLevelDatabase, type LevelDatabase } from './level-database.js'
import { createLevelDisk } from './level-disk.js'
import { storeClosed } from './memory-store.js'
import { readRevocations } from './revocations.js'
import { drawMeta } from './store-meta.js'
import { seal } from './stored-values.js'
import { ALL_USERS, REVOCATIONS, firstKeyAfter, rangeOf, revocationKey, userOf } from './user-keys.js'
import { readUser, rowsOf, type DamagedRow } from './user-rows.js'

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
export const openLevelStore = (path: string, options: LevelStoreOptions): Promise<UserStore> => openStoreOn(createLevelDisk(path), options)

export async function openStoreOn(disk: Disk, options: LevelStoreOptions): Promise<UserStore> {
  const { log, now, onCommit } = { ...DEFAULT_OPTIONS, ...options }
  const database = await openLevelDatabase(disk, log)
  const { relayNumber, writerId } = await drawMeta(database, disk.path, now).catch(async (error: unknown) => {
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
    const { user, ...rest } = readUser(userId, entries)
    tidy(rest)
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

  async function revocations() {
    refuseWhenClosed()
    const entries = await database.read((level) => level.iterator(REVOCATIONS).all())
    const { revocations: effective, ...rest } = readRevocations(entries, now())
    tidy(rest)
    return effective
  }

  async function revoke(revocation: Parameters<UserStore['revoke']>[0]) {
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

  /** Nothing depends on its writes; the next look would do them again. */
  function tidy({ damaged, surplus }: { readonly damaged: readonly DamagedRow[]; readonly surplus: readonly string[] }) {
    // Its key would name its user, whom a log need not know.
    for (const { reason } of damaged) log('warn', 'A damaged value was set aside.', { under: `damaged/${relayNumber}`, reason })
    if (damaged.length + surplus.length === 0 || closing) return
    writes.commit([
      ...damaged.map(({ key, value }) => ({ type: 'set-aside', key, value }) as const),
      ...surplus.map((key) => ({ type: 'del', key }) as const),
    ]).catch(() => {})
  }
}

/** The next users in order; it leaps over the rows of each. */
function usersFrom(database: LevelDatabase, first: string): Promise<UserId[]> {
  return database.read(async (level) => {
    const found: UserId[] = []
    for (let from = first; found.length < USERS_AT_ONCE;) {
      const [key] = await level.keys({ ...ALL_USERS, gte: from, limit: 1 }).all()
      if (key === undefined) break
      const userId = userOf(key)
      if (userId !== null) found.push(userId)
      from = userId === null ? `${key}\0` : firstKeyAfter(userId)
    }
    return found
  })
}
