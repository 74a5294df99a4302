import 'fake-indexeddb/auto'
import { forceCloseDatabase } from 'fake-indexeddb'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Clock, Storage } from '../../../src/ports.js'
import { seal } from '../../../src/storage/envelope.js'
import { openIndexedDbStorage } from '../../../src/storage/indexeddb-storage.js'
import { append, bytes, describeStorage, problemsOf, sealAs } from '../../contract/storage-contract.js'

/** Where nothing may depend on a second passing, none does. */
const stoppedClock: Clock = { now: () => 0, at: () => () => {} }
const open = (name: string, options: { clock?: Clock; indexedDB?: IDBFactory } = {}) => openIndexedDbStorage({ name, clock: stoppedClock, ...options })

describeStorage('IndexedDB', (name) => open(name))

describe('IndexedDB storage', () => {
  let name = ''
  let tests = 0
  let storage: Storage
  let problems: (string | null)[]
  /** The storage's own connections, in the order opened. */
  let connections: IDBDatabase[] = []

  const use = (opened: Storage) => {
    storage = opened
    problems = problemsOf(opened)
  }
  beforeEach(() => {
    name = `faults-${++tests}`
    connections = []
    use(open(name, { indexedDB: remembering }))
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    await storage.close()
  })
  const remembering = {
    open(database: string) {
      const request = indexedDB.open(database)
      request.addEventListener('success', () => connections.push(request.result))
      return request
    },
  } as IDBFactory

  it('does nothing until asked', async () => {
    expect(storage.state()).toBe('durable')
    expect(await indexedDB.databases()).not.toContainEqual(expect.objectContaining({ name }))
  })

  it('[SY1] asks the browser to flush before it says that an edit is safe', async () => {
    const transaction = vi.spyOn(IDBDatabase.prototype, 'transaction')
    await storage.update('document', () => bytes(1))
    expect(transaction).toHaveBeenCalledWith('values', 'readwrite', { durability: 'strict' })
  })

  it('[SY1] resolves after the transaction is complete, not before', async () => {
    await storage.read('document')
    const order: string[] = []
    const begin = connections[0]!.transaction.bind(connections[0])
    connections[0]!.transaction = (...args: Parameters<IDBDatabase['transaction']>) => {
      const transaction = begin(...args)
      transaction.addEventListener('complete', () => order.push('complete'))
      return transaction
    }
    await storage.update('document', () => bytes(1)).then(() => order.push('resolved'))
    expect(order).toEqual(['complete', 'resolved'])
  })

  it('writes nothing when a change returns its argument, nor when it only reads', async () => {
    await storage.update('document', () => bytes(1))
    const put = vi.spyOn(IDBObjectStore.prototype, 'put')
    await storage.update('document', (stored) => stored!)
    await storage.read('document')
    await storage.read('nothing')
    expect(put).not.toHaveBeenCalled()
  })

  it('leaves no connection open, nor a timer set', async () => {
    const { clock, due } = handClock()
    use(open(name, { clock, indexedDB: remembering }))
    const edits = [storage.update('document', append(1)), storage.update('document', append(2))]
    await storage.close()
    await Promise.all(edits)
    expect([connections.map(isClosed), due]).toEqual([[true], []])
  })

  it('rejects with what a change throws at the sight of what another tab stored', async () => {
    await storage.update('document', append(1))
    await open(name).update('document', append(2))
    await expect(storage.update('document', (value) => {
      if (value!.length > 1) throw new Error('too much')
      return value!
    })).rejects.toThrow('too much')
    expect([storage.state(), problems]).toEqual(['durable', []])
  })

  it('[F26] two tabs that open at once and write at once make one database and lose nothing', async () => {
    const tabs = [storage, open(name), open(name)]
    await Promise.all(tabs.flatMap((tab, edit) => [tab.update('document', append(edit)), tab.update('document', append(edit + 10))]))
    expect([...(await storage.read('document'))!].sort((a, b) => a - b)).toEqual([0, 1, 2, 10, 11, 12])
    expect(problems).toEqual([])
    for (const tab of tabs) await tab.close()
  })

  describe('[F27] a database that another tab holds', () => {
    /** An old tab that does not let go, and a deletion that waits for it: everyone after them waits, too. */
    async function hold() {
      const oldTab = await raw(name)
      indexedDB.deleteDatabase(name)
      return oldTab
    }

    it('is waited for at most a second, then memory serves', async () => {
      const oldTab = await hold()
      const { clock, ring, due } = handClock()
      use(open(name, { clock }))
      const update = storage.update('document', () => bytes(1))
      await vi.waitFor(() => expect(due).toHaveLength(1))
      ring()
      expect(await update).toEqual(bytes(1))
      expect([storage.state(), problems]).toEqual(['degraded', ['storage-unavailable']])
      // From here on nobody waits again: the clock rings no more.
      expect(await storage.update('document', append(2))).toEqual(bytes(1, 2))
      expect(await storage.read('document')).toEqual(bytes(1, 2))
      oldTab.close()
    })

    it('[ST2] is caught up with as soon as it lets go, though nobody asks', async () => {
      const oldTab = await hold()
      const { clock, ring, due } = handClock()
      use(open(name, { clock }))
      const update = storage.update('document', () => bytes(1))
      await vi.waitFor(() => expect(due).toHaveLength(1))
      ring()
      await update
      oldTab.close()
      await vi.waitFor(() => expect(problems).toEqual(['storage-unavailable', null]))
      expect(storage.state()).toBe('durable')
      expect(await open(name).read('document')).toEqual(bytes(1))
    })

    it('does not stay open after the storage was closed meanwhile', async () => {
      const oldTab = await hold()
      const { clock, ring, due } = handClock()
      use(open(name, { clock, indexedDB: remembering }))
      const read = storage.read('document')
      await vi.waitFor(() => expect(due).toHaveLength(1))
      ring()
      await read
      await storage.close()
      oldTab.close()
      await vi.waitFor(() => expect(connections.map(isClosed)).toEqual([true]))
    })

    it('lets go itself when another tab upgrades or deletes', async () => {
      await storage.update('document', () => bytes(1))
      const upgraded = await raw(name, 7)
      upgraded.close()
      expect(await storage.update('document', append(2))).toEqual(bytes(1, 2))
      expect(await deleted(name)).toBe('at once')
      expect(await storage.update('document', append(3))).toEqual(bytes(3))
      expect(problems).toEqual([])
    })

    it('is not said to be forgotten while it is still there', async () => {
      await storage.update('document', () => bytes(1))
      const { clock, ring, due } = handClock()
      const oldTab = await raw(name)
      use(open(name, { clock }))
      const closing = storage.close({ forget: true })
      await vi.waitFor(() => expect(due).toHaveLength(1))
      ring()
      await expect(closing).rejects.toMatchObject({ code: 'storage-unavailable' })
      oldTab.close()
    })
  })

  describe('[F28] damaged data', () => {
    it.each([
      ['cut short', () => seal(bytes(1, 2, 3)).slice(0, -1)],
      ['with a flipped byte', () => seal(bytes(1, 2, 3)).map((byte, index) => (index === 6 ? byte ^ 1 : byte))],
      ['of another kind', () => ({ status: 'dnd' })],
      ['null', () => null],
    ])('[ST3] sets a value %s aside, loads the rest, and says so', async (_, damaged) => {
      await storage.update('rosters', () => bytes(9))
      await put('document', damaged())
      expect(await storage.read('document')).toBeUndefined()
      expect(await storage.read('rosters')).toEqual(bytes(9))
      expect(await stored('damaged/document/0')).toEqual(damaged())
      expect([storage.state(), problems]).toEqual(['durable', ['local-data-lost']])
      expect(await storage.read('document')).toBeUndefined()
      expect(problems).toHaveLength(1)
    })

    it('[ST3] sets it aside when it is found by an update, in the same transaction', async () => {
      await put('document', 'damaged')
      const seen: unknown[] = []
      await storage.update('document', (value) => (seen.push(value), bytes(1)))
      expect(seen).toEqual([undefined])
      expect(await stored('damaged/document/0')).toBe('damaged')
      expect(await storage.read('document')).toEqual(bytes(1))
      expect(problems).toEqual(['local-data-lost'])
    })

    it('[ST3] leaves it where it is when the change throws', async () => {
      await put('document', 'damaged')
      await expect(storage.update('document', () => { throw new Error('no') })).rejects.toThrow('no')
      expect(await stored('document')).toBe('damaged')
      expect(await stored('damaged/document/0')).toBeUndefined()
    })

    it('[ST3] never writes over what was set aside before, and keeps four', async () => {
      for (let round = 0; round < 6; round++) {
        await put('document', `damage ${round}`)
        await storage.update('document', () => bytes(round))
      }
      expect(await Promise.all([0, 1, 2, 3, 4].map((slot) => stored(`damaged/document/${slot}`)))).toEqual(['damage 0', 'damage 1', 'damage 2', 'damage 3', undefined])
      expect(await storage.read('document')).toEqual(bytes(5))
      expect(problems).toEqual(Array(6).fill('local-data-lost'))
    })

    it('never writes over what a newer version stored; its own goes on in memory', async () => {
      const newer = sealAs(2, [1, 2, 3])
      await storage.update('rosters', () => bytes(9))
      await put('document', newer)
      expect(await storage.read('document')).toBeUndefined()
      expect(await storage.update('document', append(1))).toEqual(bytes(1))
      expect(await storage.update('rosters', append(8))).toEqual(bytes(9, 8))
      expect(await storage.update('document', append(2))).toEqual(bytes(1, 2))
      expect(await storage.read('document')).toEqual(bytes(1, 2))
      expect([storage.state(), problems]).toEqual(['degraded', ['storage-unavailable']])
      expect(await stored('document')).toEqual(newer)
      expect(await stored('rosters')).toEqual(seal(bytes(9, 8)))
    })

    it('[ST2] serves from memory when the whole database cannot be read', async () => {
      use(open(name, { indexedDB: { open: failingOpen } as unknown as IDBFactory }))
      expect(await storage.read('document')).toBeUndefined()
      expect(await storage.update('document', append(1))).toEqual(bytes(1))
      expect(await storage.update('document', append(2))).toEqual(bytes(1, 2))
      expect([storage.state(), problems]).toEqual(['degraded', ['storage-unavailable']])
    })
  })

  describe('[F29] a full disk', () => {
    const full = () => new DOMException('full', 'QuotaExceededError')
    const failures: [string, () => void][] = [
      ['put throws', () => vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementationOnce(() => { throw full() })],
      ['the transaction aborts', () => {
        const put = IDBObjectStore.prototype.put
        vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementationOnce(function (this: IDBObjectStore, ...args) {
          this.transaction.abort()
          return put.apply(this, args)
        })
      }],
      ['the transaction aborts after the write', () => {
        const put = IDBObjectStore.prototype.put
        vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementationOnce(function (this: IDBObjectStore, ...args) {
          const request = put.apply(this, args)
          request.addEventListener('success', () => this.transaction.abort())
          return request
        })
      }],
    ]

    it.each(failures)('[ST2] keeps an edit in memory when %s, and writes it with the next', async (_, fail) => {
      await storage.update('document', append(1))
      fail()
      expect(await storage.update('document', append(2))).toEqual(bytes(1, 2))
      expect([storage.state(), problems]).toEqual(['degraded', ['storage-unavailable']])
      expect(await open(name).read('document')).toEqual(bytes(1))
      expect(await storage.update('document', append(3))).toEqual(bytes(1, 2, 3))
      expect([storage.state(), problems]).toEqual(['durable', ['storage-unavailable', null]])
      expect(await open(name).read('document')).toEqual(bytes(1, 2, 3))
    })

    it('[ST2] merges what waited with what another tab stored meanwhile, once', async () => {
      await storage.update('document', append(1))
      failures[0]![1]()
      await storage.update('document', append(2))
      await open(name).update('document', append(3))
      await Promise.all([storage.update('document', append(4)), storage.update('document', append(5))])
      expect(await open(name).read('document')).toEqual(bytes(1, 3, 2, 4, 5))
    })

    it('[ST2] writes what waited under one key when another is written', async () => {
      failures[0]![1]()
      await storage.update('document', append(1))
      await storage.update('rosters', append(2))
      await vi.waitFor(() => expect(problems).toEqual(['storage-unavailable', null]))
      expect(await open(name).read('document')).toEqual(bytes(1))
    })

    it('still rejects with what a change throws, and keeps nothing of it', async () => {
      await storage.update('document', append(1))
      vi.spyOn(IDBObjectStore.prototype, 'get').mockImplementation(() => { throw full() })
      await storage.update('document', append(2))
      const spoil = (value: Uint8Array | undefined) => {
        value![0] = 9
        throw new Error('no')
      }
      await expect(storage.update('document', spoil)).rejects.toThrow('no')
      expect(await storage.read('document')).toEqual(bytes(1, 2))
      vi.restoreAllMocks()
      expect(await storage.read('document')).toEqual(bytes(1, 2))
      expect(storage.state()).toBe('durable')
    })

    it('drops the oldest of too many waiting changes, not the newest', async () => {
      vi.spyOn(IDBObjectStore.prototype, 'get').mockImplementation(() => { throw full() })
      for (let edit = 0; edit < 260; edit++) await storage.update('document', append(edit % 251))
      vi.restoreAllMocks()
      const written = (await storage.read('document'))!
      expect(written).toHaveLength(256)
      expect(written.at(-1)).toBe(259 % 251)
    })

    it('lets no reading push a waiting change out', async () => {
      failures[0]![1]()
      await storage.update('document', append(1))
      const get = vi.spyOn(IDBObjectStore.prototype, 'get').mockImplementation(() => { throw full() })
      for (let read = 0; read < 260; read++) await storage.read('document')
      get.mockRestore()
      await storage.read('document')
      expect(await open(name).read('document')).toEqual(bytes(1))
    })

    it('survives a waiting change that fails at what another tab stored', async () => {
      failures[0]![1]()
      await storage.update('document', (value) => {
        if (value) throw new Error('only into nothing')
        return bytes(1)
      })
      await open(name).update('document', append(7))
      expect(await storage.update('document', append(2))).toEqual(bytes(7, 2))
      expect(storage.state()).toBe('durable')
    })

    it('leaves memory alone when the caller writes on its bytes', async () => {
      vi.spyOn(IDBObjectStore.prototype, 'get').mockImplementation(() => { throw full() })
      ;(await storage.update('document', append(1)))[0] = 9
      ;(await storage.read('document'))![0] = 9
      expect(await storage.read('document')).toEqual(bytes(1))
    })
  })

  describe('[F30] a connection that is denied or gone', () => {
    it.each([
      ['open is denied', { open: () => { throw new DOMException('denied', 'SecurityError') } }],
      ['there is no IndexedDB', {}],
    ])('[ST2] serves from memory when %s, without waiting', async (_, factory) => {
      use(open(name, { indexedDB: factory as unknown as IDBFactory }))
      expect(await storage.update('document', append(1))).toEqual(bytes(1))
      expect(await storage.read('document')).toEqual(bytes(1))
      expect([storage.state(), problems]).toEqual(['degraded', ['storage-unavailable']])
      await storage.close()
    })

    it('opens again when the connection was closed without a word', async () => {
      await storage.update('document', append(1))
      connections[0]!.close()
      expect(await storage.update('document', append(2))).toEqual(bytes(1, 2))
      expect([connections.length, problems]).toEqual([2, []])
    })

    it('opens again once, not for ever', async () => {
      await storage.update('document', append(1))
      const begin = vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(() => { throw new DOMException('closing', 'InvalidStateError') })
      expect(await storage.update('document', append(2))).toEqual(bytes(1, 2))
      expect([begin.mock.calls.length, storage.state()]).toEqual([2, 'degraded'])
    })

    it('opens again when the browser said that it closed the connection', async () => {
      await storage.update('document', append(1))
      const closed = new Promise((resolve) => connections[0]!.addEventListener('close', resolve))
      forceCloseDatabase(connections[0] as never)
      await closed
      const begin = vi.spyOn(IDBDatabase.prototype, 'transaction')
      expect(await storage.update('document', append(2))).toEqual(bytes(1, 2))
      expect([connections.length, begin.mock.calls.length, problems]).toEqual([2, 1, []])
    })

    it('[ST2] is tried again with the next edit, and then has both', async () => {
      const open = vi.fn(remembering.open).mockImplementationOnce(failingOpen)
      use(openIndexedDbStorage({ name, clock: stoppedClock, indexedDB: { open } as unknown as IDBFactory }))
      await storage.update('document', append(1))
      expect(storage.state()).toBe('degraded')
      await storage.update('document', append(2))
      expect([storage.state(), problems]).toEqual(['durable', ['storage-unavailable', null]])
      expect(await stored('document')).toEqual(seal(bytes(1, 2)))
    })

    it('says nothing more after it was closed', async () => {
      use(open(name, { indexedDB: { open: failingOpen } as unknown as IDBFactory }))
      const update = storage.update('document', append(1))
      const closing = storage.close()
      await expect(update).rejects.toMatchObject({ code: 'closed' })
      await closing
      expect(problems).toEqual([])
    })
  })

  async function stored(key: string): Promise<unknown> {
    const database = await raw(name)
    const request = database.transaction('values').objectStore('values').get(key)
    return new Promise((resolve) => (request.onsuccess = () => (database.close(), resolve(request.result))))
  }

  async function put(key: string, value: unknown): Promise<void> {
    await storage.read(key)
    const database = await raw(name)
    const transaction = database.transaction('values', 'readwrite')
    transaction.objectStore('values').put(value, key)
    await new Promise((resolve) => (transaction.oncomplete = resolve))
    database.close()
  }
})

/** Runs what is due when told to. */
function handClock() {
  const due: (() => void)[] = []
  const clock: Clock = {
    now: () => 0,
    at(time, callback) {
      expect(time).toBe(1_000)
      due.push(callback)
      return () => void (due.includes(callback) && due.splice(due.indexOf(callback), 1))
    },
  }
  return { clock, due, ring: () => due.splice(0).forEach((callback) => callback()) }
}

function isClosed(database: IDBDatabase): boolean {
  try {
    return !database.transaction('values')
  } catch (error) {
    return (error as DOMException).name === 'InvalidStateError'
  }
}

function raw(name: string, version?: number): Promise<IDBDatabase> {
  const request = indexedDB.open(name, version)
  request.onupgradeneeded = ({ oldVersion }) => oldVersion === 0 && request.result.createObjectStore('values')
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

function deleted(name: string): Promise<'at once' | 'blocked'> {
  const request = indexedDB.deleteDatabase(name)
  return new Promise((resolve) => {
    request.onblocked = () => resolve('blocked')
    request.onsuccess = () => resolve('at once')
  })
}

function failingOpen(): IDBOpenDBRequest {
  const request = { error: new DOMException('broken', 'UnknownError') } as IDBOpenDBRequest
  queueMicrotask(() => request.onerror?.(new Event('error')))
  return request
}
