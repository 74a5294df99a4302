/** FAULTS 4.1: what may arrive on a socket before any of it is a message. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { backstageOf } from '../../server/service/hubs.js'
import type { BuiltBrowserPresenceService } from '../../src/presence-service.js'
import { WAIT, helloOf, openClient, openRaw, rawFrame, upgradeRequest, type RawSocket } from '../support/hostile-client.js'
import { openNodeTab } from '../support/node-tab.js'
import { startRelay, type TestRelay } from '../support/relay.js'

const FIN = 0x80
const TEXT = 1
const BINARY = 2
const CLOSE = 8
const PING = 9
const PATH = '/user/mallory'

let relay: TestRelay
let canary: BuiltBrowserPresenceService
let token: string
beforeAll(async () => {
  relay = await startRelay()
  token = await relay.token('mallory')
  canary = openNodeTab({ userId: 'canary', relayUrl: relay.url, token: await relay.token('canary') })
})
afterAll(async () => {
  await canary.close()
  await relay.close()
})

let songs = 0
async function canarySings(): Promise<void> {
  await canary.me.setCustomStatus(`song ${++songs}`)
  await vi.waitFor(() => canary.me.sync(), WAIT)
  expect(await relay.service.getStatus('canary')).toMatchObject({ customStatus: `song ${songs}`, status: 'online' })
}
afterEach(canarySings)

/** A socket on which the relay waits for the first frame. */
async function openSocket(): Promise<RawSocket> {
  const raw = openRaw(relay.port)
  raw.send(upgradeRequest(PATH, token))
  expect(await raw.status()).toBe(101)
  return raw
}
const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values)
const closing = (code: number, reason: Uint8Array = bytes()): Buffer => rawFrame(FIN | CLOSE, bytes(code >> 8, code & 255, ...reason))

describe('a frame', () => {
  it.each<[what: string, code: number | readonly number[], frames: readonly Uint8Array[]]>([
    ['[W1] of text -1', 4_400, [rawFrame(FIN | TEXT, '-1')]],
    ['[W2] of text', 4_400, [rawFrame(FIN | TEXT, 'hello')]],
    ['[W2] of empty text', 4_400, [rawFrame(FIN | TEXT, '')]],
    ['[W2] of text 4000000000', 4_400, [rawFrame(FIN | TEXT, '4000000000')]],
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, number, Uint8Array[]] => [`[W3] of opcode ${opcode}`, 1_002, [rawFrame(FIN | opcode, 'x')]]),
    ['[W4] with RSV1, and no extension', 1_002, [rawFrame(FIN | 0x40 | BINARY, 'x')]],
    ['[W4] with RSV2', 1_002, [rawFrame(FIN | 0x20 | BINARY, 'x')]],
    ['[W4] with RSV3', 1_002, [rawFrame(FIN | 0x10 | BINARY, 'x')]],
    ['[W5] that is not masked', 1_002, [rawFrame(FIN | BINARY, 'x', { isMasked: false })]],
    ['[W6] that is a ping of 126 bytes', 1_002, [rawFrame(FIN | PING, 'x'.repeat(126))]],
    ['[W6] that is a ping in pieces', 1_002, [rawFrame(PING, 'x')]],
    ['[W7] that goes on with nothing', 1_002, [rawFrame(FIN, 'x')]],
    ['[W7] that begins inside another', 1_002, [rawFrame(BINARY, 'x'), rawFrame(FIN | BINARY, 'x')]],
    ['[W8] of text that is not UTF-8', 1_007, [rawFrame(FIN | TEXT, bytes(0xff, 0xfe))]],
    ['[W8] that closes with 999', 1_002, [closing(999)]],
    ['[W8] that closes with 1006', 1_002, [closing(1_006)]],
    ['[W8] that closes with one byte', 1_002, [rawFrame(FIN | CLOSE, bytes(3))]],
    ['[W8] that closes with a reason that is not UTF-8', 1_007, [closing(1_000, bytes(0xff))]],
    ['[W9] of 64 KiB and a byte, declared', 1_009, [rawFrame(FIN | BINARY, '', { declaredBytes: 65_537n })]],
    ['[W9] of 101 MiB, declared', 1_009, [rawFrame(FIN | BINARY, '', { declaredBytes: 105_906_176n })]],
    ['[W9] of 2^63, declared', 1_009, [rawFrame(FIN | BINARY, '', { declaredBytes: 2n ** 63n })]],
    ['[W9] of 64 KiB and more, in pieces', 1_009, [rawFrame(BINARY, bytes()), ...Array.from({ length: 66 }, () => rawFrame(0, new Uint8Array(1_000)))]],
    ['[W12] of nothing', 4_400, [rawFrame(FIN | BINARY, '')]],
    ['[W15] of deflate, which was not agreed on', 1_002, [rawFrame(FIN | 0x40 | BINARY, bytes(0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00))]],
    ['[W17] of garbage', 1_002, [Buffer.from('GET / HTTP/1.1\r\n\r\n'.repeat(20))]],
  ])('%s ends its socket with %j', async (_, code, frames) => {
    const raw = await openSocket()
    frames.forEach(raw.send)
    expect(await raw.code()).toBe(code)
    raw.end()
    expect((await relay.service.getStatus('mallory')).status).toBe('offline')
  })

  it('[W1] of text ends the session before what comes behind it', async () => {
    const raw = await openSocket()
    // A stock client's first word, by which it would appear.
    raw.send(Buffer.concat([rawFrame(FIN | TEXT, '-1'), rawFrame(FIN | BINARY, bytes(0, 0, 1, 0))]))
    expect(await raw.code()).toBe(4_400)
    raw.end()
    expect((await relay.service.getStatus('mallory')).status).toBe('offline')
  })

  it('[W15] is never offered an extension', async () => {
    const raw = openRaw(relay.port)
    raw.send(upgradeRequest(PATH, token, ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits']))
    expect(await raw.status()).toBe(101)
    expect(raw.received().toString('latin1').toLowerCase()).not.toContain('sec-websocket-extensions')
    raw.end()
  })
})

it('[T15] 300 invalid frames hurt nobody', async () => {
  const kinds = [rawFrame(FIN | TEXT, '-1'), rawFrame(FIN | 3, 'x'), rawFrame(FIN | 0x40 | BINARY, 'x'), rawFrame(FIN | BINARY, 'x', { isMasked: false }), rawFrame(FIN | PING, 'x'.repeat(126)), closing(999)]
  for (let round = 0; round < 20; round++) {
    const sockets = await Promise.all(Array.from({ length: 15 }, openSocket))
    sockets.forEach((raw, index) => raw.send(kinds[index % kinds.length]!))
    expect(new Set(await Promise.all(sockets.map((raw) => raw.code())))).toEqual(new Set([4_400, 1_002]))
    sockets.forEach((raw) => raw.end())
    await canarySings()
  }
})

describe('an upgrade', () => {
  it.each(['/', '/..%2f..', '/%00', `/user/${'x'.repeat(8_192)}`, '/__proto__', '/constructor', '/user/__proto__', '/user/constructor', '/uѕer/mallory', '//evil', '//evil/user/mallory', '/user/mallory/', '/user/%00', '/user/%ff'])('[W16] to %j finds no room', async (path) => {
    const raw = openRaw(relay.port)
    raw.send(Buffer.from(upgradeRequest(path, token), 'utf8'))
    // Bytes outside ASCII are no URL at all.
    expect([400, 404]).toContain(await raw.status())
    raw.end()
  })

  it.each<[what: string, request: string]>([
    ['[W13] of 2,000 headers', upgradeRequest('/user/eve', 'TOKEN', Array.from({ length: 2_000 }, (_, index) => `X-${index}: y`))],
    ['[W13] of a header of 64 KB', upgradeRequest('/user/eve', 'TOKEN', [`X: ${'y'.repeat(65_536)}`])],
    ['[W13] of HTTP/1.0', upgradeRequest('/user/eve', 'TOKEN').replace('HTTP/1.1', 'HTTP/1.0').replace('Sec-WebSocket-Key', 'X')],
    ['[W13] of version 12', upgradeRequest('/user/eve', 'TOKEN').replace('Version: 13', 'Version: 12')],
    ['[W13] with two keys', upgradeRequest('/user/eve', 'TOKEN', ['Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='])],
    ['[W13] without a key', upgradeRequest('/user/eve', 'TOKEN').replace(/Sec-WebSocket-Key.*\r\n/, '')],
    ['[W13] by POST', upgradeRequest('/user/eve', 'TOKEN').replace('GET', 'POST')],
    ['[W14] from nobody', upgradeRequest('/user/eve', 'TOKEN', ['Origin: null'])],
    ['[W14] from a host that begins like ours', upgradeRequest('/user/eve', 'TOKEN', ['Origin: http://127.0.0.1.evil.com'])],
    ['[W14] from a host in capitals', upgradeRequest('/user/eve', 'TOKEN', ['Origin: HTTP://EXAMPLE.COM'])],
  ])('%s is refused, and leaves nothing in memory', async (_, request) => {
    const raw = openRaw(relay.port)
    raw.send(request.replace('TOKEN', await relay.token('eve')))
    expect([400, 403, 405, 431]).toContain(await raw.status())
    raw.end()
    const { hub } = await backstageOf(relay.service)!.opening
    await vi.waitFor(() => expect(hub.find('eve')).toBeUndefined(), WAIT)
  })

  it('[W17] over and over on one socket ends it', async () => {
    const raw = openRaw(relay.port)
    raw.send(upgradeRequest(PATH, token).repeat(50))
    expect(await raw.status()).toBe(101)
    expect([1_002, 1_006]).toContain(await raw.code())
    raw.end()
  })

  it('[F16] during a drain is turned away, so that its client tries another relay', async () => {
    const draining = await startRelay()
    const mute = openRaw(draining.port)
    mute.send(upgradeRequest('/user/eve', await draining.token('eve')))
    expect(await mute.status()).toBe(101)
    // Until one who does not answer a close frame is given up.
    const drained = draining.close()
    const late = openRaw(draining.port)
    late.send(upgradeRequest('/user/eve', await draining.token('eve')))
    expect([await late.status(), await mute.code()]).toEqual([503, 1_012])
    mute.end()
    late.end()
    await drained
  })

  it.each<[what: string, path: string, signsIn: boolean, code: number]>([
    ['[J12] to another person\'s room', '/user/alice', true, 4_403],
    ['[J12] to another person\'s room, spelled otherwise', '/user/%61lice', true, 4_403],
    ['[S21] to the room of watchers, without a token', '/watch', false, 4_401],
    ['[S21] without a token', '/user/mallory', false, 4_401],
  ])('%s is accepted, and closed with its reason', async (_, path, signsIn, code) => {
    const client = openClient(relay.url + path, signsIn ? token : null)
    client.send(helloOf('d'.repeat(22)))
    expect([await client.code(), client.frames]).toEqual([code, []])
  })
})
