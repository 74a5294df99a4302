/** Somebody else's client: written from docs/PROTOCOL.md alone, with nothing of ours and nothing of Yjs. Shows a channel in a terminal. */
import { randomBytes } from 'node:crypto'
import { WebSocket } from 'ws'

const HELP = `node test/support/stranger-client.mjs URL USER TOKEN CHANNEL [WATCHED…]

Signs in to the relay at URL (ws://127.0.0.1:8787) as USER, joins CHANNEL, watches the users named, and prints
who is there at every change. A line typed in counts as input. Ctrl-C says goodbye. As USER - it only looks.
`
const TYPE = { sync: 0, awareness: 1, hello: 100, watch: 101, feed: 102, page: 104, leave: 107, notice: 109 }
const VERB = { watch: 0, join: 3, watchChannel: 5 }
const OWN_NUMBER = 1
const STATUSES = ['online', 'away', 'dnd', 'offline']
const ROUGHLY = ['recently', 'this-week', 'this-month', 'long-ago']
const [MINUTE_MS, HEARTBEAT_MS, AWAY_MS, OFFLINE_MS, SILENT_MS, LONGEST_REST_MS] = [60_000, 30_000, 300_000, 3_600_000, 18_000, 60_000]
/** Of a channel too large to be told whole. */
const ROWS = 50

const [url, user, token, channel, ...watched] = process.argv.slice(2)
if (process.argv.includes('--help') || channel === undefined) {
  process.stdout.write(HELP)
  process.exit(process.argv.includes('--help') ? 0 : 2)
}
const isVisitor = user === '-'
const deviceId = randomBytes(16).toString('base64url')
/** User id → { value, freshness, asOf }; what is known stays known without a connection. */
const people = new Map()
const members = new Set()
/** Numbers, and who was named, are of one connection. */
let connection = null
let tries = 0
let offsetMs = null
let restUntil = 0
const input = { at: steadyNow(), toldAt: 0, nextAt: 0, timer: undefined }
const screen = { text: '', timer: undefined }

function steadyNow() { return performance.timeOrigin + performance.now() }
function relayNow() { return steadyNow() + (offsetMs ?? 0) }
function say(message) { process.stderr.write(`${message}\n`) }
function refuse(reason) { throw new Error(reason) }

// Bytes. In a frame a number stands for a varuint, a string for a text.

const varuint = (value) => (value < 128 ? [value] : [(value % 128) + 128, ...varuint(Math.floor(value / 128))])
const sized = (bytes) => Buffer.concat([Buffer.from(varuint(bytes.length)), bytes])
const frame = (...parts) => Buffer.concat(parts.map((part) =>
  typeof part === 'number' ? Buffer.from(varuint(part)) : typeof part === 'string' ? sized(Buffer.from(part)) : part))

function createReader(buffer) {
  let at = 0
  const byte = () => (at < buffer.length ? buffer[at++] : refuse('it ends too early'))
  const number = (low = byte()) => (low < 128 ? low : low - 128 + 128 * number())
  const bytes = (length = number()) => (length <= buffer.length - at ? buffer.subarray(at, (at += length)) : refuse('it ends too early'))
  const text = () => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes())
  function list(readItem) {
    const items = []
    for (let left = number(); left > 0; left--) items.push(readItem())
    return items
  }
  return { byte, number: () => number(), bytes: () => bytes(), text, list, json: () => JSON.parse(text()), hasMore: () => at < buffer.length }
}

// The connection.

function connect() {
  tries++
  const socket = new WebSocket(url + (isVisitor ? '/watch' : `/user/${encodeURIComponent(user)}`), ['porchlight.v1', `bearer.${token}`], { perMessageDeflate: false })
  const here = { socket, numbers: new Map(), named: new Set(), channelNumber: null, counts: null, isTold: false, helloAt: 0, heardAt: steadyNow() }
  connection = here
  const watchdog = setInterval(() => { if (steadyNow() - here.heardAt > SILENT_MS) socket.terminate() }, 1_000)
  socket.on('open', () => {
    here.helloAt = steadyNow()
    send(TYPE.hello, 1, deviceId, 1, 'A terminal', HEARTBEAT_MS, AWAY_MS, OFFLINE_MS, '')
    tellLiveness()
  })
  socket.on('message', (data) => {
    here.heardAt = steadyNow()
    try {
      receive(createReader(data))
    } catch (error) {
      say(`A frame was dropped: ${error.message}.`)
    }
    show()
  })
  socket.on('error', (error) => say(error.message))
  socket.on('close', (code, reason) => {
    clearInterval(watchdog)
    lost(code, reason.toString())
  })
}

function send(...parts) { if (connection?.socket.readyState === WebSocket.OPEN) connection.socket.send(frame(...parts)) }

function lost(code, reason) {
  connection = null
  clearTimeout(input.timer)
  for (const person of people.values()) if (person.freshness === 'live') Object.assign(person, { freshness: 'stale', asOf: relayNow() })
  show()
  // Of these two could be mended, by a document or a token that we do not have.
  if (code >= 4_400 && code < 4_500) return end(1, `Refused with ${code}: ${reason}.`)
  const windowMs = Math.min(30_000, 3_000 * 2 ** Math.max(0, tries - 3))
  setTimeout(connect, Math.max(0, restUntil - steadyNow()) + Math.random() * windowMs)
}

function receive(reader) {
  switch (reader.number()) {
    // Here is no document: nothing to send, and what comes is not looked at.
    case TYPE.sync: return reader.number() === 0 ? send(TYPE.sync, 1, sized(Buffer.of(0, 0))) : undefined
    case TYPE.hello: return welcome(reader)
    case TYPE.feed: return readFeed(reader).forEach(take)
    case TYPE.page: return reader.byte() === 0 ? takeCounts(reader) : takeRows(reader)
    case TYPE.notice: return notice(reader)
    default: return undefined
  }
}

function welcome(reader) {
  const [, relayTime] = [reader.number(), reader.number()]
  const tripMs = steadyNow() - connection.helloAt
  const measuredMs = relayTime + tripMs / 2 - steadyNow()
  if (offsetMs === null || Math.abs(measuredMs - offsetMs) > tripMs / 2) offsetMs = measuredMs
  tries = 0
  restUntil = 0
  send(TYPE.watch, 1 + watched.length, isVisitor ? VERB.watchChannel : VERB.join, channel, ...watched.flatMap((id) => [VERB.watch, id]))
}

function notice(reader) {
  const [code, subject, message, retryAfterMs] = [reader.byte(), reader.text(), reader.text(), reader.number()]
  if (code === 0) restUntil = steadyNow() + Math.min(retryAfterMs, LONGEST_REST_MS)
  say(`${subject} ${message}`.trim())
}

// Liveness.

function tellLiveness() {
  clearTimeout(input.timer)
  if (isVisitor) return
  const state = { deviceId, sinceInputMs: Math.round(steadyNow() - input.at), locked: false, hidden: false, holds: [], override: null, digest: '' }
  send(TYPE.awareness, sized(frame(1, 1, 1, JSON.stringify(state))))
  input.toldAt = input.at
  input.nextAt = steadyNow() + Math.min(HEARTBEAT_MS, AWAY_MS / 3)
  if (input.nextAt < input.at + AWAY_MS) input.timer = setTimeout(tellLiveness, input.nextAt - steadyNow())
}
process.stdin.on('data', () => {
  input.at = steadyNow()
  if (input.toldAt + AWAY_MS <= input.nextAt) tellLiveness()
})

// The feed, and the channel.

function readFeed(reader) {
  const entries = []
  while (reader.hasMore()) entries.push(readEntry(reader))
  return entries
}

function readEntry(reader) {
  const number = reader.number()
  if (number === 0) return { channelNumber: reader.number(), channelId: reader.text() }
  const flags = reader.number()
  if (flags >= 1_024) refuse('it is of a newer version')
  const field = (flag, read) => (flags & flag ? read() : undefined)
  return {
    number, userId: field(1, reader.text), status: field(2, reader.byte), seen: field(4, reader.number), idle: field(8, reader.number),
    custom: field(16, reader.json), profile: field(32, reader.json), channels: field(64, () => reader.list(reader.number)) ?? [],
    active: field(128, reader.json), devices: field(256, reader.json), isForgotten: field(512, () => true),
  }
}

function take(entry) {
  const { numbers, named, channelNumber } = connection
  // Oneself, as one's own devices are told of it: nothing that is shown here.
  if (entry.number === OWN_NUMBER) return
  if (entry.channelId === channel) connection.channelNumber = entry.channelNumber
  if (entry.channelId !== undefined) return
  const value = changed(entry.userId === undefined ? numbers.get(entry.number) ?? refuse('somebody was not introduced') : nobody(entry.userId), entry)
  const { userId } = value
  numbers.set(entry.number, value)
  keep(value)
  if (entry.channels.includes(2 * channelNumber)) members.add(userId) && named.add(userId)
  if (entry.channels.includes(2 * channelNumber + 1)) members.delete(userId)
  if (entry.isForgotten || !(members.has(userId) || watched.includes(userId))) people.delete(userId)
}

function nobody(userId) {
  return { userId, status: 'offline', isUnknown: false, seen: null, roughly: null, idle: null, custom: [null, null, null], profile: [null, null] }
}

function changed(before, { userId, status, seen, idle, custom, profile }) {
  const minutesAgo = (minutes) => (Math.floor(relayNow() / MINUTE_MS) - minutes) * MINUTE_MS
  const after = { ...before, custom: custom ?? before.custom, profile: profile ?? before.profile }
  if (status !== undefined) Object.assign(after, { status: STATUSES[status % 4], isUnknown: status >= 4 })
  if (userId === undefined && after.status !== before.status) Object.assign(after, { idle: null, seen: before.seen === null ? null : minutesAgo(0) })
  if (seen !== undefined) Object.assign(after, { seen: seen < 5 ? null : minutesAgo(seen - 5), roughly: ROUGHLY[seen - 1] ?? null })
  if (idle !== undefined) after.idle = idle === 0 ? null : minutesAgo(idle - 1)
  return after
}

/** Of whom the relay does not know yet, the last known value stays. */
function keep(value) {
  const before = people.get(value.userId)
  if (!value.isUnknown) people.set(value.userId, { value, freshness: 'live', asOf: null })
  else if (!before || before.freshness === 'unknown') people.set(value.userId, { value, freshness: 'unknown', asOf: null })
  else Object.assign(before, { freshness: 'stale', asOf: before.asOf ?? relayNow() })
}

function takeCounts(reader) {
  const [number, counts, flags] = [reader.number(), reader.list(reader.number), reader.byte()]
  if (number !== connection.channelNumber) return
  const [isComplete, isSettled, isBeginning] = [1, 2, 4].map((flag) => (flags & flag) !== 0)
  if (isBeginning) connection.named = new Set()
  if (isBeginning && isComplete) return
  if (isComplete ? isSettled : isBeginning) stay(connection.named)
  if (!isComplete) send(TYPE.page, ROWS, channel, 1 + 2 + 4, ROWS, '')
  Object.assign(connection, { isTold: isSettled || !isComplete, counts: isComplete ? null : counts })
}

/** Of a large channel the first few are shown, as of now. */
function takeRows(reader) {
  const [, frameOfFeed] = [reader.number(), createReader(reader.bytes())]
  frameOfFeed.number()
  const rows = readFeed(frameOfFeed)
  stay(new Set(watched))
  for (const { userId } of rows) members.add(userId)
  rows.forEach(take)
}

function stay(userIds) {
  for (const userId of members) if (!userIds.has(userId)) members.delete(userId)
}

// What is shown.

function show() {
  clearTimeout(screen.timer)
  const userIds = [...new Set([...members, ...watched])].sort((a, b) => (a < b ? -1 : 1))
  const ends = userIds.map((id) => people.get(id)?.value.custom[2] ?? 0).filter((end) => end > relayNow())
  if (ends.length > 0) screen.timer = setTimeout(show, Math.min(Math.ceil(Math.min(...ends) - relayNow()), 2 ** 31 - 1))
  const count = connection?.counts?.reduce((sum, each) => sum + each, 0) ?? members.size
  const text = [`${channel} · ${count} here · ${connection?.isTold ? 'live' : 'stale'}`, ...userIds.map((id) => `  ${line(id)}`)].join('\n')
  if (text !== screen.text) process.stdout.write(`${text}\n\n`)
  screen.text = text
}

function line(userId) {
  const { value, freshness, asOf } = people.get(userId) ?? { value: nobody(userId), freshness: 'unknown', asOf: null }
  const { status, seen, roughly, idle, custom, profile: [name] } = value
  const [text, emoji, expiresAt] = custom[2] !== null && custom[2] <= relayNow() ? [null, null, null] : custom
  return [
    name === null ? userId : `${name} (${userId})`, status, members.has(userId) ? null : 'not here',
    idle !== null ? `idle since ${clock(idle)}` : seen !== null ? `since ${clock(seen)}` : roughly,
    [emoji, text].filter(Boolean).join(' '), expiresAt === null ? null : `until ${clock(expiresAt)}`,
    freshness === 'live' ? null : freshness, asOf === null ? null : `as of ${clock(asOf)}`,
  ].filter(Boolean).join(' · ')
}

function clock(time) { return new Date(time).toTimeString().slice(0, 5) }

function end(exitCode, message) {
  if (message !== undefined) say(message)
  process.exit(exitCode)
}
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    if (connection?.socket.readyState !== WebSocket.OPEN) return end(0)
    send(TYPE.leave, 1)
    connection.socket.removeAllListeners('close').on('close', () => end(0)).close(1_000)
  })
}
connect()
