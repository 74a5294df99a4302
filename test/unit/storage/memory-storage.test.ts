import { expect, it } from 'vitest'
import { createMemoryStorage } from '../../../src/storage/memory-storage.js'
import { describeStorage } from '../../contract/storage-contract.js'

const disks = new Map<string, Map<string, Uint8Array>>()

describeStorage('memory', (name) => {
  const values = disks.get(name) ?? new Map<string, Uint8Array>()
  disks.set(name, values)
  return createMemoryStorage(values)
})

it('[ST2] says that nothing survives the page', () => {
  expect(createMemoryStorage().state()).toBe('memory')
})
