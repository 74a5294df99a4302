import { expect, it } from 'vitest'
import { tokenFromSubprotocols } from '../../../server/relay/subprotocols.js'

it.each([
  ['porchlight.v1, bearer.a.b.c', 'a.b.c'],
  ['bearer.a.b.c,porchlight.v1', 'a.b.c'],
  ['porchlight.v1 ,  bearer.a.b.c , another', 'a.b.c'],
  ['porchlight.v1, bearer.', ''],
  ['porchlight.v1', null],
  ['bearer.a.b.c', null],
  ['porchlight.v2, bearer.a.b.c', null],
  ['porchlight.v1, Bearer.a.b.c', null],
  ['porchlight.v1, xbearer.a.b.c', null],
  ['porchlight.v1, bearer.a.b.c, bearer.d.e.f', null],
  ['', null],
  [undefined, null],
])('[T11] of %j the token is %j', (header, token) => {
  expect(tokenFromSubprotocols(header)).toBe(token)
})
