import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createHead, readHead } from '../../../server/store/head.js'
import { createManualDisk, type ManualDisk } from '../../support/manual-disk.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => vi.useRealTimers())

it('[F14] the head is written at once, then once a second at most, and always in the end', async () => {
  const { disk, writes, start } = createWorld()
  const head = createHead(start(), unsaid)
  for (let number = 1; number <= 5; number++) head.raise(number)
  await vi.waitFor(() => expect(writes()).toBe(1))
  head.raise(6)
  await turns()
  expect(writes()).toBe(1)
  await vi.advanceTimersByTimeAsync(1_000)
  await vi.waitFor(() => expect(writes()).toBe(2))
  await vi.advanceTimersByTimeAsync(10_000)
  await turns()
  expect(writes()).toBe(2)
  disk.cutPower()
  expect(await readHead(disk.start(), unsaid)).toBe(6)
})

it('[F14] the head is written at the close, without a pause', async () => {
  const { disk, start } = createWorld()
  const head = createHead(start(), unsaid)
  head.raise(1)
  await turns()
  head.raise(2)
  await head.close()
  disk.cutPower()
  expect(await readHead(disk.start(), unsaid)).toBe(2)
})

it('[F13] the head that could not be written is told of, and tried again with the next commit', async () => {
  const { disk, start } = createWorld()
  const said: string[] = []
  const head = createHead(start(), (_level, message) => said.push(message))
  disk.plan = () => 'EIO'
  head.raise(1)
  await vi.waitFor(() => expect(said).toEqual(['The head of the store could not be written.']))
  disk.plan = () => undefined
  await vi.advanceTimersByTimeAsync(1_000)
  await turns()
  head.raise(2)
  await head.close()
  expect(said).toHaveLength(1)
  disk.cutPower()
  expect(await readHead(disk.start(), unsaid)).toBe(2)
})

it.each([
  ['is empty, since the power was cut as it was made', '', []],
  ['is damaged', '00000000"0000000000000007"', ['The head of the store cannot be read.']],
])('[F14] a head that %s asks for nothing to be there', async (_, text, told) => {
  const { disk, start } = createWorld()
  await start().writeHead(text)
  disk.cutPower()
  const said: string[] = []
  expect(await readHead(disk.start(), (_level, message) => said.push(message))).toBe(0)
  expect(said).toEqual(told)
})

function createWorld() {
  const disk: ManualDisk = createManualDisk()
  let written = 0
  disk.plan = (step) => void (step === 'sync head' && written++)
  return { disk, start: () => disk.start(), writes: () => written }
}

/** As long as a write of the manual disk takes, and longer. */
async function turns() {
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
}

const unsaid = (_level: string, message: string): never => expect.unreachable(message)
