import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  DEFAULT_POLICY, parseActivity, parseChannelId, parseCustomStatus, parseDeviceId, parseDeviceName, parseOptions, parsePolicy, parsePresenceChange,
  parsePrivacy, parseProfile, parseReason, parseStatus, parseStatusChange, parseUserId, parseUserIds, type Argument,
} from '../../../src/model/arguments.js'
import { LATEST_TIME_MS } from '../../../src/model/hybrid-clock.js'
import { DEFAULT_PRIVACY, DEFAULT_PROFILE, parseRegister, type CustomValue } from '../../../src/model/registers.js'
import { NOW, WRITERS } from './arbitraries.js'
import { hostileProxy, hostileTexts, hostileValues, throwingOn } from './hostile-values.js'

const FAMILY = '👨‍👩‍👧‍👦'
const HOUR_MS = 3_600_000
const CURRENT: CustomValue = { text: 'Lunch', emoji: '🍝', expiresAt: NOW + 7 }

/** The value, or which argument was refused. */
const outcome = <T>(argument: Argument<T>): unknown => (argument.ok ? argument.value : `refused: ${argument.subject}`)

describe('ids', () => {
  const parsers = { parseUserId, parseChannelId, parseDeviceId }
  it.each<[name: string, value: unknown, expected: boolean]>([
    ['one letter', 'a', true],
    ['256 bytes', 'a'.repeat(256), true],
    ['257 bytes', 'a'.repeat(257), false],
    ['256 bytes in 128 letters', 'é'.repeat(128), true],
    ['257 bytes in 129 letters', `${'é'.repeat(128)}a`, false],
    ['empty', '', false],
    ['a number', 5, false],
    ['slashes, colons and stars are ordinary', 'a/b:c*@d', true],
    ['emoji', FAMILY, true],
    ['half a surrogate pair', 'a\uD83D', false],
    ['a line break', 'a\nb', false],
    ['NUL', 'a\u0000', false],
    ['__proto__', '__proto__', false],
    ['constructor', 'constructor', false],
    ['a megabyte', 'a'.repeat(1_000_000), false],
    ['null', null, false],
  ])('[A7, T23] %s', (_, value, expected) => {
    for (const parse of Object.values(parsers)) expect(parse(value)).toEqual(expected ? { ok: true, value } : expect.objectContaining({ ok: false }))
  })
  it('[O7] the refusal says which, why, and what to do', () => {
    expect(parseUserId('')).toEqual({ ok: false, subject: 'userId', reason: 'userId is not usable.', remedy: 'Pass a string of 1 to 256 bytes without control characters.' })
    expect(outcome(parseDeviceId(''))).toBe('refused: deviceId')
    expect(outcome(parseChannelId(''))).toBe('refused: channelId')
  })
  it('[O7] a list is refused for one bad entry, or a hole', () => {
    expect(outcome(parseUserIds(['a', 'b']))).toEqual(['a', 'b'])
    expect(outcome(parseUserIds([]))).toEqual([])
    const hole: unknown[] = []
    hole.length = 2
    expect([['a', ''], 'ab', new Set(['a']), hole].map((value) => parseUserIds(value).ok)).toEqual([false, false, false, false])
  })
  it('[PR11] a reason for a hold is short', () => {
    expect(['a', 'a'.repeat(64), 'a'.repeat(65), '', undefined].map((value) => parseReason(value).ok)).toEqual([true, true, false, false, false])
  })
})

describe('a status', () => {
  it.each(['online', 'away', 'dnd', 'offline'])('[O7] %s', (status) => expect(outcome(parseStatus(status))).toBe(status))
  it.each<[given: unknown, remedy: string]>([
    ['onlien', 'Did you mean "online"?'],
    ['DND', 'Did you mean "dnd"?'],
    ['invisible', 'Pass one of: online, away, dnd, offline.'],
    ['auto', 'Pass one of: online, away, dnd, offline.'],
  ])('[O7] not %s', (given, remedy) => expect(parseStatus(given)).toMatchObject({ ok: false, subject: 'status', remedy }))

  it.each<[name: string, status: unknown, options: unknown, expected: unknown]>([
    ['[PR7] online goes back to automatic',     'online', undefined, { choice: 'auto', expiresAt: null }],
    ['[PR3] the others are choices',            'dnd', {}, { choice: 'dnd', expiresAt: null }],
    ['[PR8] until a time',                      'away', { expiresAt: NOW + 1 }, { choice: 'away', expiresAt: NOW + 1 }],
    ['[PR8] for a while',                       'offline', { expiresInMs: HOUR_MS }, { choice: 'offline', expiresAt: NOW + HOUR_MS }],
    ['[PR8] online does not expire',            'online', { expiresInMs: HOUR_MS }, 'refused: expiresAt'],
    ['[O7] a status nobody knows',              'busy', {}, 'refused: status'],
    ['[O2] an option nobody knows',             'dnd', { expiresInMS: 5 }, 'refused: expiresInMS'],
    ['[O2] options that are a number',          'dnd', HOUR_MS, 'refused: options'],
    ['[O2] options that are null',              'dnd', null, 'refused: options'],
    ['[O2] options that are a date',            'dnd', new Date(), 'refused: options'],
    ['[O2] an option that is undefined',        'dnd', { expiresAt: undefined, expiresInMs: 5 }, { choice: 'dnd', expiresAt: NOW + 5 }],
    ['[O2] frozen options',                     'dnd', Object.freeze({ expiresInMs: 5 }), { choice: 'dnd', expiresAt: NOW + 5 }],
    ['[O2] options without a prototype',        'dnd', Object.assign(Object.create(null), { expiresInMs: 5 }), { choice: 'dnd', expiresAt: NOW + 5 }],
    ['[O2] an own __proto__',                   'dnd', JSON.parse('{"__proto__":{"expiresInMs":5}}'), 'refused: __proto__'],
  ])('%s', (_, status, options, expected) => expect(outcome(parseStatusChange(status, options, NOW))).toEqual(expected))
})

describe('an expiry', () => {
  it.each<[name: string, options: Record<string, unknown>, expiresAt: number | null]>([
    ['[CS2] now is too late', { expiresAt: NOW }, null],
    ['[CS2] a millisecond from now is not', { expiresAt: NOW + 1 }, NOW + 1],
    ['[CS2] no duration is none', { expiresInMs: 0 }, null],
    ['[CS2] one millisecond is one', { expiresInMs: 1 }, NOW + 1],
    ['[CS2] the end of 9999', { expiresAt: LATEST_TIME_MS }, LATEST_TIME_MS],
    ['[C3] beyond 9999', { expiresAt: LATEST_TIME_MS + 1 }, null],
    ['[C3] until the end of 9999', { expiresInMs: LATEST_TIME_MS - NOW }, LATEST_TIME_MS],
    ['[C3] a millisecond longer', { expiresInMs: LATEST_TIME_MS - NOW + 1 }, null],
    ['[C3] both given', { expiresAt: NOW + 5, expiresInMs: 5 }, null],
    ['[C3] negative', { expiresInMs: -5 }, null],
    ['[O3] NaN', { expiresInMs: Number.NaN }, null],
    ['[O3] infinity', { expiresInMs: Number.POSITIVE_INFINITY }, null],
    ['[O3] null', { expiresAt: null }, null],
    ['[O3] text', { expiresAt: String(NOW + 5) }, null],
    ['[O3] a date', { expiresAt: new Date(NOW + 5) }, null],
    ['[O3] a big integer', { expiresAt: BigInt(NOW + 5) }, null],
    ['[O3] whole milliseconds', { expiresAt: NOW + 5.5 }, NOW + 5],
  ])('%s', (_, options, expiresAt) => {
    const status = parseStatusChange('dnd', options, NOW)
    expect(status).toMatchObject(expiresAt === null ? { ok: false } : { ok: true, value: { expiresAt } })
    const custom = parseCustomStatus('Lunch', options, NOW)
    expect(custom).toMatchObject(expiresAt === null ? { ok: false } : { ok: true, value: { expiresAt } })
  })
  it('[C3] the one that was given is named', () => {
    expect(outcome(parseStatusChange('dnd', { expiresAt: NOW }, NOW))).toBe('refused: expiresAt')
    expect(outcome(parseStatusChange('dnd', { expiresInMs: 0 }, NOW))).toBe('refused: expiresInMs')
  })
  it('[CS2] is whole on a clock that is not', () => {
    expect(outcome(parseStatusChange('dnd', { expiresInMs: 5 }, NOW + 0.25))).toEqual({ choice: 'dnd', expiresAt: NOW + 6 })
  })
})

describe('a custom status', () => {
  it.each<[name: string, text: unknown, options: unknown, expected: unknown]>([
    ['[CS1] text and emoji', 'In a meeting', { emoji: '📅', expiresInMs: 5 }, { text: 'In a meeting', emoji: '📅', expiresAt: NOW + 5 }],
    ['[CS1] text alone', 'In a meeting', undefined, { text: 'In a meeting', emoji: null, expiresAt: null }],
    ['[CS1] an emoji alone', '', { emoji: '📅' }, { text: '', emoji: '📅', expiresAt: null }],
    ['[CS1] neither is a clearing', ' ', {}, null],
    ['[CS1] a clearing does not expire', '', { expiresInMs: 5 }, 'refused: expiresAt'],
    ['[F33] 128 graphemes', 'a'.repeat(128), {}, { text: 'a'.repeat(128), emoji: null, expiresAt: null }],
    ['[F33] 129 graphemes', 'a'.repeat(129), {}, 'refused: customStatus'],
    ['[F33] 128 graphemes once cleaned', ` ${'a'.repeat(128)}\u202E `, {}, { text: 'a'.repeat(128), emoji: null, expiresAt: null }],
    ['[F33] over 600 bytes in few graphemes', FAMILY.repeat(24), {}, 'refused: customStatus'],
    ['[F33] a megabyte', 'a'.repeat(1_000_000), {}, 'refused: customStatus'],
    ['[F33] a megabyte of spaces', ' '.repeat(1_000_000), {}, 'refused: customStatus'],
    ['[F33] 10,000 joined', `${FAMILY}\u200D`.repeat(10_000), {}, 'refused: customStatus'],
    ['[F33] two emoji', 'a', { emoji: '📅📅' }, 'refused: emoji'],
    ['[F33] an empty emoji', 'a', { emoji: '' }, 'refused: emoji'],
    ['[F33] an emoji that is a number', 'a', { emoji: 5 }, 'refused: emoji'],
    ['[F33] an emoji of a megabyte', 'a', { emoji: '\u200D'.repeat(1_000_000) }, 'refused: emoji'],
    ['[F33] an emoji of one grapheme and 65 units', 'a', { emoji: `a${'\u0323'.repeat(65)}` }, 'refused: emoji'],
    ['[O7] a text that is null', null, {}, 'refused: customStatus'],
    ['[O7] a text that is a number', 5, {}, 'refused: customStatus'],
  ])('%s', (_, text, options, expected) => expect(outcome(parseCustomStatus(text, options, NOW))).toEqual(expected))

  it.each(hostileTexts)('[C4, T24] is cleaned: %s', (_, text, cleaned) => {
    expect(outcome(parseCustomStatus(text, {}, NOW))).toEqual(cleaned === '' ? null : { text: cleaned, emoji: null, expiresAt: null })
  })

  it.each<[name: string, change: unknown, current: CustomValue | null, expected: unknown]>([
    ['[CS1] nothing is no change', {}, CURRENT, {}],
    ['[CS1] both at once', { status: 'dnd', customStatus: 'Talk', emoji: '🎤', expiresInMs: 5 }, CURRENT, { status: { choice: 'dnd', expiresAt: NOW + 5 }, custom: { text: 'Talk', emoji: '🎤', expiresAt: NOW + 5 } }],
    ['[CS1] a new text leaves neither the old emoji nor its expiry', { customStatus: 'Talk' }, CURRENT, { custom: { text: 'Talk', emoji: null, expiresAt: null } }],
    ['[CS1] null clears', { customStatus: null }, CURRENT, { custom: null }],
    ['[CS1] null and an emoji leave the emoji', { customStatus: null, emoji: '🎤' }, CURRENT, { custom: { text: '', emoji: '🎤', expiresAt: null } }],
    ['[CS1] an emoji alone keeps text and expiry', { emoji: '🎤' }, CURRENT, { custom: { text: 'Lunch', emoji: '🎤', expiresAt: NOW + 7 } }],
    ['[CS1] an emoji alone with an expiry', { emoji: '🎤', expiresInMs: 5 }, CURRENT, { custom: { text: 'Lunch', emoji: '🎤', expiresAt: NOW + 5 } }],
    ['[CS1] an emoji where there was nothing', { emoji: '🎤' }, null, { custom: { text: '', emoji: '🎤', expiresAt: null } }],
    ['[CS1] an emoji taken away keeps the text', { emoji: null }, CURRENT, { custom: { ...CURRENT, emoji: null } }],
    ['[CS1] an emoji taken away where there was no text', { emoji: null }, { ...CURRENT, text: '' }, { custom: null }],
    ['[CS1] an expiry with a clearing', { customStatus: null, expiresInMs: 5 }, CURRENT, 'refused: expiresAt'],
    ['[PR8] an expiry with online', { status: 'online', customStatus: 'Talk', expiresInMs: 5 }, CURRENT, 'refused: expiresAt'],
    ['[O7] half of it bad is nothing done', { status: 'dnd', customStatus: 5 }, CURRENT, 'refused: customStatus'],
    ['[O7] a status that is null', { status: null }, CURRENT, 'refused: status'],
    ['[O2] an unknown name', { custom: 'Talk' }, CURRENT, 'refused: custom'],
  ])('%s', (_, change, current, expected) => expect(outcome(parsePresenceChange(change, current, NOW))).toEqual(expected))

  it('[F33] what is accepted here fits its register', () => fc.assert(fc.property(
    fc.tuple(fc.constantFrom('a', 'é', '€', FAMILY), fc.constantFrom(22, 23, 24, 127, 128, 129), fc.constantFrom('', ' ', '\u202E', 'e\u0301', '\uD83D')).map(([letter, count, end]) => letter.repeat(count) + end),
    fc.constantFrom(undefined, '📅', FAMILY, 'e\u0301', ' a', '\u200D'), (text, emoji) => {
      const read = parseCustomStatus(text, { emoji }, NOW)
      if (read.ok) expect(parseRegister('custom', { at: [NOW, 0, WRITERS[0]], value: read.value })).toMatchObject({ ok: true })
    }), { numRuns: 150 }))
})

describe('profile, privacy and names', () => {
  const profile = { name: 'Alice', avatarUrl: 'https://a.example/a.png' }
  it.each<[name: string, given: unknown, expected: unknown]>([
    ['[VS1] both', profile, profile],
    ['[VS1] what is not given stays', { name: 'Bob' }, { ...profile, name: 'Bob' }],
    ['[VS1] nor what is undefined', { name: undefined, avatarUrl: null }, { ...profile, avatarUrl: null }],
    ['[T24] a name is cleaned', { name: ' Bo\u202Eb ' }, { ...profile, name: 'Bob' }],
    ['[T24] a name of nothing is none', { name: '\u200B' }, { ...profile, name: null }],
    ['[F33] 65 graphemes', { name: 'a'.repeat(65) }, 'refused: name'],
    ['[T24] a script for an avatar', { avatarUrl: 'javascript:alert(1)' }, 'refused: avatarUrl'],
    ['[F33] over 600 bytes together', { name: FAMILY.repeat(14), avatarUrl: `https://a.example/${'a'.repeat(382)}` }, 'refused: profile'],
    ['[O2] an unknown name', { avatarURL: null }, 'refused: avatarURL'],
  ])('%s', (_, given, expected) => expect(outcome(parseProfile(given, profile))).toEqual(expected))

  it.each<[name: string, given: unknown, expected: unknown]>([
    ['[VS4] one of them', { devices: true }, { ...DEFAULT_PRIVACY, devices: true }],
    ['[VS4] all of them', { lastSeen: 'none', devices: true, activity: true }, { lastSeen: 'none', devices: true, activity: true }],
    ['[VS4] undefined changes nothing', { lastSeen: undefined }, DEFAULT_PRIVACY],
    ['[VS4] an unknown detail', { lastSeen: 'exactly' }, 'refused: lastSeen'],
    ['[VS4] neither true nor false', { activity: 'yes' }, 'refused: activity'],
  ])('%s', (_, given, expected) => expect(outcome(parsePrivacy(given, DEFAULT_PRIVACY))).toEqual(expected))

  it.each<[name: string, given: unknown, expected: unknown]>([
    ['[T24] cleaned', ' Desk\n1 ', 'Desk 1'],
    ['[F33] 64 graphemes', 'a'.repeat(64), 'a'.repeat(64)],
    ['[F33] 65 graphemes', 'a'.repeat(65), 'refused: name'],
    ['[F33] over 600 bytes', FAMILY.repeat(24), 'refused: name'],
    ['[T24] nothing to see', '\u200B \u202E', 'refused: name'],
    ['[O7] no text', 5, 'refused: name'],
  ])('a device name: %s', (_, given, expected) => expect(outcome(parseDeviceName(given))).toEqual(expected))
})

describe('an activity', () => {
  const activity = { type: 'typing', channelId: null, timestamp: NOW, data: null }
  it.each<[name: string, given: unknown, expected: unknown]>([
    ['[AC3] without a time is now', { type: 'typing' }, activity],
    ['[AC3] of the future is now', { type: 'typing', timestamp: NOW + 1 }, activity],
    ['[AC3] of the past is then', { type: 'typing', timestamp: NOW - 1 }, { ...activity, timestamp: NOW - 1 }],
    ['[AC3] in whole milliseconds', { type: 'typing', timestamp: NOW - 0.5 }, { ...activity, timestamp: NOW - 1 }],
    ['[AC3] at no time', { type: 'typing', timestamp: Number.NaN }, 'refused: timestamp'],
    ['[AC3] before 1970', { type: 'typing', timestamp: -1 }, 'refused: timestamp'],
    ['[AC1] in a channel', { type: 'typing', channelId: 'team' }, { ...activity, channelId: 'team' }],
    ['[AC1] in no channel by that name', { type: 'typing', channelId: '' }, 'refused: channelId'],
    ['[AC1] undefined data is none', { type: 'typing', data: undefined }, activity],
    ['[AC1] data', { type: 'typing', data: { a: [1, 'b', null, true] } }, { ...activity, data: { a: [1, 'b', null, true] } }],
    ['[AC1] 512 bytes', { type: 'typing', data: 'a'.repeat(510) }, { ...activity, data: 'a'.repeat(510) }],
    ['[AC1] 513 bytes', { type: 'typing', data: 'a'.repeat(511) }, 'refused: data'],
    ['[AC1] 513 bytes in fewer letters', { type: 'typing', data: `${'é'.repeat(255)}a` }, 'refused: data'],
    ['[AC1] a type of 64 bytes', { type: 'a'.repeat(64) }, { ...activity, type: 'a'.repeat(64) }],
    ['[AC1] a type of 65 bytes', { type: 'a'.repeat(65) }, 'refused: type'],
    ['[AC1] no type', {}, 'refused: type'],
    ['[AC1] nothing', undefined, 'refused: type'],
    ['[O2] an unknown name', { type: 'typing', channel: 'team' }, 'refused: channel'],
  ])('%s', (_, given, expected) => expect(outcome(parseActivity(given, NOW))).toEqual(expected))

  it.each(hostileValues.filter(([name]) => name !== 'undefined'))('[O7] data that is %s', (_, data) => {
    expect(outcome(parseActivity({ type: 'typing', data }, NOW))).toMatch(/^refused: (data|activity)$/)
  })
  it('[AC1] the data is a copy', () => {
    const data = { a: { b: 1 } }
    const read = parseActivity({ type: 'typing', data }, NOW)
    data.a.b = 2
    expect(read).toMatchObject({ ok: true, value: { data: { a: { b: 1 } } } })
  })
})

describe('options', () => {
  it.each<[name: string, value: unknown, expected: boolean]>([
    ['1 s', 1_000, true],
    ['less than 1 s', 999, false],
    ['24 h', 86_400_000, true],
    ['more than 24 h', 86_400_001, false],
    ['0', 0, false],
    ['−1', -1, false],
    ['NaN', Number.NaN, false],
    ['infinity', Number.POSITIVE_INFINITY, false],
    ['2^31', 2 ** 31, false],
    ['text', '30000', false],
    ['null', null, false],
    ['a big integer', 30_000n, false],
  ])('[O3] an interval of %s', (_, value, expected) => {
    for (const name of ['heartbeatIntervalMs', 'awayAfterMs', 'offlineAfterMs']) {
      expect(outcome(parsePolicy({ [name]: value }))).toEqual(expected ? { ...DEFAULT_POLICY, [name]: value } : `refused: ${name}`)
    }
  })
  it('[O3] what is not given has its default', () => {
    expect(outcome(parsePolicy({ awayAfterMs: undefined }))).toEqual({ heartbeatIntervalMs: 30_000, awayAfterMs: 300_000, offlineAfterMs: 3_600_000 })
  })
  it('[O3] whole milliseconds, as the wire has them', () => expect(outcome(parsePolicy({ awayAfterMs: 1_000.4 }))).toMatchObject({ awayAfterMs: 1_000 }))

  it('[O2] each is read once', () => {
    let reads = 0
    const options = { get userId() { return reads++ === 0 ? 'alice' : '__proto__' } }
    expect(outcome(parseOptions(options, ['userId']))).toEqual({ userId: 'alice' })
    expect(reads).toBe(1)
  })
  it.each<[name: string, options: unknown, remedy: string]>([
    ['one that is nearly known', { awayAfterMS: 5 }, 'Did you mean "awayAfterMs"?'],
    ['one that is not', { url: 'x' }, 'Pass one of: awayAfterMs, userId.'],
    ['one of a megabyte', { ['a'.repeat(1_000_000)]: 1 }, 'Pass one of: awayAfterMs, userId.'],
    ['a text', 'alice', 'Pass { name: value }.'],
    ['a list', [], 'Pass { name: value }.'],
    ['a getter that throws', throwingOn('userId'), 'Pass plain values.'],
    ['a proxy that throws', hostileProxy, 'Pass plain values.'],
  ])('[O2] %s', (_, options, remedy) => {
    const read = parseOptions(options, ['awayAfterMs', 'userId'])
    expect(read).toMatchObject({ ok: false, remedy })
    expect(JSON.stringify(read).length).toBeLessThan(300)
  })
})

describe('hostile arguments', () => {
  const calls: Record<string, (value: unknown) => Argument<unknown>> = {
    parseUserId, parseChannelId, parseDeviceId, parseUserIds, parseReason, parseStatus, parseDeviceName,
    'parseUserIds of one': (value) => parseUserIds([value]),
    'parseStatusChange, status': (value) => parseStatusChange(value, {}, NOW),
    'parseStatusChange, expiry': (value) => parseStatusChange('dnd', { expiresAt: value, expiresInMs: value }, NOW),
    'parseCustomStatus, text': (value) => parseCustomStatus(value, {}, NOW),
    'parsePresenceChange, text': (value) => parsePresenceChange({ customStatus: value ?? 5, status: value ?? 5 }, CURRENT, NOW),
    'parseProfile, name': (value) => parseProfile({ name: value ?? 5 }, DEFAULT_PROFILE),
    'parseProfile, avatar': (value) => parseProfile({ avatarUrl: value ?? 5 }, DEFAULT_PROFILE),
    'parsePrivacy, devices': (value) => parsePrivacy({ devices: value ?? 5 }, DEFAULT_PRIVACY),
    'parsePrivacy, last seen': (value) => parsePrivacy({ lastSeen: value ?? 5 }, DEFAULT_PRIVACY),
    'parseActivity, type': (value) => parseActivity({ type: value }, NOW),
    'parsePolicy, interval': (value) => parsePolicy({ awayAfterMs: value ?? 5 }),
  }
  const objects: Record<string, (value: unknown) => Argument<unknown>> = {
    'parseStatusChange, options': (value) => parseStatusChange('dnd', value, NOW),
    'parseCustomStatus, options': (value) => parseCustomStatus('a', value, NOW),
    'parsePresenceChange': (value) => parsePresenceChange(value, CURRENT, NOW),
    'parseProfile': (value) => parseProfile(value, DEFAULT_PROFILE),
    'parsePrivacy': (value) => parsePrivacy(value, DEFAULT_PRIVACY),
    'parseActivity': (value) => parseActivity(value, NOW),
    'parseOptions': (value) => parseOptions(value, ['userId']),
  }
  const refusal = { ok: false, subject: expect.any(String), reason: expect.stringMatching(/\.$/), remedy: expect.stringMatching(/[.?]$/) }

  it.each(hostileValues)('[O7, O2] a reason, never a throw: %s', (name, value) => {
    for (const [call, parse] of Object.entries(calls)) {
      if (name === 'undefined' && call.includes('expiry')) continue
      expect([call, parse(value)]).toEqual([call, refusal])
    }
    for (const [call, parse] of Object.entries(objects)) if (value !== undefined) expect([call, parse(value)]).toEqual([call, refusal])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
  it('[O7] anything at all', () => fc.assert(fc.property(
    fc.constantFrom(...Object.entries({ ...calls, ...objects })), fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true, withMap: true, withSparseArray: true }), ([, parse], value) => {
      expect(typeof parse(value).ok).toBe('boolean')
    }), { numRuns: 400 }))
})
