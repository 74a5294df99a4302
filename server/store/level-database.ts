import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { PresenceError } from '../../src/errors.js'
import type { Log } from '../../src/ports.js'

export type LevelOperation =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'del'; readonly key: string }

export interface LevelDatabase {
  read<T>(work: (level: ClassicLevel) => Promise<T>): Promise<T>
  /** One atomic batch, on disk when it resolves. One at a time. */
  write(prepare: (level: ClassicLevel) => readonly LevelOperation[]): Promise<void>
  close(): Promise<void>
}

/** Its log is read whole at every start: small, so that a start is short. */
const LOG_BYTES = 1_048_576

/**
 * LevelDB refuses every write after one that failed, since it cannot know what of it reached the disk; only opening it anew
 * helps. That is done once the folder takes bytes again: until then reads go on (F13).
 */
export async function openLevelDatabase(path: string, log: Log): Promise<LevelDatabase> {
  const level = new ClassicLevel(path, { writeBufferSize: LOG_BYTES })
  await level.open().catch((cause: unknown) => { throw notOpened(path, cause) })
  const reads = new Set<Promise<unknown>>()
  let refusesWrites = false
  let reopening: Promise<void> | null = null
  let isClosed = false

  return {
    async read(work) {
      if (level.status !== 'open') await reopen()
      const reading = work(level)
      reads.add(reading)
      return reading.finally(() => reads.delete(reading))
    },
    async write(prepare) {
      if (refusesWrites) await reopen()
      try {
        await level.batch([...prepare(level)], { sync: true })
      } catch (cause) {
        refusesWrites = true
        log('error', 'The store could not be written.', { path, cause })
        throw notWritten(path, cause)
      }
    },
    async close() {
      isClosed = true
      await level.close()
    },
  }

  async function reopen(): Promise<void> {
    reopening ??= openAnew().finally(() => { reopening = null })
    return reopening
  }

  async function openAnew() {
    if (isClosed) throw notWritten(path, undefined)
    try {
      await takesBytes(path)
      // An iterator dies with its database.
      while (reads.size > 0) await Promise.allSettled(reads)
      await level.close()
      await level.open()
    } catch (cause) {
      throw notWritten(path, cause)
    }
    refusesWrites = false
    log('warn', 'The store can be written again.', { path })
  }
}

async function takesBytes(path: string) {
  const probe = join(path, 'porchlight-probe')
  const file = await open(probe, 'w')
  try {
    await file.writeFile(new Uint8Array(2 * LOG_BYTES))
    await file.sync()
  } finally {
    await file.close()
    await rm(probe, { force: true })
  }
}

function notOpened(path: string, error: unknown): PresenceError {
  const cause = error instanceof Error && error.cause ? error.cause : error
  const isLocked = cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED'
  return new PresenceError('storage-unavailable', {
    subject: path,
    message: isLocked ? `The store "${path}" is in use by another process.` : `The store "${path}" could not be opened: ${textOf(cause)}.`,
    remedy: isLocked
      ? 'Stop the other relay, or give this one a folder of its own; to share users between processes use Redis.'
      : 'Check that the folder may be written; if it is damaged move it aside, and devices will bring their registers back.',
    cause,
  })
}

const notWritten = (path: string, cause: unknown): PresenceError => new PresenceError('storage-unavailable', {
  subject: path,
  message: `The store "${path}" could not be written: ${textOf(cause)}.`,
  remedy: 'Make room on its disk, or mend it; the relay goes on by itself.',
  cause,
})

const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : 'it is closed').replace(/\.$/, '')
