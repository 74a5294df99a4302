/** Which revocations count: those young enough, and of each id the newest. */
import { REVOCATION_KEPT_MS, type Revocation } from '../hub/user-store.js'
import { parseRevocation, unseal } from './stored-values.js'
import { revocationKey } from './user-keys.js'
import type { DamagedRow } from './user-rows.js'

export function effectiveRevocations(revocations: Iterable<Revocation>, now: number): Revocation[] {
  const newest = new Map<string, Revocation>()
  for (const revocation of revocations) {
    const name = `${revocation.what} ${revocation.id}`
    if (revocation.at >= now - REVOCATION_KEPT_MS && revocation.at >= (newest.get(name)?.at ?? 0)) newest.set(name, revocation)
  }
  return [...newest.values()]
}

export interface ReadRevocations {
  readonly revocations: readonly Revocation[]
  readonly damaged: readonly DamagedRow[]
  /** Keys of those that count no more. */
  readonly surplus: readonly string[]
}

export function readRevocations(entries: Iterable<readonly [key: string, value: string]>, now: number): ReadRevocations {
  const read: Revocation[] = []
  const damaged: DamagedRow[] = []
  for (const [key, value] of entries) {
    const revocation = parseRevocation(unseal(key, value))
    if (revocation.ok) read.push(revocation.value)
    else damaged.push({ key, value, reason: revocation.reason })
  }
  const revocations = effectiveRevocations(read, now)
  const effective = new Set(revocations)
  return { revocations, damaged, surplus: read.filter((revocation) => !effective.has(revocation)).map(revocationKey) }
}
