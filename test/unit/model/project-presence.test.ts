import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { derivePresence, type PresenceFacts } from '../../../src/model/derive-presence.js'
import { devicesForOthers, projectForOthers, projectForOwner, roughly, wholeMinutes, type ProjectionFacts } from '../../../src/model/project-presence.js'
import type { Registers, StatusValue } from '../../../src/model/registers.js'
import type { Device, JsonValue, Privacy } from '../../../src/presence-service.js'
import { choices, device, devices, expiry, near, NOW, shownDevice, WRITERS } from './arbitraries.js'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const LIVE = { freshness: 'live', asOf: null } as const

const registersOf = (values: Record<string, JsonValue>): Registers =>
  new Map(Object.entries(values).map(([name, value]) => [name, { at: [NOW, 0, WRITERS[0]], value }]))

interface Told {
  readonly privacy?: Privacy
  readonly custom?: { readonly text: string; readonly emoji: string | null; readonly expiresAt: number | null } | null
  readonly profile?: { readonly name: string | null; readonly avatarUrl: string | null }
  readonly presence?: PresenceFacts
  readonly lastChangeAt?: number | null
  readonly devices?: readonly Device[]
}
const OPEN: Privacy = { lastSeen: 'exact', devices: true, activity: true }
const AUTO: StatusValue = { choice: 'auto', expiresAt: null }
const HIDDEN: PresenceFacts = { choice: { choice: 'offline', expiresAt: null }, devices: [device()] }
const AWAY: PresenceFacts = { choice: AUTO, devices: [device({ lastInputAt: NOW - 300_001 })] }
const GONE: PresenceFacts = { choice: AUTO, devices: [] }
const desk: Device = { id: 'id-of-desk', name: 'Desk', kind: 'desktop', status: 'online', lastSeen: NOW - 1, isActive: true, isPrimary: true, isThisDevice: true }
const phone: Device = { ...desk, id: 'id-of-phone', name: 'Phone', status: 'offline', isActive: false, isPrimary: false }

function facts({ privacy, custom = null, profile, presence = { choice: AUTO, devices: [device()] }, lastChangeAt = NOW - 1, devices: shown = [desk, phone] }: Told): ProjectionFacts {
  const registers = registersOf({ custom, ...(privacy && { privacy: { ...privacy } }), ...(profile && { profile }) })
  return { userId: 'alice', registers, derived: derivePresence(presence, NOW), lastChangeAt, primaryDeviceId: desk.id, devices: shown }
}
const forOthers = (told: Told): ReturnType<typeof projectForOthers> => projectForOthers(facts(told), NOW)

describe('what others see', () => {
  it.each<[name: string, told: Told, expected: Partial<ReturnType<typeof projectForOthers>>]>([
    ['[VS4] no device, by default',                           {}, { status: 'online', activeDevice: null, activeDeviceId: null }],
    ['[VS4] the primary device, where it is shared',          { privacy: OPEN }, { activeDevice: 'Desk', activeDeviceId: 'id-of-desk' }],
    ['[VS2] no device while hidden',                          { privacy: OPEN, presence: HIDDEN }, { status: 'offline', activeDevice: null, activeDeviceId: null }],
    ['[VS1] no device while offline',                         { privacy: OPEN, presence: GONE }, { status: 'offline', activeDevice: null, activeDeviceId: null }],
    ['[VS2] last seen in whole minutes',                      {}, { lastSeen: wholeMinutes(NOW - 1), lastSeenRoughly: null }],
    ['[VS4] last seen roughly',                               { privacy: { ...OPEN, lastSeen: 'coarse' }, presence: GONE, lastChangeAt: NOW - 4 * DAY_MS }, { lastSeen: null, lastSeenRoughly: 'this-week' }],
    ['[VS4] roughly is recently while they are here',         { privacy: { ...OPEN, lastSeen: 'coarse' }, lastChangeAt: NOW - 40 * DAY_MS }, { lastSeen: null, lastSeenRoughly: 'recently' }],
    ['[VS4] last seen not at all',                            { privacy: { ...OPEN, lastSeen: 'none' } }, { lastSeen: null, lastSeenRoughly: null }],
    ['[VS1] never seen is null, exact or not',                { privacy: { ...OPEN, lastSeen: 'coarse' }, lastChangeAt: null }, { lastSeen: null, lastSeenRoughly: null }],
    ['[VS1] idle since, in whole minutes',                    { presence: AWAY }, { status: 'away', idleSince: wholeMinutes(NOW - 300_001) }],
    ['[VS4] idle since only where last seen is exact',        { presence: AWAY, privacy: { ...OPEN, lastSeen: 'coarse' } }, { status: 'away', idleSince: null }],
    ['[CS3] a custom status, while offline too',              { presence: GONE, custom: { text: 'Back on Monday', emoji: '🏖️', expiresAt: NOW + 1 } }, { status: 'offline', customStatus: 'Back on Monday', emoji: '🏖️', customStatusExpiresAt: NOW + 1 }],
    ['[CS2] not once it has expired',                         { custom: { text: 'Lunch', emoji: '🍝', expiresAt: NOW } }, { customStatus: null, emoji: null, customStatusExpiresAt: null }],
    ['[CS1] an emoji alone',                                  { custom: { text: '', emoji: '🍝', expiresAt: null } }, { customStatus: null, emoji: '🍝' }],
    ['[VS1] name and picture',                                { profile: { name: 'Alice', avatarUrl: 'https://a.example/a.png' } }, { userId: 'alice', name: 'Alice', avatarUrl: 'https://a.example/a.png' }],
  ])('%s', (_, told, expected) => {
    expect(forOthers(told)).toMatchObject(expected)
  })

  const privacy: fc.Arbitrary<Privacy> = fc.record({ lastSeen: fc.constantFrom('exact', 'coarse', 'none'), devices: fc.boolean(), activity: fc.boolean() })
  const told: fc.Arbitrary<Required<Told>> = fc.record({
    privacy,
    custom: fc.option(fc.record({ text: fc.constantFrom('', 'Lunch'), emoji: fc.option(fc.constant('🍝')), expiresAt: expiry })),
    profile: fc.constantFrom({ name: null, avatarUrl: null }, { name: 'Alice', avatarUrl: null }),
    presence: fc.record({ choice: fc.record({ choice: fc.constantFrom(...choices), expiresAt: expiry }), devices }),
    lastChangeAt: fc.option(near(NOW, NOW - MINUTE_MS, NOW - 3 * DAY_MS, NOW - 7 * DAY_MS, NOW - 30 * DAY_MS)),
    devices: fc.tuple(shownDevice('one'), shownDevice('two')),
  })
  const runs = { numRuns: 200 }

  it('[VS1, VS4] nothing of a device that is not shared, or while hidden or offline', () => fc.assert(fc.property(told, (some) => {
    const input = facts(some)
    const told = JSON.stringify([projectForOthers(input, NOW), devicesForOthers(input.devices, some.privacy, input.derived)])
    if (!some.privacy.devices || input.derived.status === 'offline') expect(told).not.toMatch(/one|two/)
  }), runs))
  it('[VS1, VS4] no time finer than a minute, except an expiry', () => fc.assert(fc.property(told, (some) => {
    const input = facts(some)
    const { customStatusExpiresAt: _, ...rest } = projectForOthers(input, NOW)
    const shared = [...Object.values(rest), ...devicesForOthers(input.devices, some.privacy, input.derived).flatMap((each) => Object.values(each))]
    expect(shared.filter((value) => typeof value === 'number').filter((time) => time % MINUTE_MS !== 0)).toEqual([])
    if (some.privacy.lastSeen !== 'exact') expect([rest.lastSeen, rest.idleSince]).toEqual([null, null])
    if (some.privacy.lastSeen !== 'coarse') expect(rest.lastSeenRoughly).toBeNull()
  }), runs))
  it('[VS2] who appears offline is told exactly like who is gone', () => fc.assert(fc.property(told, (some) => {
    const hidden = { ...some, presence: { ...some.presence, choice: { choice: 'offline', expiresAt: null } as const } }
    expect(forOthers(hidden)).toEqual(forOthers({ ...some, presence: GONE }))
    expect(devicesForOthers(some.devices, some.privacy, facts(hidden).derived)).toEqual([])
  }), runs))
  it('[VS1] exactly the fields of the API, whatever else a register holds', () => fc.assert(fc.property(told, (some) => {
    const input = facts({ ...some, profile: { ...some.profile, email: 'a@example' } as never })
    expect(Object.keys(projectForOthers(input, NOW)).sort()).toEqual(
      ['activeDevice', 'activeDeviceId', 'avatarUrl', 'customStatus', 'customStatusExpiresAt', 'emoji', 'idleSince', 'lastSeen', 'lastSeenRoughly', 'name', 'status', 'userId'])
  })))
})

describe('which devices others see', () => {
  const { derived } = facts({})
  it('[VS4] none, unless they are shared', () => expect(devicesForOthers([desk], { ...OPEN, devices: false }, derived)).toEqual([]))
  it('[VS1] none of them is offline, or this one, or seen to the millisecond', () => {
    expect(devicesForOthers([desk, phone], OPEN, derived)).toEqual([{ ...desk, lastSeen: wholeMinutes(NOW - 1), isThisDevice: false }])
  })
  it('[VS1] the primary one is not named once it is offline', () => {
    expect(forOthers({ privacy: OPEN, devices: [{ ...desk, status: 'offline' }, { ...phone, status: 'online' }] })).toMatchObject({ activeDevice: null, activeDeviceId: null })
  })
})

describe('what the person sees', () => {
  it('[PR2] that offline was chosen, and until when', () => {
    const presence: PresenceFacts = { ...HIDDEN, choice: { choice: 'offline', expiresAt: NOW + 5 } }
    expect(projectForOwner(facts({ presence }), NOW, LIVE)).toMatchObject({ status: 'offline', choice: 'offline', choiceExpiresAt: NOW + 5, activeDevice: 'Desk', activeDeviceId: 'id-of-desk' })
  })
  it('[VS1] everything to the millisecond, shared or not', () => {
    const privacy: Privacy = { lastSeen: 'none', devices: false, activity: false }
    expect(projectForOwner(facts({ privacy, presence: AWAY }), NOW, { freshness: 'stale', asOf: NOW - 7 })).toMatchObject({
      lastSeen: NOW - 1, lastSeenRoughly: null, idleSince: NOW - 300_001, activeDevice: 'Desk', privacy, quietHours: null, freshness: 'stale', asOf: NOW - 7,
    })
  })
})

it.each<[ageMs: number, expected: string]>([
  [-1, 'recently'], [0, 'recently'], [3 * DAY_MS - 1, 'recently'], [3 * DAY_MS, 'this-week'], [7 * DAY_MS - 1, 'this-week'],
  [7 * DAY_MS, 'this-month'], [30 * DAY_MS - 1, 'this-month'], [30 * DAY_MS, 'long-ago'],
])('[VS4] %d ms ago is roughly %s', (ageMs, expected) => expect(roughly(NOW - ageMs, NOW)).toBe(expected))

it.each<[time: number | null, expected: number | null]>([[59_999, 0], [60_000, 60_000], [119_999, 60_000], [null, null]])('[VS2] %s in whole minutes', (time, expected) => {
  expect(wholeMinutes(time)).toBe(expected)
})
