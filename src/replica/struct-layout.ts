/** How Yjs 13's `UpdateEncoderV1` lays out a struct, and the steps of reading one that build nothing. For inside `decode`. */
import { readVarInt } from 'lib0/decoding'
import { readUint8, readVarUint, refuse, type Reader } from '../protocol/wire.js'

/** The bits of a struct's first byte; what follows is there as they say. */
export const STRUCT = { origin: 0b1000_0000, rightOrigin: 0b0100_0000, parentSub: 0b0010_0000, content: 0b0001_1111 } as const
/** What a struct holds; of the other kinds we write none. `erased` is Yjs' GC. */
export const KIND = { erased: 0, deleted: 1, binary: 3, any: 8 } as const

/** As `isJson` has it, the stamped object around the value included. */
const MAXIMUM_DEPTH = 8

/** lib0's `readAny`, without building what it reads. */
export function skipAny(reader: Reader, depth = 0): void {
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
    case 119: case 116: // text, bytes
      return skip(reader, readVarUint(reader))
    case 118: {
      if (depth >= MAXIMUM_DEPTH) refuse('a value is too deep')
      for (let left = readCountThatFits(reader, 2); left > 0; left--) {
        skip(reader, readVarUint(reader))
        skipAny(reader, depth + 1)
      }
      return
    }
    case 117: {
      if (depth >= MAXIMUM_DEPTH) refuse('a value is too deep')
      for (let left = readCountThatFits(reader, 1); left > 0; left--) skipAny(reader, depth + 1)
      return
    }
    default:
      refuse('a value is of no known kind')
  }
}

export function readCountThatFits(reader: Reader, minimumBytes: number): number {
  const count = readVarUint(reader)
  return count * minimumBytes <= reader.arr.length - reader.pos ? count : refuse('a count is greater than what is there')
}

export function skip(reader: Reader, bytes: number): void {
  if (bytes > reader.arr.length - reader.pos) refuse('it ends too early')
  reader.pos += bytes
}
