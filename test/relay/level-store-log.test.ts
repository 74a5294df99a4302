/** What becomes of the store when its process is killed, and when the end, or any bit, of its log is not what was written. */
import { spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync, cpSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { UserStore } from '../../server/hub/user-store.js'
import { openLevelStore, type LevelStoreOptions } from '../../server/store/level-store.js'
import type { Registers } from '../../src/model/registers.js'
import { bundleForNode, type Bundle } from '../support/bundle.js'
import { createChance } from '../support/chance.js'
import { killProcess } from '../support/relay-process.js'
import { useStoreFolder } from '../support/store-folder.js'

const WRITER = 'laptop0000000000000000'
const { newPath, opened, children } = useStoreFolder('log')

describe('a process', () => {
  let bundle: Bundle
  beforeAll(async () => { bundle = await bundleForNode('server/store/level-store.ts') })
  afterAll(() => bundle.remove())

  it('[F12] [SY2] that is killed has lost nothing that it acknowledged, in a hundred trials, whatever the last write left behind', async () => {
    await Promise.all([1, 2, 3, 4].map(async (seed) => {
      const chance = createChance(seed)
      const path = newPath()
      const acknowledged = new Map<string, number>()
      for (let trial = 0; trial < 25; trial++) {
        const store = saveForEver(path)
        const killAfter = 1 + Math.floor(200 * chance() ** 2)
        let lines = 0
        for await (const line of createInterface(store.stdout!)) {
          const [userId, edit] = line.split(' ')
          acknowledged.set(userId!, Math.max(acknowledged.get(userId!) ?? 0, Number(edit)))
          if (++lines === killAfter) store.kill('SIGKILL')
        }
        await killProcess(store)
        tear(logOf(path), chance)
        const reopened = await open(path)
        for (const [userId, edit] of acknowledged) {
          const stored = (await reopened.load(userId)).registers.get('note')
          expect(stored?.at[0], `${userId}, after kill ${trial} of seed ${seed}`).toBeGreaterThanOrEqual(edit)
        }
        await reopened.close()
      }
      expect(acknowledged.size).toBe(8)
    }))
  }, 300_000)

  function saveForEver(path: string): ChildProcess {
    const file = join(bundle.folder, 'save-for-ever.mjs')
    writeFileSync(file, `import { openLevelStore } from ${JSON.stringify(bundle.file)}\n${SAVE_FOR_EVER}`)
    const child = spawn(process.execPath, [file, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    return child
  }
})

describe('a disk', () => {
  it.each([
    ['cut off', (bytes: Buffer, from: number) => bytes.subarray(0, from)],
    ['filled with zeros', (bytes: Buffer, from: number) => bytes.fill(0, from)],
    ['garbled', (bytes: Buffer, from: number, chance: () => number) => bytes.map((byte, at) => (at < from ? byte : byte ^ (1 + Math.floor(chance() * 255))))],
  ])('[F12] [F14] whose log is %s from anywhere on keeps every save before, and knows what it lost', async (_, damage) => {
    const path = newPath()
    const store = await open(path)
    const logBytes: number[] = []
    for (let edit = 1; edit <= 300; edit++) {
      await store.save('alice', { registers: registers(edit), frozen: 'x'.repeat(edit % 500) })
      logBytes.push(statSync(logOf(path)).size)
    }
    // Leaves the log as it is, and the head at the last commit: the store's own number is the first.
    await store.close()
    const chance = createChance(logBytes.at(-1)!)
    for (let trial = 0; trial < 40; trial++) {
      const damaged = newPath()
      cpSync(path, damaged, { recursive: true })
      const from = Math.floor(logBytes[0]! + (logBytes.at(-1)! - logBytes[0]!) * chance())
      writeFileSync(logOf(damaged), damage(readFileSync(logOf(damaged)), from, chance))
      const reports: unknown[] = []
      const reopened = await open(damaged, { log: (level, _message, { path: _path, ...lost } = {}) => reports.push({ level, ...lost }) })
      const edit = (await reopened.load('alice')).registers.get('note')!.at[0]
      expect(edit, `damaged from byte ${from}`).toBe(logBytes.findLastIndex((size) => size <= from) + 1)
      expect(reports, `damaged from byte ${from}`).toEqual([{ level: 'error', from: edit + 2, to: 301, count: 300 - edit }])
      await reopened.close()
      // Told once.
      await (await open(damaged)).close()
    }
  }, 60_000)

  it('[F14] that flips any bit of the log loses commits around it, and says which', async () => {
    const path = newPath()
    const store = await open(path)
    const first = statSync(logOf(path)).size
    for (let user = 2; user <= 400; user++) await store.save(`user-${user}`, { registers: registers(user), frozen: 'x'.repeat(user % 300) })
    // Leaves the log as it is, and the head at the last commit.
    await store.close()
    const chance = createChance(first)
    let losses = 0
    for (let trial = 0; trial < 30; trial++) {
      const flipped = newPath()
      cpSync(path, flipped, { recursive: true })
      const bytes = readFileSync(logOf(flipped))
      const bit = Math.floor((bytes.length - first) * 8 * chance()) + first * 8
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      writeFileSync(logOf(flipped), bytes)
      const reports: unknown[] = []
      const reopened = await open(flipped, { log: (level, _message, { path: _path, ...lost } = {}) => reports.push({ level, ...lost }) })
      const there = new Set<string>()
      for await (const userId of reopened.userIds()) there.add(userId)
      const lost = Array.from({ length: 399 }, (_, index) => index + 2).filter((user) => !there.has(`user-${user}`))
      expect(reports, `bit ${bit}`).toEqual(lost.length === 0 ? [] : [{ level: 'error', from: lost[0], to: lost.at(-1), count: lost.length }])
      losses += Math.sign(lost.length)
      await reopened.close()
    }
    expect(losses).toBeGreaterThan(20)
  }, 60_000)
})

it('[F12] starts within two seconds after a kill, with the data of 10,000 users', async () => {
  const path = newPath()
  const store = await open(path)
  for (let from = 0; from < 10_000; from += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, more) => store.save(`user-${from + more}`, {
      registers: new Map(['custom', 'profile', 'note'].map((name) => [name, { at: [1, 0, WRITER], value: { text: `${name} of ${from + more}`.padEnd(80) } }])),
      records: new Map([[WRITER, { name: 'Laptop', kind: 'laptop', lastSeenAt: 1, lastInputAt: null, digest: '' }]]),
      activity: [1, 2, 3].map((seq) => ({ id: `${WRITER}:${seq}`, type: 'message', channelId: null, timestamp: seq, deviceId: WRITER, data: null })),
    })))
  }
  // A log as full as it gets of the smallest commits.
  for (let edit = 0; edit < 2_000; edit++) await store.save('user-0', { registers: registers(edit) })
  const starts: number[] = []
  for (let trial = 0; trial < 3; trial++) {
    const left = newPath()
    cpSync(path, left, { recursive: true })
    const begunAt = performance.now()
    await open(left)
    starts.push(performance.now() - begunAt)
  }
  expect(Math.min(...starts), `milliseconds: ${starts.join()}`).toBeLessThan(2_000)
}, 120_000)

const registers = (edit: number): Registers => new Map([['note', { at: [edit, 0, WRITER], value: 'x'.repeat(edit * 7 % 90) }]])

async function open(path: string, options: Partial<LevelStoreOptions> = {}): Promise<UserStore> {
  const store = await openLevelStore(path, { log: (_level, message) => expect.unreachable(message), ...options })
  opened.push(store)
  return store
}

/** What a write that was under way may leave behind the last whole one: nothing, zeros, rubbish, or its beginning. */
function tear(log: string, chance: () => number) {
  const length = Math.floor(chance() * 300)
  const tails = [
    () => Buffer.alloc(0),
    () => Buffer.alloc(length),
    () => Buffer.from(Array.from({ length }, () => Math.floor(chance() * 256))),
    () => {
      const bytes = readFileSync(log)
      return bytes.subarray(0, Math.floor(chance() * (RECORD_HEAD_BYTES + bytes.readUInt16LE(4))))
    },
  ]
  appendFileSync(log, tails[Math.floor(chance() * tails.length)]!())
}

/** Of a record in LevelDB's log: four of checksum, two of length, one of type. */
const RECORD_HEAD_BYTES = 7

function logOf(path: string): string {
  return join(path, readdirSync(path).filter((name) => name.endsWith('.log')).sort().at(-1)!)
}

/** Eight users at once, each edit acknowledged by a line once it is stored. */
const SAVE_FOR_EVER = `
  import { writeSync } from 'node:fs'
  const store = await openLevelStore(process.argv[2], { log: () => {} })
  for (let user = 0; user < 8; user++) void saveForEver('user-' + user)
  async function saveForEver(userId) {
    for (let edit = (await store.load(userId)).registers.get('note')?.at[0] ?? 1; ; edit++) {
      await store.save(userId, { registers: new Map([['note', { at: [edit, 0, '${WRITER}'], value: 'x'.repeat(edit % 300) }]]) })
      writeSync(1, userId + ' ' + edit + '\\n')
    }
  }
`
