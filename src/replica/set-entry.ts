/**
 * Sets an entry in a document as it lies, without building it. On top of the visible entry of its key, or under a key that was never
 * there, Yjs' rules leave nothing to decide; what comes out is byte for byte what Yjs would write.
 */
import { length, writeAny, writeUint8Array } from 'lib0/encoding'
import { write, writeUint8, writeVarString, writeVarUint, type Writer } from '../protocol/wire.js'
import { nextClock, type EncodedDocument, type Section, type Sections, type Struct } from './encoded-document.js'
import { ROOT_NAME } from './register-map.js'
import { KIND, STRUCT } from './struct-layout.js'

export interface DocumentWithEntry {
  readonly bytes: Uint8Array
  /** What Yjs tells others of it. */
  readonly update: Uint8Array
}

/** As the next of what `client` wrote. Undefined where the key holds something, but nothing visible. */
export function setEntry(document: EncodedDocument, client: number, key: string, value: unknown): DocumentWithEntry | undefined {
  const { sections, entries } = document
  const below = entries.get(key)
  if (!below && hasStruct(sections, (struct) => struct.key === key)) return undefined
  let [begin, end] = [0, 0]
  const update = write((writer) => {
    writeVarUints(writer, 1, 1, client, nextClock(document, client))
    begin = length(writer)
    writeEntry(writer, key, value, below)
    end = length(writer)
    below ? writeVarUints(writer, 1, below.client, 1, below.clock, 1) : writeVarUints(writer, 0)
  })
  const entry = update.subarray(begin, end)
  return { update, bytes: write((writer) => writeDocument(writer, document, { client, entry, below })) }
}

function writeEntry(writer: Writer, key: string, value: unknown, below: Struct | undefined): void {
  writeUint8(writer, KIND.any | STRUCT.parentSub | (below ? STRUCT.origin : 0))
  if (below) writeVarUints(writer, below.client, below.clock)
  else {
    writeVarUint(writer, 1)
    writeVarString(writer, ROOT_NAME)
    writeVarString(writer, key)
  }
  writeVarUint(writer, 1)
  writeAny(writer, value as Parameters<typeof writeAny>[1])
}

interface Addition {
  readonly client: number
  readonly entry: Uint8Array
  /** What it covers, and thereby deletes. */
  readonly below: Struct | undefined
}

function writeDocument(writer: Writer, { bytes, sections }: EncodedDocument, { client, entry, below }: Addition): void {
  const all = [...sections.values()]
  if (!sections.has(client)) all.push({ client, structs: [], begin: 0, end: 0 })
  // As Yjs has them.
  all.sort((a, b) => b.client - a.client)
  writeVarUint(writer, all.length)
  for (const section of all) {
    const [isLonger, isCovered] = [section.client === client, section.client === below?.client]
    if (isLonger || isCovered) writeSection(section, isLonger ? [entry] : [], isCovered ? below : undefined)
    else writeUint8Array(writer, bytes.subarray(section.begin, section.end))
  }
  writeDeletions(writer, all, below)

  function writeSection({ client: writtenBy, structs, end }: Section, added: readonly Uint8Array[], covered: Struct | undefined): void {
    const run = covered && runBefore(structs, covered)
    let begin = structs[0]?.begin ?? end
    writeVarUints(writer, structs.length - (run ? 1 : 0) + added.length, writtenBy, 0)
    if (covered) {
      const deleted = run ?? covered
      writeUint8Array(writer, bytes.subarray(begin, deleted.begin))
      writeUint8(writer, (bytes[deleted.begin]! & ~STRUCT.content) | KIND.deleted)
      writeUint8Array(writer, bytes.subarray(deleted.begin + 1, deleted.content))
      writeVarUint(writer, run ? run.length + 1 : 1)
      begin = covered.end
    }
    writeUint8Array(writer, bytes.subarray(begin, end))
    for (const struct of added) writeUint8Array(writer, struct)
  }

  /** Deleted entries in a row are one to Yjs, unless somebody's was in between. */
  function runBefore(structs: readonly Struct[], covered: Struct): Struct | undefined {
    const { origin, client: writtenBy, clock } = covered
    if (origin?.client !== writtenBy || origin.clock !== clock - 1) return undefined
    const isBetween = (struct: Struct): boolean => struct !== covered && struct.origin?.client === writtenBy && struct.origin.clock === clock - 1
    return hasStruct(sections, isBetween) ? undefined : structs[structs.indexOf(covered) - 1]
  }
}

function hasStruct(sections: Sections, isIt: (struct: Struct) => boolean): boolean {
  for (const { structs } of sections.values()) if (structs.some(isIt)) return true
  return false
}

/** By client, every run of what is deleted. */
function writeDeletions(writer: Writer, sections: readonly Section[], below: Struct | undefined): void {
  const deletions: number[][] = []
  for (const { client, structs } of sections) {
    const ranges: number[] = []
    let isRun = false
    for (const struct of structs) {
      const isDeleted = struct.kind !== KIND.any || struct === below
      if (isDeleted && isRun) ranges[ranges.length - 1]! += struct.length
      else if (isDeleted) ranges.push(struct.clock, struct.length)
      isRun = isDeleted
    }
    if (ranges.length > 0) deletions.push([client, ranges.length / 2, ...ranges])
  }
  writeVarUint(writer, deletions.length)
  for (const numbers of deletions) writeVarUints(writer, ...numbers)
}

function writeVarUints(writer: Writer, ...numbers: readonly number[]): void {
  for (const number of numbers) writeVarUint(writer, number)
}
