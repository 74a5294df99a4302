import { update as updateValue } from 'idb-keyval'
import type { Clock, Log, Storage } from '../ports.js'
import type { PresenceErrorLike } from '../presence-service.js'
import { createDatabaseConnection } from './database-connection.js'
import { openEnvelope, seal } from './envelope.js'
import { localDataLost, storageClosed, storageUnavailable } from './problems.js'

export interface IndexedDbStorageOptions {
  /** The database's; holds the user id, so that nobody reads the previous user's. */
  readonly name: string
  readonly clock: Clock
  readonly log?: Log
  /** Defaults to the page's. */
  readonly indexedDB?: IDBFactory
}

type Change = (stored: Uint8Array | undefined) => Uint8Array | undefined

/** Damaged values kept per key; where there are more, the first tell most. */
const maxSetAside = 4
/** Changes kept per key while the database is away. The oldest go first: later ones bring whole documents or rosters. */
const maxWaiting = 256

/**
 * Opens at first use. While IndexedDB fails, values live in memory and their changes wait, to run again when it is back:
 * this storage cannot merge, a change can, and another tab may have written meanwhile. So a `change` may run several
 * times, also after its promise resolved; the last run counts.
 */
export function openIndexedDbStorage({ name, clock, log = () => {}, indexedDB }: IndexedDbStorageOptions): Storage {
  const known = new Map<string, Uint8Array | undefined>()
  /** By key that is not in step with the disk; while there is one, the state is `degraded`. */
  const waiting = new Map<string, readonly Change[]>()
  const listeners = new Set<(problem: PresenceErrorLike | null) => void>()
  const database = createDatabaseConnection({ name, clock, factory: () => indexedDB ?? globalThis.indexedDB, onOpen: catchUp })
  let last: Promise<unknown> = Promise.resolve()
  let degraded = false
  let closed = false

  return {
    read: (key) => inTurn(() => settle(key)),
    update: (key, change) => inTurn(() => settle(key, change)) as Promise<Uint8Array>,
    state: () => (degraded ? 'degraded' : 'durable'),
    onProblem(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close,
  }

  /** What was accepted before is still written. */
  async function close({ forget = false } = {}) {
    closed = true
    await last
    listeners.clear()
    await database.close()
    if (forget) await database.destroy().catch((cause: unknown) => Promise.reject(storageUnavailable(name, cause)))
  }

  /** One at a time: two that met the database as it came back would each run what waited. */
  function inTurn<T>(job: () => Promise<T>): Promise<T> {
    if (closed) return Promise.reject(storageClosed())
    const result = last.then(job)
    last = result.catch(() => {})
    return result
  }

  async function settle(key: string, change?: Change) {
    const value = await attempt(key, change)
    if (!waiting.has(key)) catchUp()
    return value
  }

  /** Also when a blocked open succeeds at last and nobody asks any more. */
  function catchUp() {
    if (waiting.size > 0) inTurn(async () => { for (const key of [...waiting.keys()]) await attempt(key) }).catch(() => {})
  }

  async function attempt(key: string, change: Change = unchanged) {
    const earlier = waiting.get(key) ?? []
    try {
      const value = await transact(key, earlier, change)
      known.set(key, value?.slice())
      waiting.delete(key)
      if (waiting.size === 0) become(null)
      return value
    } catch (cause) {
      if (closed) throw storageClosed()
      const value = change(known.get(key)?.slice())
      known.set(key, value?.slice())
      waiting.set(key, change === unchanged ? earlier : [...earlier, harmless(change)].slice(-maxWaiting))
      become(storageUnavailable(name, cause))
      return value
    }
  }

  async function transact(key: string, earlier: readonly Change[], change: Change) {
    let value: Uint8Array | undefined
    let damaged = false
    let store: IDBObjectStore
    const merge = (raw: unknown) => {
      const opened = raw === undefined ? undefined : openEnvelope(raw)
      if (opened?.ok === false && opened.reason === 'newer') throw new Error(`"${key}" was stored by a newer version.`)
      damaged = opened?.ok === false
      const stored = opened?.ok ? opened.value : undefined
      const mine = earlier.reduce((merged, each) => each(merged), stored)
      // What memory goes on from if this fails; and a change that throws here throws there again, at its caller.
      known.set(key, mine?.slice())
      value = change(mine)
      if (damaged) setAside(store, key, raw)
      else if (value === stored) throw UNCHANGED
      return value && seal(value)
    }
    await updateValue(key, merge, (mode, use) => database.useStore(mode, (opened) => use((store = opened)))).catch((error: unknown) => {
      if (error !== UNCHANGED) throw error
    })
    if (damaged) tell(localDataLost(key))
    return value
  }

  /** Its caller was answered long ago. */
  function harmless(change: Change): Change {
    return (stored) => {
      try {
        return change(stored)
      } catch (cause) {
        log('error', 'A change that waited for the database failed.', { cause })
        return stored
      }
    }
  }

  function become(problem: PresenceErrorLike | null) {
    if (degraded === (problem !== null)) return
    degraded = problem !== null
    tell(problem)
  }

  function tell(problem: PresenceErrorLike | null) {
    for (const listener of listeners) listener(problem)
  }
}

/** Keeps idb-keyval's updater, which writes whatever it returns, from writing back what it read. */
const UNCHANGED = new Error('unchanged')

const unchanged: Change = (stored) => stored

/** Within the transaction that writes over it: moved whole, or not at all. */
function setAside(store: IDBObjectStore, key: string, raw: unknown, slot = 0) {
  if (slot === maxSetAside) return
  const request = store.add(raw, `damaged/${key}/${slot}`)
  request.onerror = (event) => {
    if (request.error?.name !== 'ConstraintError') return
    // Taken. Unless both are stopped, the transaction aborts.
    event.preventDefault()
    event.stopPropagation()
    setAside(store, key, raw, slot + 1)
  }
}
