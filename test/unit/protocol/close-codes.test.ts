import { expect, it } from 'vitest'
import { CLOSE, refusalOf } from '../../../src/protocol/close-codes.js'

it.each<[code: number, reason: string | undefined]>([
  [CLOSE.badMessage, 'invalid-argument'], [CLOSE.unauthenticated, 'unauthenticated'], [CLOSE.forbidden, 'forbidden'], [CLOSE.unknownRoom, 'forbidden'],
  [CLOSE.deviceConflict, 'device-conflict'], [CLOSE.protocolTooOld, 'protocol-too-old'], [4_499, 'forbidden'],
  ...[1_000, 1_001, 1_002, 1_005, 1_006, 1_007, 1_009, 1_011, CLOSE.draining, CLOSE.overloaded, CLOSE.slow, CLOSE.rateLimited, CLOSE.storeUnavailable, 4_399, 4_500, 3_000, 0]
    .map((code): [number, undefined] => [code, undefined]),
])('%i is refused as %s, or will pass', (code, reason) => {
  expect(refusalOf(code)).toBe(reason)
})

it('stock clients, which stay away for good after 44xx, get none of those for what passes', () => {
  for (const code of [CLOSE.draining, CLOSE.overloaded, CLOSE.slow, CLOSE.rateLimited, CLOSE.storeUnavailable, CLOSE.tooBig]) expect(code < 4_400 || code >= 4_500).toBe(true)
})
