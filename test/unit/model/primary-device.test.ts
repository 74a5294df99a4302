import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isInUse, type DeviceFacts } from '../../../src/model/derive-presence.js'
import { choosePrimary, type Primary } from '../../../src/model/primary-device.js'
import { device, devices, near, NOW } from './arbitraries.js'

const desk = (over: Partial<DeviceFacts> = {}): DeviceFacts => device({ deviceId: 'desk', ...over })
const phone = (over: Partial<DeviceFacts> = {}): DeviceFacts => device({ deviceId: 'phone', ...over })
const tablet = (over: Partial<DeviceFacts> = {}): DeviceFacts => device({ deviceId: 'tablet', ...over })
const input = (agoMs: number): Partial<DeviceFacts> => ({ lastInputAt: NOW - agoMs })
/** The present primary, since long enough. */
const settled = (deviceId: string): Primary => ({ deviceId, since: NOW - 10_000 })
const fresh = (deviceId: string): Primary => ({ deviceId, since: NOW - 9_999 })

describe('the primary device', () => {
  it.each<[name: string, devices: readonly DeviceFacts[], present: Primary | null, primary: string | null]>([
    ['[DV2] is the one with the most recent input',                  [desk(input(5_001)), phone(input(0))], null, 'phone'],
    ['[DV2] within 5 s it goes by id',                               [phone(input(0)), desk(input(5_000))], null, 'desk'],
    ['[DV2] within 5 s the present one stays',                       [phone(input(5_000)), desk(input(0))], settled('phone'), 'phone'],
    ['[DV2] beyond 5 s it does not',                                 [phone(input(5_001)), desk(input(0))], settled('phone'), 'desk'],
    ['[DV2] equally recent means as recent as the most recent',      [tablet(input(6_000)), desk(input(3_000)), phone(input(0))], settled('tablet'), 'desk'],
    ['[DV2] stays 10 s once it changed',                             [phone(input(9_000)), desk(input(0))], fresh('phone'), 'phone'],
    ['[DV2] a locked one is replaced at once',                       [phone({ ...input(0), locked: true }), desk(input(9_000))], fresh('phone'), 'desk'],
    ['[DV2] one that is gone is replaced at once',                   [phone({ ...input(0), connected: false }), desk(input(9_000))], fresh('phone'), 'desk'],
    ['[DV2] one no longer listed is replaced at once',               [desk(input(9_000))], fresh('phone'), 'desk'],
    ['[DV2] one that fell idle is replaced at once',                 [phone(input(300_000)), desk(input(9_000))], fresh('phone'), 'desk'],
    ['[DV2] with none in use the last one stays',                    [phone({ locked: true }), desk(input(300_000))], settled('phone'), 'phone'],
    ['[DV2] also when it is gone',                                   [], settled('phone'), 'phone'],
    ['[DV2] there is none before one was in use',                    [phone({ locked: true })], null, null],
    ['[DV2] two that are held, without any input, are equal',        [phone({ lastInputAt: null, holds: ['call'] }), desk({ lastInputAt: null, holds: ['call'] })], null, 'desk'],
    ['[DV2] a hold is not input',                                    [desk({ lastInputAt: null, holds: ['call'] }), phone(input(299_999))], null, 'phone'],
  ])('%s', (_, ofDevices, present, primary) => {
    expect(choosePrimary(ofDevices, present, NOW).primary?.deviceId ?? null).toBe(primary)
  })

  it('[DV2] says when it will be free to change', () => {
    const ofDevices = [phone(input(9_000)), desk(input(0))]
    const { primary, validUntil } = choosePrimary(ofDevices, fresh('phone'), NOW)
    expect(validUntil).toBe(NOW + 1)
    expect(choosePrimary(ofDevices, primary, NOW + 1).primary).toEqual({ deviceId: 'desk', since: NOW + 1 })
  })
  it('[DV2] nothing but news changes the only one in use', () => {
    expect(choosePrimary([phone(), desk({ locked: true })], settled('phone'), NOW).validUntil).toBeNull()
    expect(choosePrimary([phone(), desk()], settled('phone'), NOW).validUntil).toBe(NOW + 299_000)
  })
  it('[DV2] keeps its object while it stays', () => {
    const present = settled('phone')
    expect(choosePrimary([phone()], present, NOW).primary).toBe(present)
  })

  const runs = { numRuns: 200 }
  const present = fc.option(fc.record({ deviceId: fc.constantFrom('a', 'b', 'c', 'x'), since: near(NOW, NOW - 10_000) }).filter(({ since }) => since <= NOW))

  it('[DV2] holds its answer until validUntil', () => fc.assert(fc.property(devices, present, (ofDevices, before) => {
    const { primary, validUntil } = choosePrimary(ofDevices, before, NOW)
    if (validUntil !== null) expect(validUntil).toBeGreaterThan(NOW)
    const end = validUntil ?? NOW + 1e12
    const times = [...ofDevices.map(({ lastInputAt, awayAfterMs }) => (lastInputAt ?? 0) + awayAfterMs), (before?.since ?? 0) + 10_000]
      .flatMap((time) => [time - 1, time, time + 1])
    const within = [...times, NOW + 1, end - 1].filter((time) => time >= NOW && time < end)
    expect(within.map((time) => choosePrimary(ofDevices, primary, time).primary)).toEqual(within.map(() => primary))
  }), runs))

  it('[DV2] the order of the devices does not matter', () => fc.assert(fc.property(devices, present, (ofDevices, before) => {
    expect(choosePrimary(ofDevices.toReversed(), before, NOW)).toEqual(choosePrimary(ofDevices, before, NOW))
  }), runs))

  it('[DV2] is in use whenever any device is', () => fc.assert(fc.property(devices, present, (ofDevices, before) => {
    const { primary } = choosePrimary(ofDevices, before, NOW)
    if (ofDevices.some((each) => isInUse(each, NOW))) expect(ofDevices.find(({ deviceId }) => deviceId === primary?.deviceId)).toSatisfy((each: DeviceFacts) => isInUse(each, NOW))
    else expect(primary).toBe(before)
  }), runs))

  type Step = { readonly afterMs: number; readonly on: 'desk' | 'phone' | 'tablet'; readonly what: 'input' | 'lock' | 'unlock' | 'leave' | 'return' }
  const steps: fc.Arbitrary<readonly Step[]> = fc.array(fc.record({
    afterMs: fc.oneof(fc.constantFrom(0, 1, 1_000), near(5_000, 10_000), fc.nat(12_000)),
    on: fc.constantFrom('desk', 'phone', 'tablet'),
    what: fc.constantFrom('input', 'input', 'input', 'input', 'lock', 'unlock', 'leave', 'return'),
  }), { minLength: 2, maxLength: 40 })

  it('[DV2] never moves twice within 10 s while the one it leaves is in use', () => fc.assert(fc.property(steps, (sequence) => {
    let now = NOW
    let primary: Primary | null = null
    let ofDevices: readonly DeviceFacts[] = [desk(input(0)), phone(input(1)), tablet(input(2))].map((each) => ({ ...each, awayAfterMs: 30_000 }))
    for (const { afterMs, on, what } of sequence) {
      now += afterMs
      ofDevices = ofDevices.map((each) => (each.deviceId === on ? after(each, what, now) : each))
      const before: Primary | null = primary
      primary = choosePrimary(ofDevices, before, now).primary
      const left = ofDevices.find(({ deviceId }) => deviceId === before?.deviceId)
      if (before && primary !== before && isInUse(left!, now)) expect(now - before.since).toBeGreaterThanOrEqual(10_000)
    }
  }), runs))
})

function after(facts: DeviceFacts, what: 'input' | 'lock' | 'unlock' | 'leave' | 'return', now: number): DeviceFacts {
  switch (what) {
    case 'input': return { ...facts, lastInputAt: now }
    case 'lock': return { ...facts, locked: true }
    case 'unlock': return { ...facts, locked: false }
    case 'leave': return { ...facts, connected: false }
    case 'return': return { ...facts, connected: true }
    default: return what satisfies never
  }
}
