import { afterEach, describe, expect, it } from 'vitest'
import type { Storage } from '../../src/ports.js'

let names = 0

/** `open` called again with the same name is another handle on the same data: a second tab, or the next visit. */
export function describeStorage(name: string, open: (name: string) => Storage): void {
  describe(`Storage contract: ${name}`, () => {
    const opened: Storage[] = []
    const tabsOf = (data = `contract-${++names}-${Math.random()}`) => () => {
      const storage = open(data)
      opened.push(storage)
      return storage
    }
    afterEach(async () => {
      for (const storage of opened.splice(0)) await storage.close({ forget: true })
    })

    it('reads nothing where nothing is stored', async () => {
      expect(await tabsOf()().read('document')).toBeUndefined()
    })

    it.each([
      ['no bytes at all', new Uint8Array()],
      ['every byte there is', Uint8Array.from({ length: 256 }, (_, byte) => byte)],
      ['a large value', new Uint8Array(300_000).fill(7)],
      ['a view into a larger buffer', new Uint8Array([9, 9, 1, 2, 3, 9]).subarray(2, 5)],
    ])('gives back %s as stored', async (_, bytes) => {
      const storage = tabsOf()()
      // As text: comparing typed arrays one by one takes seconds.
      expect(String(await storage.update('document', () => bytes))).toBe(String(bytes))
      expect(String(await storage.read('document'))).toBe(String(bytes))
    })

    it('keeps keys apart', async () => {
      const storage = tabsOf()()
      await storage.update('document', () => bytes(1))
      await storage.update('rosters', () => bytes(2))
      expect(await storage.read('document')).toEqual(bytes(1))
      expect(await storage.read('rosters')).toEqual(bytes(2))
    })

    it('[ST1] shows a change what is stored at that moment', async () => {
      const tab = tabsOf()
      const [first, second] = [tab(), tab()]
      const seen: (Uint8Array | undefined)[] = []
      const put = (value: number) => (stored: Uint8Array | undefined) => (seen.push(stored?.slice()), bytes(value))
      await first.update('document', put(1))
      await second.update('document', put(2))
      await first.update('document', put(3))
      expect(seen).toEqual([undefined, bytes(1), bytes(2)])
    })

    it('[ST1] loses nothing when two tabs write at once', async () => {
      const tab = tabsOf()
      const tabs = [tab(), tab()]
      const edits = Array.from({ length: 40 }, (_, edit) => edit)
      await Promise.all(edits.map((edit) => tabs[edit % 2]!.update('document', append(edit))))
      expect([...(await tab().read('document'))!].sort((a, b) => a - b)).toEqual(edits)
    })

    it('[SY1] has stored an edit once its promise resolves', async () => {
      const tab = tabsOf()
      const first = tab()
      await first.update('document', () => bytes(1, 2, 3))
      expect(await tab().read('document')).toEqual(bytes(1, 2, 3))
      await first.close()
      expect(await tab().read('document')).toEqual(bytes(1, 2, 3))
    })

    it('[SY1] still writes what was accepted before it closed', async () => {
      const tab = tabsOf()
      const storage = tab()
      const edits = [1, 2, 3].map((edit) => storage.update('document', append(edit)))
      await storage.close()
      expect(await tab().read('document')).toEqual(bytes(1, 2, 3))
      expect(await Promise.all(edits)).toHaveLength(3)
    })

    it('rejects with what a change throws, and leaves things as they are', async () => {
      const storage = tabsOf()()
      const problems = problemsOf(storage)
      const state = storage.state()
      const mistake = new RangeError('not today')
      await storage.update('document', () => bytes(1))
      const spoil = (stored: Uint8Array | undefined) => {
        stored![0] = 9
        throw mistake
      }
      await expect(storage.update('document', spoil)).rejects.toBe(mistake)
      expect(await storage.read('document')).toEqual(bytes(1))
      expect(await storage.update('document', append(2))).toEqual(bytes(1, 2))
      expect([storage.state(), problems]).toEqual([state, []])
    })

    it('leaves things as they are when a change returns its argument', async () => {
      const storage = tabsOf()()
      await storage.update('document', () => bytes(1))
      expect(await storage.update('document', (stored) => stored!)).toEqual(bytes(1))
      expect(await storage.read('document')).toEqual(bytes(1))
    })

    it('cannot be changed through the bytes it was given or gave', async () => {
      const storage = tabsOf()()
      const given = bytes(1)
      given[0] = (await storage.update('document', () => given))[0]! + 1
      ;(await storage.read('document'))![0] = 3
      ;(await storage.update('document', (stored) => stored!))[0] = 4
      expect(await storage.read('document')).toEqual(bytes(1))
    })

    it('closes twice, and then refuses', async () => {
      const storage = tabsOf()()
      await storage.update('document', () => bytes(1))
      await storage.close()
      await storage.close()
      await expect(storage.read('document')).rejects.toMatchObject({ code: 'closed' })
      await expect(storage.update('document', () => bytes(2))).rejects.toMatchObject({ code: 'closed' })
    })

    it('[T28] forgets everything, also what another tab has open', async () => {
      const tab = tabsOf()
      const [first, second] = [tab(), tab()]
      await first.update('document', () => bytes(1))
      expect(await second.read('document')).toEqual(bytes(1))
      await first.close({ forget: true })
      expect(await second.read('document')).toBeUndefined()
      expect(await tab().read('document')).toBeUndefined()
    })

    it('forgets after it was closed, too', async () => {
      const tab = tabsOf()
      const storage = tab()
      await storage.update('document', () => bytes(1))
      await storage.close()
      await storage.close({ forget: true })
      expect(await tab().read('document')).toBeUndefined()
    })

    it('stops telling twice', () => {
      const stop = tabsOf()().onProblem(() => {})
      stop()
      stop()
    })
  })
}

export const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
export const append = (value: number) => (stored: Uint8Array | undefined): Uint8Array => bytes(...(stored ?? []), value)

/** An envelope written out by hand, so that the format cannot change unnoticed. */
export function sealAs(version: number, content: readonly number[]): Uint8Array {
  const body = [version, ...content]
  const sum = body.reduce((hash, byte) => Math.imul(hash ^ byte, 16_777_619), 2_166_136_261) >>> 0
  return bytes(sum >>> 24, sum >>> 16, sum >>> 8, sum, ...body)
}

/** The codes told since, null for "all well again". */
export function problemsOf(storage: Storage): (string | null)[] {
  const told: (string | null)[] = []
  storage.onProblem((problem) => told.push(problem && problem.code))
  return told
}
