/** Reading what a stranger sent: nothing throws past here, and nothing is allocated by a length that was only declared. */
import * as decoding from 'lib0/decoding'
import { readUint8, readVarUint8Array } from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { writeUint8, writeVarString, writeVarUint, writeVarUint8Array } from 'lib0/encoding'
import { compareStamps, isStamp, type Stamp } from '../model/hybrid-clock.js'
import { parsed, unreadable, type Parsed } from '../model/json.js'

export { readUint8, readVarUint8Array, writeUint8, writeVarString, writeVarUint, writeVarUint8Array }
export type Reader = decoding.Decoder
export type Writer = encoding.Encoder

export function write(use: (writer: Writer) => void): Uint8Array {
  const writer = encoding.createEncoder()
  use(writer)
  return encoding.toUint8Array(writer)
}

export const encode = (type: number, use: (writer: Writer) => void): Uint8Array => write((writer) => {
  writeVarUint(writer, type)
  use(writer)
})

/** All of `bytes` through `read`, or the reason why not. lib0 throws at every overrun and bad UTF-8; here is where that ends. */
export function decode<T>(bytes: Uint8Array, read: (reader: Reader) => T): Parsed<T> {
  try {
    const reader = decoding.createDecoder(bytes)
    const value = read(reader)
    return decoding.hasContent(reader) ? unreadable('there is something after its end') : parsed(value)
  } catch (error) {
    return unreadable(error instanceof Error ? error.message : 'it cannot be read')
  }
}

/** For a reader inside `decode`: ends it with a reason. */
export function refuse(reason: string): never {
  throw new Error(reason)
}

/** lib0's own lets up to 2^56 pass, where numbers are no longer exact. */
export function readVarUint(reader: Reader): number {
  const value = decoding.readVarUint(reader)
  return Number.isSafeInteger(value) ? value : refuse('a number is too great')
}

export function readBoundedString(reader: Reader, maximumBytes: number): string {
  const bytes = readVarUint8Array(reader)
  if (bytes.length > maximumBytes) refuse('a text is too long')
  return utf8.decode(bytes)
}
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function readCount(reader: Reader, maximum: number): number {
  const count = readVarUint(reader)
  if (count > maximum) refuse('a list is too long')
  return count
}

export function readList<T>(reader: Reader, maximum: number, readItem: (reader: Reader) => T): T[] {
  const count = readCount(reader, maximum)
  const items: T[] = []
  for (let index = 0; index < count; index++) items.push(readItem(reader))
  return items
}
export function writeList<T>(writer: Writer, items: Iterable<T>, writeItem: (item: T) => void): void {
  const all = [...items]
  writeVarUint(writer, all.length)
  all.forEach(writeItem)
}

export function writeStamp(writer: Writer, [ms, counter, writerId]: Stamp): void {
  writeVarUint(writer, ms)
  writeVarUint(writer, counter)
  writeVarString(writer, writerId)
}
export function readStamp(reader: Reader): Stamp {
  const at = [readVarUint(reader), readVarUint(reader), readBoundedString(reader, 22)]
  return isStamp(at) ? at : refuse('a stamp is not one')
}

/** Which stamp of each register is safe on the relay's disk. */
export type StampsByRegister = ReadonlyMap<string, Stamp>
export function writeStamps(writer: Writer, stamps: StampsByRegister): void {
  writeList(writer, stamps, ([name, at]) => {
    writeVarString(writer, name)
    writeStamp(writer, at)
  })
}
export const readStamps = (reader: Reader, maximum: number): StampsByRegister =>
  new Map(readList(reader, maximum, () => [readBoundedString(reader, 256), readStamp(reader)] as const))

export const isStoredAt = (stamps: StampsByRegister, name: string, at: Stamp): boolean => {
  const stored = stamps.get(name)
  return stored !== undefined && compareStamps(stored, at) >= 0
}
