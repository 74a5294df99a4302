import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, isJson, isObject, parseJson, sizeInBytes } from '../../../src/model/json.js'
import { hostileValues } from './hostile-values.js'

const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)])

describe('plain JSON', () => {
  it.each<[name: string, value: unknown, expected: boolean]>([
    ['null', null, true],
    ['a text', 'a', true],
    ['true', true, true],
    ['false', false, true],
    ['one bad item among good ones', [1, undefined, 2], false],
    ['one bad value among good ones', { a: 1, b: undefined, c: 2 }, false],
    ['eight levels of objects', { a: { a: { a: { a: { a: { a: { a: { a: 1 } } } } } } } }, true],
    ['nine levels of objects', { a: { a: { a: { a: { a: { a: { a: { a: { a: 1 } } } } } } } } }, false],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), true],
    ['eight levels', nested(8), true],
    ['nine levels', nested(9), false],
    ['6,000 levels', JSON.parse('['.repeat(6_000) + ']'.repeat(6_000)), false],
    ['a value inherited', Object.create({ a: 1 }), false],
    ['undefined inside', { a: undefined }, false],
    ['a poisonous key inside', [{ a: JSON.parse('{"prototype":1}') }], false],
  ])('[A2] %s', (_, value, expected) => expect(isJson(value)).toBe(expected))

  it.each(hostileValues.filter(([name]) => !/proxy|throws/.test(name)))('[T23] is not %s', (_, value) => {
    expect(isJson(value)).toBe(false)
    expect(isJson({ value })).toBe(false)
    expect(isJson([value])).toBe(false)
  })

  it('[T23] whatever is read pollutes nothing', () => {
    expect(parseJson('{"__proto__":{"polluted":true}}')).toMatchObject({ ok: false })
    expect(parseJson('{"a":{"constructor":{"prototype":{"polluted":true}}}}')).toMatchObject({ ok: false })
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
  it.each(['', '{', 'NaN', 'undefined', '[1,]', '\u0000'])('[A1] what is not JSON is a reason: %j', (text) => {
    expect(parseJson(text)).toEqual({ ok: false, reason: 'not JSON' })
  })
  it('[A1] reads what was written', () => fc.assert(fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
    const text = JSON.stringify(value)
    const isPoisoned = /"(__proto__|constructor|prototype)":/.test(text)
    expect(parseJson(text)).toEqual(isPoisoned ? { ok: false, reason: 'not plain JSON' } : { ok: true, value: JSON.parse(text) })
  })))
})

it('[CS1] the same value has the same text, whatever order its keys came in', () => fc.assert(fc.property(
  fc.dictionary(fc.constantFrom('a', 'b', '2', '10', 'é', 'A'), fc.jsonValue({ maxDepth: 2 })).filter((value) => isJson(value)), (value) => {
    const reversed = Object.fromEntries(Object.entries(value).toReversed())
    expect(canonicalJson(reversed as never)).toBe(canonicalJson(value as never))
    expect(JSON.parse(canonicalJson(value as never))).toEqual(JSON.parse(JSON.stringify(value)))
  })))

it('[CS1] that text is the same in every version: equal stamps are decided by it', () => {
  expect(canonicalJson({ b: [{ d: 1, c: 'é' }], a: null, B: true })).toBe('{"B":true,"a":null,"b":[{"c":"é","d":1}]}')
})

it('[T23] an object is a plain one', () => {
  expect([{}, Object.create(null)].map(isObject)).toEqual([true, true])
  expect([[], Object.setPrototypeOf([], null), null, new Date(), new Map(), Object.create({})].filter(isObject)).toEqual([])
})

it('[F33] sizes are bytes, not characters', () => {
  expect(sizeInBytes('é€😀')).toBe(9)
})
