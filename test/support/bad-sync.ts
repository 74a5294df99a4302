/** FAULTS 4.2: whole frames that are refused with 4400, whoever is asked: the gate alone, or a relay. */
import { writeAny } from 'lib0/encoding'
import * as Y from 'yjs'
import { writeUint8, writeVarString, writeVarUint, writeVarUint8Array } from '../../src/protocol/wire.js'
import { STEP_1, UPDATE, syncFrame } from './hostile-client.js'
import { anyOf, deletedRun, entry, gc, item, nested, ofOne, one, rawBytes, rawUpdate, rivals, skipped, varUints, written } from './raw-yjs.js'

type Case = readonly [what: string, frame: () => Uint8Array]
const of = (update: () => Uint8Array) => (): Uint8Array => syncFrame(UPDATE, update())

const ALICE = 'AliceAliceAliceAliceAA'
const STATUS = { choice: 'dnd', expiresAt: null }
export const goodUpdate = (): Uint8Array => written({ status: STATUS, mood: 1 }, ALICE, 1_800_000_000_000)

export const BAD_SYNC: readonly Case[] = [
  ['[S1] of subtype 77', () => syncFrame(77, goodUpdate())],
  ['[S1] of no subtype', () => Uint8Array.of(0)],
  ['[S1] with bytes after its end', () => Uint8Array.of(...syncFrame(UPDATE, goodUpdate()), 0)],
  ['[S1] whose update has bytes after its end', of(() => Uint8Array.of(...goodUpdate(), 0))],
  ['[S1] whose state vector has bytes after its end', () => syncFrame(STEP_1, varUints(0, 0))],

  ['[S2] with a subtype of ten bytes', () => Uint8Array.of(0, ...Array<number>(10).fill(0xff), 1)],
  ['[S2] with a length of ten bytes', () => Uint8Array.of(0, 2, ...Array<number>(9).fill(0xff), 1)],
  ['[S2] with a length above 2^53', () => Uint8Array.of(0, 2, ...Array<number>(7).fill(0x80), 0x10)],
  ['[S2] longer than what is there', () => Uint8Array.of(0, 2, 200, 1)],
  ['[S2] of a client above 2^53', of(() => Uint8Array.of(1, 1, ...Array<number>(7).fill(0xff), 0x7f, 0, 0, 1, 0))],

  ['[S5] [T16] of 32,000,000 structs', of(() => varUints(1, 32_000_000, 1, 0, 0))],
  ['[S6] [T16] of 2^32 clients', of(() => varUints(2 ** 32, 1, 1, 0, 0, 1, 0))],
  ['[S6] [T16] of as many clients as fit', of(() => rawUpdate({ clients: Array.from({ length: 10_000 }, (_, client) => ({ client, structs: [gc(1)] })) }))],
  ['[S6] of a client without structs', of(() => rawUpdate({ clients: [{ client: 1, structs: [] }, { client: 2, structs: [gc(1), gc(1), gc(1)] }] }))],
  ['[S6] of a client that comes twice', of(() => rawUpdate({ clients: [{ client: 1, structs: [gc(1)] }, { client: 1, structs: [gc(1)] }] }))],

  ['[S8] of a gap of 2^53-1', of(() => ofOne(gc(Number.MAX_SAFE_INTEGER)))],
  ['[S8] of a gap of 0', of(() => ofOne(gc(0)))],
  ['[S8] of 2^53-1 deleted', of(() => ofOne(deletedRun(Number.MAX_SAFE_INTEGER)))],
  ['[S8] of 0 deleted', of(() => ofOne(deletedRun(0)))],
  ['[S8] of a skip', of(() => ofOne(skipped(3)))],
  ['[S8] of gaps that add up to more than a clock holds', of(() => ofOne(gc(2 ** 30), gc(2 ** 30), gc(1)))],
  ['[S8] of a clock beyond any', of(() => rawUpdate({ clients: [{ client: 1, clock: 2 ** 31 + 1, structs: [gc(1)] }] }))],

  ['[S10] [T16] of a million deletions', of(() => varUints(0, 1, 1, 1_000_000, 0, 1))],
  ['[S10] of deletions beyond what is sent along', of(() => rawUpdate({ clients: [{ client: 1, structs: [gc(3)] }], deletes: [[1, [[2, 2]]]] }))],
  ['[S10] of deletions beyond any clock', of(() => rawUpdate({ deletes: [[1, [[0, 2 ** 40]]]] }))],
  ['[S10] of deletions that overlap', of(() => rawUpdate({ clients: [{ client: 1, structs: [gc(9)] }], deletes: [[1, [[0, 3], [2, 2]]]] }))],
  ['[S10] of a deletion of nothing', of(() => rawUpdate({ deletes: [[1, [[0, 0]]]] }))],
  ['[S10] of deletions of a client that comes twice', of(() => rawUpdate({ deletes: [[1, [[0, 1]]], [1, [[0, 1]]]] }))],

  ...[9, 5_000, 30_000].map((depth): Case => [`[S11] of lists, ${depth} deep`, of(() => ofOne(entry(nested(117, depth))))]),
  ...[9, 5_000, 10_000].map((depth): Case => [`[S11] of objects, ${depth} deep`, of(() => ofOne(entry(nested(118, depth))))]),
  ...[116, 117, 118, 119].map((type): Case => [`[S11] of a value of type ${type} that declares 2^40`, of(() => ofOne(entry((writer) => { writeUint8(writer, type); writeVarUint(writer, 2 ** 40) })))]),
  ['[S11] of an entry of two values', of(() => ofOne(item(8, (writer) => { writeVarUint(writer, 2); one(writer); one(writer) })))],

  ...[1, 5_000].map((depth): Case => [`[S12] [T17] of JSON, ${depth} deep`, of(() => ofOne(item(2, (writer) => {
    writeVarUint(writer, 1)
    writeVarString(writer, '['.repeat(depth) + ']'.repeat(depth))
  })))]),

  ...['Y.Array', 'Y.Map', 'Y.Text', 'Y.XmlElement', 'Y.XmlFragment', 'Y.XmlHook', 'Y.XmlText', 'type 7, which there is not'].map((name, type): Case => [
    `[S13] of a ${name}`, of(() => ofOne(item(7, (writer) => { writeVarUint(writer, type); if (type === 3 || type === 5) writeVarString(writer, 'img') }))),
  ]),
  ['[S13] [T16] of Y.Maps in Y.Maps, 5,000 deep', of(() => ofOne(...Array.from({ length: 5_000 }, (_, depth) => (writer: Parameters<typeof one>[0]) => {
    writeUint8(writer, 0b0010_0111)
    writeVarUint(writer, depth === 0 ? 1 : 0)
    if (depth === 0) writeVarString(writer, 'registers')
    else { writeVarUint(writer, 1); writeVarUint(writer, depth - 1) }
    writeVarString(writer, 'k')
    writeVarUint(writer, 1)
  })))],
  ['[S13] [T17] of an embed', of(() => ofOne(item(5, (writer) => writeVarString(writer, '{}'))))],
  ['[S13] [T17] of a format', of(() => ofOne(item(6, (writer) => { writeVarString(writer, 'bold'); writeVarString(writer, 'true') })))],
  ['[S13] of a text', of(() => ofOne(item(4, (writer) => writeVarString(writer, 'text'), { key: null })))],
  ...[{ autoLoad: true }, { gcFilter: 'x' }, null].map((options): Case => [`[S13] [T17] of a document inside, with ${JSON.stringify(options)}`, of(() => ofOne(item(9, (writer) => {
    writeVarString(writer, 'guid')
    writeAny(writer, options)
  })))]),
  ...Object.entries<(doc: Y.Doc) => void>({
    'a Y.Map in a Y.Map': (doc) => doc.getMap('registers').set('status/x', new Y.Map([['a', new Y.Map()]])),
    'a document inside': (doc) => doc.getMap('registers').set('status/x', new Y.Doc({ autoLoad: true })),
    'a text as its root': (doc) => doc.getText('registers').insert(0, 'text', { bold: true }),
    'an embed in its root': (doc) => doc.getText('registers').insertEmbed(0, { a: 1 }),
    'a list as its root': (doc) => doc.getArray('registers').push([1]),
  }).map(([name, change]): Case => [`[S13] with ${name}, as Yjs writes it`, of(() => {
    const doc = new Y.Doc()
    change(doc)
    return Y.encodeStateAsUpdate(doc)
  })]),
  ['[S13] of an entry with a right neighbour', of(() => ofOne(entry(one), (writer) => {
    writeUint8(writer, 0b1100_1000)
    for (const number of [1, 0, 1, 0, 1]) writeVarUint(writer, number)
    one(writer)
  }))],

  ...['users', '', '__proto__', 'registers2', 'x'.repeat(60_000)].map((root): Case => [
    `[S14]${root === '__proto__' ? ' [T23]' : ''} of the root ${JSON.stringify(root.slice(0, 10))}`, of(() => ofOne(item(8, (writer) => { writeVarUint(writer, 1); one(writer) }, { root }))),
  ]),
  ['[S14] [T16] of 5,000 roots', of(() => ofOne(...Array.from({ length: 5_000 }, (_, root) => item(8, (writer) => { writeVarUint(writer, 1); one(writer) }, { root: `r${root}`, key: 'k' }))))],
  ['[S14] of a root that is a list', of(() => ofOne(item(8, (writer) => { writeVarUint(writer, 1); one(writer) }, { key: null })))],

  ['[S18] that knows of 2^40 clients', () => syncFrame(STEP_1, varUints(2 ** 40))],
  ['[S18] that knows of 1,025 clients', () => syncFrame(STEP_1, varUints(1_025, ...Array.from({ length: 2_050 }, (_, index) => index)))],
  ['[S18] that declares 100,000 clients', () => syncFrame(STEP_1, Uint8Array.of(...varUints(100_000), ...Array<number>(60_000).fill(1)))],
  ['[S18] that knows a clock beyond any', () => syncFrame(STEP_1, varUints(1, 1, 2 ** 50))],
  ['[S18] that knows of one client less than it says', () => syncFrame(STEP_1, varUints(2, 1, 1))],

  ['[S19] in the other encoding', of(() => {
    const doc = new Y.Doc()
    doc.getMap('registers').set(`status/${ALICE}`, { at: [1_800_000_000_000, 0, ALICE], value: STATUS })
    return Y.encodeStateAsUpdateV2(doc)
  })],
  ['[S19] in the other encoding, and empty', of(() => Y.encodeStateAsUpdateV2(new Y.Doc()))],

  ['[T16] of a thousand entries that Yjs would compare with one another', of(() => rawUpdate({ clients: [rivals(1, 1_000)] }))],
]

/** The gate lets these pass: whoever reads the value refuses them, with 4400 too. */
export const BAD_TEXTS: readonly Case[] = ([['a value', [119]], ['a property\'s name', [118, 1]]] as const).map(([what, begin]): Case => [`[S16] of ${what} that is no UTF-8`, of(() => ofOne(entry((writer) => {
  begin.forEach((byte) => writeUint8(writer, byte))
  writeVarUint8Array(writer, Uint8Array.of(0xff, 0xfe))
  one(writer)
})))])

/** A relay does not even read these: 1009 on their header. */
export const OVERSIZED_SYNC: readonly Case[] = [
  ['[S11] of lists, 100,000 deep', of(() => ofOne(entry(nested(117, 100_000))))],
  ['[S6] of 20,000 clients', of(() => rawUpdate({ clients: Array.from({ length: 20_000 }, (_, client) => ({ client, structs: [gc(1)] })) }))],
  ['[S14] of 50,000 roots', of(() => ofOne(...Array.from({ length: 50_000 }, (_, root) => item(8, (writer) => { writeVarUint(writer, 1); one(writer) }, { root: `r${root}`, key: 'k' }))))],
  ['[S14] of a root with a name of 1 MB', of(() => ofOne(item(8, (writer) => { writeVarUint(writer, 1); one(writer) }, { root: 'x'.repeat(1_000_000) })))],
  ['[S17] of 65 KiB', of(() => ofOne(entry(anyOf('x'.repeat(66_560)))))],
  ['[S18] that knows of 100,000 clients', () => syncFrame(STEP_1, rawBytes((writer) => Array.from({ length: 200_001 }, (_, index) => writeVarUint(writer, index === 0 ? 100_000 : 1))))],
]

/** Keys of the root map that name no register. */
export const BAD_KEYS: readonly string[] = ['__proto__', 'constructor', 'toString', `__proto__/${ALICE}`, `constructor/${ALICE}`, `hasOwnProperty/${ALICE}`, 'k'.repeat(10_240), '/', `/${ALICE}`, '']

const entryOf = (over: object): unknown => ({ at: [1_800_000_000_000, 0, ALICE], value: STATUS, ...over })
/** What may stand under `status/ALICE`, and is no register. */
export const BAD_ENTRIES: readonly (readonly [what: string, raw: unknown])[] = [
  ['42', 42], ['a text', 'x'], ['null', null], ['undefined', undefined], ['a list', [1]], ['bytes', Uint8Array.of(1, 2)], ['a BigInt', 10n], ['an object without a stamp', { value: STATUS }],
  ...([['another writer', 'BobBobBobBobBobBobBobB'], ['no writer', '']] as const).map(([what, writer]) => [`a stamp of ${what}`, entryOf({ at: [1_800_000_000_000, 0, writer] })] as const),
  ...[Number.NaN, -1, 1e20, 0.5, '1', null].map((time) => [`a stamp at ${time}`, entryOf({ at: [time, 0, ALICE] })] as const),
  ['a stamp that counts to -1', entryOf({ at: [1, -1, ALICE] })],
  ['an unknown choice', entryOf({ value: { choice: 'busy', expiresAt: null } })],
  ['an expiry at NaN', entryOf({ value: { choice: 'dnd', expiresAt: Number.NaN } })],
  ['a value of bytes', entryOf({ value: Uint8Array.of(1) })],
  ['a value with a prototype', entryOf({ value: JSON.parse('{"choice":"dnd","expiresAt":null,"__proto__":{"polluted":true}}') })],
  ['a prototype with all in it', JSON.parse(`{"__proto__":${JSON.stringify(entryOf({}))}}`)],
  ['a BigInt inside', entryOf({ value: { choice: 'dnd', expiresAt: 1n } })],
]
export const BAD_ENTRIES_KEY: string = `status/${ALICE}`
