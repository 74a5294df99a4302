/**
 * A disk under a level database, as LevelDB 1.20 treats one: what was written lies in the page cache until it is synced, a sync that
 * fails drops it there, and a file whose name was not synced is lost with all that was. The power goes when the test says so.
 */
import type { Disk, Level, LevelOperation } from '../../server/store/disk.js'

export type Step = 'append' | 'sync' | 'sync names' | 'write head' | 'sync head' | 'open' | 'probe' | 'read'
export type Failure = 'EIO' | 'ENOSPC'

export interface ManualDisk {
  /** For the next process, which finds what is there now; the one before must be over. */
  start(): Disk
  /** Asked before each step is taken: without an answer it succeeds. May also end the process. */
  plan: (step: Step, number: number) => Failure | undefined
  /** Steps taken by all processes. */
  readonly steps: number
  /** The process is gone, and the page cache stays. */
  kill(): void
  /** The process and the page cache are gone; of every log, so many unsynced records had reached the disk nevertheless. */
  cutPower(luckyRecords?: number): void
  /** Resolves once the process is gone: by then none of its calls ever settles. */
  readonly gone: Promise<void>
  /** Of the commits in the logs, those from one position to another, the latter excluded, cannot be read any more. */
  damage(from: number, to: number): void
}

interface LogRecord {
  readonly operations: readonly LevelOperation[]
  state: 'dirty' | 'durable' | 'dropped' | 'unreadable'
}
interface LogFile {
  name: string
  records: LogRecord[]
  hasDurableName: boolean
  isTorn: boolean
}

const RECORDS_PER_LOG = 5

export function createManualDisk(): ManualDisk {
  const tables = new Map<string, string>()
  let logs: LogFile[] = []
  let head: { cached: string | null; durable: string | null } = { cached: null, durable: null }
  let files = 0
  let life = 0
  let die = () => {}
  let gone = Promise.resolve()
  const disk: ManualDisk & { steps: number } = {
    steps: 0,
    plan: () => undefined,
    start() {
      gone = new Promise((resolve) => { die = resolve })
      return startProcess(++life)
    },
    kill() {
      life++
      die()
    },
    cutPower(luckyRecords = 0) {
      logs = logs.filter(({ hasDurableName }) => hasDurableName || luckyRecords > 0)
      for (const log of logs) {
        const lucky = log.records.filter(({ state }) => state === 'dirty').slice(0, luckyRecords)
        log.records = log.records.filter((record) => record.state === 'durable' || record.state === 'unreadable' || lucky.includes(record))
        log.hasDurableName = true
        for (const record of lucky) record.state = 'durable'
      }
      head = { cached: head.durable, durable: head.durable }
      disk.kill()
    },
    get gone() { return gone },
    damage(from, to) {
      for (const record of logs.flatMap(({ records }) => records).slice(from, to)) record.state = 'unreadable'
    },
  }
  return disk

  function startProcess(own: number): Disk {
    const path = 'manual'
    return {
      path,
      level: startLevel(step),
      create: async () => {},
      probe: () => step('probe'),
      async syncLogNames() {
        await step('sync names')
        for (const log of logs) log.hasDurableName = true
        return logs.map(({ name }) => name)
      },
      async readHead() {
        await step('read')
        return head.cached
      },
      async writeHead(text) {
        await step('write head')
        head.cached = text
        await step('sync head')
        head.durable = text
      },
    }

    async function step(name: Step): Promise<void> {
      // As long as real input and output takes: whole turns of the event loop.
      await new Promise(setImmediate)
      if (life !== own) await never
      const failure = disk.plan(name, ++disk.steps)
      if (life !== own) await never
      if (failure !== undefined) throw Object.assign(new Error(`IO error: ${failure}`), { code: failure })
    }
  }

  function createLog(hasDurableName: boolean): LogFile {
    return { name: `${++files}.log`, records: [], hasDurableName, isTorn: false }
  }

  function moveIntoTables({ records }: LogFile) {
    for (const { operations, state } of records) if (state !== 'unreadable') apply(tables, operations)
  }

  function startLevel(step: (name: Step) => Promise<void>): Level {
    const memory = new Map<string, string>()
    let status = 'closed'
    let background: Error | null = null

    return {
      get status() { return status },
      async open() {
        await step('open')
        logs.forEach(moveIntoTables)
        logs = [createLog(true)]
        memory.clear()
        for (const [key, value] of tables) memory.set(key, value)
        background = null
        status = 'open'
      },
      async close() {
        status = 'closed'
      },
      async get(key) {
        await step('read')
        return memory.get(key)
      },
      getSync: (key) => memory.get(key),
      async batch(operations, { sync }) {
        if (background !== null) throw background
        const log = logToWrite()
        await step('append').catch((error: unknown) => {
          log.isTorn = true
          throw error
        })
        // What follows a torn record in a log is not found again.
        log.records.push({ operations, state: log.isTorn ? 'unreadable' : 'dirty' })
        if (sync) await syncLog(log)
        apply(memory, operations)
      },
      iterator: ({ gte, lt }) => ({
        async all() {
          await step('read')
          return [...memory].filter(([key]) => key >= gte && key < lt).sort(([a], [b]) => (a < b ? -1 : 1))
        },
      }),
      keys: ({ gte, lt, limit }) => ({
        async all() {
          await step('read')
          return [...memory.keys()].filter((key) => key >= gte && key < lt).sort().slice(0, limit)
        },
      }),
    }

    function logToWrite(): LogFile {
      const last = logs.at(-1)!
      if (last.records.length < RECORDS_PER_LOG) return last
      const next = createLog(false)
      logs.push(next)
      if (logs.length > 2) moveIntoTables(logs.shift()!)
      return next
    }

    async function syncLog(log: LogFile) {
      const dirty = log.records.filter(({ state }) => state === 'dirty')
      try {
        await step('sync')
      } catch (error) {
        // The page cache takes them for clean from now on: they are read, and never written.
        for (const record of dirty) record.state = 'dropped'
        background = error as Error
        throw error
      }
      for (const record of dirty) record.state = 'durable'
    }
  }
}

const never = new Promise<never>(() => {})

function apply(map: Map<string, string>, operations: readonly LevelOperation[]) {
  for (const operation of operations) {
    if (operation.type === 'put') map.set(operation.key, operation.value)
    else map.delete(operation.key)
  }
}
