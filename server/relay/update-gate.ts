/**
 * What a stranger's sync message must look like before Yjs sees it (DESIGN §6, "The gate"). Yjs believes every count it reads: one
 * update of seven bytes can cost it a second, and one of 10 KB can make a document unreadable for good. The layout is that of
 * Yjs 13's `UpdateDecoderV1`; nothing here is allocated by a declared length, and every count must fit the bytes that are left.
 */
import { readVarString } from 'lib0/decoding'
import type { Parsed } from '../../src/model/json.js'
import { body } from '../../src/protocol/messages.js'
import { decode, readUint8, readVarUint, readVarUint8Array, refuse, type Reader } from '../../src/protocol/wire.js'
import { ROOT_NAME } from '../../src/replica/register-map.js'
import { KIND, readCountThatFits, skip, skipAny, STRUCT } from '../../src/replica/struct-layout.js'

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
 * handful. At every later edit again, a document full of sixteen beside each other costs what one of none does, of sixty-four four times that.
 */
const MAXIMUM_RIVALS = 16
/** What Yjs counts with; nobody edits as often. */
const MAXIMUM_CLOCK = 2 ** 31

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

/** How many entries follow each neighbour, by its id, or by the key where they follow none. */
type Rivals = Map<string, number>

/** Returns its length. */
function readStruct(reader: Reader, rivals: Rivals): number {
  const info = readUint8(reader)
  const content = info & STRUCT.content
  if (content === KIND.erased) return readLength(reader)
  // A map's entries have left neighbours only.
  if (info & STRUCT.rightOrigin) refuse('an entry has a right neighbour')
  const neighbour = info & STRUCT.origin ? readId(reader).join() : readKey(reader, info)
  const count = (rivals.get(neighbour) ?? 0) + 1
  if (count > MAXIMUM_RIVALS) refuse('too many entries are beside each other')
  rivals.set(neighbour, count)
  return readContent(reader, content)
}

function readKey(reader: Reader, info: number): string {
  if (readVarUint(reader) !== 1 || readVarString(reader) !== ROOT_NAME) refuse('it is not in the root map')
  if (!(info & STRUCT.parentSub)) refuse('an entry has no key')
  return `key ${readVarString(reader)}`
}

function readContent(reader: Reader, content: number): number {
  switch (content) {
    case KIND.deleted:
      return readLength(reader)
    // No register, and reported as such; but it is only bytes, and must not cost the others their way.
    case KIND.binary:
      skip(reader, readVarUint(reader))
      return 1
    case KIND.any:
      if (readVarUint(reader) !== 1) refuse('an entry holds more than one value')
      skipAny(reader)
      return 1
    default:
      return refuse('a content is of a kind that we do not write')
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

function readId(reader: Reader): [client: number, clock: number] {
  return [readVarUint(reader), checkClock(readVarUint(reader))]
}
function readLength(reader: Reader): number {
  return checkClock(readVarUint(reader)) || refuse('a length is 0')
}
function checkClock(clock: number): number {
  return clock <= MAXIMUM_CLOCK ? clock : refuse('a clock is too great')
}
