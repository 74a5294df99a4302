import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import { openLevelStore } from '../../server/store/level-store.js'
import { createMemoryStore } from '../../server/store/memory-store.js'
import { describeUserStore } from './user-store-contract.js'

const folder = mkdtempSync(join(tmpdir(), 'porchlight-stores-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Every process that starts is later than the one before. */
let now = 1_000
describeUserStore('memory', async () => createMemoryStore({ now: () => ++now }), { survivesClose: false })
describeUserStore('level', (name) => openLevelStore(join(folder, name), {
  now: () => 0,
  log: (_level, message, details) => expect.unreachable(`${message} ${JSON.stringify(details)}`),
}), { survivesClose: true })
