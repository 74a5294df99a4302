/**
 * What a stranger's sync message must look like before Yjs sees it (DESIGN §6, "The gate"). Yjs believes every count it reads: one
 * update of seven bytes can cost it a second, and one of 10 KB can make a document unreadable for good. The layout is that of
 * Yjs 13's `UpdateDecoderV1`; nothing here is allocated by a declared length, and every count must fit the bytes that are left.
 */
import { readVarInt, readVarString } from 'lib0/decoding'
import type { Parsed } from '../../src/model/json.js'
import { body } from '../../src/protocol/messages.js'
import { decode, readUint8, readVarUint, readVarUint8Array, refuse, type Reader } from '../../src/protocol/wire.js'
import { ROOT_NAME } from '../../src/replica/register-map.js'

export const SYNC_STEP_1 = 0
export const SYNC_STEP_2 = 1
export const SYNC_UPDATE = 2

export interface SyncMessage {
  readonly subtype: 0 | 1 | 2
  /** A state vector in Step1, else an update; a view of the frame. */
  readonly bytes: Uint8Array
}
export interface GatedUpdate {
  readonly clients: number
  readonly structs: number
}

/**
 * Our devices re-base at 250 Yjs clients, two tabs that were apart bring at most twice that, and a stock client, which never re-bases,
 * adds one or two a session. Every later edit pays for all of them.
 */
const MAXIMUM_CLIENTS = 1_024
/**
 * Entries written without knowing of each other, beside the same neighbour: Yjs compares each with all. People's devices leave a
 * handful; a thousand cost 0.1 s, at every later edit again.
 */
const MAXIMUM_RIVALS = 64
/** What Yjs counts with; nobody edits as often. */
const MAXIMUM_CLOCK = 2 ** 31
/** As `isJson` has it, the stamped object around the value included. */
const MAXIMUM_DEPTH = 8

/** A whole frame of type 0. */
export const gateSyncMessage = (frame: Uint8Array): Parsed<SyncMessage> => body(frame, (reader) => {
  const subtype = readVarUint(reader)
  if (subtype !== SYNC_STEP_1 && subtype !== SYNC_STEP_2 && subtype !== SYNC_UPDATE) refuse('the sync message is of no known kind')
  const bytes = readVarUint8Array(reader)
  const gated = subtype === SYNC_STEP_1 ? gateStateVector(bytes) : gateUpdate(bytes)
  return gated.ok ? { subtype, bytes } : refuse(gated.reason)
})

export const gateStateVector = (stateVector: Uint8Array): Parsed<number> => decode(stateVector, (reader) => {
  const count = readCountThatFits(reader, 2)
  if (count > MAXIMUM_CLIENTS) refuse('it has too many clients')
  for (let index = 0; index < count; index++) readId(reader)
  return count
})

export const gateUpdate = (update: Uint8Array): Parsed<GatedUpdate> => decode(update, (reader) => {
  const clientCount = readCountThatFits(reader, 5)
  if (clientCount > MAXIMUM_CLIENTS) refuse('it has too many clients')
  const ends = new Map<number, number>()
  const rivals: Rivals = new Map()
  let structs = 0
  for (let index = 0; index < clientCount; index++) {
    const structCount = readCountThatFits(reader, 2)
    if (structCount === 0) refuse('a client has no structs')
    const [client, begin] = readId(reader)
    let clock = begin
    if (ends.has(client)) refuse('a client comes twice')
    for (let struct = 0; struct < structCount; struct++) clock = checkClock(clock + readStruct(reader, rivals))
    ends.set(client, clock)
    structs += structCount
  }
  readDeleteSet(reader, ends)
  return { clients: clientCount, structs }
})

const ORIGIN = 0b1000_0000
const RIGHT_ORIGIN = 0b0100_0000
const PARENT_SUB = 0b0010_0000
const CONTENT = 0b0001_1111

/** How many entries follow each neighbour, by its id, or by the key where they follow none. */
type Rivals = Map<string, number>

/** Returns its length. */
function readStruct(reader: Reader, rivals: Rivals): number {
  const info = readUint8(reader)
  const content = info & CONTENT
  if (content === 0) return readLength(reader)
  // A map's entries have left neighbours only.
  if (info & RIGHT_ORIGIN) refuse('an entry has a right neighbour')
  const neighbour = info & ORIGIN ? readId(reader).join() : readKey(reader, info)
  const count = (rivals.get(neighbour) ?? 0) + 1
  if (count > MAXIMUM_RIVALS) refuse('too many entries are beside each other')
  rivals.set(neighbour, count)
  return readContent(reader, content)
}

function readKey(reader: Reader, info: number): string {
  if (readVarUint(reader) !== 1 || readVarString(reader) !== ROOT_NAME) refuse('it is not in the root map')
  if (!(info & PARENT_SUB)) refuse('an entry has no key')
  return `key ${readVarString(reader)}`
}

function readContent(reader: Reader, content: number): number {
  switch (content) {
    case 1:
      return readLength(reader)
    // No register, and reported as such; but it is only bytes, and must not cost the others their way.
    case 3:
      skip(reader, readVarUint(reader))
      return 1
    case 8:
      if (readVarUint(reader) !== 1) refuse('an entry holds more than one value')
      skipAny(reader, 0)
      return 1
    default:
      return refuse('a content is of a kind that we do not write')
  }
}

/** lib0's `readAny`, without building what it reads. */
function skipAny(reader: Reader, depth: number): void {
  switch (readUint8(reader)) {
    case 127: case 126: case 121: case 120: // undefined, null, false, true
      return
    case 125:
      readVarInt(reader)
      return
    case 124:
      return skip(reader, 4)
    case 123: case 122: // float64, bigint
      return skip(reader, 8)
    case 119:
      readVarString(reader)
      return
    case 118: {
      if (depth >= MAXIMUM_DEPTH) refuse('a value is too deep')
      for (let left = readCountThatFits(reader, 2); left > 0; left--) {
        readVarString(reader)
        skipAny(reader, depth + 1)
      }
      return
    }
    case 117: {
      if (depth >= MAXIMUM_DEPTH) refuse('a value is too deep')
      for (let left = readCountThatFits(reader, 1); left > 0; left--) skipAny(reader, depth + 1)
      return
    }
    case 116:
      return skip(reader, readVarUint(reader))
    default:
      refuse('a value is of no known kind')
  }
}

/** Yjs writes ranges in order and merged, and never beyond the structs that it sends along. */
function readDeleteSet(reader: Reader, ends: ReadonlyMap<number, number>): void {
  const clientCount = readCountThatFits(reader, 4)
  if (clientCount > MAXIMUM_CLIENTS) refuse('it has too many clients')
  const seen = new Set<number>()
  for (let index = 0; index < clientCount; index++) {
    const client = readVarUint(reader)
    if (seen.has(client)) refuse('a client comes twice')
    seen.add(client)
    const end = ends.get(client) ?? MAXIMUM_CLOCK
    let previous = 0
    for (let left = readCountThatFits(reader, 2); left > 0; left--) {
      const clock = readVarUint(reader)
      if (clock < previous) refuse('deleted ranges overlap')
      previous = checkClock(clock + readLength(reader))
      if (previous > end) refuse('it deletes what is not there')
    }
  }
}

function readCountThatFits(reader: Reader, minimumBytes: number): number {
  const count = readVarUint(reader)
  return count * minimumBytes <= reader.arr.length - reader.pos ? count : refuse('a count is greater than what is there')
}

function readId(reader: Reader): [client: number, clock: number] {
  return [readVarUint(reader), checkClock(readVarUint(reader))]
}
function readLength(reader: Reader): number {
  return checkClock(readVarUint(reader)) || refuse('a length is 0')
}
function checkClock(clock: number): number {
  return clock <= MAXIMUM_CLOCK ? clock : refuse('a clock is too great')
}

function skip(reader: Reader, bytes: number): void {
  if (bytes > reader.arr.length - reader.pos) refuse('it ends too early')
  reader.pos += bytes
}
