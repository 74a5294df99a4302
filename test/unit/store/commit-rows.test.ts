import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCommitRows, findCommits } from '../../../server/store/commit-rows.js'
import type { LevelOperation } from '../../../server/store/disk.js'

describe('commit rows', () => {
  it.each<[what: string, there: readonly number[], head: number, lost: ReturnType<typeof findCommits>['lost']]>([
    ['nothing was ever written', [], 0, null],
    ['all are there', [1, 2, 3], 3, null],
    ['the head lags', [1, 2, 3], 1, null],
    ['one is missing in the middle', [1, 2, 4], 4, { from: 3, to: 3, count: 1 }],
    ['several are, in two places', [1, 4, 5, 7], 7, { from: 2, to: 6, count: 3 }],
    ['the first are', [3, 4], 4, { from: 1, to: 2, count: 2 }],
    ['the last are, which only the head knows', [1, 2], 5, { from: 3, to: 5, count: 3 }],
    ['all are', [], 5, { from: 1, to: 5, count: 5 }],
    ['some are, and the head was lost', [1, 3], 0, { from: 2, to: 2, count: 1 }],
  ])('[F14] tell what was lost where %s', (_, there, head, lost) => {
    const rows = written(7)
    expect(findCommits(there.map((number) => rows.row(number)), head).lost).toEqual(lost)
  })

  it('[F14] tell of a loss once: the next start goes on above it', () => {
    const rows = written(5)
    const left = [rows.row(1), rows.row(3)]
    const found = findCommits(left, 9)
    expect(found).toMatchObject({ last: 9, lost: { from: 2, to: 9, count: 7 } })
    const next = createCommitRows(found).next()
    expect(next.number).toBe(10)
    expect(findCommits(apply(left, next.operations), 10)).toMatchObject({ last: 10, lost: null })
  })

  it('[F14] that are damaged count as lost, and never as a number', () => {
    const rows = written(3)
    expect(findCommits([rows.row(1), [rows.row(2)[0], 'rubbish'], rows.row(3), ['c/9999999999999999', rows.row(1)[1]]], 3).lost).toEqual({ from: 2, to: 2, count: 1 })
  })

  it('[F14] notice the loss of any commits that still lie in a log, through any number of starts', () => {
    fc.assert(fc.property(
      fc.array(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
      fc.nat(), fc.nat({ max: 3 }),
      (runs, dropFrom, dropMore) => {
        let table: Rows = []
        let last = 0
        for (const commitsPerLog of runs) {
          const found = findCommits(table, last)
          expect(found.lost).toBeNull()
          const commits = createCommitRows(found)
          const logs = commitsPerLog.map((count, log) => Array.from({ length: count }, () => {
            const commit = commits.next()
            // A log goes once the one after the next has begun.
            commits.written([log - 1, log].filter((each) => each >= 0).map((each) => `${each}.log`))
            return commit
          }))
          const inLogs = logs.slice(-2).flat()
          const from = dropFrom % inLogs.length
          const dropped = inLogs.slice(from, from + 1 + dropMore)
          last = inLogs.at(-1)!.number
          const rest = logs.flat().filter((commit) => !dropped.includes(commit)).reduce((kept, { operations }) => apply(kept, operations), table)
          expect(findCommits(rest, last).lost).toEqual({ from: dropped[0]!.number, to: dropped.at(-1)!.number, count: dropped.length })
          table = logs.flat().reduce((kept, { operations }) => apply(kept, operations), table)
        }
      },
    ))
  })

  it('are deleted once their log is gone, a few with each commit', () => {
    const commits = createCommitRows(findCommits([], 0))
    let table: Rows = []
    for (let commit = 0; commit < 1_000; commit++) {
      const { operations } = commits.next()
      expect(operations.length).toBeLessThan(5)
      table = apply(table, operations)
      commits.written([`${Math.floor(commit / 100)}.log`])
    }
    expect(table.length).toBeLessThan(250)
  })
})

type Rows = readonly (readonly [key: string, value: string])[]

function written(count: number) {
  const commits = createCommitRows(findCommits([], 0))
  const rows = Array.from({ length: count }, () => commits.next().operations).reduce(apply, [] as Rows)
  return { row: (number: number) => rows[number - 1]! }
}

function apply(rows: Rows, operations: readonly LevelOperation[]): Rows {
  const next = new Map(rows)
  for (const operation of operations) {
    if (operation.type === 'put') next.set(operation.key, operation.value)
    else next.delete(operation.key)
  }
  return [...next].sort(([a], [b]) => (a < b ? -1 : 1))
}
