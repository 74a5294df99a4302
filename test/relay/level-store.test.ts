import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ClassicLevel } from 'classic-level'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { UserStore } from '../../server/hub/user-store.js'
import { openLevelStore, type LevelStoreOptions } from '../../server/store/level-store.js'
import type { Registers } from '../../src/model/registers.js'
import { bundleForNode, type Bundle } from '../support/bundle.js'
import { killProcess } from '../support/relay-process.js'
import { useStoreFolder } from '../support/store-folder.js'

/** Of util-linux: bounds what a process may write to a file. */
const LIMITER = 'prlimit'
const WRITER = 'laptop0000000000000000'
const { newPath, opened, children } = useStoreFolder('level')

describe('another process', () => {
  let bundle: Bundle
  let scripts = 0
  beforeAll(async () => { bundle = await bundleForNode('server/store/level-store.ts') })
  afterAll(() => bundle.remove())

  it('is refused on a folder in use, and says what to do', async () => {
    const path = newPath()
    const child = startChild(OPEN_AND_WAIT, path)
    await once(child.stdout!, 'data')
    await expect(open(path)).rejects.toMatchObject({
      name: 'PresenceError', code: 'storage-unavailable', subject: path,
      message: `The store "${path}" is in use by another process.`,
      remedy: expect.stringContaining('Stop the other relay'),
    })
    await killProcess(child)
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
    await killProcess(child)
    expect((await (await open(path)).load('alice')).registers.get('note')!.at[0]).toBe(saves + 4)
  })

  function startChild(code: string, path: string, runner: readonly string[] = []): ChildProcess {
    const file = join(bundle.folder, `${++scripts}.mjs`)
    writeFileSync(file, `import { openLevelStore } from ${JSON.stringify(bundle.file)}\n${code}`)
    const [command, ...args] = [...runner, process.execPath, file, path]
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    children.push(child)
    return child
  }
})

describe('a disk', () => {
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
    expect(reports).toEqual([{ level: 'warn', message: 'A damaged value was set aside.', under: `damaged/${reopened.relayNumber}`, reason: 'its checksum is wrong' }])
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
