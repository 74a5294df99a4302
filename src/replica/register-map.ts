/** Registers as a Yjs document carries them: root map `registers`, key `<register>/<writerId>`, value plain JSON (DESIGN §5). */
import type * as Y from 'yjs'
import { unreadable, type Parsed } from '../model/json.js'
import { LIMITS } from '../model/limits.js'
import { parseRegister, wins, type Register, type Registers } from '../model/registers.js'

export const ROOT_NAME = 'registers'

export interface InvalidRegister {
  /** The register, or the whole key where it names none; a stranger chose it. */
  readonly name: string
  readonly reason: string
}

export const registerMap = (doc: Y.Doc): Y.Map<unknown> => doc.getMap(ROOT_NAME)
export const keyOf = (name: string, { at }: Register): string => `${name}/${at[2]}`
/** A register's own name may hold a `/`, a writer's id may not. */
export const nameOf = (key: string): string => key.slice(0, Math.max(0, key.lastIndexOf('/')))

export function readEntry(key: string, raw: unknown): Parsed<Register> {
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
