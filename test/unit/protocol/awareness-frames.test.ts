import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from 'y-protocols/awareness'
import * as Y from 'yjs'
import type { JsonObject } from '../../../src/model/json.js'
import { KEEPALIVE, decodeAwareness, encodeAwareness, type AwarenessEntry } from '../../../src/protocol/awareness-frames.js'
import { AWARENESS } from '../../../src/protocol/messages.js'
import { encode, writeVarString, writeVarUint, writeVarUint8Array, type Writer } from '../../../src/protocol/wire.js'
import { damaged, text, whole } from './arbitraries.js'

const update = (write: (writer: Writer) => void): Uint8Array =>
  encode(AWARENESS, (writer) => writeVarUint8Array(writer, encode(0, write).subarray(1)))
const withState = (json: string): Uint8Array => update((writer) => {
  writeVarUint(writer, 1)
  writeVarUint(writer, 7)
  writeVarUint(writer, 1)
  writeVarString(writer, json)
})
const entries = (count: number): AwarenessEntry[] => Array.from({ length: count }, (_, index) => ({ clientId: index, clock: 1, state: {} }))
const nested = (depth: number): string => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth)
const sized = (bytes: number): string => `{"a":"${'x'.repeat(bytes - 8)}"}`

const entry: fc.Arbitrary<AwarenessEntry> = fc.record({
  clientId: whole, clock: whole, state: fc.option(fc.dictionary(fc.constantFrom('name', 'a', 'cursor'), fc.oneof(text(20), fc.integer(), fc.boolean())) as fc.Arbitrary<JsonObject>, { nil: null }),
})
const frames = fc.array(entry, { maxLength: 64 }).map(encodeAwareness)

describe('an awareness frame', () => {
  it('is read as it was written', () => {
    fc.assert(fc.property(fc.array(entry, { maxLength: 64 }), (told) => {
      expect(decodeAwareness(encodeAwareness(told))).toEqual({ ok: true, value: told })
    }))
  })

  it('is the one of y-protocols, both ways', () => {
    const theirs = new Awareness(new Y.Doc())
    const other = new Awareness(new Y.Doc())
    theirs.setLocalState({ name: 'Alice' })
    const frame = encode(AWARENESS, (writer) => writeVarUint8Array(writer, encodeAwarenessUpdate(theirs, [theirs.clientID])))
    expect(decodeAwareness(frame)).toEqual({ ok: true, value: [{ clientId: theirs.clientID, clock: 1, state: { name: 'Alice' } }] })
    applyAwarenessUpdate(other, encodeAwareness([{ clientId: 7, clock: 3, state: { name: 'Bob' } }]).subarray(2), 'test')
    expect(other.getStates().get(7)).toEqual({ name: 'Bob' })
    theirs.destroy()
    other.destroy()
  })

  it('may say nothing', () => {
    expect(decodeAwareness(KEEPALIVE)).toEqual({ ok: true, value: [] })
    expect(encodeAwareness([])).toEqual(KEEPALIVE)
  })

  it.each<[what: string, isAccepted: boolean, frame: Uint8Array]>([
    ['[A1] an object', true, withState('{}')],
    ['[A1] null: gone', true, withState('null')],
    ['[A1] nothing', false, withState('')],
    ['[A1] undefined', false, withState('undefined')],
    ['[A1] NaN', false, withState('NaN')],
    ['[A1] an unclosed object', false, withState('{"a":1')],
    ['[A1] a trailing comma', false, withState('{"a":1,}')],
    ['[A1] a number that is infinite', false, withState('{"a":1e999}')],
    ['[A2] a text', false, withState('"online"')],
    ['[A2] a number', false, withState('7')],
    ['[A2] true', false, withState('true')],
    ['[A2] a list', false, withState('[{}]')],
    ['[A2] eight levels', true, withState(nested(8))],
    ['[A2] nine levels', false, withState(nested(9))],
    ['[A2] as many levels as fit', false, withState(nested(340))],
    ['[A3] 64 ids', true, encodeAwareness(entries(64))],
    ['[A3] 65 ids', false, encodeAwareness(entries(65))],
    ['[A3] 100,000 ids, declared', false, update((writer) => writeVarUint(writer, 100_000))],
    ['[A3] more ids than there are', false, update((writer) => { writeVarUint(writer, 2); writeVarUint(writer, 7); writeVarUint(writer, 1); writeVarString(writer, '{}') })],
    ['[A3] fewer ids than there are', false, update((writer) => { writeVarUint(writer, 0); writeVarUint(writer, 7); writeVarUint(writer, 1); writeVarString(writer, '{}') })],
    ['[A3] the id 0', true, encodeAwareness([{ clientId: 0, clock: 1, state: {} }])],
    ['[A3] the id 2^53', false, encodeAwareness([{ clientId: 2 ** 53, clock: 1, state: {} }])],
    ['[A5] the clock 0', true, encodeAwareness([{ clientId: 7, clock: 0, state: {} }])],
    ['[A5] the greatest clock', true, encodeAwareness([{ clientId: 7, clock: Number.MAX_SAFE_INTEGER, state: {} }])],
    ['[A6] a state of 2 KiB', true, withState(sized(2_048))],
    ['[A6] a state of one byte more', false, withState(sized(2_049))],
    ['[A7] a key __proto__', false, withState('{"__proto__":{"polluted":true}}')],
    ['[A7] a key constructor, inside', false, withState('{"user":{"constructor":1}}')],
    ['[A7] HTML', true, withState('{"<img>":"<script>"}')],
    ['bytes after its end', false, Uint8Array.of(...withState('{}'), 0)],
  ])('%s', (_, isAccepted, frame) => {
    expect(decodeAwareness(frame).ok).toBe(isAccepted)
  })

  it('[S3] is refused when it ends too early, wherever', () => {
    fc.assert(fc.property(frames, (frame) => {
      for (let length = 0; length < Math.min(frame.length, 400); length++) expect(decodeAwareness(frame.subarray(0, length)).ok).toBe(false)
    }), { numRuns: 20 })
  })

  it('[S4] damaged, is refused or says what could have been said', () => {
    fc.assert(fc.property(damaged(frames), (frame) => {
      const decoded = decodeAwareness(frame)
      if (decoded.ok) expect(decodeAwareness(encodeAwareness(decoded.value))).toEqual(decoded)
    }), { numRuns: 1_000 })
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})
