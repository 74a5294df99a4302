import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Storage } from '../../../src/ports.js'
import { openOwnData } from '../../../src/service/own-data.js'
import { createMemoryStorage } from '../../../src/storage/memory-storage.js'

const random = { fraction: () => 0.5, bytes: (length: number) => new Uint8Array(randomBytes(length)) }

/** Answers from memory, and stores what the change says when it is run again: IndexedDB that opens late. */
function createLateStorage(values: Map<string, Uint8Array>): Storage {
  const storage = createMemoryStorage(values)
  return {
    ...storage,
    async update(key, change) {
      const answer = change(undefined)
      await storage.update(key, change)
      return answer
    },
  }
}

describe('own data', () => {
  it('[DV1] keeps the device\'s id where the database was not there at first', async () => {
    const values = new Map<string, Uint8Array>()
    const visit = await openOwnData({ storage: createLateStorage(values), random, tabs: null, now: () => 1_000 })
    const nextVisit = await openOwnData({ storage: createMemoryStorage(values), random, tabs: null, now: () => 2_000 })
    expect(nextVisit.deviceId).toBe(visit.deviceId)
  })
})
