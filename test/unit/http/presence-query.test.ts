import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bearerOf, readUserIds } from '../../../server/http/presence-query.js'
import { WIRE } from '../../../src/protocol/limits.js'

const PATH = '/v1/presence'

describe('users asked for', () => {
  it.each<[query: string, userIds: readonly string[]]>([
    ['?user=alice', ['alice']],
    ['?user=bob&user=alice&user=bob', ['bob', 'alice', 'bob']],
    ['?user=Grace%20Hopper&user=Grace+Hopper', ['Grace Hopper', 'Grace Hopper']],
    ['?user=a%2Bb&user=a%26b%3Dc&user=a=b&user=%F0%9F%90%99', ['a+b', 'a&b=c', 'a=b', '🐙']],
    ['?user=..%2f..%2fetc&user=*', ['../../etc', '*']],
    ['?user=a?b&&user=c&', ['a?b', 'c']],
    [`?user=${'x'.repeat(256)}`, ['x'.repeat(256)]],
  ])('%s', (query, userIds) => {
    expect(readUserIds(`${PATH}${query}`)).toEqual({ ok: true, value: userIds })
  })

  it.each([
    ['nobody', ''], ['nobody after a question mark', '?'], ['nothing but signs', '?&&'], ['no value', '?user'], ['an empty value', '?user='],
    ['another parameter', '?user=alice&channel=x'], ['a parameter in capitals', '?User=alice'], ['an encoded name', '?%75ser=alice'], ['a list', '?user[]=alice'],
    ['[R4] a lone percent sign', '?user=%'], ['[R4] half an escape', '?user=a%2'], ['[R4] no hexadecimal', '?user=%zz'], ['[R4] no UTF-8', '?user=%ff'], ['[R4] half a surrogate pair', '?user=%ed%a0%80'],
    ['[R4] NUL', '?user=%00'], ['[R6] a line feed', '?user=a%0d%0aSet-Cookie:x'], ['[T23] __proto__', '?user=__proto__'], ['257 bytes', `?user=${'x'.repeat(257)}`], ['a part of paths', '?user=..'],
  ])('are refused: %s', (_, query) => {
    const read = readUserIds(`${PATH}${query}`)
    expect(read).toEqual({ ok: false, reason: expect.any(String) })
    expect(JSON.stringify(read)).not.toContain('Set-Cookie')
  })

  it('[R3] are at most so many', () => {
    const ask = (count: number) => readUserIds(`${PATH}?${Array.from({ length: count }, (_, index) => `user=u${index}`).join('&')}`)
    expect(ask(WIRE.watchedUsers)).toMatchObject({ ok: true })
    expect(ask(WIRE.watchedUsers + 1)).toMatchObject({ ok: false, reason: expect.stringContaining(`${WIRE.watchedUsers}`) })
    expect(ask(10_001)).toMatchObject({ ok: false })
  })

  it('are those that a browser would send for them', () => fc.assert(fc.property(fc.array(fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }), { minLength: 1, maxLength: 20 }), (ids) => {
    const read = readUserIds(`${PATH}?${new URLSearchParams(ids.map((id) => ['user', id]))}`)
    fc.pre(read.ok)
    expect(read).toEqual({ ok: true, value: ids })
  })))

  it('never throw', () => fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => {
    expect(readUserIds(text)).toHaveProperty('ok')
    expect(readUserIds(`${PATH}?user=${text}`)).toHaveProperty('ok')
  })))
})

describe('a bearer token', () => {
  it.each<[what: string, headers: readonly string[], token: string | null]>([
    ['is what the header says', ['Authorization', 'Bearer a.b.c'], 'a.b.c'],
    ['may be named in any case', ['aUTHORIZATION', 'bEARER  a.b.c'], 'a.b.c'],
    ['is missing', ['Host', 'x'], null],
    ['of two is none', ['Authorization', 'Bearer a.b.c', 'authorization', 'Bearer d.e.f'], null],
    ['with another beside it is none', ['Authorization', 'Bearer a.b.c, Bearer d.e.f'], null],
    ['is no password', ['Authorization', 'Basic YTpi'], null],
    ['is not empty', ['Authorization', 'Bearer '], null],
    ['with a space in it is none', ['Authorization', 'Bearer a b'], null],
    ['is no value of another header', ['X', 'Authorization', 'Y', 'Bearer a.b.c'], null],
  ])('%s', (_, headers, token) => {
    expect(bearerOf(headers)).toBe(token)
  })
})
