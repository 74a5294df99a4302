/** The level store on a manual disk whose power is cut, and which fails, at every step that it takes. */
import { describe, expect, it } from 'vitest'
import type { UserStore } from '../../../server/hub/user-store.js'
import { openStoreOn } from '../../../server/store/level-store.js'
import type { Registers } from '../../../src/model/registers.js'
import { createManualDisk, type Failure, type Step } from '../../support/manual-disk.js'

const WRITER = 'laptop0000000000000000'
const USERS = ['alice', 'bob', 'carol']
const ROUNDS = 6

describe('a power cut', () => {
  it.each([
    ['drops all that was not synced', 0],
    ['finds the first unsynced record on the disk', 1],
    ['finds everything on the disk', Infinity],
  ])('[F12] [SY2] at any step that %s loses nothing acknowledged and halves no save', async (_, luckyRecords) => {
    let cuts = 0
    for (let at = 1; ; at++) {
      const world = createWorld()
      world.disk.plan = (_step, number) => void (number === at && world.disk.cutPower(luckyRecords))
      const isOver = await world.work()
      if (isOver) break
      cuts++
      world.disk.plan = () => undefined
      await world.check(`cut at step ${at}`)
    }
    expect(cuts).toBeGreaterThan(ROUNDS * 4)
  })

  it('[F12] during the start after a power cut loses nothing either', async () => {
    for (let at = 1; at <= 60; at += 7) {
      for (let again = 1; again <= 8; again++) {
        const world = createWorld()
        world.disk.plan = (_step, number) => void ((number === at || number === at + again) && world.disk.cutPower())
        await world.work()
        await world.work()
        world.disk.plan = () => undefined
        await world.check(`cut at steps ${at} and ${at + again}`)
      }
    }
  })
})

describe('a disk that fails', () => {
  it.each<[failure: Failure, of: Step, forSteps: number]>([
    ['EIO', 'sync', 1], ['EIO', 'sync', 3], ['ENOSPC', 'append', 1], ['ENOSPC', 'append', 3], ['EIO', 'sync names', 2],
  ])('[F13] with %s at any %s, %i in a row, acknowledges nothing that is not there after a power cut, and recovers without a restart', async (failure, of, forSteps) => {
    let failures = 0
    for (let at = 1; at <= ROUNDS; at++) {
      const world = createWorld()
      let seen = 0
      // The disk takes a process's first write, or there would be none.
      world.disk.plan = (step) => {
        if (step !== of || ++seen <= at || seen > at + forSteps) return undefined
        failures++
        return failure
      }
      await world.work()
      world.disk.plan = () => undefined
      expect(await world.saveOnce('alice', ROUNDS + 1)).toBe(true)
      world.disk.cutPower()
      await world.check(`${of} ${at} failed`)
    }
    expect(failures).toBeGreaterThan(0)
  })

  it('[F13] at any step, and then loses its power at any later one, has all that it acknowledged', async () => {
    const failureOf: Partial<Record<Step, Failure>> = { append: 'ENOSPC', sync: 'EIO', 'sync names': 'EIO', open: 'EIO', probe: 'ENOSPC' }
    for (let at = 4; at <= 40; at++) {
      for (let later = 1; later <= 24; later += 2 + (at % 4)) {
        const world = createWorld()
        world.disk.plan = (step, number) => {
          if (number === at + later) world.disk.cutPower(later % 2)
          return number >= at && number < at + (later % 4) ? failureOf[step] : undefined
        }
        await world.work()
        world.disk.kill()
        world.disk.plan = () => undefined
        await world.check(`failed from step ${at}, cut ${later} later`)
      }
    }
  }, 20_000)

  it('[F13] for a while goes on reading, and its store saves again by itself', async () => {
    const world = createWorld()
    const store = await world.open()
    await save(store, 'alice', 1)
    world.disk.plan = (step) => (step === 'read' ? undefined : 'ENOSPC')
    for (let edit = 2; edit <= 4; edit++) {
      await expect(save(store, 'alice', edit)).rejects.toMatchObject({ code: 'storage-unavailable', remedy: expect.stringContaining('Make room') })
      expect(editOf(await store.load('alice'))).toBe(1)
    }
    world.disk.plan = () => undefined
    await save(store, 'alice', 5)
    expect(editOf(await store.load('alice'))).toBe(5)
    expect(world.said).toContain('The store can be written again.')
  })

  it('[F14] at the numbers of the commits alone is no reason not to start', async () => {
    const world = createWorld()
    await save(await world.open(), 'alice', 1)
    world.disk.kill()
    let reads = 0
    // The head is read first, then they are.
    world.disk.plan = (step) => (step === 'read' && ++reads === 2 ? 'EIO' : undefined)
    const store = await world.open()
    expect(editOf(await store.load('alice'))).toBe(1)
    expect(world.said).toEqual([expect.stringContaining('is not known')])
    await save(store, 'alice', 2)
    world.disk.cutPower()
    expect(editOf(await (await world.open()).load('alice'))).toBe(2)
    expect(world.said).toHaveLength(1)
  })

  it('[F13] just when its database is opened anew reads nothing for so long, and everything after', async () => {
    const world = createWorld()
    const store = await world.open()
    await save(store, 'alice', 1)
    world.disk.plan = (step) => (step === 'sync' || step === 'open' ? 'EIO' : undefined)
    await expect(save(store, 'alice', 2)).rejects.toThrow('EIO')
    await expect(save(store, 'alice', 3)).rejects.toThrow('EIO')
    await expect(store.load('alice')).rejects.toMatchObject({ code: 'storage-unavailable' })
    world.disk.plan = () => undefined
    expect(editOf(await store.load('alice'))).toBe(2)
    await save(store, 'alice', 4)
    expect(editOf(await store.load('alice'))).toBe(4)
  })
})

/** Three people save round after round; what failed is followed by a newer edit, as the hub does. */
function createWorld() {
  const disk = createManualDisk()
  const said: string[] = []
  const acknowledged = new Map<string, number>()
  const attempted = new Map<string, number>()
  let store: UserStore | undefined
  return { disk, said, open, work, saveOnce, check }

  function open(): Promise<UserStore> {
    return openStoreOn(disk.start(), { log: (_level, message) => said.push(message), now: () => 1_000 })
  }

  /** True if the process came to the end of its work. */
  function work(): Promise<boolean> {
    const working = open().catch(() => undefined).then(async (opened) => {
      if (!opened) return false
      store = opened
      const first = Math.max(0, ...attempted.values()) + 1
      for (let edit = first; edit < first + ROUNDS; edit++) await Promise.all(USERS.map((userId) => saveOnce(userId, edit)))
      return true
    })
    return Promise.race([working, disk.gone.then(() => false)])
  }

  async function saveOnce(userId: string, edit: number) {
    attempted.set(userId, edit)
    const isSaved = await save(store!, userId, edit).then(() => true, () => false)
    if (isSaved) acknowledged.set(userId, edit)
    return isSaved
  }

  async function check(when: string) {
    const reopened = await open()
    for (const userId of USERS) {
      const user = await reopened.load(userId)
      const edit = editOf(user)
      expect(edit, `${userId}, ${when}`).toBeGreaterThanOrEqual(acknowledged.get(userId) ?? 0)
      expect(edit, `${userId}, ${when}`).toBeLessThanOrEqual(attempted.get(userId) ?? 0)
      expect(user.registers.get('twin')?.at[0] ?? 0, `${userId} whole, ${when}`).toBe(edit)
    }
    await reopened.close()
    expect(said.filter((message) => message.includes('lost')), `told, ${when}`).toEqual([])
  }
}

const save = (store: UserStore, userId: string, edit: number): Promise<void> => store.save(userId, { registers: registers(edit) })
const registers = (edit: number): Registers => new Map(['note', 'twin'].map((name) => [name, { at: [edit, 0, WRITER], value: null }]))
const editOf = ({ registers: stored }: { readonly registers: Registers }): number => stored.get('note')?.at[0] ?? 0
