/** Awareness frames (y-protocols' format), read by hand: its own class believes whatever it is told, and keeps it for ever. */
import { isObject, parseJson, type JsonObject, type Parsed } from '../model/json.js'
import type { JsonValue } from '../presence-service.js'
import { WIRE } from './limits.js'
import { AWARENESS, body } from './messages.js'
import { decode, encode, readBoundedString, readList, readVarUint, readVarUint8Array, refuse, writeVarString, writeVarUint, writeVarUint8Array, type Reader } from './wire.js'

export interface AwarenessEntry {
  readonly clientId: number
  readonly clock: number
  /** Null: gone. */
  readonly state: JsonObject | null
}

/** Says nothing, and keeps a stock client from believing that the connection is dead. */
export const KEEPALIVE: Uint8Array = Uint8Array.of(AWARENESS, 1, 0)

export const decodeAwareness = (frame: Uint8Array): Parsed<AwarenessEntry[]> => body(frame, (reader) => {
  const entries = decode(readVarUint8Array(reader), (update) => readList(update, WIRE.awarenessEntries, readEntry))
  return entries.ok ? entries.value : refuse(entries.reason)
})

function readEntry(reader: Reader): AwarenessEntry {
  const clientId = readVarUint(reader)
  const clock = readVarUint(reader)
  const json = parseJson(readBoundedString(reader, WIRE.awarenessStateBytes))
  if (!json.ok) refuse(json.reason)
  if (json.value !== null && !isObject(json.value)) refuse('a state is not an object')
  return { clientId, clock, state: json.value }
}

export const encodeAwareness = (entries: readonly AwarenessEntry[]): Uint8Array => encode(AWARENESS, (writer) =>
  writeVarUint8Array(writer, encodeUpdate(entries)))

/** An update has no type in front of it; `encode` writes the count there instead. */
const encodeUpdate = (entries: readonly AwarenessEntry[]): Uint8Array => encode(entries.length, (writer) => {
  for (const { clientId, clock, state } of entries) {
    writeVarUint(writer, clientId)
    writeVarUint(writer, clock)
    writeVarString(writer, JSON.stringify(state satisfies JsonValue))
  }
})
