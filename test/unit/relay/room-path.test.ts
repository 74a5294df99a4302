import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseUserId } from '../../../src/model/arguments.js'
import { parseRoomPath } from '../../../server/relay/room-path.js'

describe('a room', () => {
  it.each(['alice', 'a/b', 'a@b', '*', "o'hara!(1)", '😀', 'x y', '%', '../..', '...', '[id]', 'x'.repeat(256), '😀'.repeat(64)])('of %j is found', (userId) => {
    expect(parseRoomPath(`/user/${encodeURIComponent(userId)}`)).toEqual({ room: 'user', userId })
  })
  it('of whoever it is, is found', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), (userId) => {
      fc.pre(parseUserId(userId).ok)
      expect(parseRoomPath(`/user/${encodeURIComponent(userId)}`)).toEqual({ room: 'user', userId })
    }))
  })
  it('is found whatever the query', () => {
    expect(parseRoomPath('/user/alice?x=/user/bob')).toEqual({ room: 'user', userId: 'alice' })
    expect(parseRoomPath('/watch?')).toEqual({ room: 'watch' })
  })
  it('to watch from is found', () => {
    expect(parseRoomPath('/watch')).toEqual({ room: 'watch' })
  })
})

it.each([
  '', '/', '//', '//evil', '//evil/user/alice', '/..%2f..', '/../user/alice', '/./user/alice', '/%00', '/__proto__', '/constructor', '/watch/', '/Watch', '/watch/x',
  '/user', '/user/', '/user//', '/user/alice/', '/user/a/b', '/user/%', '/user/%zz', '/user/%ff', '/user/%C0%AF', '/user/%ED%A0%80', '/user/%00', '/user/alice%0d%0a',
  '/user/__proto__', '/user/%5f_proto__', '/user/constructor', '/user/prototype', '/user/.', '/user/..', '/user/%2e%2E', `/user/${'x'.repeat(257)}`, `/user/${'%C3%A9'.repeat(129)}`, `/${'x'.repeat(8_192)}`, `/user/${'x'.repeat(8_192)}`,
  '/uѕer/alice', '/ｕser/alice', '/user／alice', '/user/аlice', '/USER/alice', '/prefix/user/alice', 'user/alice', 'http://host/user/alice', '*',
  '/user/alice#x', '/user/al ice', '/user/al\\ice', '/user/alice;x=1', '/user/?x', '?/user/alice',
])('[W16] %j is no room', (path) => {
  expect(parseRoomPath(path)).toBeNull()
})
