/**
 * Every commit carries a row with its number. LevelDB drops without a word what it cannot read of its log; the numbers then have
 * a gap (F14). What is in a log no more is safe from that, and its rows are deleted.
 */
import type { LevelOperation } from './disk.js'
import { seal, unseal } from './stored-values.js'
import type { KeyRange } from './user-keys.js'

export interface FoundCommits {
  /** The least number whose row may still be there. */
  readonly first: number
  /** The greatest number that was acknowledged, as far as is known. */
  readonly last: number
  readonly lost: LostCommits | null
}
export interface LostCommits {
  readonly from: number
  readonly to: number
  /** Of those between, `from` and `to` included. */
  readonly count: number
}

export interface CommitRows {
  /** What to write with the next commit. */
  next(): { readonly number: number; readonly operations: readonly LevelOperation[] }
  /** It is written, and these logs are there now. */
  written(logs: readonly string[]): void
}

export const COMMITS: KeyRange = { gte: 'c/', lt: 'c0' }
const keyOf = (number: number): string => `c/${String(number).padStart(16, '0')}`

/** `rows` in the order of their keys; `head` is a number that must be there. */
export function findCommits(rows: readonly (readonly [key: string, value: string])[], head: number): FoundCommits {
  const found = rows.flatMap(readRow)
  const newest = found.at(-1)
  const last = Math.max(head, newest?.number ?? 0)
  const gaps: { from: number; to: number }[] = []
  let expected = newest?.since ?? 1
  for (const { number } of [...found, { number: last + 1 }]) {
    if (number > expected) gaps.push({ from: expected, to: number - 1 })
    expected = Math.max(expected, number + 1)
  }
  return {
    first: found[0]?.number ?? last + 1,
    last,
    lost: gaps.length === 0 ? null : { from: gaps[0]!.from, to: gaps.at(-1)!.to, count: gaps.reduce((count, { from, to }) => count + to - from + 1, 0) },
  }
}

/** For a database just opened: that has moved into tables whatever was in its logs. */
export function createCommitRows({ first, last }: FoundCommits): CommitRows {
  let number = last
  let since = last + 1
  let undeleted = first
  /** Oldest first. */
  const firstIn = new Map<string, number>()

  return {
    next() {
      number++
      const operations: LevelOperation[] = [{ type: 'put', key: keyOf(number), value: seal(keyOf(number), since) }]
      for (let deleted = 0; deleted < DELETED_AT_ONCE && undeleted < since; deleted++) operations.push({ type: 'del', key: keyOf(undeleted++) })
      return { number, operations }
    },
    written(logs) {
      for (const log of firstIn.keys()) if (!logs.includes(log)) firstIn.delete(log)
      for (const log of logs) if (!firstIn.has(log)) firstIn.set(log, number)
      since = Math.min(...firstIn.values())
    },
  }
}

/** Faster than they come, and never many in one commit. */
const DELETED_AT_ONCE = 2

function readRow([key, value]: readonly [key: string, value: string]): { readonly number: number; readonly since: number }[] {
  const read = unseal(key, value)
  const number = Number(key.slice(COMMITS.gte.length))
  return read.ok && Number.isSafeInteger(number) && typeof read.value === 'number' ? [{ number, since: read.value }] : []
}
