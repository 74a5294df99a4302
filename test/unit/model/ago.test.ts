import fc from 'fast-check'
import { expect, it } from 'vitest'
import { agoOf, stampOf } from '../../../src/model/ago.js'
import { derivePresence } from '../../../src/model/derive-presence.js'
import { NOW, presenceFacts } from './arbitraries.js'

it.each<[name: string, time: number | null, agoMs: number | null]>([
  ['[TM1] a time becomes a duration',           NOW - 12_000, 12_000],
  ['[TM1] now is no time ago',                  NOW, 0],
  ['[TM1] the future is no time ago',           NOW + 1, 0],
  ['[TM1] a fraction becomes whole',            NOW - 0.6, 1],
  ['[TM1] never stays never',                   null, null],
])('%s', (_, time, agoMs) => {
  expect(agoOf(time, NOW)).toBe(agoMs)
})

it('[TM1] a negative duration is now', () => expect(stampOf(-5, NOW)).toBe(NOW))
it('[TM1] never arrives as never', () => expect(stampOf(null, NOW)).toBeNull())

it('[TM1] the clocks of teller and receiver, and of those in between, cancel out', () => fc.assert(fc.property(
  fc.nat(1e9), fc.array(fc.integer({ min: -1e12, max: 1e12 }), { minLength: 1, maxLength: 4 }), (agoMs, skewsMs) => {
    let told: number | null = agoMs
    for (const skewMs of skewsMs) told = agoOf(stampOf(told, NOW + skewMs), NOW + skewMs)
    expect(told).toBe(agoMs)
  })))

it('[TM1, TM3] a device whose clock is wrong, or jumps, is seen like any other', () => fc.assert(fc.property(
  presenceFacts, fc.constantFrom(-86_400_000, -3_600_000, -1, 1, 3_600_000, 86_400_000), (facts, skewMs) => {
    const devices = facts.devices.map((each) => {
      const onItsClock = each.lastInputAt === null ? null : each.lastInputAt + skewMs
      return { ...each, lastInputAt: stampOf(agoOf(onItsClock, NOW + skewMs), NOW) }
    })
    const { status, automatic } = derivePresence(facts, NOW)
    expect(derivePresence({ ...facts, devices }, NOW)).toMatchObject({ status, automatic })
  })))
