/** Registers as a Yjs document carries them: root map `registers`, key `<register>/<writerId>`, value plain JSON (DESIGN §5). */
import * as Y from 'yjs'
import { isObject, unreadable, type Parsed } from '../model/json.js'
import { LIMITS } from '../model/limits.js'
import { parseRegister, wins, type Register, type Registers } from '../model/registers.js'

export const ROOT_NAME = 'registers'

export interface InvalidRegister {
  /** The register, or the whole key where it names none; a stranger chose it. */
  readonly name: string
  readonly reason: string
}

/** Yjs draws a random `guid` by some thirty system calls, for a purpose that we do not have. */
export const newDocument = (): Y.Doc => new Y.Doc({ guid: ROOT_NAME })
export const registerMap = (doc: Y.Doc): Y.Map<unknown> => doc.getMap(ROOT_NAME)
export const keyOf = (name: string, { at }: Register): string => `${name}/${at[2]}`
/** A register's own name may hold a `/`, a writer's id may not. */
export const nameOf = (key: string): string => key.slice(0, Math.max(0, key.lastIndexOf('/')))

/** A value in a document never changes, and is read many times: what it was found to be is kept as long as it is. */
const read = new WeakMap<object, { readonly key: string; readonly entry: Parsed<Register> }>()

export function readEntry(key: string, raw: unknown): Parsed<Register> {
  if (!isObject(raw)) return parseEntry(key, raw)
  const known = read.get(raw)
  if (known?.key === key) return known.entry
  const entry = parseEntry(key, raw)
  read.set(raw, { key, entry })
  return entry
}

/** For what is read once. */
export function parseEntry(key: string, raw: unknown): Parsed<Register> {
  const entry = parseRegister(nameOf(key), raw)
  return entry.ok && keyOf(nameOf(key), entry.value) !== key ? unreadable('it is stamped by another writer') : entry
}

/** Every valid entry by its key, the winner of every name, and what is wrong with the rest, of which none stands in another's way. */
export function readRegisterMap(map: Y.Map<unknown>): RegisterMapContent {
  const entries = new Map<string, Register>()
  const winners = new Map<string, Register>()
  const invalid: InvalidRegister[] = []
  map.forEach((raw, key) => {
    const entry = readEntry(key, raw)
    if (!entry.ok) return reportInvalid(invalid, key, entry.reason)
    entries.set(key, entry.value)
    if (wins(entry.value, winners.get(nameOf(key)))) winners.set(nameOf(key), entry.value)
  })
  return { entries, winners, invalid }
}
export interface RegisterMapContent {
  readonly entries: ReadonlyMap<string, Register>
  readonly winners: Registers
  readonly invalid: readonly InvalidRegister[]
}

/** Bounded: a document may hold thousands of them. */
export function reportInvalid(invalid: InvalidRegister[], key: string, reason: string): void {
  if (invalid.length < LIMITS.registers) invalid.push({ name: (nameOf(key) || key).slice(0, LIMITS.registerNameUnits * 2), reason })
}
