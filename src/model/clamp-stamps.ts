import { compareStamps, isFarAhead, MAXIMUM_AHEAD_MS, nextStamp, type Stamp } from './hybrid-clock.js'
import { canonicalJson } from './json.js'
import type { Register, Registers } from './registers.js'

/**
 * TM2: what is stamped more than 60 s ahead of the relay counts as written at the relay's now + 60 s, above what it would have
 * beaten and in its order. Where the truth is that same edit, already set right, nothing is left to merge.
 */
export function clampRegisters(registers: Registers, truth: Registers, now: number): Registers {
  const ahead = [...registers].filter(([, { at }]) => isFarAhead(at, now)).sort(([, a], [, b]) => compareStamps(a.at, b.at))
  if (ahead.length === 0) return registers
  const clamped = new Map(registers)
  let last: Stamp | undefined
  for (const [name, register] of ahead) {
    const current = truth.get(name)
    if (isCorrection(current, register)) {
      clamped.delete(name)
      continue
    }
    if (current && (!last || compareStamps(current.at, last) > 0)) last = current.at
    last = nextStamp(now + MAXIMUM_AHEAD_MS, last, register.at[2])
    clamped.set(name, { at: last, value: register.value })
  }
  return clamped
}

/** The same edit with a lower stamp: somebody set a fast clock right, and it stays that way. */
export const isCorrection = (candidate: Register | undefined, of: Register): boolean => candidate !== undefined
  && candidate.at[2] === of.at[2] && compareStamps(candidate.at, of.at) < 0 && canonicalJson(candidate.value) === canonicalJson(of.value)
