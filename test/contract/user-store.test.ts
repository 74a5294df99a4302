import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import { openLevelStore, openStoreOn } from '../../server/store/level-store.js'
import { createMemoryStore } from '../../server/store/memory-store.js'
import { createManualDisk, type ManualDisk } from '../support/manual-disk.js'
import { describeUserStore } from './user-store-contract.js'

const folder = mkdtempSync(join(tmpdir(), 'porchlight-stores-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const log = (_level: string, message: string, details?: object): never => expect.unreachable(`${message} ${JSON.stringify(details)}`)

describeUserStore('memory', { isDurable: false, open: async (_name, now) => createMemoryStore({ now }), crash: async () => {} })

/** What a process left behind that was killed: its files as others see them, while it still believes them its own. */
const leftBehind = new Map<string, string>()
describeUserStore('level', {
  isDurable: true,
  open: (name, now) => openLevelStore(leftBehind.get(name) ?? join(folder, name), { now, log }),
  async crash(name) {
    const copy = join(folder, `${name}, left behind`)
    cpSync(join(folder, name), copy, { recursive: true })
    leftBehind.set(name, copy)
  },
})

const disks = new Map<string, ManualDisk>()
describeUserStore('level on a disk that drops what was not synced', {
  isDurable: true,
  async open(name, now) {
    const disk = disks.get(name) ?? createManualDisk()
    disks.set(name, disk)
    disk.cutPower()
    return openStoreOn(disk.start(), { now, log })
  },
  async crash(name) {
    disks.get(name)!.cutPower()
  },
})
