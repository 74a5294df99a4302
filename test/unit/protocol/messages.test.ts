import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Parsed } from '../../../src/model/json.js'
import { LIMITS } from '../../../src/model/limits.js'
import { WIRE } from '../../../src/protocol/limits.js'
import {
  KINDS, STATUSES, TYPE, decodeAuth, decodeDeviceReply, decodeDeviceRequest, decodeHello, decodeLeave, decodeNotice, decodePage, decodePageRequest, decodeStored, decodeWatch,
  decodeWelcome, encodeAuth, encodeDeviceReply, encodeDeviceRequest, encodeHello, encodeLeave, encodeNotice, encodePage, encodePageRequest, encodeStored, encodeWatch, encodeWelcome,
  typeOf, type Hello, type Notice, type WatchVerb,
} from '../../../src/protocol/messages.js'
import { encode, writeStamp, writeUint8, writeVarString, writeVarUint, writeVarUint8Array } from '../../../src/protocol/wire.js'
import { damaged, id, name, stamp, text, whole, writerId } from './arbitraries.js'

interface Message {
  readonly name: string
  readonly type: number
  readonly frame: fc.Arbitrary<Uint8Array>
  readonly decode: (frame: Uint8Array) => Parsed<unknown>
  readonly encode: (value: never) => Uint8Array
}

function message<T>(type: keyof typeof TYPE, encodeIt: (value: T) => Uint8Array, decode: (frame: Uint8Array) => Parsed<T>, value: fc.Arbitrary<T>): Message & { value: fc.Arbitrary<T> } {
  return { name: encodeIt.name, type: TYPE[type], value, frame: value.map(encodeIt), decode, encode: encodeIt }
}

const interval = fc.oneof(fc.integer({ min: 1_000, max: 86_400_000 }), fc.constantFrom(1_000, 86_400_000))
const stored = fc.array(fc.tuple(text(256), stamp), { maxLength: LIMITS.registers }).map((entries) => new Map(entries))
const verbs: readonly WatchVerb[] = ['watch', 'unwatch', 'ask', 'join', 'leave', 'watch-channel', 'unwatch-channel']
const codes: readonly Notice['code'][] = ['draining', 'invalid-argument', 'forbidden', 'rate-limited', 'quota', 'unauthenticated', 'unsupported']
const hello: fc.Arbitrary<Hello> = fc.record({
  version: whole, deviceId: writerId, kind: fc.constantFrom(...KINDS), name, heartbeatIntervalMs: interval, awayAfterMs: interval, offlineAfterMs: interval, digest: text(WIRE.digestUnits),
})

const messages = [
  message('hello', encodeHello, decodeHello, hello),
  message('hello', encodeWelcome, decodeWelcome, fc.record({ version: whole, relayTime: whole, relayNumber: whole, sessionNumber: whole, stored })),
  message('stored', encodeStored, decodeStored, stored),
  message('watch', encodeWatch, decodeWatch, fc.array(fc.record({ verb: fc.constantFrom(...verbs), id }), { maxLength: 20 })),
  message('device', encodeDeviceRequest, decodeDeviceRequest, fc.record({ requestId: whole, deviceId: id, status: fc.constantFrom(...STATUSES) })),
  message('device', encodeDeviceReply, decodeDeviceReply, fc.record({ requestId: whole, isDone: fc.boolean() })),
  message('leave', encodeLeave, decodeLeave, fc.constantFrom('leaving' as const, 'gone' as const)),
  message('page', encodePage, decodePage, fc.oneof(
    fc.record({
      kind: fc.constant('counts' as const), page: fc.record({ channelNumber: whole, counts: fc.array(whole, { maxLength: 4 }), isComplete: fc.boolean(), isSettled: fc.boolean(), isBeginning: fc.boolean() }),
    }),
    fc.record({ kind: fc.constant('rows' as const), requestId: whole, entries: fc.uint8Array({ maxLength: 64 }) }),
  )),
  message('page', encodePageRequest, decodePageRequest, fc.record({
    requestId: whole, channelId: id, statuses: fc.subarray([...STATUSES]), limit: whole, after: fc.option(id),
  })),
  message('notice', encodeNotice, decodeNotice, fc.record({ code: fc.constantFrom(...codes), subject: text(1_024), message: text(1_024), retryAfterMs: whole })),
  message('auth', encodeAuth, decodeAuth, fc.oneof(text(200), fc.constant('x'.repeat(WIRE.tokenBytes)))),
] as readonly (Message & { value: fc.Arbitrary<unknown> })[]

describe.each(messages)('$name', (of) => {
  it('is read as it was written, and begins with its type', () => {
    fc.assert(fc.property(of.value, (value) => {
      const frame = of.encode(value as never)
      expect(of.decode(frame)).toEqual({ ok: true, value })
      expect(typeOf(frame)).toBe(of.type)
    }))
  })

  it('[S3] is refused when it ends too early, wherever', () => {
    fc.assert(fc.property(of.frame, (frame) => {
      for (let length = 0; length < Math.min(frame.length, 400); length++) expect(of.decode(frame.subarray(0, length)).ok).toBe(false)
    }), { numRuns: 30 })
  })

  it('[S4] damaged, is refused or a value that could have been sent', () => {
    fc.assert(fc.property(damaged(of.frame), (frame) => {
      const decoded = of.decode(frame)
      if (decoded.ok) expect(of.decode(of.encode(decoded.value as never))).toEqual(decoded)
      else expect(decoded.reason).not.toBe('')
    }), { numRuns: 500 })
  })

  it('[S4] is refused where it is noise, or as good', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 256 }), (noise) => {
      const decoded = of.decode(Uint8Array.of(of.type, ...noise))
      if (decoded.ok) expect(of.decode(of.encode(decoded.value as never))).toEqual(decoded)
    }), { numRuns: 500 })
  })
})

describe('bytes after the end', () => {
  it.each(messages.filter(({ decode }) => decode !== decodeHello))('[S1] are refused: $name', ({ frame, decode }) => {
    fc.assert(fc.property(frame, (bytes) => { expect(decode(Uint8Array.of(...bytes, 0)).ok).toBe(false) }))
  })

  it('of a hello are what a newer version says more, and skipped', () => {
    fc.assert(fc.property(hello, fc.uint8Array({ maxLength: 100 }), (value, more) => {
      expect(decodeHello(Uint8Array.of(...encodeHello(value), ...more))).toEqual({ ok: true, value })
    }))
  })
})

const good: Hello = {
  version: 1, deviceId: 'd'.repeat(22), kind: 'laptop', name: 'A laptop', heartbeatIntervalMs: 30_000, awayAfterMs: 300_000, offlineAfterMs: 3_600_000, digest: 'a.b',
}
const stampOf = (ms: number): Uint8Array => encode(TYPE.stored, (writer) => {
  writeVarUint(writer, 1)
  writeVarString(writer, 'status')
  writeStamp(writer, [ms, 0, 'd'.repeat(22)])
})
const manyStamps = (count: number): Uint8Array => encodeStored(new Map(Array.from({ length: count }, (_, index) => [`register${index}`, [1, 0, 'd'.repeat(22)] as const])))
const helloWith = (over: Partial<Hello>): Parsed<unknown> => decodeHello(encodeHello({ ...good, ...over }))

describe('bounds', () => {
  it.each<[what: string, isAccepted: boolean, decoded: Parsed<unknown>]>([
    ['a device id of 22 characters', true, helloWith({})],
    ['a device id of 21', false, helloWith({ deviceId: 'd'.repeat(21) })],
    ['a device id of 23', false, helloWith({ deviceId: 'd'.repeat(23) })],
    ['a device id that is a path', false, helloWith({ deviceId: '../../../../etc/passwd' })],
    ['a name of 256 bytes', true, helloWith({ name: 'é'.repeat(128) })],
    ['a name of 257', false, helloWith({ name: 'x'.repeat(257) })],
    ['a digest of 64 bytes', true, helloWith({ digest: 'x'.repeat(64) })],
    ['a digest of 65', false, helloWith({ digest: 'x'.repeat(65) })],
    ...(['heartbeatIntervalMs', 'awayAfterMs', 'offlineAfterMs'] as const).flatMap((interval_) => [
      [`1 s as ${interval_}`, true, helloWith({ [interval_]: 1_000 })],
      [`999 ms as ${interval_}`, false, helloWith({ [interval_]: 999 })],
      [`24 h as ${interval_}`, true, helloWith({ [interval_]: 86_400_000 })],
      [`more than 24 h as ${interval_}`, false, helloWith({ [interval_]: 86_400_001 })],
    ] as [string, boolean, Parsed<unknown>][]),
    ['a kind that is not known', false, decodeHello(encodeHello({ ...good, kind: 'toaster' as never }))],
    ['1,000 watches', true, decodeWatch(encodeWatch(Array.from({ length: 1_000 }, () => ({ verb: 'watch', id: 'a' }))))],
    ['1,001 watches', false, decodeWatch(encodeWatch(Array.from({ length: 1_001 }, () => ({ verb: 'watch', id: 'a' }))))],
    ['no watch', true, decodeWatch(encodeWatch([]))],
    ['an id of nothing', false, decodeWatch(encodeWatch([{ verb: 'watch', id: '' }]))],
    ['an id of 257 bytes', false, decodeWatch(encodeWatch([{ verb: 'watch', id: 'x'.repeat(257) }]))],
    ['a verb that is not known', false, decodeWatch(Uint8Array.of(TYPE.watch, 1, 7, 1, 97))],
    ['a status that is not known', false, decodeDeviceRequest(Uint8Array.of(TYPE.device, 1, 1, 97, 4))],
    ['a way to leave that is not known', false, decodeLeave(Uint8Array.of(TYPE.leave, 2))],
    ['a notice that is not known', false, decodeNotice(Uint8Array.of(TYPE.notice, 7, 0, 0, 0))],
    ['five counts', false, decodePage(encodePage({ kind: 'counts', page: { channelNumber: 1, counts: [1, 2, 3, 4, 5], isComplete: true, isSettled: true, isBeginning: false } }))],
    ['40 stamps', true, decodeStored(manyStamps(40))],
    ['41 stamps', false, decodeStored(manyStamps(41))],
    ['a stamp of the year 9999', true, decodeStored(stampOf(253_402_300_799_999))],
    ['a stamp of the year 10000', false, decodeStored(stampOf(253_402_300_800_000))],
    ['a token of 8 KiB', true, decodeAuth(encodeAuth('x'.repeat(8_192)))],
    ['a token of one byte more', false, decodeAuth(encodeAuth('x'.repeat(8_193)))],
    ['a text that is not UTF-8', false, decodeAuth(encode(TYPE.auth, (writer) => writeVarUint8Array(writer, Uint8Array.of(0xff, 0xfe))))],
    ['half a surrogate pair in UTF-8', false, decodeAuth(encode(TYPE.auth, (writer) => writeVarUint8Array(writer, Uint8Array.of(0xed, 0xa0, 0x80))))],
    ['[S2] the greatest whole number', true, decodeDeviceReply(encode(TYPE.device, (writer) => { writeVarUint(writer, Number.MAX_SAFE_INTEGER); writeUint8(writer, 1) }))],
    ['[S2] one more than the greatest whole number', false, decodeDeviceReply(Uint8Array.of(TYPE.device, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 1))],
    ['[S2] a number of ten bytes', false, decodeDeviceReply(Uint8Array.of(TYPE.device, ...Array.from({ length: 9 }, () => 0xff), 0x01, 1))],
    ['[S2] a number that does not end', false, decodeDeviceReply(Uint8Array.of(TYPE.device, ...Array.from({ length: 60 }, () => 0x80)))],
    ['[S2] a text longer than what is there', false, decodeAuth(Uint8Array.of(TYPE.auth, 0xff, 0xff, 0x03, 97))],
    ['[S2] a list longer than what is there', false, decodeWatch(Uint8Array.of(TYPE.watch, 0xe8, 0x07))],
    ['[S2] a list of 2^52', false, decodeWatch(encode(TYPE.watch, (writer) => writeVarUint(writer, 2 ** 52)))],
  ])('%s', (_, isAccepted, decoded) => {
    expect(decoded.ok).toBe(isAccepted)
  })

  it('[A7] takes out of a device\'s name what is dangerous to show', () => {
    expect(helloWith({ name: 'exe.\u202Egpj\u0000\u001B[31m\n2' })).toMatchObject({ ok: true, value: { name: 'exe.gpj[31m 2' } })
  })
})

describe('the type of a frame', () => {
  it.each<[frame: number[], type: number | null]>([
    [[], null], [[0x80], null], [[0], 0], [[100, 1, 2, 3], 100], [[0xe3, 0], 99], [[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], null],
  ])('of %j is %j', (frame, type) => {
    expect(typeOf(Uint8Array.from(frame))).toBe(type)
  })
})
