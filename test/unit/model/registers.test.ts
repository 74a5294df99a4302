import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareStamps, LATEST_TIME_MS, type Stamp } from '../../../src/model/hybrid-clock.js'
import { LIMITS } from '../../../src/model/limits.js'
import {
  DEFAULT_PRIVACY, DEFAULT_PROFILE, DEFAULT_STATUS, deviceRegister, digestOf, greatestStamp, isForgotten, isRemoved, mergeRegisters, parseRegister,
  readCustom, readPrivacy, readProfile, readQuietHours, readStatus, registerSizeBytes, wins, type Register, type Registers,
} from '../../../src/model/registers.js'
import type { JsonValue } from '../../../src/presence-service.js'
import { near, NOW, WRITERS } from './arbitraries.js'
import { hostileTexts, hostileValues, throwingOn } from './hostile-values.js'

const [writer, other] = WRITERS
const at: Stamp = [NOW, 0, writer]
const register = (value: JsonValue, stamp: Stamp = at): Register => ({ at: stamp, value })
const registers = (entries: Record<string, JsonValue>): Registers => new Map(Object.entries(entries).map(([name, value]) => [name, register(value)]))

const device = deviceRegister(writer)
const dnd = { choice: 'dnd', expiresAt: null }
const custom = { text: 'In a meeting', emoji: '📅', expiresAt: null }
const quietHours = { timeZone: 'Europe/Berlin', showAs: 'dnd', rules: [{ days: [1, 2, 3], from: '22:00', to: '07:00' }] }

describe('merging', () => {
  /** Few values and stamps, so that equal ones meet. */
  const some: fc.Arbitrary<Registers> = fc.array(fc.tuple(
    fc.constantFrom('status', 'custom', 'profile'),
    fc.record({
      at: fc.tuple(near(NOW), fc.constantFrom(0, 1), fc.constantFrom(...WRITERS)) satisfies fc.Arbitrary<Stamp>,
      value: fc.constantFrom<JsonValue>('a', 'b', null, { a: 1, b: 2 }, { b: 2, a: 1 }),
    }),
  ), { maxLength: 5 }).map((entries) => new Map(entries))
  const merge = (a: Registers, b: Registers): Registers => mergeRegisters(a, b).merged
  /** The winners as everyone must see them. */
  const seen = (all: Registers): unknown => [...all].sort(([a], [b]) => (a < b ? -1 : 1))
  const runs = { numRuns: 200 }

  it('[CS1] the later edit wins, whatever the order of arrival', () => {
    const earlier = new Map([['custom', register('first', [NOW, 9, other])]])
    const later = new Map([['custom', register(null, [NOW + 1, 0, writer])]])
    expect(merge(earlier, later)).toEqual(later)
    expect(merge(later, earlier)).toEqual(later)
  })
  it('[CS1] any order', () => fc.assert(fc.property(some, some, (a, b) => {
    expect(seen(merge(a, b))).toEqual(seen(merge(b, a)))
  }), runs))
  it('[CS1] any grouping', () => fc.assert(fc.property(some, some, some, (a, b, c) => {
    expect(seen(merge(merge(a, b), c))).toEqual(seen(merge(a, merge(b, c))))
  }), runs))
  it('[CS1] any repetition', () => fc.assert(fc.property(some, some, (a, b) => {
    expect(merge(a, a)).toBe(a)
    expect(merge(merge(a, b), b)).toEqual(merge(a, b))
  }), runs))
  it('[CS1] names what changed, and only that', () => fc.assert(fc.property(some, some, (a, b) => {
    const { merged, changed } = mergeRegisters(a, b)
    for (const name of new Set([...a.keys(), ...b.keys()])) expect(changed.includes(name)).toBe(merged.get(name) !== a.get(name))
  }), runs))
  it('[CS1] changes neither side', () => fc.assert(fc.property(some, some, (a, b) => {
    const before = JSON.stringify([[...a], [...b]])
    merge(a, b)
    expect(JSON.stringify([[...a], [...b]])).toBe(before)
  })))
  it('[CS1] no two different registers both win, and none beats itself', () => fc.assert(fc.property(some, some, (a, b) => {
    for (const [name, mine] of a) {
      const theirs = b.get(name)
      expect(wins(mine, undefined)).toBe(true)
      expect(wins(mine, mine)).toBe(false)
      if (theirs) expect(wins(mine, theirs) && wins(theirs, mine)).toBe(false)
    }
  }), runs))
  it('[CS1] with equal stamps the greater text wins', () => {
    expect(wins(register('b'), register('a'))).toBe(true)
    expect(wins(register({ b: 2, a: 1 }), register({ a: 1, b: 2 }))).toBe(false)
  })
  it('[CS1] knows the greatest stamp', () => fc.assert(fc.property(some, (all) => {
    const greatest = greatestStamp(all)
    expect(greatest === undefined).toBe(all.size === 0)
    for (const each of all.values()) expect(compareStamps(each.at, greatest!)).toBeLessThanOrEqual(0)
  })))

  it('[SY3] the digest is equal exactly where the winners are', () => fc.assert(fc.property(some, some, (a, b) => {
    const canonical = (all: Registers): string => JSON.stringify(seen(new Map([...all].map(([name, each]) => [name, { ...each, value: JSON.stringify(each.value, ['a', 'b']) }]))))
    expect(digestOf(a, NOW) === digestOf(b, NOW)).toBe(canonical(a) === canonical(b))
  }), runs))
  it('[SY3] the digest of the same winners is the same, in whatever order they came', () => fc.assert(fc.property(some, some, (a, b) => {
    expect(digestOf(merge(a, b), NOW)).toBe(digestOf(merge(b, a), NOW))
  }), runs))
  it('[SY3] one letter, stamp or name more makes another digest', () => {
    const all = [
      registers({}), registers({ status: 'a' }), registers({ status: 'b' }), registers({ custom: 'a' }), registers({ status: 'a', custom: 'a' }),
      new Map([['status', register('a', [NOW, 1, writer])]]), new Map([['status', register('a', [NOW, 0, other])]]), new Map([['status', register('a', [NOW + 1, 0, writer])]]),
    ]
    expect(new Set(all.map((each) => digestOf(each, NOW))).size).toBe(all.length)
  })
  it('[F33] the size counts bytes, of name, stamp and value', () => {
    expect(registerSizeBytes('é', register('aé'))).toBe(2 + 22 + 16 + 5)
  })
  it('[SY3] the digest is the same in every version, and in other people’s clients', () => {
    expect(digestOf(registers({}), NOW)).toBe('ztntfp.ztntfp')
    expect(digestOf(registers({ status: dnd }), NOW)).toBe('745siu.1v4dina')
  })
  it('[DV4] a tombstone counts for nothing once it is 90 days old', () => {
    const tombstone = register({ removed: true }, [NOW - LIMITS.tombstoneMs, 0, writer])
    const withIt = new Map([['status', register(dnd)], [device, tombstone]])
    expect(isForgotten(device, tombstone, NOW)).toBe(true)
    expect(isForgotten(device, tombstone, NOW - 1)).toBe(false)
    expect(isForgotten(device, register({ name: 'Desk' }, tombstone.at), NOW)).toBe(false)
    expect(isForgotten('other', tombstone, NOW)).toBe(false)
    expect(isForgotten(device, register(null, tombstone.at), NOW)).toBe(false)
    expect(digestOf(withIt, NOW)).toBe(digestOf(registers({ status: dnd }), NOW))
    expect(digestOf(withIt, NOW - 1)).not.toBe(digestOf(registers({ status: dnd }), NOW - 1))
  })
  it('[DV5] only a tombstone removes a device', () => {
    expect(isRemoved(registers({ [device]: { removed: true } }), writer)).toBe(true)
    expect(isRemoved(registers({ [device]: { name: 'Desk' } }), writer)).toBe(false)
    expect(isRemoved(registers({ [device]: { name: 'Desk', removed: false } }), writer)).toBe(false)
    expect(isRemoved(registers({}), writer)).toBe(false)
  })
})

describe('reading what a stranger wrote', () => {
  const url = (units: number): string => `https://a.example/${'a'.repeat(units - 18)}`

  it.each<[name: string, register: string, value: unknown, expected: boolean]>([
    ['a status', 'status', dnd, true],
    ['a status with an expiry', 'status', { choice: 'auto', expiresAt: LATEST_TIME_MS }, true],
    ['an expiry after 9999', 'status', { choice: 'dnd', expiresAt: LATEST_TIME_MS + 1 }, false],
    ['an unknown choice', 'status', { choice: 'online', expiresAt: null }, false],
    ['a status without an expiry', 'status', { choice: 'dnd' }, false],
    ['a status that is a text', 'status', 'dnd', false],
    ['a custom status', 'custom', custom, true],
    ['a cleared custom status', 'custom', null, true],
    ['a custom status with two emoji', 'custom', { ...custom, emoji: '📅📅' }, false],
    ['128 graphemes', 'custom', { ...custom, text: 'a'.repeat(128) }, true],
    ['129 graphemes', 'custom', { ...custom, text: 'a'.repeat(129) }, false],
    ['a custom status over 600 bytes', 'custom', { ...custom, text: '👨‍👩‍👧‍👦'.repeat(24) }, false],
    ['a profile', 'profile', { name: 'Alice', avatarUrl: 'https://a.example/a.png' }, true],
    ['an empty profile', 'profile', { name: null, avatarUrl: null }, true],
    ['64 letters', 'profile', { name: 'a'.repeat(64), avatarUrl: null }, true],
    ['65 letters', 'profile', { name: 'a'.repeat(65), avatarUrl: null }, false],
    ['a script for an avatar', 'profile', { name: null, avatarUrl: 'javascript:alert(1)' }, false],
    ['data for an avatar', 'profile', { name: null, avatarUrl: 'data:image/svg+xml,<svg onload=alert(1)>' }, false],
    ['an avatar that leaves its attribute', 'profile', { name: null, avatarUrl: 'https://a.example/"onerror=alert(1)' }, false],
    ['ANSI in an avatar', 'profile', { name: null, avatarUrl: 'https://a.example/\u001B[31m' }, false],
    ['an avatar of 400 units', 'profile', { name: null, avatarUrl: url(400) }, true],
    ['an avatar of 401 units', 'profile', { name: null, avatarUrl: url(401) }, false],
    ['privacy', 'privacy', DEFAULT_PRIVACY, true],
    ['privacy of an unknown kind', 'privacy', { ...DEFAULT_PRIVACY, lastSeen: 'all' }, false],
    ['privacy that is not sure', 'privacy', { ...DEFAULT_PRIVACY, devices: 1 }, false],
    ['privacy that leaves something out', 'privacy', { lastSeen: 'none', devices: true }, false],
    ['quiet hours', 'quietHours', quietHours, true],
    ['no quiet hours', 'quietHours', null, true],
    ['quiet hours in a hostile zone', 'quietHours', { ...quietHours, timeZone: 'Europe/\u001B[31m' }, false],
    ['a quarter past 24', 'quietHours', { ...quietHours, rules: [{ days: [1], from: '24:15', to: '07:00' }] }, false],
    ['an eighth day', 'quietHours', { ...quietHours, rules: [{ days: [7], from: '22:15', to: '07:00' }] }, false],
    ['15 rules', 'quietHours', { ...quietHours, rules: Array.from({ length: 15 }, () => quietHours.rules[0]) }, false],
    ['a device', device, { name: 'Desk' }, true],
    ['a device without a name', device, { name: '' }, false],
    ['a tombstone', device, { removed: true }, true],
    ['half a tombstone', device, { removed: 'yes' }, false],
    ['a device with a short id', 'device/abc', { name: 'Desk' }, false],
    ['a register of a newer version', 'mood', { any: ['thing'] }, true],
    ['one over 600 bytes', 'mood', 'a'.repeat(599), false],
    ['one of 600 bytes', 'mood', 'a'.repeat(598), true],
    ['a name of the language', 'constructor', 1, false],
    ['__proto__', '__proto__', 1, false],
    ['no name', '', 1, false],
    ['a name of 64 units', 'a'.repeat(64), 1, true],
    ['a name of 65 units', 'a'.repeat(65), 1, false],
    ['a name with a line break', 'mood\n', 1, false],
  ])('[VS1, CS1] %s', (_, name, value, expected) => {
    expect(parseRegister(name, { at, value }).ok).toBe(expected)
  })

  it.each(hostileTexts)('[T24, A7] a text nobody cleaned is no register: %s', (_, text, cleaned) => {
    expect(parseRegister('custom', { at, value: { ...custom, text } }).ok).toBe(text === cleaned)
    expect(parseRegister('profile', { at, value: { name: text, avatarUrl: null } }).ok).toBe(text === cleaned)
    expect(parseRegister(device, { at, value: { name: text } }).ok).toBe(text === cleaned && text !== '')
  })

  const names = ['status', 'custom', 'profile', 'privacy', 'quietHours', device, 'mood']
  it.each(hostileValues)('[T23, O7] a reason, never a throw: %s', (_, value) => {
    for (const name of names) {
      for (const raw of [value, { at, value }, { at, value: { choice: value, text: value, name: value, removed: value, expiresAt: value } }, { at: value, value: dnd }, { at: [NOW, 0, value], value: dnd }]) {
        expect(parseRegister(name, raw)).toMatchObject({ ok: false, reason: expect.any(String) })
      }
    }
  })
  it('[T23] also where reading the pair itself throws', () => {
    expect(parseRegister('status', throwingOn('at', 'value')).ok).toBe(false)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
  it('[T23] anything at all', () => fc.assert(fc.property(fc.constantFrom(...names), fc.string(), fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true, withMap: true }), fc.boolean(), (name, random, value, stamped) => {
    expect(typeof parseRegister(name, stamped ? { at, value } : value).ok).toBe('boolean')
    expect(typeof parseRegister(random, { at, value }).ok).toBe('boolean')
  }), { numRuns: 200 }))
  it('[CS1] what it takes is within its bound, and is taken again', () => fc.assert(fc.property(fc.constantFrom(...names), fc.jsonValue({ maxDepth: 3 }), (name, value) => {
    const read = parseRegister(name, { at, value })
    if (!read.ok) return
    expect(registerSizeBytes(name, read.value)).toBeLessThanOrEqual(name.length + 22 + 16 + 1_024)
    expect(parseRegister(name, JSON.parse(JSON.stringify(read.value)))).toMatchObject({ ok: true })
  })))
})

describe('what a register means', () => {
  it('[VS4] without one, the default; devices and activity are shared with no one', () => {
    expect(DEFAULT_PRIVACY).toEqual({ lastSeen: 'exact', devices: false, activity: false })
    const none = registers({})
    expect([readStatus(none, NOW), readCustom(none, NOW), readProfile(none), readPrivacy(none), readQuietHours(none)])
      .toEqual([DEFAULT_STATUS, null, DEFAULT_PROFILE, DEFAULT_PRIVACY, null])
  })
  it.each([[NOW + 1, true], [NOW, false], [NOW - 1, false]])('[CS2, PR8] an expiry at now %+d ms', (expiresAt, isSet) => {
    const all = registers({ status: { ...dnd, expiresAt }, custom: { ...custom, expiresAt } })
    expect(readStatus(all, NOW).choice).toBe(isSet ? 'dnd' : 'auto')
    expect(readCustom(all, NOW)).toEqual(isSet ? { ...custom, expiresAt } : null)
  })
  it('[CS2] an expiry holds however long nobody looked', () => {
    const all = registers({ custom: { ...custom, expiresAt: NOW } })
    expect(readCustom(all, NOW + 1e10)).toBeNull()
    expect(readCustom(all, NOW - 1)).not.toBeNull()
  })
  it('[CS1] clearing is an edit like any other', () => {
    const cleared = mergeRegisters(registers({ custom }), new Map([['custom', register(null, [NOW, 1, writer])]])).merged
    expect(readCustom(cleared, NOW)).toBeNull()
    const again = mergeRegisters(cleared, registers({ custom })).merged
    expect(readCustom(again, NOW)).toBeNull()
  })
  it('[PR9] dnd is a register, and survives being written and read', () => {
    const read = parseRegister('status', JSON.parse(JSON.stringify(register(dnd))))
    expect(read).toEqual({ ok: true, value: register(dnd) })
    expect(readStatus(new Map([['status', register(dnd)]]), NOW + 1e10).choice).toBe('dnd')
  })
})
