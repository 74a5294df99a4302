import { LIMITS } from '../../src/model/limits.js'
import { registerSizeBytes, type Registers } from '../../src/model/registers.js'

/** A user's registers are bounded, whoever writes them (DESIGN §5): what does not fit stays out, the rest goes in. */
export function withinQuota(current: Registers, merged: Registers, changed: readonly string[]): { registers: Registers; refused: string[] } {
  const registers = new Map(merged)
  const refused: string[] = []
  let sizeBytes = 0
  for (const [name, register] of merged) sizeBytes += registerSizeBytes(name, register)
  for (const name of [...changed].reverse()) {
    if (registers.size <= LIMITS.registers && sizeBytes <= LIMITS.registersBytes) break
    const before = current.get(name)
    sizeBytes -= registerSizeBytes(name, registers.get(name)!) - (before ? registerSizeBytes(name, before) : 0)
    before ? registers.set(name, before) : registers.delete(name)
    refused.push(name)
  }
  return { registers, refused }
}
