import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { cdp } from 'vitest/browser'
import type { Clock, Storage } from '../../src/ports.js'
import { seal } from '../../src/storage/envelope.js'
import { openIndexedDbStorage } from '../../src/storage/indexeddb-storage.js'
import { append, bytes, describeStorage, problemsOf } from '../contract/storage-contract.js'

const clock: Clock = {
  now: () => performance.now(),
  at(time, callback) {
    const timer = setTimeout(callback, time - performance.now())
    return () => clearTimeout(timer)
  },
}
const open = (name: string) => openIndexedDbStorage({ name, clock })

describeStorage('IndexedDB in a browser', open)

describe('IndexedDB storage in a browser', () => {
  let name = ''
  let storage: Storage
  let problems: (string | null)[]
  beforeEach(() => {
    name = `faults-${crypto.randomUUID()}`
    storage = open(name)
    problems = problemsOf(storage)
  })
  afterEach(() => storage.close({ forget: true }))

  it('[ST3][F28] sets damaged values aside, one slot after the other, and loads the rest', async () => {
    await storage.update('rosters', () => bytes(9))
    const cut = seal(bytes(1, 2, 3)).slice(0, -1)
    await put('document', cut)
    expect(await storage.read('document')).toBeUndefined()
    await put('document', 'second')
    expect(await storage.update('document', append(4))).toEqual(bytes(4))
    expect([await stored('damaged/document/0'), await stored('damaged/document/1')]).toEqual([cut, 'second'])
    expect(await storage.read('rosters')).toEqual(bytes(9))
    expect([storage.state(), problems]).toEqual(['durable', ['local-data-lost', 'local-data-lost']])
  })

  it('[F8] goes on in a new database when its own was deleted underneath', async () => {
    await storage.update('document', append(1))
    const deletion = indexedDB.deleteDatabase(name)
    await new Promise((resolve, reject) => {
      deletion.onsuccess = resolve
      deletion.onblocked = () => reject(new Error('blocked'))
    })
    expect(await storage.read('document')).toBeUndefined()
    expect(await storage.update('document', append(2))).toEqual(bytes(2))
    expect([storage.state(), problems]).toEqual(['durable', []])
  })

  it('[F8] goes on when the browser cleared the site data', async () => {
    await storage.update('document', append(1))
    await session().send('Storage.clearDataForOrigin', { origin: location.origin, storageTypes: 'indexeddb' })
    await vi.waitFor(async () => expect(await storage.read('document')).toBeUndefined())
    expect(await storage.update('document', append(2))).toEqual(bytes(2))
    expect(await open(name).read('document')).toEqual(bytes(2))
  })

  it('[F27][ST2] does not hang behind a tab that will not let go, and catches up when it does', async () => {
    const oldTab = await raw()
    indexedDB.deleteDatabase(name)
    const started = performance.now()
    expect(await storage.update('document', append(1))).toEqual(bytes(1))
    expect(performance.now() - started).toBeGreaterThan(900)
    expect(await storage.update('document', append(2))).toEqual(bytes(1, 2))
    expect(performance.now() - started).toBeLessThan(2_000)
    expect([storage.state(), problems]).toEqual(['degraded', ['storage-unavailable']])
    oldTab.close()
    await vi.waitFor(() => expect(problems).toEqual(['storage-unavailable', null]))
    expect(await open(name).read('document')).toEqual(bytes(1, 2))
  })

  it('[F29][ST2] keeps an edit in memory while the disk is full, and writes it when there is room', async () => {
    const restoreQuota = () => session().send('Storage.overrideQuotaForOrigin', { origin: location.origin })
    onTestFinished(async () => void (await restoreQuota()))
    await session().send('Storage.overrideQuotaForOrigin', { origin: location.origin, quotaSize: 1 })
    // Chromium remembers for a while how much room a site had; not beyond its data.
    await session().send('Storage.clearDataForOrigin', { origin: location.origin, storageTypes: 'all' })
    const causes: unknown[] = []
    storage.onProblem((problem) => problem && causes.push(problem.cause))
    const large = new Uint8Array(2_000_000)
    expect(await storage.update('document', () => large)).toBe(large)
    expect([storage.state(), problems]).toEqual(['degraded', ['storage-unavailable']])
    expect(causes).toEqual([expect.objectContaining({ name: 'QuotaExceededError' })])
    await restoreQuota()
    await storage.update('rosters', append(2))
    await vi.waitFor(() => expect(problems).toEqual(['storage-unavailable', null]))
    expect(await open(name).read('document')).toHaveLength(large.length)
  })

  async function put(key: string, value: unknown) {
    await storage.read(key)
    const database = await raw()
    const transaction = database.transaction('values', 'readwrite')
    transaction.objectStore('values').put(value, key)
    await new Promise((resolve) => (transaction.oncomplete = resolve))
    database.close()
  }

  async function stored(key: string): Promise<unknown> {
    const database = await raw()
    const request = database.transaction('values').objectStore('values').get(key)
    return new Promise((resolve) => (request.onsuccess = () => (database.close(), resolve(request.result))))
  }

  /** Another program's connection: it stays open whatever happens. */
  function raw(): Promise<IDBDatabase> {
    const request = indexedDB.open(name)
    request.onupgradeneeded = () => request.result.createObjectStore('values')
    return new Promise((resolve) => (request.onsuccess = () => resolve(request.result)))
  }
})

/** Vitest leaves the session's type to its provider. */
function session(): { send(method: string, parameters: object): Promise<unknown> } {
  return cdp()
}
