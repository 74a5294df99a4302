import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach } from 'vitest'
import type { UserStore } from '../../server/hub/user-store.js'
import { killProcess } from './relay-process.js'

export interface StoreFolder {
  /** A folder for a store of its own. */
  newPath(): string
  /** Ended after each test: processes first, since they may hold what a store needs. */
  readonly children: ChildProcess[]
  readonly opened: UserStore[]
}

/** Stores and their processes for the tests of one file, and nothing left of them after it. */
export function useStoreFolder(name: string): StoreFolder {
  const folder = mkdtempSync(join(tmpdir(), `porchlight-${name}-`))
  const opened: UserStore[] = []
  const children: ChildProcess[] = []
  let folders = 0
  afterEach(async () => {
    for (const child of children.splice(0)) await killProcess(child)
    for (const store of opened.splice(0)) await store.close()
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return { newPath: () => join(folder, `${++folders}`), children, opened }
}
