/** Our own message types: 100 and up, beside y-websocket's 0 (sync), 1 (awareness), 2 (auth) and 3 (query awareness). */
import { isWriterId } from '../model/hybrid-clock.js'
import { LIMITS } from '../model/limits.js'
import type { Parsed } from '../model/json.js'
import { cleanText } from '../model/text.js'
import type { Device, PresenceErrorCode, PresenceStatus } from '../presence-service.js'
import { WIRE } from './limits.js'
import {
  decode, encode, readBoundedString, readList, readStamps, readUint8, readVarUint, refuse, writeList, writeStamps, writeUint8,
  readVarUint8Array, writeVarString, writeVarUint8Array, writeVarUint, type Reader, type StampsByRegister,
} from './wire.js'

export const SYNC = 0
export const AWARENESS = 1
// 2 is y-websocket's own refusal, which only logs a warning: a close code says it instead.
export const QUERY_AWARENESS = 3

/** `activity` and `challenge` are reserved numbers of this version. */
export const TYPE = {
  hello: 100, watch: 101, feed: 102, stored: 103, page: 104, activity: 105, device: 106, leave: 107, challenge: 108, notice: 109, auth: 110,
} as const

export const STATUSES: readonly PresenceStatus[] = ['online', 'away', 'dnd', 'offline']
export const KINDS: readonly Device['kind'][] = ['desktop', 'laptop', 'phone', 'tablet', 'server', 'other']

/** The first frame of a client of ours. */
export interface Hello {
  readonly version: number
  readonly deviceId: string
  readonly kind: Device['kind']
  /** Guessed by the device; a name the person gave stands in the register. */
  readonly name: string
  readonly heartbeatIntervalMs: number
  readonly awayAfterMs: number
  readonly offlineAfterMs: number
  readonly digest: string
}
/** The relay's answer. */
export interface Welcome {
  readonly version: number
  readonly relayTime: number
  /** Greater at every start of a relay (LV6). */
  readonly relayNumber: number
  /** Greater for every session at this relay. */
  readonly sessionNumber: number
  readonly stored: StampsByRegister
}
/** `ask`: tell once, then forget; the others last as long as the connection. */
export type WatchVerb = 'watch' | 'unwatch' | 'ask' | 'join' | 'leave' | 'watch-channel' | 'unwatch-channel'
export interface WatchOperation {
  readonly verb: WatchVerb
  /** A user's or channel's id. */
  readonly id: string
}
/** PR10, for another device of the same person. */
export interface DeviceRequest {
  readonly requestId: number
  readonly deviceId: string
  readonly status: PresenceStatus
}
export interface DeviceReply {
  readonly requestId: number
  readonly isDone: boolean
}
export type Leave = 'leaving' | 'gone'
/** A channel's snapshot has been told; its visible members by status, in the order of `STATUSES`. */
export interface Page {
  readonly channelNumber: number
  readonly counts: readonly number[]
  /** False in a channel too large to be told whole. */
  readonly isComplete: boolean
  /** False while the relay has just started: whoever was not named may still come back (LV7); another page follows. */
  readonly isSettled: boolean
  /** Members are about to be named: whoever is not, by the next page, is not in it. */
  readonly isBeginning: boolean
}
/** Asks for some of a channel's visible members, by id: for a channel too large to be told whole. */
export interface PageRequest {
  readonly requestId: number
  readonly channelId: string
  readonly statuses: readonly PresenceStatus[]
  readonly limit: number
  /** The id after which to begin; null: at the first. */
  readonly after: string | null
}
/** What a frame of type *page* from a relay is. Rows are entries of the feed, by id, each with its name. */
export type PageMessage =
  | { readonly kind: 'counts'; readonly page: Page }
  | { readonly kind: 'rows'; readonly requestId: number; readonly entries: Uint8Array }
export interface Notice {
  readonly code: PresenceErrorCode | 'draining'
  /** A user, channel or register. */
  readonly subject: string
  readonly message: string
  /** 0: does not apply. */
  readonly retryAfterMs: number
}

const WATCH_VERBS: readonly WatchVerb[] = ['watch', 'unwatch', 'ask', 'join', 'leave', 'watch-channel', 'unwatch-channel']
const LEAVES: readonly Leave[] = ['leaving', 'gone']
const NOTICE_CODES: readonly Notice['code'][] = ['draining', 'invalid-argument', 'forbidden', 'rate-limited', 'quota', 'unauthenticated', 'unsupported']

export const encodeHello = (hello: Hello): Uint8Array => encode(TYPE.hello, (writer) => {
  writeVarUint(writer, hello.version)
  writeVarString(writer, hello.deviceId)
  writeUint8(writer, KINDS.indexOf(hello.kind))
  writeVarString(writer, hello.name)
  writeVarUint(writer, hello.heartbeatIntervalMs)
  writeVarUint(writer, hello.awayAfterMs)
  writeVarUint(writer, hello.offlineAfterMs)
  writeVarString(writer, hello.digest)
})
/** Whatever follows in a newer version's hello is skipped: its version says whether we understand it. */
export const decodeHello = (frame: Uint8Array): Parsed<Hello> => body(frame, (reader) => {
  const hello: Hello = {
    version: readVarUint(reader),
    deviceId: readBoundedString(reader, 22),
    kind: pick(KINDS, reader),
    name: cleanText(readBoundedString(reader, LIMITS.idBytes)),
    heartbeatIntervalMs: readInterval(reader),
    awayAfterMs: readInterval(reader),
    offlineAfterMs: readInterval(reader),
    digest: readBoundedString(reader, WIRE.digestUnits),
  }
  if (!isWriterId(hello.deviceId)) refuse('the device id is not one')
  reader.pos = reader.arr.length
  return hello
})

export const encodeWelcome = (welcome: Welcome): Uint8Array => encode(TYPE.hello, (writer) => {
  writeVarUint(writer, welcome.version)
  writeVarUint(writer, Math.floor(welcome.relayTime))
  writeVarUint(writer, welcome.relayNumber)
  writeVarUint(writer, welcome.sessionNumber)
  writeStamps(writer, welcome.stored)
})
export const decodeWelcome = (frame: Uint8Array): Parsed<Welcome> => body(frame, (reader) => ({
  version: readVarUint(reader),
  relayTime: readVarUint(reader),
  relayNumber: readVarUint(reader),
  sessionNumber: readVarUint(reader),
  stored: readStamps(reader, LIMITS.registers),
}))

export const encodeStored = (stored: StampsByRegister): Uint8Array => encode(TYPE.stored, (writer) => writeStamps(writer, stored))
export const decodeStored = (frame: Uint8Array): Parsed<StampsByRegister> => body(frame, (reader) => readStamps(reader, LIMITS.registers))

export const encodeWatch = (operations: readonly WatchOperation[]): Uint8Array => encode(TYPE.watch, (writer) =>
  writeList(writer, operations, ({ verb, id }) => {
    writeUint8(writer, WATCH_VERBS.indexOf(verb))
    writeVarString(writer, id)
  }))
export const decodeWatch = (frame: Uint8Array): Parsed<WatchOperation[]> => body(frame, (reader) =>
  readList(reader, WIRE.watchOperations, () => ({ verb: pick(WATCH_VERBS, reader), id: readId(reader) })))

export const encodeDeviceRequest = (request: DeviceRequest): Uint8Array => encode(TYPE.device, (writer) => {
  writeVarUint(writer, request.requestId)
  writeVarString(writer, request.deviceId)
  writeUint8(writer, STATUSES.indexOf(request.status))
})
export const decodeDeviceRequest = (frame: Uint8Array): Parsed<DeviceRequest> => body(frame, (reader) => ({
  requestId: readVarUint(reader), deviceId: readId(reader), status: pick(STATUSES, reader),
}))
export const encodeDeviceReply = (reply: DeviceReply): Uint8Array => encode(TYPE.device, (writer) => {
  writeVarUint(writer, reply.requestId)
  writeUint8(writer, reply.isDone ? 1 : 0)
})
export const decodeDeviceReply = (frame: Uint8Array): Parsed<DeviceReply> => body(frame, (reader) => ({
  requestId: readVarUint(reader), isDone: readUint8(reader) === 1,
}))

export const encodeLeave = (leave: Leave): Uint8Array => encode(TYPE.leave, (writer) => writeUint8(writer, LEAVES.indexOf(leave)))
export const decodeLeave = (frame: Uint8Array): Parsed<Leave> => body(frame, (reader) => pick(LEAVES, reader))

/** Counts in the order of `STATUSES`; what an older relay left out is 0. */
export const byStatus = (counts: readonly number[]): Record<PresenceStatus, number> =>
  ({ online: counts[0] ?? 0, away: counts[1] ?? 0, dnd: counts[2] ?? 0, offline: counts[3] ?? 0 })

export const encodePageRequest = ({ requestId, channelId, statuses, limit, after }: PageRequest): Uint8Array => encode(TYPE.page, (writer) => {
  writeVarUint(writer, requestId)
  writeVarString(writer, channelId)
  writeUint8(writer, statuses.reduce((mask, status) => mask | (1 << STATUSES.indexOf(status)), 0))
  writeVarUint(writer, limit)
  writeVarString(writer, after ?? '')
})
export const decodePageRequest = (frame: Uint8Array): Parsed<PageRequest> => body(frame, (reader) => {
  const [requestId, channelId, mask, limit, after] = [readVarUint(reader), readId(reader), readUint8(reader), readVarUint(reader), readBoundedString(reader, LIMITS.idBytes)]
  return { requestId, channelId, statuses: STATUSES.filter((_, index) => (mask & (1 << index)) !== 0), limit, after: after === '' ? null : after }
})

const COUNTS = 0
const ROWS = 1
export const encodePage = (message: PageMessage): Uint8Array => encode(TYPE.page, (writer) => {
  if (message.kind === 'counts') {
    const { channelNumber, counts, isComplete, isSettled, isBeginning } = message.page
    writeUint8(writer, COUNTS)
    writeVarUint(writer, channelNumber)
    writeList(writer, counts, (count) => writeVarUint(writer, count))
    writeUint8(writer, (isComplete ? 1 : 0) + (isSettled ? 2 : 0) + (isBeginning ? 4 : 0))
  } else {
    writeUint8(writer, ROWS)
    writeVarUint(writer, message.requestId)
    writeVarUint8Array(writer, message.entries)
  }
})
export const decodePage = (frame: Uint8Array): Parsed<PageMessage> => body(frame, (reader) => {
  switch (readUint8(reader)) {
    case COUNTS: return { kind: 'counts', page: readPage(reader) }
    case ROWS: return { kind: 'rows', requestId: readVarUint(reader), entries: readVarUint8Array(reader) }
    default: return refuse('a page is of no known kind')
  }
})
function readPage(reader: Reader): Page {
  const channelNumber = readVarUint(reader)
  const counts = readList(reader, STATUSES.length, readVarUint)
  const flags = readUint8(reader)
  return { channelNumber, counts, isComplete: (flags & 1) !== 0, isSettled: (flags & 2) !== 0, isBeginning: (flags & 4) !== 0 }
}

export const encodeNotice = (notice: Notice): Uint8Array => encode(TYPE.notice, (writer) => {
  writeUint8(writer, NOTICE_CODES.indexOf(notice.code))
  writeVarString(writer, notice.subject)
  writeVarString(writer, notice.message)
  writeVarUint(writer, notice.retryAfterMs)
})
export const decodeNotice = (frame: Uint8Array): Parsed<Notice> => body(frame, (reader) => ({
  code: pick(NOTICE_CODES, reader),
  subject: readBoundedString(reader, 1_024),
  message: readBoundedString(reader, 1_024),
  retryAfterMs: readVarUint(reader),
}))

export const encodeAuth = (token: string): Uint8Array => encode(TYPE.auth, (writer) => writeVarString(writer, token))
export const decodeAuth = (frame: Uint8Array): Parsed<string> => body(frame, (reader) => readBoundedString(reader, WIRE.tokenBytes))

/** The type of a frame; null where there is none. */
export function typeOf(frame: Uint8Array): number | null {
  let type: number | null = null
  decode(frame, (reader) => { type = readVarUint(reader) })
  return type
}

/** What comes after the type. */
export const body = <T>(frame: Uint8Array, read: (reader: Reader) => T): Parsed<T> => decode(frame, (reader) => {
  readVarUint(reader)
  return read(reader)
})

function pick<T>(values: readonly T[], reader: Reader): T {
  return values[readUint8(reader)] ?? refuse('a value is not one of those known')
}
function readId(reader: Reader): string {
  const id = readBoundedString(reader, LIMITS.idBytes)
  return id === '' ? refuse('an id is empty') : id
}
function readInterval(reader: Reader): number {
  const ms = readVarUint(reader)
  return ms >= 1_000 && ms <= 86_400_000 ? ms : refuse('an interval is outside 1 s … 24 h')
}
