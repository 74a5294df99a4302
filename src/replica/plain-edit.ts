/**
 * The edits that nearly all are: one register, set on top of what is visible under its key. They are done on the encoded document,
 * with the outcome that Yjs would have. Undefined stands for whatever is not as plain: then it is Yjs' turn.
 */
import { wins, type Register, type Registers } from '../model/registers.js'
import { nextClock, readEncoded, readPlainEdit, valueOf, type EncodedDocument, type PlainEdit } from './encoded-document.js'
import { missingFrom } from './missing-from.js'
import { nameOf, parseEntry } from './register-map.js'
import { setEntry } from './set-entry.js'

export interface ReceivedEdit {
  readonly encoded: Uint8Array
  readonly name: string
  /** The winner of that name. */
  readonly register: Register
}
export interface WrittenEdit {
  readonly encoded: Uint8Array
  /** Null where the client knows already. */
  readonly update: Uint8Array | null
}

/** For an update that has passed the gate. */
export function receivePlainEdit(encoded: Uint8Array, update: Uint8Array): ReceivedEdit | undefined {
  const edit = readPlainEdit(update)
  if (!edit) return undefined
  const document = readEncoded(encoded)
  if (!document || edit.clock !== nextClock(document, edit.client)) return undefined
  const key = keyOfEdit(document, edit)
  if (key === undefined) return undefined
  const entry = parseEntry(key, edit.value)
  if (!entry.ok || !isWinner(document, key, entry.value)) return undefined
  const set = setEntry(document, edit.client, key, edit.value)
  // Told as Yjs would tell it: then its place and what it deletes are as they should be.
  if (!set || !isEqual(set.update, update)) return undefined
  return { encoded: set.bytes, name: nameOf(key), register: entry.value }
}

/** Makes `truth` visible, as the Yjs client `clientId`. */
export function writePlainEdit(encoded: Uint8Array, clientId: number, truth: Registers, now: number): WrittenEdit | undefined {
  const document = readEncoded(encoded)
  if (!document) return undefined
  const [first, ...others] = missingFrom(entriesOf(document, (key) => truth.has(nameOf(key))), truth, now)
  if (!first) return { encoded, update: null }
  const set = others.length === 0 ? setEntry(document, clientId, ...first) : undefined
  return set && { encoded: set.bytes, update: set.update }
}

function keyOfEdit({ entries }: EncodedDocument, { on }: PlainEdit): string | undefined {
  if (typeof on === 'string') return on
  for (const [key, { client, clock }] of entries) if (client === on.client && clock === on.clock) return key
  return undefined
}

/** Among all writers' entries of its name. */
function isWinner(document: EncodedDocument, key: string, register: Register): boolean {
  for (const [otherKey, raw] of entriesOf(document, (each) => each !== key && nameOf(each) === nameOf(key))) {
    const other = parseEntry(otherKey, raw)
    if (other.ok && wins(other.value, register)) return false
  }
  return true
}

function entriesOf(document: EncodedDocument, isAsked: (key: string) => boolean): Map<string, unknown> {
  const entries = new Map<string, unknown>()
  for (const [key, entry] of document.entries) if (isAsked(key)) entries.set(key, valueOf(document, entry))
  return entries
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}
