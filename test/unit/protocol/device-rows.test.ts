import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonValue } from '../../../src/presence-service.js'
import { encodeDeviceRows, parseDeviceRows, parseDeviceState, toDevice, type DeviceRow } from '../../../src/protocol/device-rows.js'
import { KINDS, STATUSES } from '../../../src/protocol/messages.js'
import { hostileValues } from '../model/hostile-values.js'
import { text, writerId } from './arbitraries.js'

const NOW = 1_700_000_000_000
const age = fc.option(fc.nat(), { nil: null })
const row: fc.Arbitrary<DeviceRow> = fc.record({
  id: writerId, name: text(256), kind: fc.constantFrom(...KINDS), status: fc.constantFrom(...STATUSES), isConnected: fc.boolean(), isPrimary: fc.boolean(),
  seenAgoMs: age, inputAgoMs: age, digest: fc.option(text(64), { nil: null }),
})
const good = ['d'.repeat(22), 'Laptop', 1, 0, 3, 0, 12, 'a.b']
const laptop: DeviceRow = { id: 'd'.repeat(22), name: 'Laptop', kind: 'laptop', status: 'online', isConnected: true, isPrimary: true, seenAgoMs: 0, inputAgoMs: 12, digest: 'a.b' }

describe('device rows', () => {
  it('are read as they were written', () => {
    fc.assert(fc.property(fc.array(row, { maxLength: 64 }), (rows) => {
      expect(parseDeviceRows(encodeDeviceRows(rows))).toEqual(rows)
    }))
  })

  it.each<[what: string, row: JsonValue]>([
    ['no list', { id: 'd' }], ['nothing', []], ['an id that is a number', [7, ...good.slice(1)]], ['an empty id', ['', ...good.slice(1)]],
    ['an id of 257 characters', ['x'.repeat(257), ...good.slice(1)]], ['no name', [good[0]!, null, ...good.slice(2)]],
    ['a kind that is a text', [good[0]!, 'Laptop', 'laptop', 0, 3]], ['no flags', good.slice(0, 4)],
  ])('leave out one with %s, and no other', (_, bad) => {
    expect(parseDeviceRows([good, bad, good])).toEqual([laptop, laptop])
  })

  it.each<[what: string, row: JsonValue, read: Partial<DeviceRow>]>([
    ['a kind of a newer version', [good[0]!, 'Watch', 99, 0, 3, 0, 0, null], { kind: 'other' }],
    ['half a kind', [good[0]!, 'Watch', 0.5, -1, 3, 0, 0, null], { kind: 'other', status: 'offline' }],
    ['ages that are none', [good[0]!, 'Watch', 0, 0, 3, -1, 'long', 7], { seenAgoMs: null, inputAgoMs: null, digest: null }],
    ['more fields than we know', [...good, 'more'], { digest: 'a.b' }],
  ])('make the best of %s', (_, odd, read) => {
    expect(parseDeviceRows([odd])).toMatchObject([read])
  })

  it.each<JsonValue>([null, 'rows', 7, true, { 0: [] }])('are none where they are %j', (json) => {
    expect(parseDeviceRows(json)).toEqual([])
  })

  it('are read up to a bound', () => {
    expect(parseDeviceRows(Array.from({ length: 1_000 }, () => good))).toHaveLength(64)
  })
})

describe('a row as the API shows it', () => {
  it('has times instead of ages', () => {
    expect(toDevice({ ...laptop, seenAgoMs: 5_000 }, NOW, laptop.id)).toEqual({
      id: laptop.id, name: 'Laptop', kind: 'laptop', status: 'online', lastSeen: NOW - 5_000, isPrimary: true, isActive: true, isThisDevice: true,
    })
  })
  it.each<[what: string, row: Partial<DeviceRow>, shown: object]>([
    ['was never seen', { seenAgoMs: null }, { lastSeen: null }],
    ['is primary and idle', { status: 'away' }, { isPrimary: true, isActive: false }],
    ['is in use and not primary', { isPrimary: false }, { isActive: false }],
  ])('[DV2] of a device that %s', (_, over, shown) => {
    expect(toDevice({ ...laptop, ...over }, NOW, null)).toMatchObject({ ...shown, isThisDevice: false })
  })
})

describe('a device\'s own word', () => {
  const state = { deviceId: 'd'.repeat(22), kind: 'phone', name: 'Phone', sinceInputMs: 12, locked: true, hidden: false, holds: ['call'], override: 'dnd', digest: 'a.b' }

  it('is read as it was said', () => {
    expect(parseDeviceState(state)).toEqual(state)
  })

  it.each([...hostileValues.filter(([name]) => !/proxy/.test(name)), ['a stock client\'s state', { user: { name: 'Alice' } }], ['a device id of another shape', { ...state, deviceId: 'short' }]] as const)('is none where it is %s', (_, value) => {
    expect(parseDeviceState(value)).toBeUndefined()
  })

  it.each<[what: string, over: object, read: object]>([
    ['a kind that is not known', { kind: 'toaster' }, { kind: 'other' }],
    ['a name that is a number', { name: 7 }, { name: '' }],
    ['an input in the future', { sinceInputMs: -1 }, { sinceInputMs: null }],
    ['an input that is no number', { sinceInputMs: Number.NaN }, { sinceInputMs: null }],
    ['an input before all time', { sinceInputMs: Number.POSITIVE_INFINITY }, { sinceInputMs: null }],
    ['truths that are texts', { locked: 'yes', hidden: 1 }, { locked: false, hidden: false }],
    ['holds that are no list', { holds: 'call' }, { holds: [] }],
    ['holds that are no reasons', { holds: [7, 'x'.repeat(65), 'call'] }, { holds: ['call'] }],
    ['a hundred holds', { holds: Array.from({ length: 100 }, () => 'call') }, { holds: Array.from({ length: 8 }, () => 'call') }],
    ['a status that is not known', { override: 'busy' }, { override: null }],
    ['a long digest', { digest: 'x'.repeat(65) }, { digest: '' }],
  ])('survives %s', (_, over, read) => {
    expect(parseDeviceState({ ...state, ...over })).toMatchObject(read)
  })
})
