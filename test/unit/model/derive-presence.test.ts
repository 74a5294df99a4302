import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contributionOf, derivePresence, earliest, isInUse, type DeviceFacts, type PresenceFacts } from '../../../src/model/derive-presence.js'
import type { StatusValue } from '../../../src/model/registers.js'
import type { PresenceStatus } from '../../../src/presence-service.js'
import { device, deviceFacts, devices, expiry, NOW, presenceFacts } from './arbitraries.js'

const AUTO: StatusValue = { choice: 'auto', expiresAt: null }
const chosen = (choice: StatusValue['choice'], expiresAt: number | null = null): StatusValue => ({ choice, expiresAt })

const inUse = device()
const idle = device({ deviceId: 'idle', lastInputAt: NOW - 300_000 })
const gone = device({ connected: false })
const longIdle = device({ lastInputAt: NOW - 3_600_000 })

describe('the status of', () => {
  it.each<[name: string, choice: StatusValue, devices: readonly DeviceFacts[], status: PresenceStatus]>([
    ['[PR1] nobody connected is offline',                                AUTO, [], 'offline'],
    ['[PR1] a device that is gone does not count',                       AUTO, [gone], 'offline'],
    ['[PR1] a choice shows nothing while no device is connected',        chosen('dnd'), [gone], 'offline'],
    ['[PR2] a chosen offline is offline, whatever the devices do',       chosen('offline'), [inUse], 'offline'],
    ['[PR3] a chosen dnd is dnd, idle or not',                           chosen('dnd'), [longIdle], 'dnd'],
    ['[PR3] a chosen away is away, in use or not',                       chosen('away'), [inUse], 'away'],
    ['[PR4] a device in use is online',                                  AUTO, [inUse], 'online'],
    ['[PR4] a connected device not in use is away',                      AUTO, [idle], 'away'],
    ['[PR4] no input for offlineAfterMs is offline, although connected', AUTO, [longIdle], 'offline'],
    ['[PR4] a millisecond before that it is away',                       AUTO, [device({ lastInputAt: NOW - 3_599_999 })], 'away'],
    ['[PR4] the latest input among the devices counts',                  AUTO, [longIdle, idle], 'away'],
    ['[PR4] the largest offlineAfterMs among the devices counts',        AUTO, [longIdle, { ...longIdle, offlineAfterMs: 3_600_001 }], 'away'],
    ['[PR4] a device that is gone lends no limit',                       AUTO, [longIdle, { ...gone, offlineAfterMs: 7_200_000 }], 'offline'],
    ['[PR4] a locked device is away at once',                            AUTO, [{ ...inUse, locked: true }], 'away'],
    ['[PR4] without any input the wait begins at the connection',        AUTO, [device({ lastInputAt: null, connectedAt: NOW - 3_599_999 })], 'away'],
    ['[PR4] without any input it ends too',                              AUTO, [device({ lastInputAt: null, connectedAt: NOW - 3_600_000 })], 'offline'],
    ['[PR4] without any input or a known beginning it is away',          AUTO, [device({ lastInputAt: null })], 'away'],
    ['[PR6] an active device outweighs an idle one',                     AUTO, [idle, inUse, longIdle], 'online'],
    ['[PR6] an active device outweighs a locked one',                    AUTO, [device({ locked: true }), inUse], 'online'],
    ['[PR8] a choice counts until just before its expiry',               chosen('dnd', NOW + 1), [inUse], 'dnd'],
    ['[PR8] a choice lapses at its expiry, and uncovers automatic',      chosen('dnd', NOW), [inUse], 'online'],
    ['[PR8] an expired away uncovers automatic away, or offline',        chosen('away', NOW - 1), [longIdle], 'offline'],
    ['[PR8] an expired offline uncovers online',                         chosen('offline', NOW), [inUse], 'online'],
    ['[PR10] an override away replaces the input',                       AUTO, [device({ override: 'away' })], 'away'],
    ['[PR10] an override online replaces the lack of it',                AUTO, [device({ override: 'online', lastInputAt: null, locked: true })], 'online'],
    ['[PR10] an override offline takes the device out',                  AUTO, [device({ override: 'offline' })], 'offline'],
    ['[PR10] an override offline lends no input',                        AUTO, [longIdle, device({ override: 'offline' })], 'offline'],
    ['[PR10] an override ends with the connection',                      AUTO, [device({ override: 'online', connected: false })], 'offline'],
    ['[PR10] an override outlives a suspend',                            AUTO, [device({ override: 'online', suspended: true })], 'online'],
    ['[PR10] an override away does not time out',                        AUTO, [device({ override: 'away', lastInputAt: NOW - 9_999_999 })], 'away'],
    ['[PR10] not beside a long idle device either',                      AUTO, [longIdle, device({ override: 'away' })], 'away'],
    ['[PR10] online is higher than dnd',                                 AUTO, [device({ override: 'dnd' }), inUse], 'online'],
    ['[PR10] dnd is higher than away',                                   AUTO, [device({ override: 'dnd' }), idle], 'dnd'],
    ['[PR10] away is higher than offline',                               AUTO, [device({ override: 'offline' }), idle], 'away'],
    ['[PR10] a choice is above every override',                          chosen('away'), [device({ override: 'online' })], 'away'],
    ['[PR11] a hold keeps an idle device in use',                        AUTO, [{ ...longIdle, holds: ['film'] }], 'online'],
    ['[PR11] a hold outlives a lock',                                    AUTO, [device({ holds: ['film'], locked: true })], 'online'],
    ['[PR11] a hold ends with a suspend',                                AUTO, [device({ holds: ['film'], suspended: true })], 'away'],
    ['[PR11] a hold ends with the connection',                           AUTO, [device({ holds: ['film'], connected: false })], 'offline'],
  ])('%s', (_, choice, ofDevices, status) => {
    expect(derivePresence({ choice, devices: ofDevices }, NOW).status).toBe(status)
    expect(derivePresence({ choice, devices: ofDevices.toReversed() }, NOW).status).toBe(status)
  })
})

describe('a device', () => {
  it.each<[name: string, facts: Partial<DeviceFacts>, expected: boolean]>([
    ['[PR5] is in use while its last input is younger than its awayAfterMs', { lastInputAt: NOW - 299_999 }, true],
    ['[PR5] is not when the input is exactly that old',                      { lastInputAt: NOW - 300_000 }, false],
    ['[PR5] goes by its own awayAfterMs',                                    { lastInputAt: NOW - 300_000, awayAfterMs: 300_001 }, true],
    ['[PR5] is not without any input',                                       { lastInputAt: null }, false],
    ['[PR5] is not while locked',                                            { locked: true }, false],
    ['[PR5] is not while suspended',                                         { suspended: true }, false],
    ['[PR11] is while held, without any input',                              { lastInputAt: null, holds: ['call'] }, true],
    ['[PR11] is while held, however many reasons there are',                 { lastInputAt: null, holds: ['call', 'film'] }, true],
    ['[PR10] is not, held or not, while its override says away',             { holds: ['call'], override: 'away' }, false],
  ])('%s', (_, facts, expected) => {
    expect(isInUse(device(facts), NOW)).toBe(expected)
  })

  it('[PR5] is not without any input on a clock that began just now, either', () => {
    expect(isInUse(device({ lastInputAt: null }), 0)).toBe(false)
  })
  it('[PR10] contributes online exactly while it is in use', () => fc.assert(fc.property(deviceFacts('a'), (facts) => {
    expect(contributionOf(facts, NOW) === 'online').toBe(isInUse(facts, NOW))
  })))
})

describe('what is told beside the status', () => {
  it('[PR2] own devices see that offline was chosen, and what it would be', () => {
    expect(derivePresence({ choice: chosen('offline', NOW + 5), devices: [inUse] }, NOW))
      .toMatchObject({ status: 'offline', isHidden: true, choice: 'offline', choiceExpiresAt: NOW + 5, automatic: 'online' })
  })
  it.each<[name: string, facts: PresenceFacts, idleSince: number | null]>([
    ['[PR4] since when nobody is there, while automatically away', { choice: AUTO, devices: [idle, longIdle] }, NOW - 300_000],
    ['[PR4] not while in use',                                     { choice: AUTO, devices: [idle, inUse] }, null],
    ['[PR4] not while away was chosen',                            { choice: chosen('away'), devices: [idle] }, null],
    ['[PR4] not while offline',                                    { choice: AUTO, devices: [longIdle] }, null],
  ])('%s', (_, facts, idleSince) => {
    expect(derivePresence(facts, NOW).idleSince).toBe(idleSince)
  })
  it.each<[name: string, facts: PresenceFacts, validUntil: number | null]>([
    ['[PR4] holds until the device is idle',              { choice: AUTO, devices: [inUse] }, NOW + 299_000],
    ['[PR4] then until it is offline',                    { choice: AUTO, devices: [idle] }, NOW + 3_300_000],
    ['[PR4] then until something happens',                { choice: AUTO, devices: [longIdle] }, null],
    ['[PR4] holds for ever while held',                   { choice: AUTO, devices: [device({ holds: ['film'] })] }, null],
    ['[PR10] holds for ever by an override',              { choice: AUTO, devices: [idle, device({ override: 'away' })] }, null],
    ['[PR8] holds until the choice lapses',               { choice: chosen('dnd', NOW + 7), devices: [inUse] }, NOW + 7],
    ['[PR8] a lapsed choice sets no deadline',            { choice: chosen('dnd', NOW), devices: [] }, null],
    ['[PR1] a device that is gone sets no deadline',      { choice: AUTO, devices: [gone] }, null],
  ])('%s', (_, facts, validUntil) => {
    expect(derivePresence(facts, NOW).validUntil).toBe(validUntil)
  })
})

/** All that the answer says, except for how long. */
const answer = (facts: PresenceFacts, now: number): string => {
  const { validUntil: _, ...rest } = derivePresence(facts, now)
  return JSON.stringify([rest, facts.devices.map((each) => [isInUse(each, now), contributionOf(each, now)])])
}

describe('properties', () => {
  const runs = { numRuns: 200 }

  it('[PR4, PR8] holds its answer until validUntil, and not a millisecond longer', () => fc.assert(fc.property(presenceFacts, (facts) => {
    const now = answer(facts, NOW)
    const { validUntil } = derivePresence(facts, NOW)
    const end = validUntil ?? NOW + 1e12
    expect(end).toBeGreaterThan(NOW)
    const boundaries = facts.devices.flatMap(({ lastInputAt, connectedAt, awayAfterMs, offlineAfterMs }) =>
      [lastInputAt ?? 0, connectedAt ?? 0].flatMap((time) => [time + awayAfterMs, time + offlineAfterMs, time + 3_600_000]))
    const times = [...boundaries, facts.choice.expiresAt ?? 0].flatMap((time) => [time - 1, time, time + 1])
    const within = [...times, NOW + 1, end - 1].filter((time) => time >= NOW && time < end)
    expect(within.filter((time) => answer(facts, time) !== now)).toEqual([])
    if (validUntil !== null) expect(answer(facts, validUntil)).not.toBe(now)
  }), runs))

  it('[PR7] input never ends a choice', () => fc.assert(fc.property(
    fc.constantFrom('away', 'dnd', 'offline'), devices, (choice, ofDevices) => {
      const withInput = [...ofDevices.map((each) => ({ ...each, lastInputAt: NOW })), inUse]
      expect(derivePresence({ choice: chosen(choice), devices: withInput }, NOW)).toMatchObject({ status: choice, choice })
    }), runs))

  it('[PR9] dnd survives idleness, and a time without devices', () => fc.assert(fc.property(devices, fc.nat(1e10), (ofDevices, laterMs) => {
    const facts: PresenceFacts = { choice: chosen('dnd'), devices: ofDevices }
    expect(derivePresence(facts, NOW + laterMs).status).toBe(ofDevices.some(({ connected }) => connected) ? 'dnd' : 'offline')
    expect(derivePresence({ ...facts, devices: [] }, NOW).choice).toBe('dnd')
  }), runs))

  it('[PR6] one more device never lowers the automatic status below its own contribution', () => fc.assert(fc.property(devices, (ofDevices) => {
    const others = ofDevices.map((each) => ({ ...each, override: null }))
    expect(derivePresence({ choice: AUTO, devices: [...others, inUse] }, NOW).status).toBe('online')
  }), runs))

  it('[PR1, PR2] the choice alone decides who is hidden', () => fc.assert(fc.property(presenceFacts, expiry, (facts, expiresAt) => {
    const derived = derivePresence({ ...facts, choice: chosen('offline', expiresAt) }, NOW)
    expect(derived.isHidden).toBe(expiresAt === null || expiresAt > NOW)
    if (derived.isHidden) expect(derived.status).toBe('offline')
  }), runs))
})

it('[PR4] the earliest time to come leaves out what is past, and now', () => {
  expect(earliest([NOW, null, NOW - 1, NOW + 2, NOW + 1], NOW)).toBe(NOW + 1)
  expect(earliest([NOW, null], NOW)).toBeNull()
})
