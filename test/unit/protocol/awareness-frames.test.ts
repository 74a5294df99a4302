import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from 'y-protocols/awareness'
import * as Y from 'yjs'
import type { JsonObject } from '../../../src/model/json.js'
import { KEEPALIVE, decodeAwareness, encodeAwareness, type AwarenessEntry } from '../../../src/protocol/awareness-frames.js'
import { AWARENESS } from '../../../src/protocol/messages.js'
import { encode, writeVarUint8Array } from '../../../src/protocol/wire.js'
import { BAD_AWARENESS, OVERSIZED_AWARENESS, entriesOf, stateOf, withState } from '../../support/bad-awareness.js'
import { damaged, text, whole } from './arbitraries.js'

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

  it.each<[what: string, frame: Uint8Array]>([
    ['[A1] of an object', withState('{}')],
    ['[A1] of null, which says gone', withState('null')],
    ['[A2] of eight levels', withState('{"a":'.repeat(8) + '1' + '}'.repeat(8))],
    ['[A3] of 64 ids', entriesOf(64)],
    ['[A3] of the id 0', withState('{}', { clientId: 0 })],
    ['[A5] of the clock 0', withState('{}', { clock: 0 })],
    ['[A5] of the greatest clock', withState('{}', { clock: Number.MAX_SAFE_INTEGER })],
    ['[A6] of a state of 2 KiB', withState(stateOf(2_048))],
    ['[A7] of HTML', withState('{"<img>":"<script>"}')],
  ])('%s is read', (_, frame) => {
    expect(decodeAwareness(frame)).toMatchObject({ ok: true })
  })

  it.each([...BAD_AWARENESS, ...OVERSIZED_AWARENESS])('%s is refused', (_, frame) => {
    expect(decodeAwareness(frame)).toMatchObject({ ok: false })
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
