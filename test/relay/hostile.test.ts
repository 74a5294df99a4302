/** FAULTS 4.2 and 4.3, and the attacks they serve, against a real relay: what each does to its sender, and that it does nothing else. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { writeAny } from 'lib0/encoding'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import { signToken } from '../../server/relay/sign-token.js'
import { backstageOf } from '../../server/service/hubs.js'
import { canonicalJson, type JsonObject } from '../../src/model/json.js'
import { LIMITS } from '../../src/model/limits.js'
import { parseRegister, registerSizeBytes, type Registers } from '../../src/model/registers.js'
import type { BuiltBrowserPresenceService } from '../../src/presence-service.js'
import { decodeAwareness, encodeAwareness } from '../../src/protocol/awareness-frames.js'
import { AWARENESS, QUERY_AWARENESS, SYNC, TYPE, body, decodeDeviceReply, decodeNotice, encodeAuth, encodeDeviceRequest, encodeLeave, encodeWatch } from '../../src/protocol/messages.js'
import { encode, readVarUint, readVarUint8Array, writeUint8, writeVarString, writeVarUint, writeVarUint8Array, type Writer } from '../../src/protocol/wire.js'
import { STEP_1, STEP_2, UPDATE, WAIT, helloOf, openClient, rawBytes, syncFrame, type HostileClient } from '../support/hostile-client.js'
import { openNodeTab } from '../support/node-tab.js'
import { SECRET, startRelay, type TestRelay } from '../support/relay.js'
import { damaged } from '../unit/protocol/arbitraries.js'

const LAPTOP = 'laptop'.padEnd(22, '-')
const PHONE = 'phone'.padEnd(22, '-')
const NOW = Date.now()

let relay: TestRelay
let canary: BuiltBrowserPresenceService
let sibling: BuiltBrowserPresenceService
let aliceBefore: string
beforeAll(async () => {
  relay = await startRelay()
  await relay.service.setCustomStatus('alice', 'safe')
  await relay.service.setCustomStatus('mallory', 'mine')
  aliceBefore = await truthOf(relay, 'alice')
  canary = openNodeTab({ userId: 'canary', relayUrl: relay.url, token: await relay.token('canary') })
  sibling = openNodeTab({ userId: 'canary', relayUrl: relay.url, token: await relay.token('canary') })
})
afterAll(async () => {
  await Promise.all([canary.close(), sibling.close()])
  await relay.close()
})

let songs = 0
/** An honest person's two devices still agree, and nobody touched anybody else. */
async function expectOthersAreWell(): Promise<void> {
  const song = `song ${++songs}`
  await canary.me.setCustomStatus(song)
  await vi.waitFor(() => canary.me.sync(), WAIT)
  await vi.waitFor(async () => expect((await sibling.me.getStatus()).customStatus).toBe(song), WAIT)
  expect(await truthOf(relay, 'alice')).toBe(aliceBefore)
  expect((await relay.service.getStatus('alice')).status).toBe('offline')
}
afterEach(expectOthersAreWell)

async function registersOf({ service }: TestRelay, userId: string): Promise<{ held: Registers; stored: Registers }> {
  const { hub, store } = await backstageOf(service)!.opening
  const user = await hub.open(userId)
  const registers = { held: user.registers, stored: (await store.load(userId)).registers }
  hub.release(user)
  return registers
}
/** What the relay holds and what its store does, to compare. */
async function truthOf(of: TestRelay, userId: string): Promise<string> {
  const { held, stored } = await registersOf(of, userId)
  return [held, stored].map((registers) => canonicalJson(Object.fromEntries([...registers].map(([name, { at, value }]) => [name, [...at, value]])))).join('\n')
}
async function expectValid(userId: string): Promise<void> {
  const { held } = await registersOf(relay, userId)
  for (const [name, register] of held) expect({ name, read: parseRegister(name, register) }).toMatchObject({ read: { ok: true } })
  expect(held.size).toBeLessThanOrEqual(LIMITS.registers)
  expect([...held].reduce((sum, [name, register]) => sum + registerSizeBytes(name, register), 0)).toBeLessThanOrEqual(LIMITS.registersBytes)
}

const connectAs = async (userId: string, room = userId): Promise<HostileClient> => openClient(`${relay.url}/user/${encodeURIComponent(room)}`, await relay.token(userId))
async function connectOurs(userId: string, deviceId = LAPTOP): Promise<HostileClient> {
  const client = await connectAs(userId)
  client.send(helloOf(deviceId))
  await client.heard(TYPE.hello)
  return client
}
const noticesOf = (client: HostileClient): [code: string, subject: string][] => client.frames.filter(([type]) => type === TYPE.notice)
  .flatMap((frame) => { const notice = decodeNotice(frame); return notice.ok ? [[notice.value.code, notice.value.subject] as [string, string]] : [] })

/** As an honest device writes. */
function written(registers: Record<string, unknown>, writerId = LAPTOP, at = Date.now()): Uint8Array {
  const doc = new Y.Doc()
  doc.transact(() => Object.entries(registers).forEach(([name, value]) => doc.getMap('registers').set(`${name}/${writerId}`, { at: [at, 0, writerId], value })))
  return Y.encodeStateAsUpdate(doc)
}
const update = (bytes: Uint8Array): Uint8Array => syncFrame(UPDATE, bytes)
const withDeletes = (writeDeletes: (writer: Writer) => void): Uint8Array => update(rawBytes((writer) => { writeVarUint(writer, 0); writeDeletes(writer) }))
/** Structs of one Yjs client, and nothing deleted. */
const structs = (count: number, writeStruct: (writer: Writer) => void, { client = 7, clock = 0 } = {}): Uint8Array => update(rawBytes((writer) => {
  writeVarUint(writer, 1)
  writeVarUint(writer, count)
  writeVarUint(writer, client)
  writeVarUint(writer, clock)
  for (let index = 0; index < Math.min(count, 5_000); index++) writeStruct(writer)
  writeVarUint(writer, 0)
}))
/** An entry of a root map with content of some kind. */
const entry = (kind: number, writeContent: (writer: Writer) => void, { root = 'registers', key = `status/${LAPTOP}` as string | null } = {}) => (writer: Writer): void => {
  writeUint8(writer, kind | (key === null ? 0 : 0x20))
  writeVarUint(writer, 1)
  writeVarString(writer, root)
  if (key !== null) writeVarString(writer, key)
  writeContent(writer)
}
const anyOf = (value: unknown) => (writer: Writer): void => { writeVarUint(writer, 1); writeAny(writer, value as never) }
const nested = (depth: number, byte: number) => (writer: Writer): void => {
  writeVarUint(writer, 1)
  for (let level = 0; level < depth; level++) {
    writeUint8(writer, byte)
    writeVarUint(writer, 1)
    if (byte === 118) writeVarString(writer, 'a')
  }
  writeUint8(writer, 126)
}
const typed = (type: number, name?: string) => (writer: Writer): void => { writeVarUint(writer, type); if (name !== undefined) writeVarString(writer, name) }
const valid = update(written({ status: { choice: 'dnd', expiresAt: null } }))
const inV2 = (): Uint8Array => {
  const doc = new Y.Doc()
  doc.getMap('registers').set(`status/${LAPTOP}`, { at: [NOW, 0, LAPTOP], value: { choice: 'dnd', expiresAt: null } })
  return update(Y.encodeStateAsUpdateV2(doc))
}

describe('a sync message', () => {
  it.each<[what: string, code: number, frame: Uint8Array]>([
    ['[S1] of type 99', 4_400, Uint8Array.of(99, 0)],
    ['[S1] of subtype 77', 4_400, syncFrame(77, Uint8Array.of(0, 0))],
    ['[S1] with bytes after its end', 4_400, Uint8Array.of(...valid, 0)],
    ['[S1] whose update has bytes after its end', 4_400, update(Uint8Array.of(0, 0, 0))],
    ['[S2] with a length of ten bytes', 4_400, Uint8Array.of(SYNC, UPDATE, ...Array.from({ length: 9 }, () => 0xff), 1)],
    ['[S2] with a length above 2^53', 4_400, Uint8Array.of(SYNC, UPDATE, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10)],
    ['[S2] longer than what is there', 4_400, Uint8Array.of(SYNC, UPDATE, 100, 0, 0)],
    ['[S5] of 32,000,000 structs', 4_400, update(rawBytes((writer) => { writeVarUint(writer, 1); writeVarUint(writer, 32_000_000); writeVarUint(writer, 7); writeVarUint(writer, 0) }))],
    ['[S6] of 2^32 clients', 4_400, update(rawBytes((writer) => { writeVarUint(writer, 2 ** 32); writeVarUint(writer, 0) }))],
    ['[S6] of as many clients as fit', 4_400, update(rawBytes((writer) => {
      writeVarUint(writer, 10_000)
      for (let client = 0; client < 10_000; client++) {
        writeVarUint(writer, 1)
        writeVarUint(writer, client)
        writeVarUint(writer, 0)
        writeUint8(writer, 0)
        writeVarUint(writer, 1)
      }
      writeVarUint(writer, 0)
    }))],
    ['[S8] of a gap of 2^53-1', 4_400, structs(1, (writer) => { writeUint8(writer, 0); writeVarUint(writer, Number.MAX_SAFE_INTEGER) })],
    ['[S8] of a gap of 0', 4_400, structs(1, (writer) => { writeUint8(writer, 0); writeVarUint(writer, 0) })],
    ['[S8] of 2^53-1 deleted', 4_400, structs(1, entry(1, (writer) => writeVarUint(writer, Number.MAX_SAFE_INTEGER)))],
    ['[S8] of 0 deleted', 4_400, structs(1, entry(1, (writer) => writeVarUint(writer, 0)))],
    ['[S10] of a million deletions', 4_400, withDeletes((writer) => { writeVarUint(writer, 1); writeVarUint(writer, 7); writeVarUint(writer, 1_000_000) })],
    ['[S10] of deletions that overlap', 4_400, withDeletes((writer) => { writeVarUint(writer, 1); writeVarUint(writer, 7); writeVarUint(writer, 2); [5, 5, 7, 5].forEach((value) => writeVarUint(writer, value)) })],
    ['[S11] of lists, 9 deep', 4_400, structs(1, entry(8, nested(9, 117)))],
    ['[S11] of objects, 9 deep', 4_400, structs(1, entry(8, nested(9, 118)))],
    ['[S11] of objects, 5,000 deep', 4_400, structs(1, entry(8, nested(5_000, 118)))],
    ['[S11] of lists, 30,000 deep', 4_400, structs(1, entry(8, nested(30_000, 117)))],
    ['[S11] of lists, 100,000 deep', 1_009, structs(1, entry(8, nested(100_000, 117)))],
    ['[S12, T17] of JSON, 5,000 deep', 4_400, structs(1, entry(2, (writer) => { writeVarUint(writer, 1); writeVarString(writer, '['.repeat(5_000) + ']'.repeat(5_000)) }))],
    ['[S13, T17] of an embed', 4_400, structs(1, entry(5, (writer) => writeVarString(writer, '{}')))],
    ['[S13, T17] of a format', 4_400, structs(1, entry(6, (writer) => { writeVarString(writer, 'bold'); writeVarString(writer, 'true') }))],
    ['[S13] of a text', 4_400, structs(1, entry(4, (writer) => writeVarString(writer, 'text'), { key: null }))],
    ['[S13] of a Y.Map', 4_400, structs(1, entry(7, typed(1)))],
    ['[S13] of a Y.Array', 4_400, structs(1, entry(7, typed(0)))],
    ['[S13] of a Y.Text', 4_400, structs(1, entry(7, typed(2)))],
    ['[S13] of a Y.XmlElement', 4_400, structs(1, entry(7, typed(3, 'img')))],
    ['[S13] of a Y.XmlFragment', 4_400, structs(1, entry(7, typed(4)))],
    ['[S13] of Y.Maps in Y.Maps', 4_400, structs(1_000, entry(7, typed(1)))],
    ['[S13] of a document inside, that loads itself', 4_400, structs(1, entry(9, (writer) => { writeVarString(writer, 'guid'); writeAny(writer, { autoLoad: true }) }))],
    ['[S13] of a document inside, with a filter', 4_400, structs(1, entry(9, (writer) => { writeVarString(writer, 'guid'); writeAny(writer, { gcFilter: 'x' }) }))],
    ['[S13] of a document inside, without options', 4_400, structs(1, entry(9, (writer) => { writeVarString(writer, 'guid'); writeAny(writer, null) }))],
    ['[S14] of another root', 4_400, structs(1, entry(8, anyOf(1), { root: 'users' }))],
    ['[S14, T23] of the root __proto__', 4_400, structs(1, entry(8, anyOf(1), { root: '__proto__' }))],
    ['[S14] of a thousand roots', 4_400, update((() => { const doc = new Y.Doc(); for (let root = 0; root < 1_000; root++) doc.getMap(`root${root}`).set('a', 1); return Y.encodeStateAsUpdate(doc) })())],
    ['[S14] of a root with a name of 1 MB', 1_009, structs(1, entry(8, anyOf(1), { root: 'x'.repeat(1_000_000) }))],
    ['[S14] of a root that is a list', 4_400, structs(1, entry(8, anyOf(1), { key: null }))],
    ['[S17] of 65 KiB', 1_009, structs(1, entry(8, anyOf('x'.repeat(65_536))))],
    ['[S18] that knows of 2^40 clients', 4_400, syncFrame(STEP_1, rawBytes((writer) => writeVarUint(writer, 2 ** 40)))],
    ['[S18] that knows of 10,000 clients', 4_400, syncFrame(STEP_1, rawBytes((writer) => { writeVarUint(writer, 10_000); for (let client = 0; client < 10_000; client++) { writeVarUint(writer, client); writeVarUint(writer, 1) } }))],
    ['[S19] in the other encoding', 4_400, inV2()],
  ])('%s closes with %i, and changes nothing', async (_, code, frame) => {
    const before = await truthOf(relay, 'mallory')
    for (const client of [await connectAs('mallory'), await connectOurs('mallory')]) {
      client.send(frame, valid)
      expect(await client.code()).toBe(code)
    }
    expect(await truthOf(relay, 'mallory')).toBe(before)
  })

  it('[S3] that ends too early closes with 4400, wherever it ends, and changes nothing', async () => {
    const bytes = written({ status: { choice: 'dnd', expiresAt: null } })
    const before = await truthOf(relay, 'mallory')
    const cut = [...Array.from({ length: bytes.length }, (_, length) => update(bytes.subarray(0, length))), ...Array.from({ length: valid.length }, (_, length) => valid.subarray(0, length))]
    for (let from = 0; from < cut.length; from += 20) {
      const codes = await Promise.all(cut.slice(from, from + 20).map(async (frame) => {
        const client = await connectAs('mallory')
        client.send(frame)
        return client.code()
      }))
      expect(new Set(codes)).toEqual(new Set([4_400]))
    }
    expect(await truthOf(relay, 'mallory')).toBe(before)
  })

  it('[S7] about something that never arrived is dropped, a thousand times, and the rest is heard', async () => {
    // More than a hundred or two from one person are too many at once.
    await Promise.all(Array.from({ length: 10 }, async (_, person) => {
      const client = await connectOurs(`gaps${person}`)
      for (let index = 1; index <= 100; index++) client.send(structs(1, entry(8, anyOf(index)), { client: index, clock: 1_000_000_000 }))
      client.send(syncFrame(STEP_2, written({ custom: { text: 'heard', emoji: null, expiresAt: null } })))
      await vi.waitFor(async () => expect(await relay.service.getStatus(`gaps${person}`)).toMatchObject({ customStatus: 'heard' }), WAIT)
      // Asked once for what is missing, not once for each.
      expect(client.frames.filter(([type, subtype]) => type === SYNC && subtype === STEP_1).length).toBeLessThanOrEqual(2)
      expect(client.closed).toBeNull()
      client.close()
    }))
  })

  it('[S9, T4] that erases what a sibling wrote touches only its sender', async () => {
    const sisterDoc = new Y.Doc()
    const write = (text: string): Uint8Array => {
      const before = Y.encodeStateVector(sisterDoc)
      sisterDoc.getMap('registers').set(`custom/${LAPTOP}`, { at: [Date.now(), 0, LAPTOP], value: { text, emoji: null, expiresAt: null } })
      return Y.encodeStateAsUpdate(sisterDoc, before)
    }
    const sister = await connectAs('twins')
    sister.send(update(write('first')))
    await vi.waitFor(async () => expect(await relay.service.getStatus('twins')).toMatchObject({ customStatus: 'first' }), WAIT)
    const mallory = await connectAs('twins')
    mallory.send(syncFrame(STEP_1, Uint8Array.of(0)), syncFrame(STEP_2, Uint8Array.of(0, 0)))
    for (const clock of [0, 1]) mallory.send(structs(1, (writer) => { writeUint8(writer, 0); writeVarUint(writer, 1_000_000) }, { client: sisterDoc.clientID, clock }))
    sister.send(update(write('second')))
    await vi.waitFor(async () => expect(await relay.service.getStatus('twins')).toMatchObject({ customStatus: 'second' }), WAIT)
    const newcomer = await connectAs('twins')
    newcomer.send(syncFrame(STEP_1, Uint8Array.of(0)), syncFrame(STEP_2, Uint8Array.of(0, 0)))
    await vi.waitFor(() => {
      const doc = new Y.Doc()
      for (const frame of newcomer.frames.filter(([type, subtype]) => type === SYNC && subtype !== STEP_1)) {
        const bytes = body(frame, (reader) => { readVarUint(reader); return readVarUint8Array(reader) })
        if (bytes.ok) Y.applyUpdate(doc, bytes.value)
      }
      expect(JSON.stringify(doc.getMap('registers').toJSON())).toContain('second')
    }, WAIT)
    for (const client of [sister, mallory, newcomer]) client.close()
  })

  it('[S15, S16] of registers that are none is told which, and the others apply', async () => {
    const client = await connectOurs('sixteen')
    const bad: Record<string, unknown> = {
      __proto__x: 1, constructor: 1, toString: 1, ['x'.repeat(10_000)]: 1, status: 42, profile: { name: Number.NaN, avatarUrl: 'javascript:alert(1)' },
      privacy: { lastSeen: 1e20 }, quietHours: Uint8Array.of(1, 2, 3), 'device/short': { name: 'x' },
    }
    const doc = new Y.Doc()
    doc.transact(() => {
      for (const [name, value] of Object.entries(bad)) doc.getMap('registers').set(`${name}/${LAPTOP}`, { at: [Date.now(), 0, LAPTOP], value })
      doc.getMap('registers').set('__proto__', { polluted: true })
      doc.getMap('registers').set(`device/${LAPTOP}/${LAPTOP}`, { at: [-1, 0, LAPTOP], value: { name: 'x' } })
      doc.getMap('registers').set(`status/${PHONE}`, 7n)
      doc.getMap('registers').set(`custom/${LAPTOP}`, { at: [Date.now(), 0, LAPTOP], value: { text: 'applies', emoji: null, expiresAt: null } })
    })
    client.send(syncFrame(STEP_2, Y.encodeStateAsUpdate(doc)))
    await vi.waitFor(async () => expect(await relay.service.getStatus('sixteen')).toMatchObject({ customStatus: 'applies', status: 'offline' }), WAIT)
    await client.heard(TYPE.notice, 10)
    const subjects = noticesOf(client).map(([code, subject]) => `${code} ${subject}`)
    for (const name of ['__proto__', 'constructor', 'toString', 'status', 'profile', 'privacy', 'quietHours', 'device/short', `device/${LAPTOP}`]) expect(subjects).toContain(`invalid-argument ${name}`)
    expect([...(await registersOf(relay, 'sixteen')).held.keys()]).toEqual(['custom'])
    expect(client.closed).toBeNull()
    client.close()
  })

  it('[S17] of more registers than a person may have: one notice each, and the rest applies', async () => {
    const client = await connectOurs('many')
    client.send(syncFrame(STEP_2, written(Object.fromEntries(Array.from({ length: 43 }, (_, index) => [`future${index}`, index])))))
    await client.heard(TYPE.notice, 3)
    await vi.waitFor(async () => expect((await registersOf(relay, 'many')).stored.size).toBe(40), WAIT)
    expect(noticesOf(client).map(([code]) => code)).toEqual(['quota', 'quota', 'quota'])
    await expectValid('many')
    client.close()
  })

  it('[S17] that makes a scratch document of more than 64 KB closes with 4400 quota', async () => {
    const client = await connectOurs('large')
    client.send(syncFrame(STEP_2, Uint8Array.of(0, 0)))
    for (const index of [1, 2, 3]) client.send(structs(1, entry(8, anyOf('x'.repeat(30_000)), { key: `big${index}/${LAPTOP}` }), { client: index }))
    expect(await client.code()).toBe(4_400)
    expect(client.closed?.reason).toBe('quota')
    expect((await registersOf(relay, 'large')).held.size).toBe(0)
  })

  it('[S18] that knows the future is answered within bounds', async () => {
    const client = await connectAs('mallory')
    client.send(syncFrame(STEP_2, Uint8Array.of(0, 0)), syncFrame(STEP_1, rawBytes((writer) => { writeVarUint(writer, 2); [7, 2 ** 31, 8, 1].forEach((value) => writeVarUint(writer, value)) })))
    await vi.waitFor(() => expect(client.frames.some(([type, subtype]) => type === SYNC && subtype === STEP_2)).toBe(true), WAIT)
    expect([client.closed, client.frames.reduce((sum, { length }) => sum + length, 0) < 2_000]).toEqual([null, true])
    client.close()
  })

  it('[S4] of random, structured and damaged bytes is refused, or as good as any', async () => {
    const seed = Number(process.env['SEED'] ?? 4)
    const honest = fc.constantFrom(
      valid, update(written({ custom: { text: 'hi', emoji: '📅', expiresAt: null }, profile: { name: 'Mallory', avatarUrl: null } })), syncFrame(STEP_1, Uint8Array.of(0)), encodeAwareness([{ clientId: 7, clock: 1, state: { a: 1 } }]),
    )
    const bomb = fc.oneof(
      fc.uint8Array({ maxLength: 256 }).map((noise) => Uint8Array.of(SYNC, ...noise)), fc.uint8Array({ maxLength: 256 }).map((noise) => syncFrame(UPDATE, noise)),
      fc.uint8Array({ maxLength: 64 }).map((noise) => syncFrame(STEP_1, noise)), fc.uint8Array({ maxLength: 256 }), damaged(honest), damaged(honest), honest,
    )
    const salvos = fc.sample(fc.array(bomb, { minLength: 6, maxLength: 6 }), { seed, numRuns: 250 })
    for (let from = 0; from < salvos.length; from += 15) {
      await Promise.all(salvos.slice(from, from + 15).map(async (frames, index) => {
        const client = index % 2 === 0 ? await connectAs('bombarded') : await connectOurs('bombarded')
        client.send(...frames, Uint8Array.of(99))
        expect([`SEED=${seed}, salvo ${from + index}`, [4_400, 4_403, 4_426].includes(await client.code())]).toEqual([expect.anything(), true])
      }))
    }
    await expectValid('bombarded')
  })
})

const withState = (json: string): Uint8Array => encode(AWARENESS, (writer) => writeVarUint8Array(writer, rawBytes((inner) => {
  writeVarUint(inner, 1)
  writeVarUint(inner, 7)
  writeVarUint(inner, 1)
  writeVarString(inner, json)
})))
const entriesOf = (count: number, state: JsonObject | null = { a: 1 }, from = 0): Uint8Array => encodeAwareness(Array.from({ length: count }, (_, index) => ({ clientId: from + index, clock: 1, state })))
const heardBy = (client: HostileClient): (readonly [clientId: number, state: JsonObject | null])[] => client.frames.filter(([type]) => type === AWARENESS)
  .flatMap((frame) => { const read = decodeAwareness(frame); return read.ok ? read.value.map(({ clientId, state }) => [clientId, state] as const) : [] })

describe('awareness', () => {
  it.each<[what: string, code: number, frame: Uint8Array]>([
    ...['', '{', 'undefined', 'NaN', '{"a":1,}', '{"a":1e999}'].map((json): [string, number, Uint8Array] => [`[A1] of ${json || 'nothing'}`, 4_400, withState(json)]),
    ...['"text"', '7', '[]', 'true', '{"a":'.repeat(340) + '1' + '}'.repeat(340), '{"a":'.repeat(6_000) + '1' + '}'.repeat(6_000)].map((json): [string, number, Uint8Array] => [`[A2] of ${json.slice(0, 10)}`, 4_400, withState(json)]),
    ['[A3, T19] of 65 ids', 4_400, entriesOf(65)],
    ['[A3, T19] of 100,000 ids', 1_009, entriesOf(100_000)],
    ['[A3] of more ids than there are', 4_400, Uint8Array.of(AWARENESS, 1, 9)],
    ['[A3] of the id 2^53', 4_400, encodeAwareness([{ clientId: 2 ** 53, clock: 1, state: {} }])],
    ['[A6] of a state of 2 KiB and a byte', 4_400, withState(`{"a":"${'x'.repeat(2_041)}"}`)],
    ['[A6] of a state of a megabyte', 1_009, withState(`{"a":"${'x'.repeat(1_000_000)}"}`)],
    ['[A7, T23] of the key __proto__', 4_400, withState('{"__proto__":{"polluted":true}}')],
    ['[A7, T23] of the key constructor, inside', 4_400, withState('{"user":{"constructor":{"prototype":{"polluted":true}}}}')],
    ['[S1] with bytes after its end', 4_400, Uint8Array.of(...withState('{}'), 0)],
  ])('%s closes with %i', async (_, code, frame) => {
    const before = await truthOf(relay, 'mallory')
    for (const client of [await connectAs('mallory'), await connectOurs('mallory')]) {
      client.send(frame)
      expect(await client.code()).toBe(code)
    }
    expect(await truthOf(relay, 'mallory')).toBe(before)
  })

  it.each<[what: string, attack: readonly Uint8Array[]]>([
    ['[T2, A4] that overwrites a sibling', [encodeAwareness([{ clientId: 11, clock: 99, state: { name: 'forged' } }])]],
    ['[T2, A4] that says goodbye for a sibling', [encodeAwareness([{ clientId: 11, clock: 99, state: null }])]],
    ['[T3, A5] that poisons a sibling\'s clock', [encodeAwareness([{ clientId: 11, clock: Number.MAX_SAFE_INTEGER, state: { name: 'forged' } }])]],
    ['[A4] that comes twice in one frame', [encodeAwareness([{ clientId: 22, clock: 5, state: { name: 'mallory' } }, { clientId: 22, clock: 6, state: { name: 'again' } }])]],
    ['[T19] of 64 ids, forty times', Array.from({ length: 38 }, (_, index) => entriesOf(64, { name: 'flood' }, 1_000 + index * 64))],
  ])('%s is heard by nobody', async (what, attack) => {
    const userId = `awareness ${what}`
    const [alice, observer, mallory] = [await connectAs(userId), await connectAs(userId), await connectAs(userId)]
    observer.send(QUERY_OF_AWARENESS)
    alice.send(encodeAwareness([{ clientId: 11, clock: 1, state: { name: 'alice' } }]))
    mallory.send(encodeAwareness([{ clientId: 22, clock: 1, state: { name: 'mallory' } }]))
    await vi.waitFor(() => expect(heardBy(observer).length).toBeGreaterThanOrEqual(2), WAIT)
    mallory.send(...attack)
    for (const name of ['first', 'second', 'third']) {
      alice.send(encodeAwareness([{ clientId: 11, clock: 2, state: { name } }]))
      await vi.waitFor(() => expect(heardBy(observer).filter(([clientId]) => clientId === 11).at(-1)).toEqual([11, { name }]), WAIT)
    }
    expect(heardBy(observer).filter(([clientId]) => clientId === 11).map(([, state]) => state?.['name'])).toEqual(['alice', 'first', 'second', 'third'])
    expect(new Set(heardBy(observer).map(([clientId]) => clientId))).toEqual(new Set([11, 22]))
    expect(heardBy(alice).every(([clientId, state]) => clientId === 22 && state?.['name'] === 'mallory')).toBe(true)
    expect(mallory.closed).toBeNull()
    for (const client of [alice, observer, mallory]) client.close()
  })

  it('[A5] of any clock is the device\'s own word', async () => {
    const client = await connectOurs('clocks')
    const state = (override: string): JsonObject => ({ deviceId: LAPTOP, kind: 'laptop', name: 'x', sinceInputMs: 0, locked: false, hidden: false, holds: [], override, digest: '' })
    for (const [override, clock] of [['dnd', Number.MAX_SAFE_INTEGER], ['away', 0], ['dnd', 5], ['online', 4]] as const) {
      client.send(encodeAwareness([{ clientId: 1, clock, state: state(override) }]))
      await vi.waitFor(async () => expect((await relay.service.getStatus('clocks')).status).toBe(override), WAIT)
    }
    client.close()
  })

  it('[A8] of 500 a second is coalesced, then sent away for a while', async () => {
    const client = await connectOurs('flood')
    for (let index = 0; index < 500; index++) client.send(encodeAwareness([{ clientId: 1, clock: index, state: { a: index } }]))
    expect(await client.code()).toBe(4_529)
  })
})
const QUERY_OF_AWARENESS = Uint8Array.of(QUERY_AWARENESS)

describe('hello', () => {
  it.each<[what: string, code: number | null, frames: readonly Uint8Array[], dev?: string]>([
    ['of a newer version, with more to say', null, [Uint8Array.of(...helloOf(LAPTOP, { version: 7 }), 1, 2, 3)]],
    ['of version 0', 4_426, [helloOf(LAPTOP, { version: 0 })]],
    ['of another device than the token says', 4_403, [helloOf(LAPTOP)], PHONE],
    ['of the device that the token says', null, [helloOf(PHONE)], PHONE],
    ['that comes twice', 4_400, [helloOf(LAPTOP), helloOf(LAPTOP)]],
  ])('%s: %j', async (_, code, frames, dev) => {
    const client = openClient(`${relay.url}/user/mallory`, await signToken(SECRET, { userId: 'mallory', ttlMs: 60_000, ...(dev === undefined ? {} : { deviceId: dev }) }))
    client.send(...frames)
    if (code === null) {
      await client.heard(SYNC)
      expect([client.types()[0], client.closed]).toEqual([TYPE.hello, null])
      client.close()
    } else expect(await client.code()).toBe(code)
  })

  it.each(Object.entries(TYPE).filter(([name]) => name !== 'hello'))('is what a client must say first that wants to say %s', async (_, type) => {
    const [late, early] = [await connectAs('mallory'), await connectAs('mallory')]
    late.send(syncFrame(STEP_1, Uint8Array.of(0)), Uint8Array.of(type, 0))
    early.send(Uint8Array.of(type, 0), helloOf(LAPTOP))
    expect([await late.code(), await early.code()]).toEqual([4_400, 4_400])
  })

  it('not said, nothing of type 100 or more is heard', async () => {
    const stock = await connectAs('plain')
    stock.send(syncFrame(STEP_1, Uint8Array.of(0)), syncFrame(STEP_2, written({ status: 'bad', custom: { text: 'hi', emoji: null, expiresAt: null } })), encodeAwareness([{ clientId: 5, clock: 1, state: {} }]))
    const ours = await connectOurs('plain', PHONE)
    ours.send(syncFrame(STEP_2, written({ profile: { name: 'Plain', avatarUrl: null } }, PHONE)))
    await relay.service.setCustomStatus('plain', 'from the server')
    await ours.heard(TYPE.stored)
    await vi.waitFor(() => expect(stock.frames.some(([type, subtype]) => type === SYNC && subtype === UPDATE)).toBe(true), WAIT)
    expect(stock.types().filter((type) => type === null || type >= 100)).toEqual([])
    stock.close()
    ours.close()
  })
})

/** Every way to say something, aimed at another person. */
const aimedAt = async (of: TestRelay): Promise<Uint8Array[]> => [
  helloOf(LAPTOP), syncFrame(STEP_1, Uint8Array.of(0)), syncFrame(STEP_2, written({ custom: { text: 'forged', emoji: null, expiresAt: null } }, LAPTOP, NOW + 50_000)),
  update(written({ status: { choice: 'offline', expiresAt: null } }, LAPTOP, NOW + 50_000)), entriesOf(1, { deviceId: LAPTOP, sinceInputMs: 0 }), QUERY_OF_AWARENESS,
  encodeWatch([{ verb: 'watch', id: 'alice' }, { verb: 'join', id: 'general' }]), encodeDeviceRequest({ requestId: 1, deviceId: LAPTOP, status: 'dnd' }), encodeLeave('gone'), encodeAuth(await of.token('mallory')), Uint8Array.of(99), Uint8Array.of(),
]

describe('[T1] another person\'s room', () => {
  it('is closed with 4403, whatever is said there, and nothing is heard', async () => {
    const everything = await aimedAt(relay)
    for (const frames of [everything, ...everything.map((frame) => [frame])]) {
      const client = await connectAs('mallory', 'alice')
      client.send(...frames)
      expect([await client.code(), client.frames]).toEqual([4_403, []])
    }
  })

  it('is closed to one who signs in there in band', async () => {
    const client = await connectOurs('mallory')
    client.send(encodeAuth(await relay.token('alice')), update(written({ custom: { text: 'forged', emoji: null, expiresAt: null } })))
    expect(await client.code()).toBe(4_401)
  })

  it('has devices that nobody else can ask for', async () => {
    const client = await connectOurs('mallory')
    const { hub } = await backstageOf(relay.service)!.opening
    const canaryDevice = [...hub.find('canary')!.devices.keys()][0]!
    client.send(encodeDeviceRequest({ requestId: 3, deviceId: canaryDevice, status: 'offline' }))
    const [reply] = await client.heard(TYPE.device)
    expect(decodeDeviceReply(reply!)).toEqual({ ok: true, value: { requestId: 3, isDone: false } })
    expect((await relay.service.getStatus('canary')).status).toBe('online')
    client.close()
  })
})

it('[T1, T17] on disk everything is as it was, a newcomer is told it, and the relay starts again', async () => {
  const path = mkdtempSync(join(tmpdir(), 'porchlight-hostile-'))
  try {
    const first = await startRelay({ storage: 'level', path })
    await first.service.setCustomStatus('alice', 'safe')
    const before = await truthOf(first, 'alice')
    const bricks = [structs(1, entry(2, (writer) => { writeVarUint(writer, 1); writeVarString(writer, '['.repeat(5_000) + ']'.repeat(5_000)) })), structs(1, entry(8, nested(5_000, 117)))]
    for (const frame of [...await aimedAt(first), ...bricks]) {
      for (const [room, signsInAs] of [['alice', 'mallory'], ['alice', 'alice']] as const) {
        if (signsInAs === 'alice' && !bricks.includes(frame)) continue
        const client = openClient(`${first.url}/user/${room}`, await first.token(signsInAs))
        client.send(frame)
        expect(await client.code()).toBe(signsInAs === 'alice' ? 4_400 : 4_403)
      }
    }
    expect(await truthOf(first, 'alice')).toBe(before)
    await first.close()

    const second = await startRelay({ storage: 'level', path })
    expect(await truthOf(second, 'alice')).toBe(before)
    const newcomer = openNodeTab({ userId: 'alice', relayUrl: second.url, token: await second.token('alice') })
    await vi.waitFor(async () => expect((await newcomer.me.getStatus()).customStatus).toBe('safe'), WAIT)
    await newcomer.close()
    await second.close()
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
})

it('[T23] after all of it nothing was polluted', () => {
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})
