import { isCorrection } from '../model/clamp-stamps.js'
import { compareStamps, isFarAhead, isStamp, type Stamp } from '../model/hybrid-clock.js'
import { canonicalJson, isObject } from '../model/json.js'
import { isForgotten, type Register, type Registers } from '../model/registers.js'
import { keyOf, nameOf, readEntry } from './register-map.js'

/** What is visible in a document, by its key; a Y.Map is one. */
export interface Entries {
  get(key: string): unknown
  forEach(use: (raw: unknown, key: string) => void): void
}

/** By key, what has to be written so that the winners are those of `truth`. Unlike a client's, the relay's stamps may be lower (TM2). */
export function missingFrom(entries: Entries, truth: Registers, now: number): Map<string, Register> {
  const needed = new Map<string, Register>()
  for (const [name, register] of truth) {
    if (!isForgotten(name, register, now) && !isSame(entries.get(keyOf(name, register)), register)) needed.set(keyOf(name, register), register)
  }
  entries.forEach((raw, key) => {
    const register = truth.get(nameOf(key))
    if (!register || !isObject(raw) || !isStamp(raw['at']) || compareStamps(raw['at'], register.at) <= 0) return
    const entry = readEntry(key, raw)
    if (!entry.ok) return
    if (key === keyOf(nameOf(key), register)) {
      // A newer entry of the winner's: the truth is its correction, or it was refused, and then the truth would not last here.
      if (!isCorrection(register, entry.value)) needed.delete(key)
    } else if (isFarAhead(entry.value.at, now)) needed.set(key, { at: justBelow(register.at, entry.value.at[2]), value: entry.value.value })
  })
  return needed
}

const isSame = (raw: unknown, { at, value }: Register): boolean => isObject(raw) && isStamp(raw['at'])
  && compareStamps(raw['at'], at) === 0 && canonicalJson(raw['value'] as Register['value']) === canonicalJson(value)

const justBelow = ([ms]: Stamp, writerId: string): Stamp => [Math.max(0, ms - 1), 0, writerId]
