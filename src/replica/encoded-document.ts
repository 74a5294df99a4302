/**
 * A document as the relay keeps it, one update in the layout of Yjs 13's `UpdateEncoderV1`, read where it lies instead of built.
 * Undefined is what holds anything else than we write.
 */
import { readAny, readVarString } from 'lib0/decoding'
import { decode, readUint8, readVarUint, refuse, type Reader } from '../protocol/wire.js'
import { KIND, skip, skipAny, STRUCT } from './struct-layout.js'

export interface Id {
  readonly client: number
  readonly clock: number
}
/** An entry, a run of deleted ones, or what was erased. */
export interface Struct extends Id {
  readonly length: number
  readonly kind: number
  readonly origin: Id | undefined
  /** Only where there is no origin: else it is the origin's. */
  readonly key: string | undefined
  /** Where its bytes begin, where those of its content do, and where they end. */
  readonly begin: number
  readonly content: number
  readonly end: number
}
/** What one client wrote, by clock. */
export interface Section {
  readonly client: number
  readonly structs: readonly Struct[]
  readonly begin: number
  readonly end: number
}
export type Sections = ReadonlyMap<number, Section>
export interface EncodedDocument {
  readonly bytes: Uint8Array
  /** By client, the greatest first. */
  readonly sections: Sections
  /** What is visible, by its key. */
  readonly entries: ReadonlyMap<string, Struct>
}
/** That somebody set a value: under a key, or on top of what they saw there. */
export interface PlainEdit extends Id {
  readonly on: string | Id
  readonly value: unknown
}

/** `bytes` as Yjs wrote them. */
export function readEncoded(bytes: Uint8Array): EncodedDocument | undefined {
  const document = decode(bytes, (reader): EncodedDocument => {
    const sections = new Map<number, Section>()
    for (let left = readVarUint(reader); left > 0; left--) {
      const section = readSection(reader)
      sections.set(section.client, section)
    }
    // What it deletes is known by its structs already.
    reader.pos = bytes.length
    return { bytes, sections, entries: visibleIn(sections) }
  })
  return document.ok ? document.value : undefined
}

/** For an update that has passed the gate. Where it is another thing than an edit, what is read of it makes no sense. */
export function readPlainEdit(update: Uint8Array): PlainEdit | undefined {
  // One client, one struct.
  if (update[0] !== 1 || update[1] !== 1) return undefined
  const edit = decode(update, (reader): PlainEdit => {
    reader.pos = 2
    const [client, clock, info] = [readVarUint(reader), readVarUint(reader), readUint8(reader)]
    const on = info & STRUCT.origin ? readId(reader) : readKey(reader)
    readVarUint(reader)
    const value: unknown = readAny(reader)
    reader.pos = update.length
    return { client, clock, on, value }
  })
  return edit.ok ? edit.value : undefined
}

/** Which clock the next struct of `client` has. */
export function nextClock({ sections }: EncodedDocument, client: number): number {
  const last = sections.get(client)?.structs.at(-1)
  return last ? last.clock + last.length : 0
}

export function valueOf({ bytes }: EncodedDocument, entry: Struct): unknown {
  const value = decode(bytes.subarray(entry.content, entry.end), (reader) => readVarUint(reader) && (readAny(reader) as unknown))
  return value.ok ? value.value : undefined
}

/** Yjs keeps the content of no entry but the visible one of each key. */
function visibleIn(sections: Sections): Map<string, Struct> {
  const entries = new Map<string, Struct>()
  for (const { structs } of sections.values()) {
    for (const struct of structs) if (struct.kind === KIND.any) entries.set(keyOfStruct(sections, struct), struct)
  }
  return entries
}

function keyOfStruct(sections: Sections, struct: Struct): string {
  let { key, origin } = struct
  while (key === undefined) ({ key, origin } = origin ? findStruct(sections, origin) : refuse('an entry has no key'))
  return key
}

function findStruct(sections: Sections, { client, clock }: Id): Struct {
  const structs = sections.get(client)?.structs ?? refuse('an entry follows none')
  let [low, high] = [0, structs.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (structs[middle]!.clock <= clock) low = middle
    else high = middle - 1
  }
  return structs[low]!
}

function readSection(reader: Reader): Section {
  const begin = reader.pos
  const structs: Struct[] = []
  const [count, client] = [readVarUint(reader), readVarUint(reader)]
  let clock = readVarUint(reader)
  while (structs.length < count) {
    const struct = readStruct(reader, client, clock)
    structs.push(struct)
    clock += struct.length
  }
  return { client, structs, begin, end: reader.pos }
}

function readStruct(reader: Reader, client: number, clock: number): Struct {
  const begin = reader.pos
  const info = readUint8(reader)
  const kind = info & STRUCT.content
  const origin = info & STRUCT.origin ? readId(reader) : undefined
  const key = kind === KIND.erased || origin ? undefined : readKey(reader)
  const content = reader.pos
  const length = readVarUint(reader)
  if (kind === KIND.any) skipAny(reader)
  else if (kind === KIND.binary) refuse('bytes are no register')
  return { client, clock, length, kind, origin, key, begin, content, end: reader.pos }
}

/** Behind the name of the root, which the gate has seen to. */
function readKey(reader: Reader): string {
  readVarUint(reader)
  skip(reader, readVarUint(reader))
  return readVarString(reader)
}

const readId = (reader: Reader): Id => ({ client: readVarUint(reader), clock: readVarUint(reader) })
