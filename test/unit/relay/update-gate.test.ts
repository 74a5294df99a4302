import * as encoding from 'lib0/encoding'
import { writeVarUint } from 'lib0/encoding'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { createBridge } from '../../../server/relay/bridge.js'
import { gateStateVector, gateSyncMessage, gateUpdate } from '../../../server/relay/update-gate.js'
import { mergeRegisters, parseRegister, type Registers } from '../../../src/model/registers.js'
import { newDocument } from '../../../src/replica/register-map.js'
import { createScratchDocument } from '../../../src/replica/scratch-document.js'

const NOW = 1_800_000_000_000
const ALICE = 'AliceAliceAliceAliceAA'
const BOB = 'BobBobBobBobBobBobBobB'
const STATUS = { at: [NOW, 0, ALICE], value: { choice: 'dnd', expiresAt: null } }

describe('the gate before a scratch document', () => {
  it.each([
    ['a first edit', (map: Y.Map<unknown>) => map.set(`status/${ALICE}`, STATUS)],
    ['an edit upon an edit', (map: Y.Map<unknown>) => [1, 2].forEach((ms) => map.set(`status/${ALICE}`, { ...STATUS, at: [ms, 0, ALICE] }))],
    ['a deletion', (map: Y.Map<unknown>) => { map.set(`status/${ALICE}`, STATUS); map.delete(`status/${ALICE}`) }],
  ])('lets pass what Yjs makes of %s', (_, change) => {
    const doc = new Y.Doc()
    const updates: Uint8Array[] = []
    doc.on('update', (update: Uint8Array) => updates.push(update))
    change(doc.getMap('registers'))
    for (const update of [...updates, Y.encodeStateAsUpdate(doc)]) expect(gateUpdate(update)).toMatchObject({ ok: true })
    expect(gateStateVector(Y.encodeStateVector(doc))).toMatchObject({ ok: true })
  })

  it('lets pass a document of several hundred clients, and no more than a thousand', () => {
    expect(gateUpdate(documentOf(600))).toMatchObject({ ok: true, value: { clients: 600 } })
    expect(gateUpdate(documentOf(1_025)).ok).toBe(false)
  })

  it('lets pass what a merge of two documents, its erased structs included, is sent as', () => {
    const [one, other] = [new Y.Doc(), new Y.Doc()]
    for (let round = 0; round < 50; round++) {
      for (const doc of [one, other]) doc.getMap('registers').set(round % 3 ? `status/${ALICE}` : `custom/${BOB}`, { at: [round, 0, ALICE], value: null })
      if (round % 7 === 0) Y.applyUpdate(one, Y.encodeStateAsUpdate(other))
    }
    Y.applyUpdate(one, Y.encodeStateAsUpdate(other))
    expect(gateUpdate(Y.encodeStateAsUpdate(one))).toMatchObject({ ok: true })
    expect(gateUpdate(Y.encodeStateAsUpdate(one, Y.encodeStateVector(other)))).toMatchObject({ ok: true })
  })

  it.each([
    ['sync subtype 77', () => frame(77, VALID)],
    ['bytes after a valid message', () => Uint8Array.of(...frame(2, VALID), 0)],
    ['bytes after a valid update', () => frame(2, Uint8Array.of(...VALID, 0))],
    ['bytes after a valid state vector', () => frame(0, Uint8Array.of(0, 0))],
    ['no subtype at all', () => Uint8Array.of(0)],
  ])('[S1] %s is refused', (_, make) => expectRefused(make()))

  it.each([
    ['a varUint of ten bytes', () => Uint8Array.of(0, ...Array<number>(10).fill(0xff), 1)],
    ['a length greater than what remains', () => Uint8Array.of(0, 2, 200, 1)],
    ['a length that ends in the buffer behind the frame', () => viewInto([0, 2, VALID.length + 20, ...VALID], 40)],
    ['a client id above 2^53', () => frame(2, Uint8Array.of(1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 1, 0))],
  ])('[S2] %s is refused', (_, make) => expectRefused(make()))

  it('[S3] every truncation of a valid update is refused and changes nothing', () => {
    for (let length = 0; length < VALID.length; length++) expectRefused(frame(2, VALID.slice(0, length)))
    const whole = frame(2, VALID)
    for (let length = 0; length < whole.length; length++) expectRefused(whole.slice(0, length))
  })

  it('[S4] 24,000 random, half-random and damaged updates are refused, or leave only valid registers, and no update does half its work', () => {
    const random = mulberry32(4)
    const below = (limit: number): number => Math.floor(random() * limit)
    const makers = [
      () => Uint8Array.from({ length: below(257) }, () => below(256)),
      () => rawUpdate({ clients: Array.from({ length: below(3) }, () => randomClient(below)), deletes: [[below(9), [[below(5), below(4)]]]] }),
      () => damaged(VALID, below),
    ]
    let room = openRoom()
    for (let round = 0; round < 24_000; round++) {
      const refusal = room.receive(frame(2, makers[round % makers.length]!()))
      if (refusal) {
        expect(refusal.code).toBe(4400)
        if (round % 50 === 0) expect(room.fingerprint()).toBe(room.before)
      } else {
        for (const [name, register] of room.truth()) expect(parseRegister(name, register).ok).toBe(true)
        room = openRoom()
      }
    }
  }, 60_000)

  it('[S5] 32,000,000 declared structs cost less than a millisecond', () => {
    const bomb = Uint8Array.of(1, 0x80, 0x90, 0xa1, 0x0f, 1, 0, 0)
    expectRefused(frame(2, bomb))
    const started = performance.now()
    for (let round = 0; round < 1_000; round++) gateUpdate(bomb)
    expect((performance.now() - started) / 1_000).toBeLessThan(1)
  })

  it.each([
    ['2^32 declared clients', () => Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x10, 1, 1, 0, 0, 1, 0)],
    ['20,000 clients of one struct each', () => rawUpdate({ clients: Array.from({ length: 20_000 }, (_, client) => ({ client, structs: [gc(1)] })) })],
    ['a client without structs', () => rawUpdate({ clients: [{ client: 1, structs: [] }, { client: 2, structs: [gc(1), gc(1), gc(1)] }] })],
    ['a client twice', () => rawUpdate({ clients: [{ client: 1, structs: [gc(1)] }, { client: 1, structs: [gc(1)] }] })],
  ])('[S6] %s are refused', (_, make) => expectRefused(frame(2, make())))

  it.each([
    ['a GC of 2^53 − 1', gc(Number.MAX_SAFE_INTEGER)], ['a deleted run of 2^53 − 1', deletedRun(Number.MAX_SAFE_INTEGER)],
    ['a GC of 0', gc(0)], ['a deleted run of 0', deletedRun(0)], ['a skip', skipped(3)],
  ])('[S8] %s is refused', (_, struct) => expectRefused(frame(2, rawUpdate({ clients: [{ client: 1, structs: [struct] }] }))))

  it('[S8] lengths that add up to more than a clock can hold are refused', () => {
    expectRefused(frame(2, rawUpdate({ clients: [{ client: 1, structs: [gc(2 ** 30), gc(2 ** 30), gc(1)] }] })))
    expectRefused(frame(2, rawUpdate({ clients: [{ client: 1, clock: 2 ** 31 + 1, structs: [gc(1)] }] })))
  })

  it.each([
    ['1,000,000 declared ranges', () => Uint8Array.of(0, 1, 1, 0xc0, 0x84, 0x3d, 0, 1)],
    ['a range beyond the structs sent along', () => rawUpdate({ clients: [{ client: 1, structs: [gc(3)] }], deletes: [[1, [[2, 2]]]] })],
    ['a range beyond any clock', () => rawUpdate({ deletes: [[1, [[0, 2 ** 40]]]] })],
    ['overlapping ranges', () => rawUpdate({ clients: [{ client: 1, structs: [gc(9)] }], deletes: [[1, [[0, 3], [2, 2]]]] })],
    ['an empty range', () => rawUpdate({ deletes: [[1, [[0, 0]]]] })],
    ['a client twice', () => rawUpdate({ deletes: [[1, [[0, 1]]], [1, [[0, 1]]]] })],
  ])('[S10] a delete set with %s is refused', (_, make) => expectRefused(frame(2, make())))

  it.each([9, 5_000, 20_000])('[S11] arrays and objects %i deep are refused', (depth) => {
    expectRefused(frame(2, rawUpdate({ clients: [{ client: 1, structs: [entry(nested(117, depth))] }] })))
    expectRefused(frame(2, rawUpdate({ clients: [{ client: 1, structs: [entry(nested(118, Math.min(depth, 10_000)))] }] })))
  })
  it('[S11] eight levels are let pass', () => {
    expect(gateUpdate(rawUpdate({ clients: [{ client: 1, structs: [entry(nested(117, 8))] }] }))).toMatchObject({ ok: true })
  })
  it('[S11] a value that declares more than is there is refused', () => {
    for (const type of [116, 117, 118, 119]) {
      expectRefused(frame(2, rawUpdate({ clients: [{ client: 1, structs: [entry((writer) => { encoding.writeUint8(writer, type); writeVarUint(writer, 2 ** 40) })] }] })))
    }
  })

  it('[S11] an entry of two values, which no map holds, is refused', () => {
    expectRefused(frame(2, rawUpdate({ clients: [{ client: 1, structs: [item(8, (writer) => { writeVarUint(writer, 2); one(writer); one(writer) })] }] })))
  })

  it('[S12] [T17] ContentJSON, which can make a document unreadable for good, is refused at any depth', () => {
    for (const depth of [1, 5_000]) {
      expectRefused(frame(2, rawUpdate({ clients: [{ client: 1, structs: [item(2, (writer) => {
        writeVarUint(writer, 1)
        encoding.writeVarString(writer, '['.repeat(depth) + ']'.repeat(depth))
      })] }] })))
    }
  })

  it.each<[string, (doc: Y.Doc) => void]>([
    ['a nested Y.Map', (doc) => doc.getMap('registers').set('status/x', new Y.Map([['a', new Y.Map()]]))],
    ['a Y.Text', (doc) => doc.getMap('registers').set('status/x', new Y.Text('text'))],
    ['a Y.Array', (doc) => doc.getMap('registers').set('status/x', Y.Array.from([1]))],
    ['an XML fragment', (doc) => doc.getMap('registers').set('status/x', new Y.XmlFragment())],
    ['a subdocument', (doc) => doc.getMap('registers').set('status/x', new Y.Doc({ autoLoad: true }))],
    ['text in the root', (doc) => doc.getText('registers').insert(0, 'text')],
    ['a format in the root', (doc) => doc.getText('registers').insert(0, 'text', { bold: true })],
    ['an embed in the root', (doc) => doc.getText('registers').insertEmbed(0, { a: 1 })],
    ['array items in the root', (doc) => doc.getArray('registers').push([STATUS])],
  ])('[S13] %s is refused', (_, change) => {
    const doc = new Y.Doc()
    change(doc)
    expectRefused(frame(2, Y.encodeStateAsUpdate(doc)))
  })
  it.each([['gcFilter', { gcFilter: 'x' }], ['autoLoad', { autoLoad: true }], ['opts null', null]])('[S13] a subdocument with %s is refused', (_, options) => {
    expectRefused(frame(2, rawUpdate({ clients: [{ client: 1, structs: [item(9, (writer) => {
      encoding.writeVarString(writer, 'guid')
      encoding.writeAny(writer, options)
    })] }] })))
  })
  it.each([['a right neighbour', 0b1100_1000], ['no key', 0b0000_1000]])('[S13] an entry with %s is refused, although all else is as it should be', (_, info) => {
    const struct = { write: (writer: encoding.Encoder) => {
      encoding.writeUint8(writer, info)
      if (info & 0b0100_0000) [1, 0, 1, 0].forEach((number) => writeVarUint(writer, number))
      else { writeVarUint(writer, 1); encoding.writeVarString(writer, 'registers'); encoding.writeVarString(writer, `status/${ALICE}`) }
      writeVarUint(writer, 1)
      one(writer)
    } }
    expectRefused(frame(2, rawUpdate({ clients: [{ client: 1, structs: [entry(one), struct] }] })))
  })
  it('[S13] Y.Maps nested 5,000 deep are refused', () => {
    const structs = Array.from({ length: 5_000 }, (_, depth) => (writer: encoding.Encoder) => {
      encoding.writeUint8(writer, 0b0010_0111)
      if (depth === 0) { writeVarUint(writer, 1); encoding.writeVarString(writer, 'registers') }
      else { writeVarUint(writer, 0); writeVarUint(writer, 1); writeVarUint(writer, depth - 1) }
      encoding.writeVarString(writer, 'k')
      writeVarUint(writer, 1)
    })
    expectRefused(frame(2, rawUpdate({ clients: [{ client: 1, structs: structs.map((write) => ({ write })) }] })))
  })

  it.each(['users', '', '__proto__', 'registers2', 'r'.repeat(60_000)])('[S14] a root other than ours is refused', (root) => {
    const doc = new Y.Doc()
    doc.getMap(root).set('status/x', STATUS)
    expectRefused(frame(2, Y.encodeStateAsUpdate(doc)))
  })
  it('[S14] [T16] thousands of roots are refused before the first is made', () => {
    const structs = Array.from({ length: 5_000 }, (_, index) => item(8, (writer) => { writeVarUint(writer, 1); encoding.writeAny(writer, 1) }, `root${index}`))
    expectRefused(frame(2, rawUpdate({ clients: [{ client: 1, structs }] })))
  })

  it.each(['__proto__', 'constructor', 'toString', `__proto__/${ALICE}`, `constructor/${ALICE}`, 'k'.repeat(10_240), '/', `/${ALICE}`, ''])(
    '[S15] [T23] a map key %.40s is ignored and reported, and the rest applies', (key) => {
      const room = openRoom()
      expect(room.receive(frame(2, edit((map) => map.set(key, STATUS).valueOf() && map.set(`custom/${ALICE}`, { at: [NOW, 1, ALICE], value: null }))))).toBeUndefined()
      expect(room.truth().get('custom')).toEqual({ at: [NOW, 1, ALICE], value: null })
      expect(room.notices).toHaveLength(1)
      expect(room.notices[0]!.length).toBeLessThanOrEqual(128)
      expect([...room.truth().keys()].sort()).toEqual(['custom', 'mood'])
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    })

  it.each<[string, unknown]>([
    ['status = 42', 42], ['a text', 'x'], ['null', null], ['undefined', undefined], ['an array', [1]], ['a Uint8Array', Uint8Array.of(1, 2)], ['a BigInt', 10n],
    ['no stamp', { value: STATUS.value }], ['a stamp of another writer', { ...STATUS, at: [NOW, 0, BOB] }],
    ['at = NaN', { ...STATUS, at: [Number.NaN, 0, ALICE] }], ['at = −1', { ...STATUS, at: [-1, 0, ALICE] }], ['at = 1e20', { ...STATUS, at: [1e20, 0, ALICE] }],
    ['an unknown choice', { ...STATUS, value: { choice: 'busy', expiresAt: null } }], ['a value of bytes', { ...STATUS, value: Uint8Array.of(1) }],
    ['a BigInt inside', { ...STATUS, value: { choice: 'dnd', expiresAt: 1n } }],
  ])('[S16] %s under a right key is ignored and reported, and the rest applies', (_, raw) => {
    const room = openRoom()
    expect(room.receive(frame(2, edit((map) => {
      map.set(`status/${ALICE}`, raw)
      map.set(`custom/${ALICE}`, { at: [NOW, 1, ALICE], value: null })
    })))).toBeUndefined()
    expect(room.notices).toEqual(['status'])
    expect([...room.truth().keys()].sort()).toEqual(['custom', 'mood'])
  })

  it('[S17] a register that is too big is reported, and the rest applies', () => {
    const room = openRoom()
    expect(room.receive(frame(2, edit((map) => {
      map.set(`note/${ALICE}`, { at: [NOW, 0, ALICE], value: 'n'.repeat(2_000) })
      map.set(`custom/${ALICE}`, { at: [NOW, 1, ALICE], value: null })
    })))).toBeUndefined()
    expect(room.notices).toEqual(['note'])
    expect(room.truth().has('custom')).toBe(true)
  })
  it('[S17] [T18] a scratch document over 64 KB is refused with `quota`, and stays as it was', () => {
    const room = openRoom()
    const updates = Array.from({ length: 3 }, (_, part) => edit((map) => map.set(`note${part}/${ALICE}`, { at: [NOW, 0, ALICE], value: 'n'.repeat(30_000) })))
    expect(room.receive(frame(2, updates[0]!))).toBeUndefined()
    expect(room.receive(frame(2, updates[1]!))).toBeUndefined()
    expect(room.receive(frame(2, updates[2]!))).toEqual({ code: 4400, reason: 'quota' })
  })

  it.each([['a text', (writer: encoding.Encoder) => encoding.writeUint8(writer, 119)], ['a property\'s name', (writer: encoding.Encoder) => { encoding.writeUint8(writer, 118); writeVarUint(writer, 1) }]])(
    '[S16] %s that is no text is refused, and changes nothing', (_, begin) => {
      const room = openRoom()
      const struct = entry((writer) => { begin(writer); encoding.writeVarUint8Array(writer, Uint8Array.of(0xff, 0xfe)); one(writer) })
      expect(room.receive(frame(2, rawUpdate({ clients: [{ client: 1, structs: [struct] }] })))).toMatchObject({ code: 4400 })
      expect(room.fingerprint()).toBe(room.before)
    })

  it.each([
    ['2^40 declared clients', () => varUints(2 ** 40)],
    ['100,000 entries', () => Uint8Array.of(0xa0, 0x8d, 0x06, ...Array<number>(60_000).fill(1))],
    ['1,025 entries', () => varUints(1_025, ...Array.from({ length: 2_050 }, (_, index) => index))],
    ['a clock beyond any', () => varUints(1, 1, 2 ** 50)],
    ['no end', () => varUints(2, 1, 1)],
  ])('[S18] a state vector with %s is refused', (_, make) => expectRefused(frame(0, make())))
  it('[S18] a state vector from the future is answered with nothing new', () => {
    const scratch = createScratchDocument(1)
    scratch.receive(VALID)
    expect(gateStateVector(varUints(1, VALID_CLIENT, 1_000_000)).ok).toBe(true)
    expect(scratch.answerStep1(varUints(1, VALID_CLIENT, 1_000_000)).length).toBeLessThan(20)
  })

  it('[S19] an update in the encoding of Yjs\' second version is refused', () => {
    const doc = new Y.Doc()
    expectRefused(frame(2, Y.encodeStateAsUpdateV2(doc)))
    doc.getMap('registers').set(`status/${ALICE}`, STATUS)
    expectRefused(frame(2, Y.encodeStateAsUpdateV2(doc)))
  })

  it('[T16] a thousand entries side by side, which Yjs would compare with one another, are refused', () => {
    expectRefused(frame(2, rawUpdate({ clients: [rivals(1, 1_000)] })))
    expect(gateUpdate(rawUpdate({ clients: [rivals(1, 64)] })).ok).toBe(true)
  })
  it('[T16] and so are those that come one by one', () => {
    const room = openRoom()
    const sendSixty = (client: number) => room.receive(frame(2, rawUpdate({ clients: [rivals(client, 60)] })))
    expect(sendSixty(1)).toBeUndefined()
    expect(sendSixty(2)).toEqual({ code: 4400, reason: 'quota' })
  })
  it('[T16] the slowest merge that passes costs less than anybody would notice', () => {
    // Each client's first entry waits for the last of the one below it, so that the others meet in the order that is worst for Yjs.
    const keys = Array.from({ length: 38 }, (_, key) => `k${key}`)
    const clients = Array.from({ length: 64 }, (_, index) => 64 - index).map((client) => ({
      client,
      structs: [client === 1 ? entry(one, 'first') : follower(client - 1, keys.length), ...keys.map((key) => entry(one, key))],
    }))
    const update = rawUpdate({ clients })
    expect(update.length).toBeLessThan(65_536)
    expect(gateUpdate(update).ok).toBe(true)
    const scratch = createScratchDocument(1)
    const started = process.cpuUsage()
    expect(scratch.receive(update).kind).toBe('applied')
    expect(process.cpuUsage(started).user / 1_000).toBeLessThan(200)
  })
})

/** One update, of one client, with two entries under one key. */
const VALID_CLIENT = 77
const VALID = edit((map) => {
  map.set(`status/${ALICE}`, { ...STATUS, at: [NOW - 1, 0, ALICE] })
  map.set(`status/${ALICE}`, STATUS)
}, VALID_CLIENT)

/** What the connection told at its beginning. */
const HELD = frame(1, edit((map) => map.set(`mood/${BOB}`, { at: [NOW, 0, BOB], value: 1 }), 99))

function edit(change: (map: Y.Map<unknown>) => unknown, clientId = 1 + Math.floor(Math.random() * 2 ** 31)): Uint8Array {
  const doc = newDocument()
  doc.clientID = clientId
  change(doc.getMap('registers'))
  return Y.encodeStateAsUpdate(doc)
}

function documentOf(clients: number): Uint8Array {
  return rawUpdate({ clients: Array.from({ length: clients }, (_, client) => ({ client, structs: [gc(1)] })) })
}

/** A user's truth behind one connection that has told what it holds. */
function openRoom() {
  let truth: Registers = new Map()
  const notices: string[] = []
  const sent: Uint8Array[] = []
  const bridge = createBridge({
    truth: () => truth, send: (sending) => sent.push(sending), notice: (name) => notices.push(name), dropped: () => {},
    merge: (registers) => { truth = mergeRegisters(truth, registers).merged }, now: () => NOW, after: () => () => {},
  }, { clientId: 5, digest: null })
  bridge.receiveSync(HELD)
  const fingerprint = (): string => {
    sent.length = 0
    bridge.receiveSync(frame(0, Uint8Array.of(0)))
    return `${JSON.stringify([...truth])} ${sent.join()}`
  }
  return { receive: (sent: Uint8Array) => bridge.receiveSync(sent), truth: () => truth, notices, fingerprint, before: fingerprint() }
}

function expectRefused(sent: Uint8Array): void {
  const room = openRoom()
  expect(gateSyncMessage(sent).ok).toBe(false)
  expect(room.receive(sent)).toMatchObject({ code: 4400 })
  expect(room.fingerprint()).toBe(room.before)
}

interface RawStruct { readonly write: (writer: encoding.Encoder) => void }
interface RawUpdate {
  readonly clients?: readonly { readonly client: number; readonly clock?: number; readonly structs: readonly RawStruct[] }[]
  readonly deletes?: readonly (readonly [client: number, ranges: readonly (readonly [clock: number, length: number])[]])[]
}
function rawUpdate({ clients = [], deletes = [] }: RawUpdate): Uint8Array {
  const writer = encoding.createEncoder()
  writeVarUint(writer, clients.length)
  for (const { client, clock = 0, structs } of clients) {
    for (const number of [structs.length, client, clock]) writeVarUint(writer, number)
    for (const struct of structs) struct.write(writer)
  }
  writeVarUint(writer, deletes.length)
  for (const [client, ranges] of deletes) {
    writeVarUint(writer, client)
    writeVarUint(writer, ranges.length)
    for (const range of ranges) range.forEach((number) => writeVarUint(writer, number))
  }
  return encoding.toUint8Array(writer)
}
function gc(length: number): RawStruct {
  return { write: (writer) => { encoding.writeUint8(writer, 0); writeVarUint(writer, length) } }
}
function skipped(length: number): RawStruct {
  return { write: (writer) => { encoding.writeUint8(writer, 10); writeVarUint(writer, length) } }
}
function item(content: number, write: (writer: encoding.Encoder) => void, root = 'registers', key = `status/${ALICE}`): RawStruct {
  return {
    write: (writer) => {
      encoding.writeUint8(writer, 0b0010_0000 | content)
      writeVarUint(writer, 1)
      encoding.writeVarString(writer, root)
      encoding.writeVarString(writer, key)
      write(writer)
    },
  }
}
function deletedRun(length: number): RawStruct {
  return item(1, (writer) => writeVarUint(writer, length))
}
function entry(writeValue: (writer: encoding.Encoder) => void, key?: string): RawStruct {
  return item(8, (writer) => { writeVarUint(writer, 1); writeValue(writer) }, 'registers', key)
}
const one = (writer: encoding.Encoder): void => encoding.writeAny(writer, 1)
/** Entries under one key whose writer pretends to know of none of them. */
const rivals = (client: number, count: number): { client: number; structs: RawStruct[] } => ({ client, structs: Array.from({ length: count }, () => entry(one)) })
/** An entry whose left neighbour is another client's. */
function follower(client: number, clock: number): RawStruct {
  return {
    write: (writer) => {
      encoding.writeUint8(writer, 0b1010_1000)
      for (const number of [client, clock, 1]) writeVarUint(writer, number)
      encoding.writeAny(writer, 1)
    },
  }
}
function nested(type: 117 | 118, depth: number): (writer: encoding.Encoder) => void {
  return (writer) => {
    for (let level = 0; level < depth; level++) {
      encoding.writeUint8(writer, type)
      writeVarUint(writer, 1)
      if (type === 118) encoding.writeVarString(writer, 'a')
    }
    encoding.writeAny(writer, 1)
  }
}

function frame(subtype: number, bytes: Uint8Array): Uint8Array {
  const writer = encoding.createEncoder()
  writeVarUint(writer, 0)
  writeVarUint(writer, subtype)
  encoding.writeVarUint8Array(writer, bytes)
  return encoding.toUint8Array(writer)
}
function varUints(...numbers: number[]): Uint8Array {
  const writer = encoding.createEncoder()
  for (const number of numbers) writeVarUint(writer, number)
  return encoding.toUint8Array(writer)
}
/** A frame as Node hands them out: a window on a larger buffer. */
function viewInto(bytes: number[], behind: number): Uint8Array {
  return Uint8Array.from([...bytes, ...Array<number>(behind).fill(0)]).subarray(0, bytes.length)
}

function randomClient(below: (limit: number) => number): { client: number; clock: number; structs: RawStruct[] } {
  const makers = [() => gc(below(4)), () => deletedRun(below(3)), () => skipped(1), () => follower(VALID_CLIENT, below(3)),
    () => entry((writer) => encoding.writeAny(writer, below(2) ? STATUS : below(9)), below(2) ? `status/${ALICE}` : `x${below(3)}`),
    () => item(below(12), (writer) => { writeVarUint(writer, below(3)); encoding.writeAny(writer, below(99)) })]
  return { client: below(4), clock: below(3), structs: Array.from({ length: below(4) }, () => makers[below(makers.length)]!()) }
}
function damaged(bytes: Uint8Array, below: (limit: number) => number): Uint8Array {
  const copy = [...bytes]
  for (let times = 1 + below(3); times > 0; times--) {
    const at = below(copy.length)
    if (below(3) === 0) copy.splice(at, 1)
    else copy.splice(at, below(2), below(256))
  }
  return Uint8Array.from(copy)
}
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
