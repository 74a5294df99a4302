import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ClassicLevel } from 'classic-level'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { UserStore } from '../../server/hub/user-store.js'
import { openLevelStore, type LevelStoreOptions } from '../../server/store/level-store.js'
import type { Registers } from '../../src/model/registers.js'
import { bundleForNode, type Bundle } from '../support/bundle.js'
import { createChance } from '../support/chance.js'

/** Of util-linux: bounds what a process may write to a file. */
const LIMITER = 'prlimit'
const WRITER = 'laptop0000000000000000'
const folder = mkdtempSync(join(tmpdir(), 'porchlight-level-'))
const opened: UserStore[] = []
const children: ChildProcess[] = []
let folders = 0
const newPath = () => join(folder, `${++folders}`)

afterEach(async () => {
  for (const child of children.splice(0)) await kill(child)
  for (const store of opened.splice(0)) await store.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('another process', () => {
  let bundle: Bundle
  beforeAll(async () => { bundle = await bundleForNode('server/store/level-store.ts') })
  afterAll(() => bundle.remove())

  it('[F12] [SY2] that is killed has lost nothing that it acknowledged, in a hundred trials, whatever the last write left behind', async () => {
    await Promise.all([1, 2, 3, 4].map(async (seed) => {
      const chance = createChance(seed)
      const path = newPath()
      const acknowledged = new Map<string, number>()
      for (let trial = 0; trial < 25; trial++) {
        const store = startChild(SAVE_FOR_EVER, path)
        const killAfter = 1 + Math.floor(200 * chance() ** 2)
        let lines = 0
        for await (const line of createInterface(store.stdout!)) {
          const [userId, edit] = line.split(' ')
          acknowledged.set(userId!, Math.max(acknowledged.get(userId!) ?? 0, Number(edit)))
          if (++lines === killAfter) store.kill('SIGKILL')
        }
        await kill(store)
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

  it('is refused on a folder in use, and says what to do', async () => {
    const path = newPath()
    const child = startChild(OPEN_AND_WAIT, path)
    await once(child.stdout!, 'data')
    await expect(open(path)).rejects.toMatchObject({
      name: 'PresenceError', code: 'storage-unavailable', subject: path,
      message: `The store "${path}" is in use by another process.`,
      remedy: expect.stringContaining('Stop the other relay'),
    })
    await kill(child)
    await expect(open(path)).resolves.toBeDefined()
  })

  it.skipIf(spawnSync(LIMITER, ['--version']).error)('[F13] whose disk is full acknowledges nothing, goes on reading, and saves again when there is room', async () => {
    const path = newPath()
    // Stands in for a full disk: no file may grow beyond this.
    const child = startChild(SAVE_WHEN_TOLD, path, [LIMITER, '--fsize=200000:unlimited'])
    const answers = createInterface(child.stdout!)[Symbol.asyncIterator]()
    const ask = async () => {
      child.stdin!.write('save\n')
      return (await answers.next()).value as string
    }
    let saves = 0
    while (await ask() === `saved ${saves + 1}, reads ${saves + 1}`) saves++
    expect(saves).toBeGreaterThan(10)
    expect(await ask()).toBe(`storage-unavailable, reads ${saves}`)
    expect(await ask()).toBe(`storage-unavailable, reads ${saves}`)
    spawnSync(LIMITER, ['--pid', `${child.pid}`, '--fsize=unlimited'])
    expect(await ask()).toBe(`saved ${saves + 4}, reads ${saves + 4}`)
    await kill(child)
    expect((await (await open(path)).load('alice')).registers.get('note')!.at[0]).toBe(saves + 4)
  })

  function startChild(code: string, path: string, runner: readonly string[] = []): ChildProcess {
    const file = join(bundle.folder, `${++folders}.mjs`)
    writeFileSync(file, `import { openLevelStore } from ${JSON.stringify(bundle.file)}\n${code}`)
    const [command, ...args] = [...runner, process.execPath, file, path]
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
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

  it('[F14] with a damaged value has it set aside by name, and gives all the others', async () => {
    const path = newPath()
    const store = await open(path)
    await store.save('alice', {
      registers: new Map([...registers(1), ['status', { at: [1, 0, WRITER], value: { choice: 'dnd', expiresAt: null } }]]),
      records: new Map([[WRITER, { name: 'Laptop', kind: 'laptop', lastSeenAt: 1, lastInputAt: null, digest: '' }]]),
      activity: [{ id: `${WRITER}:1`, type: 'message', channelId: null, timestamp: 1, deviceId: WRITER, data: null }],
    })
    const whole = await store.load('alice')
    await store.close()
    const damage = await change(path, 'u/alice/r/status', (value) => value.replace('dnd', 'dnb'))

    const reports: unknown[] = []
    const reopened = await open(path, { log: (level, message, details) => reports.push({ level, message, ...details }) })
    const user = await reopened.load('alice')
    expect(user).toEqual({ ...whole, registers: registers(1) })
    expect(reports).toEqual([{ level: 'warn', message: 'A damaged value was set aside.', key: 'u/alice/r/status', reason: 'its checksum is wrong' }])
    await reopened.save('alice', { registers: new Map([['status', whole.registers.get('status')!]]) })
    expect(await reopened.load('alice')).toEqual(whole)
    expect(reports).toHaveLength(1)
    await reopened.close()
    expect(await read(path, `damaged/${reopened.relayNumber}/u/alice/r/status`)).toBe(damage)
  })

  it.each([
    ['a register that does not fit its name', 'u/alice/r/note', 'u/alice/r/status'],
    ['a value that turned up under another user', 'u/alice/r/note', 'u/bob/r/note'],
    ['a record that is a register', 'u/alice/r/note', 'u/alice/d/phone'],
    ['an activity row that is a register', 'u/alice/r/note', 'u/alice/a/phone/0000000000000001'],
    ['a key of no known part', 'u/alice/r/note', 'u/alice/x/note'],
    ['a key that is not an encoded id', 'u/alice/r/note', 'u/alice/d/%E0%A4%A'],
  ])('[F14] with %s gives the rest', async (_, from, to) => {
    const path = newPath()
    const store = await open(path)
    await store.save('alice', { registers: registers(1) })
    await store.close()
    const copied = await read(path, from)
    await change(path, to, () => copied!)
    const reopened = await open(path, { log: () => {} })
    for (const userId of ['alice', 'bob']) {
      expect(await reopened.load(userId)).toMatchObject({ registers: userId === 'alice' ? registers(1) : new Map(), records: new Map(), activity: [] })
    }
  })

  it.each([
    ['just before', async (store: UserStore) => {
      await Promise.all([store.load('alice'), store.save('alice', { registers: registers(2) })])
    }],
    ['in one batch with', async (store: UserStore) => {
      const saving = [store.save('bob', { registers: registers(1) }), store.load('alice')]
      // By now the first save is under way, and what is asked for here shares the next.
      await store.load('carol')
      await Promise.all([...saving, store.save('alice', { registers: registers(2) }), store.load('alice')])
    }],
    ['just after', async (store: UserStore) => {
      await store.load('alice')
      await store.save('alice', { registers: registers(2) })
    }],
  ])('[F14] keeps a value that is saved %s its damaged predecessor is set aside', async (_, race) => {
    const path = newPath()
    const store = await open(path)
    await store.save('alice', { registers: registers(1) })
    await store.close()
    await change(path, 'u/alice/r/note', (value) => `${value} `)
    const reopened = await open(path, { log: () => {} })
    await race(reopened)
    await reopened.close()
    expect((await (await open(path)).load('alice')).registers).toEqual(registers(2))
  })

  it('[LV6] whose number is damaged gives one that is greater nevertheless', async () => {
    const path = newPath()
    const store = await open(path, { now: () => 1_000 })
    await store.close()
    await change(path, 'meta', () => 'rubbish')
    expect((await open(path, { now: () => 2_000 })).relayNumber).toBeGreaterThan(store.relayNumber)
  })

  it('written by a newer version is left alone', async () => {
    const path = newPath()
    await (await open(path)).close()
    const level = new ClassicLevel(path)
    const { seal } = await import('../../server/store/stored-values.js')
    await level.put('meta', seal('meta', { format: 2, relayNumber: 1 }))
    await level.close()
    await expect(open(path)).rejects.toMatchObject({ code: 'storage-unavailable', message: expect.stringContaining('newer version') })
    await expect(open(path)).rejects.toMatchObject({ message: expect.stringContaining('newer version') })
  })
})

describe('a folder', () => {
  it('is made where it is missing, with those above it', async () => {
    const path = join(newPath(), 'deep', 'store')
    await (await open(path)).save('alice', { registers: registers(1) })
    expect(readdirSync(path)).toContain('CURRENT')
  })

  it('that is a file rejects with `storage-unavailable`', async () => {
    const path = newPath()
    writeFileSync(path, '')
    await expect(open(path)).rejects.toMatchObject({ name: 'PresenceError', code: 'storage-unavailable', remedy: expect.any(String) })
  })
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

it('shares one sync among the saves of many users', async () => {
  const commits: number[] = []
  const store = await open(newPath(), { onCommit: (saves) => commits.push(saves) })
  await Promise.all(Array.from({ length: 500 }, (_, user) => store.save(`user-${user}`, { registers: registers(1) })))
  expect(commits).toEqual([500])
})

it('[AC1] drops from the disk what is kept no more', async () => {
  const path = newPath()
  const store = await open(path)
  for (let from = 1; from <= 500; from += 100) {
    await store.save('alice', {
      activity: Array.from({ length: 100 }, (_, more) => ({
        id: `${WRITER}:${from + more}`, type: 'message', channelId: null, timestamp: from + more, deviceId: WRITER, data: null,
      })),
    })
  }
  await store.load('alice')
  await store.close()
  const level = new ClassicLevel(path)
  const rows = await level.keys({ gte: 'u/alice/a/', lt: 'u/alice/a0' }).all()
  await level.close()
  expect(rows).toHaveLength(200)
})

async function kill(child: ChildProcess) {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

const registers = (edit: number): Registers => new Map([['note', { at: [edit, 0, WRITER], value: 'x'.repeat(edit * 7 % 90) }]])

async function open(path: string, options: Partial<LevelStoreOptions> = {}): Promise<UserStore> {
  const store = await openLevelStore(path, { log: (_level, message) => expect.unreachable(message), ...options })
  opened.push(store)
  return store
}

async function read(path: string, key: string): Promise<string | undefined> {
  const level = new ClassicLevel(path)
  try {
    return await level.get(key)
  } finally {
    await level.close()
  }
}

/** What a disk does behind a store's back. */
async function change(path: string, key: string, alter: (value: string) => string): Promise<string> {
  const level = new ClassicLevel(path)
  try {
    const altered = alter((await level.get(key)) ?? '')
    await level.put(key, altered)
    return altered
  } finally {
    await level.close()
  }
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
/** An edit of five kilobytes for every line that comes in, and what is read then. */
const SAVE_WHEN_TOLD = `
  import { createInterface } from 'node:readline'
  process.on('SIGXFSZ', () => {})
  const store = await openLevelStore(process.argv[2], { log: () => {} })
  let edit = 0
  for await (const line of createInterface(process.stdin)) {
    edit++
    const registers = new Map([['note', { at: [edit, 0, '${WRITER}'], value: null }]])
    const saved = await store.save('alice', { registers, frozen: 'x'.repeat(5_000) }).then(() => 'saved ' + edit, (error) => error.code)
    console.log(saved + ', reads ' + (await store.load('alice')).registers.get('note').at[0])
  }
`
const OPEN_AND_WAIT = `
  const store = await openLevelStore(process.argv[2], { log: () => {} })
  console.log('open')
  setInterval(() => store, 1_000)
`
