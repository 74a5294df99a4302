import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Projection } from '../../../src/model/project-presence.js'
import { applyEntry, decodeFeed, difference, introduce, nobody, type FeedItem, type UserEntry } from '../../../src/protocol/feed.js'
import { encodeFeed } from '../../support/encode-feed.js'
import { encodeDeviceRows, type DeviceRow } from '../../../src/protocol/device-rows.js'
import { LIMITS } from '../../../src/model/limits.js'
import { STATUSES, TYPE } from '../../../src/protocol/messages.js'
import { encode, writeVarString, writeVarUint } from '../../../src/protocol/wire.js'
import { damaged, id, name, whole } from './arbitraries.js'

const MINUTE_MS = 60_000
const NOW = 1_700_000_040_000
const projection: fc.Arbitrary<(now: number) => Projection> = fc.record({
  status: fc.constantFrom(...STATUSES),
  custom: fc.option(fc.tuple(fc.option(name, { nil: null }), fc.constantFrom('📅', null), fc.option(fc.constantFrom(NOW + 1, NOW + 3_600_000), { nil: null }))),
  profile: fc.tuple(fc.constantFrom('Alice', null), fc.constantFrom('https://example.com/a.png', null)),
  seen: fc.oneof(fc.constant(null), fc.constantFrom('recently', 'this-week', 'this-month', 'long-ago' as const), fc.nat(3), fc.constantFrom(0, 1, 122, 123, 40_000)),
  idle: fc.oneof(fc.constant(null), fc.nat(3)),
  device: fc.constantFrom(null, ['Laptop', 'laptop'] as const, ['Phone', 'phone'] as const),
}).map((of) => (now) => {
  const minutesBefore = (minutes: number): number => (Math.floor(now / MINUTE_MS) - minutes) * MINUTE_MS
  const [customStatus, emoji, expiresAt] = of.custom ?? [null, null, null]
  return {
    userId: 'alice', status: of.status, customStatus, emoji, customStatusExpiresAt: customStatus === null && emoji === null ? null : expiresAt,
    name: of.profile[0], avatarUrl: of.profile[1],
    lastSeen: typeof of.seen === 'number' ? minutesBefore(of.seen) : null, lastSeenRoughly: typeof of.seen === 'string' ? of.seen : null,
    idleSince: of.idle === null ? null : minutesBefore(of.idle), activeDevice: of.device?.[0] ?? null, activeDeviceId: of.device?.[1] ?? null,
  }
})
const userNumber = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constantFrom(1, 127, 128, 16_383, 16_384))
const passing = fc.constantFrom(0, 1, 50, MINUTE_MS - 1, MINUTE_MS, 90_000, 86_400_000)

/** As it arrives. */
function received(entry: UserEntry): UserEntry {
  const items = decodeFeed(encodeFeed([{ kind: 'user', ...entry }]))
  if (!items.ok || items.value[0]?.kind !== 'user') throw new Error('It did not arrive.')
  return items.value[0]
}

describe('what a connection is told', () => {
  it('leaves it with the sender\'s own values, however they change', () => {
    fc.assert(fc.property(userNumber, fc.array(fc.tuple(projection, passing), { minLength: 1, maxLength: 8 }), (number, steps) => {
      let now = NOW
      let sent: Projection | undefined
      let known: Projection | undefined
      for (const [makeProjection, passedMs] of steps) {
        now += passedMs
        const next = makeProjection(now)
        const entry = sent ? difference(number, sent, next, now) : introduce(number, next, now)
        if (entry) known = applyEntry(known, received(entry), 'alice', now)
        sent = next
        expect(known).toEqual(sent)
      }
    }), { numRuns: 500 })
  })

  it('is nothing where nothing changed', () => {
    fc.assert(fc.property(projection, (makeProjection) => {
      expect(difference(1, makeProjection(NOW), makeProjection(NOW), NOW + 90_000)).toBeNull()
    }))
  })

  it('with the name replaces all that was known', () => {
    fc.assert(fc.property(projection, projection, (before, after) => {
      expect(applyEntry(before(NOW), received(introduce(1, after(NOW), NOW)), 'alice', NOW)).toEqual(after(NOW))
    }))
  })

  it('as unknown beside an unchanged status moves no time', () => {
    const known: Projection = { ...nobody('alice'), status: 'offline', lastSeen: NOW - 600_000 }
    expect(applyEntry(known, received({ number: 1, status: 'offline', isUnknown: true }), 'alice', NOW)).toEqual(known)
  })
})

describe('a status change', () => {
  const idle = { ...nobody('alice'), lastSeen: NOW - 60 * MINUTE_MS, customStatus: 'In a meeting', emoji: '📅', name: 'Alice', activeDevice: 'Laptop', activeDeviceId: 'laptop' }

  it.each<[number: number, bytes: number]>([[1, 4], [127, 4], [128, 5], [16_383, 5], [16_384, 6]])('of user %i takes at most %i bytes', (number, bytes) => {
    for (const status of STATUSES) {
      for (const next of STATUSES.filter((other) => other !== status)) {
        const entry = difference(number, { ...idle, status, idleSince: status === 'away' ? NOW - 5 * MINUTE_MS : null }, { ...idle, status: next, lastSeen: Math.floor(NOW / MINUTE_MS) * MINUTE_MS }, NOW)
        expect(encodeFeed([{ kind: 'user', ...entry! }]).length).toBeLessThanOrEqual(bytes)
      }
    }
  })

  it('of someone who shows no times takes as many', () => {
    const entry = difference(1, { ...nobody('alice'), status: 'online' }, { ...nobody('alice'), status: 'dnd' }, NOW)
    expect(encodeFeed([{ kind: 'user', ...entry! }])).toEqual(Uint8Array.of(TYPE.feed, 1, 2, 2))
  })
})

const row: DeviceRow = { id: 'd'.repeat(22), name: 'Laptop', kind: 'laptop', status: 'online', isConnected: true, isPrimary: true, seenAgoMs: 0, inputAgoMs: 12, digest: 'a.b' }
const rows = encodeDeviceRows([row])

/** Whatever is left out is read as absent, but for the lists. */
const item: fc.Arbitrary<FeedItem> = fc.oneof(
  fc.record({ kind: fc.constant('channel' as const), channelNumber: whole, channelId: id }),
  fc.record({
    kind: fc.constant('user' as const), number: userNumber, joined: fc.array(fc.nat(1_000), { maxLength: 4 }), left: fc.array(fc.nat(1_000), { maxLength: 4 }), isForgotten: fc.boolean(),
    userId: id, seen: fc.oneof(fc.constant(null), fc.nat(100_000), fc.constantFrom('recently' as const, 'long-ago' as const)), idleMinutes: fc.option(fc.nat(100_000), { nil: null }),
    custom: fc.tuple(fc.option(name, { nil: null }), fc.option(name, { nil: null }), fc.option(fc.nat(), { nil: null })), profile: fc.tuple(fc.option(name, { nil: null }), fc.constant(null)),
    active: fc.tuple(fc.option(name, { nil: null }), fc.option(name, { nil: null })), devices: fc.constant(rows),
  }, { requiredKeys: ['kind', 'number', 'joined', 'left', 'isForgotten'] })
    .chain((user) => fc.constantFrom({}, ...STATUSES.map((status) => ({ status, isUnknown: false })), { status: 'offline' as const, isUnknown: true }).map((status) => ({ ...user, ...status }))),
)
const items = fc.array(item, { maxLength: 5 })

describe('a feed frame', () => {
  it('is read as it was written', () => {
    fc.assert(fc.property(items, (told) => {
      expect(decodeFeed(encodeFeed(told))).toEqual({ ok: true, value: told })
    }))
  })

  it('[S3] that ends too early is refused, or ends between two entries', () => {
    fc.assert(fc.property(items, (told) => {
      const ends = new Set(told.map((_, index) => encodeFeed(told.slice(0, index)).length))
      const frame = encodeFeed(told)
      for (let length = 0; length < frame.length; length++) {
        const decoded = decodeFeed(frame.subarray(0, length))
        if (decoded.ok) expect(ends).toContain(length)
      }
    }), { numRuns: 50 })
  })

  it('[S4] damaged, is refused or says what could have been said', () => {
    fc.assert(fc.property(damaged(items.map(encodeFeed)), (frame) => {
      const decoded = decodeFeed(frame)
      if (decoded.ok) expect(decodeFeed(encodeFeed(decoded.value))).toEqual(decoded)
    }), { numRuns: 1_000 })
  })

  it('[S4] of noise is refused, or as good', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (noise) => {
      const decoded = decodeFeed(Uint8Array.of(TYPE.feed, ...noise))
      if (decoded.ok) expect(decodeFeed(encodeFeed(decoded.value))).toEqual(decoded)
    }), { numRuns: 1_000 })
  })

  it('[S1] with a field that is not known is refused: what follows it could be anything', () => {
    for (const flags of [1_024, 1_024 + 2, 2 ** 31, 2 ** 40]) {
      const frame = encode(TYPE.feed, (writer) => {
        writeVarUint(writer, 1)
        writeVarUint(writer, flags)
        writeVarUint(writer, 1)
        writeVarUint(writer, 2)
        writeVarUint(writer, 1)
      })
      expect(decodeFeed(frame).ok).toBe(false)
    }
  })

  it('holds the devices of a person who has as many as they may, with the longest names', () => {
    const longest: DeviceRow = { ...row, name: '😀'.repeat(140), seenAgoMs: 7_776_000_000, inputAgoMs: 7_776_000_000, digest: 'x'.repeat(13) }
    const devices = encodeDeviceRows(Array.from({ length: LIMITS.devices }, (_, index) => ({ ...longest, id: `${index}`.padStart(22, 'd') })))
    expect(decodeFeed(encodeFeed([{ kind: 'user', number: 1, devices }]))).toMatchObject({ ok: true, value: [{ devices }] })
  })

  it.each<[what: string, body: readonly (string | number)[]]>([
    ['a custom status that is no list', [16, '{}']],
    ['a custom status of numbers', [16, '[1,2,3]']],
    ['an expiry that is a text', [16, '["a",null,"later"]']],
    ['a profile of one', [32, '["a"]']],
    ['a poisonous key in devices', [256, '{"__proto__":1}']],
    ['devices that are not JSON', [256, '[1,]']],
    ['devices nested 5,000 deep', [256, '['.repeat(5_000) + ']'.repeat(5_000)]],
  ])('with %s is refused', (_, [flags, json]) => {
    const frame = encode(TYPE.feed, (writer) => {
      writeVarUint(writer, 1)
      writeVarUint(writer, flags as number)
      writeVarString(writer, json as string)
    })
    expect(decodeFeed(frame).ok).toBe(false)
  })
})
