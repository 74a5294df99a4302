/** FAULTS 4.3: whole awareness frames that are refused with 4400, whoever is asked: the decoder alone, or a relay. */
import { encodeAwareness } from '../../src/protocol/awareness-frames.js'
import type { JsonObject } from '../../src/model/json.js'
import { AWARENESS } from '../../src/protocol/messages.js'
import { encode, writeVarString, writeVarUint, writeVarUint8Array, type Writer } from '../../src/protocol/wire.js'
import { rawBytes } from './raw-yjs.js'

type Case = readonly [what: string, frame: Uint8Array]

/**
 * What an attacker would like every object of the relay to have: were it so, every device would be a removed one, and a token that
 * grants nothing would grant everything.
 */
export const POLLUTION = '{"__proto__":{"polluted":true,"removed":true,"watch":"*","channels":"*"}}'

export const rawAwareness = (write: (writer: Writer) => void): Uint8Array => encode(AWARENESS, (writer) => writeVarUint8Array(writer, rawBytes(write)))
/** One entry, whose state is this text. */
export const withState = (json: string, { clientId = 7, clock = 1 }: { readonly clientId?: number; readonly clock?: number } = {}): Uint8Array => rawAwareness((writer) => {
  for (const number of [1, clientId, clock]) writeVarUint(writer, number)
  writeVarString(writer, json)
})
export const entriesOf = (count: number, state: JsonObject | null = { a: 1 }, from = 0): Uint8Array =>
  encodeAwareness(Array.from({ length: count }, (_, index) => ({ clientId: from + index, clock: 1, state })))
const declaring = (count: number): Uint8Array => rawAwareness((writer) => {
  for (const number of [count, 7, 1]) writeVarUint(writer, number)
  writeVarString(writer, '{}')
})
const nested = (depth: number): string => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth)
export const stateOf = (bytes: number): string => `{"a":"${'x'.repeat(bytes - 8)}"}`

export const BAD_AWARENESS: readonly Case[] = [
  ...['', ' ', '{', '{"a":1', 'undefined', 'NaN', '{"a":1,}', '{"a":1e999}', '{"a":NaN}', "{'a':1}", '{"a":1}{}', '{"a":"\n"}'].map((json): Case => [`[A1] of ${JSON.stringify(json)}`, withState(json)]),
  ['[A1] that is no UTF-8', rawAwareness((writer) => { for (const number of [1, 7, 1]) writeVarUint(writer, number); writeVarUint8Array(writer, Uint8Array.of(0xff, 0xfe)) })],
  ...['"text"', '7', 'true', '[]', '[{}]'].map((json): Case => [`[A2] of ${json}`, withState(json)]),
  ...[9, 340, 6_000].map((depth): Case => [`[A2] of ${depth} levels`, withState(nested(depth))]),
  ['[A3] [T19] of 65 ids', entriesOf(65)],
  ['[A3] [T19] of 100,000 ids, declared', declaring(100_000)],
  ['[A3] of more ids than there are', declaring(2)],
  ['[A3] of fewer ids than there are', declaring(0)],
  ['[A3] of an id of 2^53', withState('{}', { clientId: 2 ** 53 })],
  ['[A5] of a clock of 2^53', withState('{}', { clock: 2 ** 53 })],
  ['[A6] of a state of 2 KiB and a byte', withState(stateOf(2_049))],
  ['[A7] [T23] of the key __proto__', withState(POLLUTION)],
  ['[A7] [T23] of the key constructor, inside', withState('{"user":{"constructor":{"prototype":{"polluted":true}}}}')],
  ['[A7] [T23] of the key prototype', withState('{"prototype":1}')],
  ['[S1] with bytes after its end', Uint8Array.of(...withState('{}'), 0)],
]

/** A relay does not even read these: 1009 on their header. */
export const OVERSIZED_AWARENESS: readonly Case[] = [
  ['[A3] [T19] of 100,000 ids', entriesOf(100_000)],
  ['[A6] of a state of a megabyte', withState(stateOf(1_000_000))],
]
