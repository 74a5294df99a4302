import { isObject, parseJson, unreadable, type Parsed } from '../src/model/json.js'
import type { JsonValue } from '../src/presence-service.js'

const TEXT_OR_KEY = /"(?:[^"\\]|\\.)*"(\s*:)?/gs

/** Plain JSON whose objects name every key once: of two, another reader might believe the other one. */
export function parseStrictJson(text: string): Parsed<JsonValue> {
  const read = parseJson(text)
  if (!read.ok) return read
  // In JSON only a key is followed by a colon.
  const written = [...text.matchAll(TEXT_OR_KEY)].filter(([, colon]) => colon).length
  return written === countKeys(read.value) ? read : unreadable('a key is repeated')
}

function countKeys(value: JsonValue): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item: JsonValue) => sum + countKeys(item), 0)
  if (!isObject(value)) return 0
  const parts = Object.values(value)
  return parts.reduce<number>((sum, part) => sum + countKeys(part), parts.length)
}
