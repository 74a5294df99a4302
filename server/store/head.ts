import type { Log } from '../../src/ports.js'
import type { Disk } from './disk.js'
import { seal, unseal } from './stored-values.js'

/** The number of a commit that is surely on the disk, in a file of its own. It lags: what it names must be there, and maybe more. */
export interface Head {
  /** `number` is on the disk. */
  raise(number: number): void
  /** Writes the last one. Nothing may be raised after it. */
  close(): Promise<void>
}

/** A sync of its own for every commit would double their price. */
const PAUSE_MS = 1_000
const KEY = 'head'
const DIGITS = 16

export function createHead(disk: Disk, log: Log): Head {
  let newest = 0
  let written = 0
  let running: Promise<void> | null = null
  let resting: { readonly timer: NodeJS.Timeout; readonly end: () => void } | null = null
  let isClosed = false

  return {
    raise(number) {
      newest = number
      running ??= writeAll()
    },
    async close() {
      isClosed = true
      resting?.end()
      await running
    },
  }

  async function writeAll() {
    while (written < newest) {
      const number = newest
      const isWritten = await disk.writeHead(headText(number)).then(() => true, (cause: unknown) => {
        log('warn', 'The head of the store could not be written.', { path: disk.path, cause: String(cause) })
        return false
      })
      if (isWritten) written = number
      if (!isClosed) await rest()
      // The next commit tries again.
      if (!isWritten) break
    }
    running = null
  }

  function rest(): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(resting?.timer)
        resting = null
        resolve()
      }
      resting = { timer: setTimeout(end, PAUSE_MS).unref(), end }
    })
  }
}

/** Zero where there is none, or none that can be read. */
export async function readHead(disk: Disk, log: Log): Promise<number> {
  const text = await disk.readHead().catch(String)
  if (text === null || text === '') return 0
  const read = unseal(KEY, text)
  const number = read.ok ? Number(read.value) : Number.NaN
  if (Number.isSafeInteger(number) && number > 0) return number
  log('warn', 'The head of the store cannot be read.', { path: disk.path })
  return 0
}

const headText = (number: number): string => seal(KEY, String(number).padStart(DIGITS, '0'))
