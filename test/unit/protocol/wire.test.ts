import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode, encode, isStoredAt, readBoundedString, readList, readStamp, readStamps, readUint8, readVarUint, refuse, writeList, writeStamp, writeStamps, writeVarString, writeVarUint } from '../../../src/protocol/wire.js'
import { stamp, whole, writerId } from './arbitraries.js'

const bytesOf = (...bytes: readonly number[]): Uint8Array => Uint8Array.from(bytes)

describe('what is read', () => {
  it('is what was written', () => {
    fc.assert(fc.property(whole, fc.string({ unit: 'grapheme', maxLength: 20 }), stamp, (number, text, at) => {
      const bytes = encode(number, (writer) => { writeVarString(writer, text); writeStamp(writer, at) })
      expect(decode(bytes, (reader) => [readVarUint(reader), readBoundedString(reader, 1_000), readStamp(reader)])).toEqual({ ok: true, value: [number, text, at] })
    }))
  })

  it('must be all there is', () => {
    expect(decode(bytesOf(1, 2), readVarUint)).toEqual({ ok: false, reason: 'there is something after its end' })
    expect(decode(bytesOf(1), (reader) => [readUint8(reader), readUint8(reader)])).toMatchObject({ ok: false })
  })

  it('gives the reason for which it was refused', () => {
    expect(decode(bytesOf(1), () => refuse('it is a Monday'))).toEqual({ ok: false, reason: 'it is a Monday' })
    expect(decode(bytesOf(1), () => { throw 'no error at all' })).toEqual({ ok: false, reason: 'it cannot be read' }) // oxlint-disable-line typescript/only-throw-error
  })

  it('may begin with a byte order mark, which belongs to it', () => {
    expect(decode(encode(0, (writer) => writeVarString(writer, '\uFEFFa')).subarray(1), (reader) => readBoundedString(reader, 10))).toEqual({ ok: true, value: '\uFEFFa' })
  })

  it('is bounded in bytes, not in characters', () => {
    const three = encode(0, (writer) => writeVarString(writer, '€')).subarray(1)
    expect(decode(three, (reader) => readBoundedString(reader, 3)).ok).toBe(true)
    expect(decode(three, (reader) => readBoundedString(reader, 2)).ok).toBe(false)
  })
})

describe('a list', () => {
  const list = (count: number): Uint8Array => encode(0, (writer) => writeList(writer, Array.from({ length: count }), () => writeVarUint(writer, 7))).subarray(1)
  it('is as long as allowed', () => {
    expect(decode(list(3), (reader) => readList(reader, 3, readVarUint))).toEqual({ ok: true, value: [7, 7, 7] })
    expect(decode(list(4), (reader) => readList(reader, 3, readVarUint))).toEqual({ ok: false, reason: 'a list is too long' })
  })
  it('[S2] reads no item that is not there, whatever its length says', () => {
    let items = 0
    const declared = encode(1_000_000, (writer) => writeVarUint(writer, 7))
    expect(decode(declared, (reader) => readList(reader, 2_000_000, () => { items++; return readVarUint(reader) })).ok).toBe(false)
    expect(items).toBe(2)
  })
})

describe('stamps', () => {
  it('are read by register', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom('status', 'custom', '__proto__'), stamp), { maxLength: 3 }), (entries) => {
      const stamps = new Map(entries)
      expect(decode(encode(0, (writer) => writeStamps(writer, stamps)).subarray(1), (reader) => readStamps(reader, 3))).toEqual({ ok: true, value: stamps })
    }))
  })
  it('are stored where the stored one is not older', () => {
    fc.assert(fc.property(fc.nat(10), fc.nat(10), writerId, (stored, ours, writer) => {
      expect(isStoredAt(new Map([['status', [stored, 0, writer]]]), 'status', [ours, 0, writer])).toBe(stored >= ours)
    }))
    expect(isStoredAt(new Map(), 'status', [0, 0, 'd'.repeat(22)])).toBe(false)
  })
})
