/**
 * Sets and maps of a few things, thousands of times over. A `Set` of fifty weighs 1.3 kB, an array of fifty 0.4; an empty `Map` weighs 0.2, and a
 * shared one nothing. Each change gives the collection to keep from now on. From `SMALL` on it is a `Set` and changes in place, so that
 * one whom ten thousand watch costs no more a change.
 */
export type SmallSet<T> = readonly T[] | ReadonlySet<T>

const SMALL = 64
const NOTHING: readonly never[] = []

export const emptySet = <T>(): SmallSet<T> => NOTHING
export const sizeOf = (set: SmallSet<unknown>): number => (isArray(set) ? set.length : set.size)
export const isIn = <T>(set: SmallSet<T>, item: T): boolean => (isArray(set) ? set.includes(item) : set.has(item))

export function withItem<T>(set: SmallSet<T>, item: T): SmallSet<T> {
  if (isIn(set, item)) return set
  if (!isArray(set)) return (set as Set<T>).add(item)
  // Exactly as long as it has to be; spread, it would have room for half as many again.
  return set.length < SMALL ? NOTHING.concat(set as never, item as never) : new Set(set).add(item)
}

export function withoutItem<T>(set: SmallSet<T>, item: T): SmallSet<T> {
  if (!isIn(set, item)) return set
  if (isArray(set)) return set.length === 1 ? NOTHING : set.filter((other) => other !== item)
  ;(set as Set<T>).delete(item)
  return set.size > SMALL / 2 ? set : [...set]
}

const isArray = <T>(set: SmallSet<T>): set is readonly T[] => Array.isArray(set)

/** Never changed: nearly always empty. */
export type RareMap<Key, Value> = ReadonlyMap<Key, Value>

const NO_ENTRIES = new Map<never, never>()

export const emptyMap = <Key, Value>(): RareMap<Key, Value> => NO_ENTRIES as ReadonlyMap<unknown, unknown> as RareMap<Key, Value>
export const withEntry = <Key, Value>(map: RareMap<Key, Value>, key: Key, value: Value): RareMap<Key, Value> => new Map(map).set(key, value)

export function withoutEntry<Key, Value>(map: RareMap<Key, Value>, key: Key): RareMap<Key, Value> {
  if (!map.has(key)) return map
  if (map.size === 1) return emptyMap()
  const left = new Map(map)
  left.delete(key)
  return left
}
