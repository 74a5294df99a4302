import fc from 'fast-check'
import { expect, it } from 'vitest'
import { emptyMap, emptySet, isIn, sizeOf, withEntry, withItem, withoutEntry, withoutItem, type SmallSet } from '../../../server/hub/small-set.js'

/** Added and removed in stretches, so that its size crosses 64 upwards and 32 downwards, and some at random. */
const changes = fc.array(fc.oneof(
  fc.record({ from: fc.nat(130), count: fc.constantFrom(1, 31, 32, 33, 63, 64, 65, 100), isAdded: fc.boolean() }),
  fc.record({ from: fc.nat(130), count: fc.constant(1), isAdded: fc.boolean() }),
), { maxLength: 20, size: 'max' })

it('a small set holds what a Set holds, however large it becomes and small again', () => {
  const sizes = new Set<number>()
  fc.assert(fc.property(changes, (steps) => {
    let set: SmallSet<number> = emptySet()
    const model = new Set<number>()
    for (const { from, count, isAdded } of steps) {
      for (let item = from; item < from + count; item++) {
        set = isAdded ? withItem(set, item) : withoutItem(set, item)
        isAdded ? model.add(item) : model.delete(item)
        expect([sizeOf(set), isIn(set, item)]).toEqual([model.size, isAdded])
      }
      expect([...set].sort((a, b) => a - b)).toEqual([...model].sort((a, b) => a - b))
      for (const item of [from - 1, from, from + count]) expect(isIn(set, item)).toBe(model.has(item))
      sizes.add(model.size)
    }
  }))
  expect([...sizes].some((size) => size > 64) && [...sizes].some((size) => size > 0 && size <= 32)).toBe(true)
  expect([sizeOf(emptySet()), [...emptySet()]]).toEqual([0, []])
})

it('a small set that was handed out small is not changed under whoever walks it', () => {
  let set = withItem(withItem(withItem(emptySet<string>(), 'a'), 'b'), 'c')
  const seen: string[] = []
  for (const item of set) {
    seen.push(item)
    set = withoutItem(set, item)
  }
  expect([seen, sizeOf(set)]).toEqual([['a', 'b', 'c'], 0])
})

it('a rare map holds what a Map holds, and none that was handed out is changed', () => {
  fc.assert(fc.property(fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), value: fc.option(fc.nat(9)) })), (steps) => {
    let map = emptyMap<string, number>()
    const model = new Map<string, number>()
    for (const { key, value } of steps) {
      const [before, entries] = [map, [...map]]
      map = value === null ? withoutEntry(map, key) : withEntry(map, key, value)
      value === null ? model.delete(key) : model.set(key, value)
      expect([map, [...before]]).toEqual([model, entries])
    }
  }))
  expect(emptyMap().size).toBe(0)
})
