import { promisifyRequest } from 'idb-keyval'
import type { UseStore } from 'idb-keyval'
import type { Clock } from '../ports.js'

export interface DatabaseConnection {
  readonly useStore: UseStore
  close(): Promise<void>
  /** Rejects where the data may still be there: other tabs did not let go of it within a second. */
  destroy(): Promise<void>
}

export interface DatabaseConnectionOptions {
  readonly name: string
  readonly clock: Clock
  /** Asked at each use: reading the global throws where site data is denied. */
  readonly factory: () => IDBFactory
  readonly onOpen: () => void
}

const STORE = 'values'
/** A database held by another tab sends no event: it only never answers. */
const answerWithinMs = 1_000

/** What idb-keyval's own store lacks: it never hangs, lets other tabs delete, and comes back after the browser closed it. */
export function createDatabaseConnection({ name, clock, factory, onOpen }: DatabaseConnectionOptions): DatabaseConnection {
  /** Stays rejected while an open is overdue, so that nobody waits for the same one twice. */
  let current: Promise<IDBDatabase> | undefined

  return { useStore, close, destroy }

  function useStore<T>(mode: IDBTransactionMode, use: (store: IDBObjectStore) => T | PromiseLike<T>): Promise<T> {
    const run = async () => use((await connect()).transaction(STORE, mode, { durability: 'strict' }).objectStore(STORE))
    return run().catch((error: { name?: unknown } | undefined) => {
      // Safari closes connections without saying so: the first to notice is a transaction that cannot begin.
      if (error?.name !== 'InvalidStateError') throw error
      current = undefined
      return run()
    })
  }

  function connect() {
    if (current) return current
    const opened = open()
    const attempt = inTime(opened)
    current = attempt
    opened.then(
      (database) => {
        if (current !== attempt) return database.close()
        const release = () => {
          database.close()
          if (current === opened) current = undefined
        }
        database.onclose = release
        database.onversionchange = release
        current = opened
        onOpen()
      },
      () => {
        if (current === attempt) current = undefined
      },
    )
    return attempt
  }

  async function open() {
    const request = factory().open(name)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE)
    return promisifyRequest(request)
  }

  async function close() {
    const closing = current
    current = undefined
    await closing?.then((database) => database.close(), () => {})
  }

  async function destroy() {
    await inTime(promisifyRequest(factory().deleteDatabase(name)))
  }

  function inTime<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = clock.at(clock.now() + answerWithinMs, () => reject(new Error(`No answer within ${answerWithinMs} ms.`)))
      answer.then(resolve, reject).finally(cancel)
    })
  }
}
