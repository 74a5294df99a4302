/** docs/PROTOCOL.md against the code: every value that a stranger would copy from it. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { gateSyncMessage } from '../../../server/relay/update-gate.js'
import { LIMITS } from '../../../src/model/limits.js'
import { digestOf, type Registers } from '../../../src/model/registers.js'
import type { JsonValue } from '../../../src/presence-service.js'
import { KEEPALIVE, decodeAwareness, encodeAwareness } from '../../../src/protocol/awareness-frames.js'
import { CLOSE, refusalOf } from '../../../src/protocol/close-codes.js'
import { encodeDeviceRows, parseDeviceState } from '../../../src/protocol/device-rows.js'
import { encodeChannelName, encodeEntry, feedFrame, OWN_NUMBER, type UserEntry } from '../../../src/protocol/feed.js'
import { createFeedReader } from '../../../src/protocol/feed-reader.js'
import { RATES, RELAY, STRANGERS_RATE, USER_SHARE, WIRE } from '../../../src/protocol/limits.js'
import {
  AWARENESS, KINDS, QUERY_AWARENESS, STATUSES, SYNC, TYPE, encodeAuth, encodeDeviceReply, encodeDeviceRequest, encodeHello, encodeLeave, encodeNotice, encodePage,
  encodePageRequest, encodeStored, encodeWatch, encodeWelcome, type Notice, type Page, type WatchVerb,
} from '../../../src/protocol/messages.js'
import { encode, write, writeVarString, writeVarUint, writeVarUint8Array } from '../../../src/protocol/wire.js'
import { readRegisterMap, registerMap } from '../../../src/replica/register-map.js'
import { protocolPage as page, readVectors } from '../../support/protocol-page.js'

const docs = fileURLToPath(new URL('../../../docs/', import.meta.url))

const NOW = 1_700_000_000_000
const DEVICE = 'strangers-laptop-00001'
/** Of the Yjs client that writes in the page's own words. */
const CLIENT = 305_419_896

const hexOf = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')

/** Rows of the tables whose first row is this one, cell by cell. */
function readTable(markdown: string, heading: RegExp): string[][] {
  const lines = markdown.split('\n')
  return lines.flatMap((line, index) => {
    if (!heading.test(line)) return []
    const end = lines.findIndex((other, at) => at > index && !other.startsWith('|'))
    return lines.slice(index + 2, end).map((row) => row.split('|').slice(1, -1).map((cell) => cell.trim()))
  })
}

const feed = (...entries: readonly UserEntry[]): Uint8Array => feedFrame(entries.map(encodeEntry))
const sync = (subtype: number, bytes: Uint8Array): Uint8Array => encode(SYNC, (writer) => {
  writeVarUint(writer, subtype)
  writeVarUint8Array(writer, bytes)
})
const stateOf = (over: object = {}) => ({ deviceId: DEVICE, sinceInputMs: 1_200, locked: false, hidden: false, holds: [], override: null, digest: '', ...over })

const ours: Readonly<Record<string, Uint8Array>> = {
  'varuint 0': write((writer) => writeVarUint(writer, 0)),
  'varuint 127': write((writer) => writeVarUint(writer, 127)),
  'varuint 300': write((writer) => writeVarUint(writer, 300)),
  'varuint 1700000000000': write((writer) => writeVarUint(writer, NOW)),
  'text né': write((writer) => writeVarString(writer, 'né')),
  'hello': encodeHello({ version: WIRE.version, deviceId: DEVICE, kind: 'laptop', name: 'A laptop', heartbeatIntervalMs: 30_000, awayAfterMs: 300_000, offlineAfterMs: 3_600_000, digest: '' }),
  'welcome': encodeWelcome({ version: WIRE.version, relayTime: NOW, relayNumber: 7, sessionNumber: 42, stored: new Map([['status', [NOW - 10_000, 0, DEVICE]]]) }),
  'liveness': encodeAwareness([{ clientId: 1, clock: 1, state: stateOf() }]),
  'keepalive': KEEPALIVE,
  'leave leaving': encodeLeave('leaving'),
  'leave gone': encodeLeave('gone'),
  'watch': encodeWatch([{ verb: 'join', id: 'team' }, { verb: 'watch', id: 'bob' }, { verb: 'ask', id: 'dave' }]),
  'notice forbidden': encodeNotice({ code: 'forbidden', subject: 'dave', message: 'You may not see this user.', retryAfterMs: 0 }),
  'notice draining': encodeNotice({ code: 'draining', subject: '', message: 'The relay is moving.', retryAfterMs: 8_000 }),
  'feed channel': feedFrame([encodeChannelName({ channelNumber: 1, channelId: 'team' })]),
  'feed introduce': feed({ number: 2, userId: 'bob', status: 'online', seen: 12, custom: ['In a meeting', '📅', 1_700_003_600_000], profile: ['Bob', null] }),
  'feed status': feed({ number: 2, status: 'dnd' }),
  'feed several': feed(
    { number: 2, status: 'away', idleMinutes: 5 }, { number: 131, status: 'offline' }, { number: 131, left: [1] }, { number: 2, custom: [null, null, null] },
  ),
  'feed unknown': feed({ number: 131, userId: 'dave', status: 'offline', isUnknown: true }),
  'feed forgotten': feed({ number: 2, isForgotten: true }),
  'page beginning': counts({ isBeginning: true }),
  'page counts': counts({ isBeginning: false }),
  'page request': encodePageRequest({ requestId: 9, channelId: 'team', statuses: ['online', 'away', 'dnd'], limit: 100, after: 'bob' }),
  'page rows': encodePage({ kind: 'rows', requestId: 9, entries: feed({ number: 12, userId: 'eve', status: 'online' }) }),
  'sync step1': sync(0, Y.encodeStateVector(new Y.Doc())),
  'sync step2 empty': sync(1, Y.encodeStateAsUpdate(new Y.Doc())),
  'stored': encodeStored(new Map([['custom', [NOW, 0, DEVICE]]])),
  ...written(),
  'feed devices': feed({
    number: OWN_NUMBER, devices: encodeDeviceRows([{
      id: DEVICE, name: 'A laptop', kind: 'laptop', status: 'online', isConnected: true, isPrimary: true, seenAgoMs: 0, inputAgoMs: 1_200, digest: '',
    }]),
  }),
  'device request': encodeDeviceRequest({ requestId: 4, deviceId: DEVICE, status: 'away' }),
  'device reply': encodeDeviceReply({ requestId: 4, isDone: true }),
  'auth': encodeAuth('eyJ.e.s'),
  'query awareness': encode(QUERY_AWARENESS, () => undefined),
}

function counts(flags: Pick<Page, 'isBeginning'>): Uint8Array {
  return encodePage({ kind: 'counts', page: { channelNumber: 1, counts: [3, 1, 0, 0], isComplete: true, isSettled: true, ...flags } })
}

/** As Yjs writes it, though without the deletion that it adds for a value that is replaced, and that the replacing implies. */
function written(): Record<string, Uint8Array> {
  const doc = new Y.Doc()
  doc.clientID = CLIENT
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  registerMap(doc).set(`status/${DEVICE}`, { at: [NOW, 0, DEVICE], value: { choice: 'dnd', expiresAt: null } })
  registerMap(doc).set(`status/${DEVICE}`, { at: [NOW, 1, DEVICE], value: { choice: 'auto', expiresAt: null } })
  return Object.fromEntries(['update first', 'update second'].map((name, index) => [name, sync(2, updates[index]!)]))
}

describe('the page of the wire', () => {
  const vectors = readVectors(page)
  const vectorOf = (name: string): Uint8Array => vectors.get(name)!

  it('has a vector for everything that is said', () => {
    expect([...vectors.keys()].sort()).toEqual(Object.keys(ours).sort())
  })

  it.each(Object.entries(ours))('has %s as the code writes it', (name, bytes) => {
    expect(hexOf(vectorOf(name))).toBe(hexOf(bytes))
  })

  it('numbers the messages', () => {
    const types = { 'sync': SYNC, 'awareness': AWARENESS, 'query awareness': QUERY_AWARENESS, ...TYPE }
    const rows = readTable(page, /^\| type \| name /)
    expect(Object.fromEntries(rows.map(([type, name]) => [name, Number(type)]))).toEqual(types)
  })

  it('numbers kinds and statuses', () => {
    for (const names of [KINDS, STATUSES]) {
      const lists = page.match(new RegExp(`0 ${names[0]},(?: [^ ]+ [^ ]+,)* \\d \\w+`, 'g')) ?? []
      expect(lists.length).toBeGreaterThan(0)
      expect(new Set(lists)).toEqual(new Set([names.map((name, index) => `${index} ${name}`).join(', ')]))
    }
  })

  it('numbers the operations of watching', () => {
    const rows = readTable(page, /^\| byte \| verb /)
    expect(rows).toHaveLength(7)
    for (const [byte, verb] of rows) expect(encodeWatch([{ verb: verb as WatchVerb, id: 'x' }])[2]).toBe(Number(byte))
  })

  it('numbers what is refused', () => {
    const rows = readTable(page, /^\| code \| name /)
    expect(rows).toHaveLength(7)
    for (const [code, name] of rows) expect(encodeNotice({ code: name as Notice['code'], subject: '', message: '', retryAfterMs: 0 })[1]).toBe(Number(code))
  })

  it('numbers the fields of the feed', () => {
    const fields: Readonly<Record<string, Omit<UserEntry, 'number'>>> = {
      name: { userId: 'x' }, status: { status: 'away' }, seen: { seen: null }, idle: { idleMinutes: null }, custom: { custom: [null, null, null] }, profile: { profile: [null, null] },
      channels: { joined: [1] }, active: { active: [null, null] }, devices: { devices: [] }, forgotten: { isForgotten: true },
    }
    const rows = readTable(page, /^\| flag \| field /)
    expect(rows.map(([, field]) => field)).toEqual(Object.keys(fields))
    for (const [flag, field] of rows) {
      const flags = write((writer) => writeVarUint(writer, Number(flag)))
      expect(hexOf(encodeEntry({ number: 1, ...fields[field!] })).startsWith(hexOf(Uint8Array.of(1, ...flags)))).toBe(true)
    }
  })

  it('[TM1] tells an example that our own reader reads so', () => {
    const reader = createFeedReader()
    for (const name of ['feed channel', 'feed unknown']) expect(reader.read(vectorOf(name), NOW).ok).toBe(true)
    const rows = readTable(page, /^\| frame \| read at /)
    expect(rows).toHaveLength(3)
    for (const [name, at, ...said] of rows) {
      const news = reader.read(vectorOf(name!.replaceAll('`', '')), Number(at))
      if (!news.ok) throw new Error(news.reason)
      const { status, lastSeen, idleSince, customStatus } = news.value.findLast(({ userId }) => userId === 'bob')!.told.projection
      expect([name, ...[status, lastSeen, idleSince, customStatus].map(String)]).toEqual([name, ...said])
    }
  })

  it('says what to do about every close code', () => {
    const rows = readTable(page, /^\| code \| what it says /).filter(([code]) => /^\d+$/.test(code!))
    const advice = new Map(rows.map(([code, , then]) => [Number(code), then!]))
    expect([...Object.values(CLOSE)].filter((code) => code >= 1_009 && !advice.has(code))).toEqual([])
    for (const [code, then] of advice) expect(then.includes('stay away'), `${code}: ${then}`).toBe(refusalOf(code) !== undefined)
  })

  it('knows the limits', () => {
    const rows = readTable(page, /^\| name \| \| of \|$/)
    expect(rows.length).toBeGreaterThan(20)
    const known: Readonly<Record<string, number | string>> = { ...LIMITS, ...WIRE, ...RELAY }
    for (const [name, value] of rows) expect([name, Number(value!.replaceAll(',', ''))]).toEqual([name, known[name!.replaceAll('`', '')]])
  })

  it('knows the rates', () => {
    const { requests: _overHttp, ...rates } = RATES
    const rows = readTable(page, /^\| name \| at once \| then a second /)
    expect(Object.fromEntries(rows.map(([name, burst, perSecond]) => [name!.replaceAll('`', ''), { burst: Number(burst!.replaceAll(',', '')), perSecond: Number(perSecond) }]))).toEqual(rates)
    // As its prose has them.
    expect([USER_SHARE, STRANGERS_RATE]).toEqual([{ burst: 10, perSecond: 3 }, { burst: 500, perSecond: 1 }])
  })

  it('[SY3] has digests that the code computes', () => {
    const status = [NOW, 0, DEVICE] as const
    const dnd: Registers = new Map([['status', { at: status, value: { choice: 'dnd', expiresAt: null } }]])
    const both: Registers = new Map([...dnd, ['custom', { at: [NOW, 1, DEVICE], value: { text: 'né', expiresAt: null, emoji: '📅' } }]])
    const rows = readTable(page, /^\| lines \| digest \|$/)
    expect(rows.map(([, digest]) => digest)).toEqual([new Map(), dnd, both].map((registers) => `\`${digestOf(registers, NOW)}\``))
  })

  it('has a liveness that the relay reads', () => {
    const entries = decodeAwareness(vectorOf('liveness'))
    expect(entries.ok && parseDeviceState(entries.value[0]!.state)).toMatchObject(stateOf())
  })

  it('has updates that the relay takes, one after the other', () => {
    const doc = new Y.Doc()
    const values: (JsonValue | undefined)[] = []
    for (const name of ['update first', 'update second']) {
      const message = gateSyncMessage(vectorOf(name))
      if (!message.ok) throw new Error(message.reason)
      Y.applyUpdate(doc, message.value.bytes)
      values.push(readRegisterMap(registerMap(doc)).winners.get('status')?.value)
    }
    expect(values).toEqual([{ choice: 'dnd', expiresAt: null }, { choice: 'auto', expiresAt: null }])
  })

  it('links to what is there', () => {
    const headings = new Set([...page.matchAll(/^#+ (.+)$/gm)].map(([, title]) => `#${title!.toLowerCase().replaceAll(' ', '-')}`))
    const links = [...page.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link!)
    expect(links.filter((link) => (link.startsWith('#') ? !headings.has(link) : !existsSync(docs + link.split('#')[0]!)))).toEqual([])
  })
})
