/** Random facts that crowd around the boundaries: uniform ones pass with the bug in. */
import fc from 'fast-check'
import type { DeviceFacts, PresenceFacts } from '../../../src/model/derive-presence.js'
import type { Device, PresenceStatus, StatusChoice } from '../../../src/presence-service.js'

export const NOW = 1_700_000_000_000
export const WRITERS = ['AAAAAAAAAAAAAAAAAAAAAA', 'BBBBBBBBBBBBBBBBBBBBB_', 'aaaaaaaaaaaaaaaaaaaaa-'] as const

export const statuses: readonly PresenceStatus[] = ['online', 'away', 'dnd', 'offline']
export const choices: readonly StatusChoice[] = ['auto', 'away', 'dnd', 'offline']

/** `time` itself, and one millisecond to either side. */
export const near = (...times: readonly number[]): fc.Arbitrary<number> =>
  fc.tuple(fc.constantFrom(...times), fc.constantFrom(-1, 0, 1)).map(([time, by]) => time + by)

const limitMs = fc.constantFrom(1_000, 60_000, 300_000)
const idleLimitMs = fc.constantFrom(1_000, 300_000, 3_600_000)

/** A device in use with nothing out of the ordinary. */
export const device = (over: Partial<DeviceFacts> = {}): DeviceFacts => ({
  deviceId: 'desk', connected: true, lastInputAt: NOW - 1_000, locked: false, suspended: false, holds: [], override: null,
  awayAfterMs: 300_000, offlineAfterMs: 3_600_000, ...over,
})

const mostly = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ arbitrary: fc.constant(usual), weight: 3 }, { arbitrary: fc.constantFrom(...others), weight: 1 })

export const deviceFacts = (deviceId: string): fc.Arbitrary<DeviceFacts> =>
  fc.record({
    connected: mostly(true, false),
    locked: mostly(false, true),
    suspended: mostly(false, true),
    holds: mostly<readonly string[]>([], ['call'], ['call', 'film']),
    override: mostly<PresenceStatus | null>(null, ...statuses),
    awayAfterMs: limitMs,
    offlineAfterMs: idleLimitMs,
  }).chain((facts) => fc.oneof(
    { weight: 5, arbitrary: near(0, 5_000, 10_000, facts.awayAfterMs, facts.offlineAfterMs, 300_000, 3_600_000).map((ago) => NOW - ago) },
    { weight: 1, arbitrary: fc.constant(null) },
  ).map((lastInputAt) => ({ ...facts, deviceId, lastInputAt, connectedAt: NOW - facts.offlineAfterMs })))

export const devices: fc.Arbitrary<readonly DeviceFacts[]> =
  fc.integer({ min: 0, max: 3 }).chain((count) => fc.tuple(...['c', 'a', 'b'].slice(0, count).map(deviceFacts)))

export const expiry: fc.Arbitrary<number | null> = fc.oneof(fc.constant(null), near(NOW, NOW + 1_000, NOW + 60_000))

export const presenceFacts: fc.Arbitrary<PresenceFacts> =
  fc.record({ choice: fc.record({ choice: fc.constantFrom(...choices), expiresAt: expiry }), devices })

/** As a device list shows them. */
export const shownDevice = (id: string): fc.Arbitrary<Device> => fc.record({
  id: fc.constant(id), name: fc.constant(`name-of-${id}`), kind: fc.constantFrom<Device['kind']>('laptop', 'phone'),
  status: fc.constantFrom(...statuses), lastSeen: fc.option(near(NOW, NOW - 60_000)),
  isActive: fc.boolean(), isPrimary: fc.boolean(), isThisDevice: fc.boolean(),
})
