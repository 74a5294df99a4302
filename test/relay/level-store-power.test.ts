/** The real database, and the power cut at any of its system calls: what a disk may then hold is rebuilt from a trace of them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openLevelStore } from '../../server/store/level-store.js'
import { bundleForNode, type Bundle } from '../support/bundle.js'
import { createChance } from '../support/chance.js'
import { traceFolder } from '../support/power-cut.js'
import { canTrace, spawnTraced, type SystemCall } from '../support/system-calls.js'

const WRITER = 'laptop0000000000000000'
const USERS = ['alice', 'bob', 'carol']
const CUTS = 60
const folder = mkdtempSync(join(tmpdir(), 'porchlight-power-'))
let bundle: Bundle
beforeAll(async () => { bundle = await bundleForNode('server/store/level-store.ts') })
afterAll(() => {
  bundle.remove()
  rmSync(folder, { recursive: true, force: true })
})

describe.skipIf(!canTrace)('a power cut (where strace may look at system calls)', () => {
  it.each<[what: string, inject: readonly string[]]>([
    ['at any system call', []],
    ['at any system call, on a disk whose syncs fail now and then', ['fdatasync:error=EIO:when=15+20', 'fsync:error=EIO:when=3+3']],
  ])('[F12] [F13] [SY2] %s loses nothing acknowledged and halves no save', async (_, inject) => {
    const path = join(folder, 'stores', String(inject))
    mkdirSync(path, { recursive: true })
    const traced = await save(path, 60, inject)
    const acknowledgements = traced.flatMap(readAcknowledgement)
    expect(acknowledgements.length).toBeGreaterThan(100)
    expect(traced.some(({ name, result }) => name === 'fdatasync' && result < 0)).toBe(String(inject).includes('fdatasync'))

    const disk = traceFolder(path, traced)
    const [firstLine, lastLine] = [acknowledgements[0]!.line, acknowledgements.at(-1)!.line]
    const chances = [() => 0, () => 1, createChance(1)]
    for (let cut = 0; cut < CUTS; cut++) {
      const line = Math.floor(firstLine + ((lastLine - firstLine) * (cut + 1)) / CUTS)
      const image = join(folder, 'images', `${String(inject)} ${cut}`)
      disk.imageAt(line, image, chances[cut % 3]!)
      // A head may be torn, for once: that is a warning.
      const said: string[] = []
      const store = await openLevelStore(image, { log: (level, message) => void (level === 'error' && said.push(message)) })
      for (const userId of USERS) {
        const user = await store.load(userId)
        const edit = user.registers.get('note')?.at[0] ?? 0
        const acknowledged = Math.max(0, ...acknowledgements.filter((each) => each.userId === userId && each.line <= line).map((each) => each.edit))
        expect(edit, `${userId}, cut at line ${line}`).toBeGreaterThanOrEqual(acknowledged)
        expect(user.registers.get('twin')?.at[0] ?? 0, `${userId} whole, cut at line ${line}`).toBe(edit)
      }
      expect(said, `told, cut at line ${line}`).toEqual([])
      await store.close()
      rmSync(image, { recursive: true })
    }
  }, 120_000)

  it('[F12] finds a folder that was made anew: its name, and those above it, are synced before anything is acknowledged', async () => {
    const path = join(folder, 'made', 'as', 'deep', 'as this')
    const traced = await save(path, 1)
    const acknowledged = traced.flatMap(readAcknowledgement)[0]!.line
    const synced = traced.filter(({ name, result, returnedAt }) => name === 'fsync' && result === 0 && returnedAt < acknowledged).map(({ on }) => on)
    for (let made = path; made !== folder; made = dirname(made)) expect(synced, `with the name of ${made}`).toContain(dirname(made))
  })

  async function save(path: string, editsBetweenStarts: number, inject: readonly string[] = []): Promise<readonly SystemCall[]> {
    const script = join(bundle.folder, 'save.mjs')
    writeFileSync(script, `import { openLevelStore } from ${JSON.stringify(bundle.file)}\n${SAVE_AND_RESTART}`)
    const { child, calls } = spawnTraced([process.execPath, script, path, `${editsBetweenStarts}`], join(folder, 'trace'), inject)
    child.stdout!.resume()
    return calls()
  }
})

function readAcknowledgement({ name, descriptor, texts, enteredAt }: SystemCall) {
  const [, userId, edit] = name === 'write' && descriptor === 1 ? /^stored (\w+) (\d+)\n$/.exec(String(texts[0])) ?? [] : []
  return userId === undefined ? [] : [{ userId, edit: Number(edit), line: enteredAt }]
}

/** Enough for several logs; closed and opened again half-way. */
const SAVE_AND_RESTART = `
  import { writeSync } from 'node:fs'
  import { setTimeout } from 'node:timers/promises'
  let edit = 0
  for (let half = 1; half <= 2; half++) {
    const store = await openForSure()
    while (edit < process.argv[3] * half) {
      edit++
      const registers = new Map(['note', 'twin'].map((name) => [name, { at: [edit, 0, '${WRITER}'], value: null }]))
      await Promise.all(${JSON.stringify(USERS)}.map(async (userId) => {
        const isSaved = await store.save(userId, { registers, frozen: 'x'.repeat(9_000) }).then(() => true, () => false)
        if (isSaved) writeSync(1, 'stored ' + userId + ' ' + edit + '\\n')
        else await setTimeout(5)
      }))
    }
    await store.close()
  }
  async function openForSure() {
    for (;;) {
      const store = await openLevelStore(process.argv[2], { log: () => {} }).catch(() => null)
      if (store) return store
      await setTimeout(5)
    }
  }
`
