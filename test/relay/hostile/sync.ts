/** FAULTS 4.2, T4, T17 and T18: sync messages that are none, and sound ones that say too much. */
import { beforeAll, expect, it } from 'vitest'
import * as Y from 'yjs'
import type { UserStore } from '../../../server/hub/user-store.js'
import { LIMITS } from '../../../src/model/limits.js'
import { parseRegister, registerSizeBytes } from '../../../src/model/registers.js'
import { SYNC, TYPE, decodeNotice, encodeLeave } from '../../../src/protocol/messages.js'
import { LAPTOP, type AttackedRelay } from '../../support/attacked-relay.js'
import { BAD_ENTRIES, BAD_ENTRIES_KEY, BAD_KEYS, BAD_SYNC, BAD_TEXTS, OVERSIZED_SYNC } from '../../support/bad-sync.js'
import { STEP_1, STEP_2, UPDATE, deviceFrame, syncFrame, type HostileClient } from '../../support/hostile-client.js'
import { RANDOM_UPDATES, SEED, createChance } from '../../support/random-updates.js'
import { anyOf, edit, entry, gc, rawUpdate, varUints, written } from '../../support/raw-yjs.js'
import { until } from '../../support/until.js'

const custom = (text: string): object => ({ text, emoji: null, expiresAt: null })
const update = (bytes: Uint8Array): Uint8Array => syncFrame(UPDATE, bytes)
const NOTHING_MORE = syncFrame(STEP_2, varUints(0, 0))
const ASK = syncFrame(STEP_1, varUints(0))

export function describeBadSync(attacked: AttackedRelay): void {
  attacked.attacks('a sync message', () => {
    let before: string
    beforeAll(async () => {
      const client = await attacked.connectOurs('mallory')
      client.send(syncFrame(STEP_2, written({ custom: custom('mine') }, LAPTOP)))
      await client.heard(TYPE.stored)
      client.close()
      before = await attacked.registersOf('mallory')
      expect(before).toContain('mine')
    })

    it.each([
      ['[S1] of type 99', 4_400, () => Uint8Array.of(99, 0)] as const,
      ...[...BAD_SYNC, ...BAD_TEXTS].map(([what, make]) => [what, 4_400, make] as const), ...OVERSIZED_SYNC.map(([what, make]) => [what, 1_009, make] as const),
    ])('%s closes with %i, and changes nothing', async (_, code, make) => {
      const frame = make()
      for (const client of [await attacked.connect('mallory'), await attacked.connectOurs('mallory')]) {
        await attacked.cheaply(async () => {
          client.send(frame, update(written({ status: { choice: 'dnd', expiresAt: null } }, LAPTOP)))
          expect(await client.code()).toBe(code)
        })
      }
      expect(await attacked.registersOf('mallory')).toBe(before)
    })

    it('[S3] that ends too early closes with 4400, wherever it ends, and changes nothing', async () => {
      const bytes = written({ status: { choice: 'dnd', expiresAt: null } }, LAPTOP)
      const whole = update(bytes)
      const cut = [...Array.from({ length: bytes.length }, (_, length) => update(bytes.subarray(0, length))), ...Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length))]
      for (let from = 0; from < cut.length; from += 5) {
        const codes = await Promise.all(cut.slice(from, from + 5).map(async (frame) => {
          const client = await attacked.connect('mallory')
          client.send(frame)
          return client.code()
        }))
        expect(new Set(codes)).toEqual(new Set([4_400]))
      }
      expect(await attacked.registersOf('mallory')).toBe(before)
    })
  })

  attacked.attacks('a sound sync message', () => {
    it('[S7] about something that never arrived is dropped, a thousand times in one and thirty times more, and the rest is heard', async () => {
      const client = await attacked.connectOurs('gaps')
      const far = (client: number): { client: number; clock: number; structs: ReturnType<typeof entry>[] } => ({ client, clock: 1_000_000_000, structs: [entry(anyOf(1), `x${client}/${LAPTOP}`)] })
      client.send(NOTHING_MORE, update(rawUpdate({ clients: Array.from({ length: 1_000 }, (_, index) => far(index + 1)) })))
      for (let index = 1; index <= 30; index++) client.send(update(rawUpdate({ clients: [far(index)] })))
      client.send(syncFrame(STEP_2, written({ custom: custom('heard') }, LAPTOP)))
      await client.heard(TYPE.stored)
      expect(await attacked.registersOf('gaps')).toMatch(/^\{"custom":[^{]*\{"emoji":null,"expiresAt":null,"text":"heard"\}\]\}$/)
      // Asked once for what is missing, not once for each.
      expect(client.frames.filter(([type, subtype]) => type === SYNC && subtype === STEP_1).length).toBeLessThanOrEqual(2)
      expect(client.closed).toBeNull()
      client.close()
    })

    it('[S9] [T4] that erases what a sibling wrote touches only its sender', async () => {
      const sistersDoc = new Y.Doc()
      const write = (text: string): Uint8Array => {
        const known = Y.encodeStateVector(sistersDoc)
        sistersDoc.getMap('registers').set(`custom/${LAPTOP}`, { at: [Date.now(), 0, LAPTOP], value: custom(text) })
        return update(Y.encodeStateAsUpdate(sistersDoc, known))
      }
      const untilTold = (text: string): Promise<boolean> => until(async () => (await attacked.registersOf('twins')).includes(`"text":"${text}"`), `a newcomer is told "${text}"`)
      const sister = await attacked.connect('twins')
      sister.send(write('first'))
      await untilTold('first')
      const mallory = await attacked.connect('twins')
      mallory.send(ASK, NOTHING_MORE)
      for (const clock of [0, 1]) mallory.send(update(rawUpdate({ clients: [{ client: sistersDoc.clientID, clock, structs: [gc(1_000_000)] }] })))
      // The jump has been worked on once what comes behind it is answered.
      mallory.send(ASK)
      await mallory.until(() => mallory.frames.filter(([type, subtype]) => type === SYNC && subtype === STEP_2).length >= 2, 'a second answer')
      sister.send(write('second'))
      await untilTold('second')
      expect([sister.closed, mallory.closed]).toEqual([null, null])
      for (const client of [sister, mallory]) client.close()
    })

    it.each([
      ...BAD_KEYS.map((key) => [`[S15] [T23] of the key ${JSON.stringify(key.slice(0, 40))}`, key, { at: [Date.now(), 0, LAPTOP], value: 1 }] as const),
      ...BAD_ENTRIES.map(([what, raw]) => [`[S16] of ${what}`, BAD_ENTRIES_KEY, raw] as const),
    ])('%s is told so, and the rest applies', async (_, key, raw) => {
      const client = await attacked.connectOurs('sixteen')
      await attacked.cheaply(async () => {
        client.send(syncFrame(STEP_2, edit((map) => {
          map.set(key, raw)
          map.set(`custom/${LAPTOP}`, { at: [Date.now(), 0, LAPTOP], value: custom('applies') })
        })))
        await client.heard(TYPE.stored)
      })
      expect(noticesOf(client)).toEqual([['invalid-argument', expect.any(String)]])
      expect(Object.keys(JSON.parse(await attacked.registersOf('sixteen')))).toEqual(['custom'])
      expect(client.closed).toBeNull()
      client.close()
    })

    it('[S17] [T18] of more registers than a person may have: one notice each, and the rest applies', async () => {
      const client = await attacked.connectOurs('many')
      client.send(syncFrame(STEP_2, written(Object.fromEntries(Array.from({ length: 43 }, (_, index) => [`future${index}`, index])), LAPTOP)))
      await client.heard(TYPE.notice, 3)
      expect(noticesOf(client).map(([code]) => code)).toEqual(['quota', 'quota', 'quota'])
      expect(Object.keys(JSON.parse(await attacked.registersOf('many')))).toHaveLength(40)
      client.close()
    })

    it('[S17] [T18] of more bytes than a person may have: one notice each, and the rest applies', async () => {
      const client = await attacked.connectOurs('heavy')
      client.send(syncFrame(STEP_2, written(Object.fromEntries(Array.from({ length: 35 }, (_, index) => [`future${index}`, 'x'.repeat(550)])), LAPTOP)))
      await client.heard(TYPE.notice, 5)
      const registers = JSON.parse(await attacked.registersOf('heavy')) as Record<string, unknown>
      expect([Object.keys(registers).length > 20, JSON.stringify(registers).length < LIMITS.registersBytes * 1.1]).toEqual([true, true])
      client.close()
    })

    it('[S17] [T18] that makes a scratch document of more than 64 KB closes with 4400 quota', async () => {
      const client = await attacked.connectOurs('large')
      client.send(NOTHING_MORE)
      for (const index of [1, 2, 3]) client.send(update(rawUpdate({ clients: [{ client: index, structs: [entry(anyOf('x'.repeat(30_000)), `big${index}/${LAPTOP}`)] }] })))
      expect([await client.code(), client.closed?.reason, await attacked.registersOf('large')]).toEqual([4_400, 'quota', '{}'])
    })

    it('[T18] of ever more Yjs clients closes with 4400 quota', async () => {
      const client = await attacked.connectOurs('legion')
      client.send(NOTHING_MORE)
      for (let from = 1; from <= 2_000; from += 100) client.send(update(rawUpdate({ clients: Array.from({ length: 100 }, (_, index) => ({ client: from + index, structs: [gc(1)] })) })))
      expect([await client.code(), client.closed?.reason]).toEqual([4_400, 'quota'])
    })

    it('[S18] that knows the future is answered within bounds', async () => {
      const client = await attacked.connect('mallory')
      client.send(NOTHING_MORE, syncFrame(STEP_1, varUints(2, 7, 2 ** 31, 8, 1)))
      await client.until(() => client.frames.find(([type, subtype]) => type === SYNC && subtype === STEP_2), 'an answer')
      expect([client.closed, client.frames.reduce((sum, { length }) => sum + length, 0) < 2_000]).toEqual([null, true])
      client.close()
    })

    it('[S20] that comes 10,000 times counts once, and its sender is asked to come back later', async () => {
      const client = await attacked.connectOurs('again')
      const same = update(written({ custom: custom('once') }, LAPTOP))
      client.send(NOTHING_MORE, ...Array.from({ length: 10_000 }, () => same))
      expect(await client.code()).toBe(4_529)
      expect(Object.keys(JSON.parse(await attacked.registersOf('again')))).toEqual(['custom'])
    })
  })

  attacked.attacks('[T18] a person', () => {
    it('with forty devices, one after the other, is left with 32', async () => {
      for (let index = 0; index < 40; index++) {
        const deviceId = `device-${index}`.padEnd(22, '-')
        const client = await attacked.connectOurs('crowd', deviceId)
        client.send(deviceFrame(deviceId), encodeLeave('gone'))
        // A last word is worked on before the close behind it is answered.
        client.close()
        await client.code()
      }
    })

    it('who writes in 150 sessions, each another Yjs client, has one register, and a document of a few hundred bytes', async () => {
      for (let session = 0; session < 150; session++) {
        const client = await attacked.connectOurs('churn')
        client.send(syncFrame(STEP_2, written({ custom: custom(`${session}`) }, LAPTOP)))
        await client.heard(TYPE.stored)
        client.close()
      }
      const newcomer = await attacked.connectOurs('churn')
      newcomer.send(NOTHING_MORE, ASK)
      const document = await newcomer.until(() => newcomer.frames.find(([type, subtype]) => type === SYNC && subtype === STEP_2), 'an answer')
      expect([document.length < 300, await attacked.registersOf('churn')]).toEqual([true, expect.stringContaining('"text":"149"')])
      newcomer.close()
    })
  })

  attacked.attacks('[S4] a salvo of chance', () => {
    it.each(Object.entries(RANDOM_UPDATES))('of %s updates is refused, or as good as any', async (kind, make) => {
      const below = createChance(SEED)
      for (let salvo = 0; salvo < 50; salvo++) {
        await Promise.all(Array.from({ length: 10 }, async (_, index) => {
          const userId = `${kind}-${salvo % 5}`
          const client = index % 2 === 0 ? await attacked.connect(userId) : await attacked.connectOurs(userId)
          client.send(...Array.from({ length: 4 }, () => update(make(below))), Uint8Array.of(99))
          expect([`SEED=${SEED}, salvo ${salvo}`, await client.code()]).toEqual([expect.anything(), 4_400])
        }))
      }
    })
  })
}

/** What the attacks above may have left on disk. */
export async function expectBounded(store: UserStore): Promise<void> {
  expect((await store.load('crowd')).records.size).toBeLessThanOrEqual(LIMITS.devices)
  for await (const userId of store.userIds()) {
    const { registers } = await store.load(userId)
    for (const [name, register] of registers) expect({ name, read: parseRegister(name, register) }).toMatchObject({ read: { ok: true } })
    expect(registers.size).toBeLessThanOrEqual(LIMITS.registers)
    expect([...registers].reduce((sum, [name, register]) => sum + registerSizeBytes(name, register), 0)).toBeLessThanOrEqual(LIMITS.registersBytes)
  }
}

const noticesOf = (client: HostileClient): [code: string, subject: string][] => client.frames.filter(([type]) => type === TYPE.notice)
  .flatMap((frame) => { const notice = decodeNotice(frame); return notice.ok ? [[notice.value.code, notice.value.subject] as [string, string]] : [] })
