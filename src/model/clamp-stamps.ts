import { compareStamps, isFarAhead, MAXIMUM_AHEAD_MS, nextStamp } from './hybrid-clock.js'
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
  let last = ahead[0]![1].at
  let isFirst = true
  for (const [name, register] of ahead) {
    const current = truth.get(name)
    if (current && isSameEdit(current, register)) {
      clamped.delete(name)
      continue
    }
    const floor = isFirst || (current && compareStamps(current.at, last) > 0) ? current?.at : last
    last = nextStamp(now + MAXIMUM_AHEAD_MS, floor, register.at[2])
    isFirst = false
    clamped.set(name, { at: last, value: register.value })
  }
  return clamped
}

const isSameEdit = (current: Register, ahead: Register): boolean => current.at[2] === ahead.at[2]
  && compareStamps(current.at, ahead.at) < 0 && canonicalJson(current.value) === canonicalJson(ahead.value)
