import { PresenceError } from '../../src/errors.js'
import type { Log } from '../../src/ports.js'
import { COMMITS, createCommitRows, findCommits, type CommitRows, type FoundCommits } from './commit-rows.js'
import type { Disk, Level, LevelOperation } from './disk.js'
import { createHead, readHead } from './head.js'

export interface LevelDatabase {
  read<T>(work: (level: Level) => Promise<T>): Promise<T>
  /** One atomic batch, on disk when it resolves. One at a time. */
  write(prepare: (level: Level) => readonly LevelOperation[]): Promise<void>
  close(): Promise<void>
}

/**
 * LevelDB refuses every write after one that failed, since it cannot know what of it reached the disk; only opening it anew
 * helps. That is done once the folder takes bytes again: until then reads go on (F13).
 */
export async function openLevelDatabase(disk: Disk, log: Log): Promise<LevelDatabase> {
  const { path, level } = disk
  const reads = new Set<Promise<unknown>>()
  const head = createHead(disk, log)
  let lastCommit = 0
  let refusesWrites = false
  let isDraining = false
  let reopening: Promise<void> | null = null
  let isClosed = false
  let commits = await openFirst().catch(async (cause: unknown) => {
    await level.close().catch(() => {})
    throw notOpened(path, cause)
  })

  return {
    async read(work) {
      if (level.status !== 'open' || isDraining) await reopen()
      const reading = work(level)
      reads.add(reading)
      return reading.finally(() => reads.delete(reading))
    },
    async write(prepare) {
      if (refusesWrites) await reopen()
      try {
        const { number, operations } = commits.next()
        await level.batch([...prepare(level), ...operations], { sync: true })
        commits.written(await disk.syncLogNames())
        lastCommit = number
        head.raise(lastCommit)
      } catch (cause) {
        refusesWrites = true
        log('error', 'The store could not be written.', { path, cause: textOf(cause) })
        throw notWritten(path, cause)
      }
    },
    async close() {
      isClosed = true
      await head.close()
      await level.close()
    },
  }

  async function openFirst(): Promise<CommitRows> {
    await disk.create()
    lastCommit = await readHead(disk, log)
    return open()
  }

  async function open(): Promise<CommitRows> {
    await level.open()
    const found = await readCommits()
    if (found.lost) log('error', 'The disk lost commits that the store had acknowledged. Devices bring registers back; revoke again what was revoked of late.', { path, ...found.lost })
    return createCommitRows(found)
  }

  async function readCommits(): Promise<FoundCommits> {
    try {
      return findCommits(await level.iterator(COMMITS).all(), lastCommit)
    } catch (cause) {
      // Who has nothing in what is damaged shall have the rest.
      log('error', 'The numbers of the commits cannot be read: what the disk has lost is not known.', { path, cause: textOf(cause) })
      return { first: lastCommit + 1, last: lastCommit, lost: null }
    }
  }

  async function reopen(): Promise<void> {
    reopening ??= openAnew().finally(() => { reopening = null })
    return reopening
  }

  async function openAnew() {
    if (isClosed) throw notWritten(path, undefined)
    try {
      await disk.probe()
      // An iterator dies with its database.
      isDraining = true
      await Promise.allSettled(reads)
      await level.close()
      commits = await open()
    } catch (cause) {
      throw notWritten(path, cause)
    } finally {
      isDraining = false
    }
    refusesWrites = false
    log('warn', 'The store can be written again.', { path })
  }
}

function notOpened(path: string, error: unknown): PresenceError {
  const cause = causeOf(error)
  const isLocked = cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED'
  return new PresenceError('storage-unavailable', {
    subject: path,
    message: isLocked ? `The store "${path}" is in use by another process.` : `The store "${path}" could not be opened: ${textOf(cause)}.`,
    remedy: isLocked
      ? 'Stop the other relay, or give this one a folder of its own; to share users between processes use Redis.'
      : 'Check that the folder may be written. If it is damaged move it aside: devices bring their registers back, and what was revoked has to be revoked again.',
    cause,
  })
}

const notWritten = (path: string, cause: unknown): PresenceError => new PresenceError('storage-unavailable', {
  subject: path,
  message: `The store "${path}" could not be written: ${textOf(cause)}.`,
  remedy: 'Make room on its disk, or mend it; the relay goes on by itself.',
  cause,
})

/** Of an opening that failed the database says only that it did. */
const causeOf = (error: unknown): unknown => (error instanceof Error && error.cause ? error.cause : error)

function textOf(error: unknown): string {
  const cause = causeOf(error)
  return (cause instanceof Error ? cause.message : 'it is closed').replace(/\.$/, '')
}
