/**
 * A set of a few things, thousands of times over: an array while it is small, which is a tenth of a `Set`'s memory, and a `Set` from then on,
 * so that one whom ten thousand watch costs no more a change.
 */
export type SmallSet<T> = readonly T[] | ReadonlySet<T>

const SMALL = 64
const NOTHING: readonly never[] = []

export const emptySet = <T>(): SmallSet<T> => NOTHING
export const sizeOf = (set: SmallSet<unknown>): number => (isArray(set) ? set.length : set.size)
export const isIn = <T>(set: SmallSet<T>, item: T): boolean => (isArray(set) ? set.includes(item) : set.has(item))

/** The set to keep from now on; the one given may be changed. */
export function withItem<T>(set: SmallSet<T>, item: T): SmallSet<T> {
  if (isIn(set, item)) return set
  if (!isArray(set)) return (set as Set<T>).add(item)
  if (set.length >= SMALL) return new Set(set).add(item)
  if (set.length === 0) return [item]
  ;(set as T[]).push(item)
  return set
}

/** The set to keep from now on; the one given may be changed. */
export function withoutItem<T>(set: SmallSet<T>, item: T): SmallSet<T> {
  if (!isArray(set)) {
    (set as Set<T>).delete(item)
    return set.size > SMALL / 2 ? set : [...set]
  }
  const index = set.indexOf(item)
  if (index < 0) return set
  if (set.length === 1) return NOTHING
  const last = (set as T[]).pop()!
  if (index < set.length) (set as T[])[index] = last
  return set
}

const isArray = <T>(set: SmallSet<T>): set is readonly T[] => Array.isArray(set)
