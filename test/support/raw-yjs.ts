/** Yjs updates byte by byte: what no Yjs would write, and what an honest device does. */
import { writeAny } from 'lib0/encoding'
import * as Y from 'yjs'
import type { Stamp } from '../../src/model/hybrid-clock.js'
import { encode, writeUint8, writeVarString, writeVarUint, type Writer } from '../../src/protocol/wire.js'
import { newDocument } from '../../src/replica/register-map.js'

type Write = (writer: Writer) => void
export interface RawUpdate {
  readonly clients?: readonly RawClient[]
  readonly deletes?: readonly (readonly [client: number, ranges: readonly (readonly [clock: number, length: number])[]])[]
}
export interface RawClient {
  readonly client: number
  readonly clock?: number
  readonly structs: readonly Write[]
}

/** What `write` has it be: without the type that `encode` puts in front. */
export const rawBytes = (write: Write): Uint8Array => encode(0, write).subarray(1)
export const varUints = (...numbers: readonly number[]): Uint8Array => rawBytes((writer) => numbers.forEach((number) => writeVarUint(writer, number)))

export const rawUpdate = ({ clients = [], deletes = [] }: RawUpdate): Uint8Array => rawBytes((writer) => {
  writeVarUint(writer, clients.length)
  for (const { client, clock = 0, structs } of clients) {
    for (const number of [structs.length, client, clock]) writeVarUint(writer, number)
    for (const write of structs) write(writer)
  }
  writeVarUint(writer, deletes.length)
  for (const [client, ranges] of deletes) {
    writeVarUint(writer, client)
    writeVarUint(writer, ranges.length)
    for (const range of ranges) range.forEach((number) => writeVarUint(writer, number))
  }
})
/** Of one client, and nothing deleted. */
export const ofOne = (...structs: readonly Write[]): Uint8Array => rawUpdate({ clients: [{ client: 1, structs }] })

export const gc = (length: number): Write => (writer) => { writeUint8(writer, 0); writeVarUint(writer, length) }
export const skipped = (length: number): Write => (writer) => { writeUint8(writer, 10); writeVarUint(writer, length) }
/** A struct that is a root map's entry, with content of some kind. */
export const item = (content: number, write: Write, { root = 'registers', key = 'status/AliceAliceAliceAliceAA' }: { readonly root?: string; readonly key?: string | null } = {}): Write => (writer) => {
  writeUint8(writer, content | (key === null ? 0 : 0b0010_0000))
  writeVarUint(writer, 1)
  writeVarString(writer, root)
  if (key !== null) writeVarString(writer, key)
  write(writer)
}
export const deletedRun = (length: number): Write => item(1, (writer) => writeVarUint(writer, length))
/** An entry that holds what `writeValue` writes. */
export const entry = (writeValue: Write, key?: string): Write => item(8, (writer) => { writeVarUint(writer, 1); writeValue(writer) }, key === undefined ? {} : { key })
export const anyOf = (value: unknown): Write => (writer) => writeAny(writer, value as never)
export const one: Write = anyOf(1)
/** Entries under one key whose writer pretends to know of none of them. */
export const rivals = (client: number, count: number): RawClient => ({ client, structs: Array.from({ length: count }, () => entry(one)) })
/** An entry whose left neighbour is another client's. */
export const follower = (client: number, clock: number): Write => (writer) => {
  writeUint8(writer, 0b1010_1000)
  for (const number of [client, clock, 1]) writeVarUint(writer, number)
  one(writer)
}
/** Lists (117) or objects (118) in each other. */
export const nested = (type: 117 | 118, depth: number): Write => (writer) => {
  for (let level = 0; level < depth; level++) {
    writeUint8(writer, type)
    writeVarUint(writer, 1)
    if (type === 118) writeVarString(writer, 'a')
  }
  one(writer)
}
/** The slowest update that passes: each client's first entry waits for the last of the one below it, so that the others meet in the order that is worst for Yjs. */
export function slowest(): Uint8Array {
  const keys = Array.from({ length: 190 }, (_, key) => `k${key}`)
  return rawUpdate({ clients: Array.from({ length: 16 }, (_, index) => 16 - index).map((client) => ({
    client, structs: [client === 1 ? entry(one, 'first') : follower(client - 1, keys.length), ...keys.map((key) => entry(one, key))],
  })) })
}

export function edit(change: (map: Y.Map<unknown>) => unknown, clientId: number = 1 + Math.floor(Math.random() * 2 ** 31)): Uint8Array {
  const doc = newDocument()
  doc.clientID = clientId
  doc.transact(() => change(doc.getMap('registers')))
  return Y.encodeStateAsUpdate(doc)
}
/** Registers as an honest device writes them. */
export const written = (registers: Readonly<Record<string, unknown>>, writerId: string, at: number = Date.now()): Uint8Array =>
  edit((map) => Object.entries(registers).forEach(([name, value]) => map.set(`${name}/${writerId}`, { at: [at, 0, writerId] satisfies Stamp, value })))
