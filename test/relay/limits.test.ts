/** How many sockets, how fast, and how slow (FAULTS T14, T20–T22, W10, W11): a relay as an app has it, and what it does to others. */
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT, generateKeyPair } from 'jose'
import { WebSocket } from 'ws'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { NO_METER } from '../../server/hub/meter.js'
import { attachRelay } from '../../server/relay/attach-relay.js'
import { createServerPresenceService } from '../../server/service/create-presence-service.js'
import { backstageOf } from '../../server/service/hubs.js'
import { createNodeClock } from '../../server/service/node-clock.js'
import { createMemoryStore } from '../../server/store/memory-store.js'
import { DEFAULT_POLICY } from '../../src/model/arguments.js'
import type { BuiltBrowserPresenceService } from '../../src/presence-service.js'
import { encodeAwareness } from '../../src/protocol/awareness-frames.js'
import { TYPE, encodeWatch } from '../../src/protocol/messages.js'
import { WAIT, helloOf, openClient, openRaw, rawFrame, upgradeRequest, type RawSocket } from '../support/hostile-client.js'
import { openNodeTab } from '../support/node-tab.js'
import { SECRET, startRelay, type TestRelay } from '../support/relay.js'
import { startRelayProcess, type RelayProcess } from '../support/relay-process.js'

const LAPTOP = 'laptop'.padEnd(22, '-')
const FIN_BINARY = 0x82

let relay: TestRelay
let canary: BuiltBrowserPresenceService
beforeAll(async () => {
  relay = await startRelay()
  canary = openNodeTab({ userId: 'canary', relayUrl: relay.url, token: await relay.token('canary') })
})
afterAll(async () => {
  await canary.close()
  await relay.close()
})
let silent: Server | null = null
afterAll(() => {
  silent?.closeAllConnections()
  silent?.close()
})
/** Where keys may be asked for, and never come. */
async function silentServer(): Promise<string> {
  const server = silent = createServer(() => undefined)
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
}
const keyedToken = async (): Promise<string> => new SignJWT({ sub: 'mallory', exp: Math.floor(Date.now() / 1_000) + 60 }).setProtectedHeader({ alg: 'ES256', kid: 'a' }).sign((await generateKeyPair('ES256')).privateKey)
const residentBytes = (pid: number): number => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024

let songs = 0
afterEach(canarySings)
/** An honest person still gets through. */
async function canarySings(): Promise<void> {
  await canary.me.setCustomStatus(`song ${++songs}`)
  await vi.waitFor(() => canary.me.sync(), WAIT)
  expect(await relay.service.getStatus('canary')).toMatchObject({ customStatus: `song ${songs}`, status: 'online' })
}

async function openSocket(userId: string, headers: readonly string[] = []): Promise<RawSocket> {
  const raw = openRaw(relay.port)
  raw.send(upgradeRequest(`/user/${userId}`, await relay.token(userId), headers))
  expect(await raw.status()).toBe(101)
  return raw
}
const hasEnded = (raw: RawSocket, withinMs: number): Promise<void> => vi.waitFor(() => expect(raw.isOver()).toBe(true), { timeout: withinMs, interval: 20 })

describe('connections', () => {
  it('[T22] of one user: of 2,000 twenty live, and others are not concerned', async () => {
    const token = await relay.token('mallory')
    const sockets: WebSocket[] = []
    const codes: number[] = []
    for (let from = 0; from < 2_000; from += 100) {
      await Promise.all(Array.from({ length: 100 }, () => new Promise<void>((resolve) => {
        const ws = new WebSocket(`${relay.url}/user/mallory`, ['porchlight.v1', `bearer.${token}`])
        sockets.push(ws)
        ws.on('open', () => setTimeout(resolve, 20))
        ws.on('error', () => resolve())
        ws.on('close', (code) => {
          codes.push(code)
          resolve()
        })
      })))
    }
    await vi.waitFor(() => expect(codes).toHaveLength(1_980), WAIT)
    expect(new Set(codes)).toEqual(new Set([4_529]))
    expect(sockets.filter(({ readyState }) => readyState === WebSocket.OPEN)).toHaveLength(20)
    const alice = openClient(`${relay.url}/user/alice`, await relay.token('alice'))
    alice.send(helloOf(LAPTOP))
    await alice.heard(TYPE.hello)
    alice.close()
    sockets.forEach((ws) => ws.terminate())
    // Their places are free again.
    await vi.waitFor(async () => {
      const again = openClient(`${relay.url}/user/mallory`, token)
      again.send(helloOf(LAPTOP))
      await again.heard(TYPE.hello)
      again.close()
    }, WAIT)
  }, 60_000)

  it('[T14] that wait for their sign-in: fifty from one address, and an address is what the nearest proxy says', async () => {
    const stuck = await startRelay({}, { auth: { jwksUrl: await silentServer() } })
    const from = async (address: string): Promise<RawSocket> => {
      const raw = openRaw(stuck.port)
      raw.send(upgradeRequest('/user/mallory', await keyedToken(), [`X-Forwarded-For: 203.0.113.9, ${address}`]))
      return raw
    }
    const waiting = await Promise.all(Array.from({ length: 50 }, () => from('198.51.100.1')))
    const [late, other] = [await from('198.51.100.1'), await from('198.51.100.2')]
    expect(await late.status()).toBe(429)
    // Whoever waits is not kept waiting for longer than 5 s, and learns that it is not its fault.
    const begunAt = performance.now()
    expect(new Set(await Promise.all([...waiting, other].map((raw) => raw.code())))).toEqual(new Set([1_013]))
    expect(performance.now() - begunAt).toBeLessThan(6_000)
    for (const raw of [...waiting, late, other]) raw.end()
    await stuck.close()
  }, 30_000)

  it('[T14] that talk before they are asked to are let go', async () => {
    const said = [rawFrame(FIN_BINARY, helloOf(LAPTOP)), ...Array.from({ length: 10 }, () => rawFrame(FIN_BINARY, Uint8Array.from({ length: 1_000 }, () => 120)))]
    const request = Buffer.from(upgradeRequest('/user/mallory', await relay.token('mallory')))
    const [patient, rash] = [openRaw(relay.port), openRaw(relay.port)]
    patient.send(request)
    expect(await patient.status()).toBe(101)
    patient.send(Buffer.concat(said))
    rash.send(Buffer.concat([request, ...said]))
    await hasEnded(rash, 3_000)
    // Not a frame: nothing of what it said was looked at.
    expect(rash.received().toString('latin1')).toMatch(/^HTTP\/1\.1 101 [^]*\r\n\r\n$/)
    expect(patient.isOver()).toBe(false)
    patient.end()
    rash.end()
  })

  it('[T14] whose person cannot be read from the store are not kept waiting for longer than 5 s', async () => {
    const store = createMemoryStore()
    let load: () => void = () => undefined
    const isLoaded = new Promise<void>((resolve) => { load = resolve })
    const service = createServerPresenceService({
      openStore: async () => ({ ...store, load: (userId) => (userId === 'slow' ? isLoaded.then(() => store.load(userId)) : store.load(userId)) }),
      policy: DEFAULT_POLICY, clock: createNodeClock(), log: () => undefined, meter: NO_METER,
    })
    const server = createServer()
    const attached = attachRelay(server, service, { auth: { secret: SECRET } })
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
    const client = openClient(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/user/slow`, await relay.token('slow'))
    expect(await client.code()).toBe(1_013)
    load()
    const { hub } = await backstageOf(service)!.opening
    await vi.waitFor(() => expect(hub.find('slow')).toBeUndefined(), WAIT)
    await attached.drain({ withinMs: 0 })
    await service.close()
    server.close()
  }, 20_000)

  it('[S21] that are refused and do not answer are gone after 2 s', async () => {
    const raw = openRaw(relay.port)
    raw.send(upgradeRequest('/user/mallory', null))
    expect(await raw.code()).toBe(4_401)
    await hasEnded(raw, 3_500)
    raw.end()
  })

  it('that are closed and do not answer are gone after 2 s', async () => {
    const raw = await openSocket('mallory')
    raw.send(rawFrame(FIN_BINARY, Uint8Array.of(99)))
    expect(await raw.code()).toBe(4_400)
    await hasEnded(raw, 3_500)
    raw.end()
  })
})

describe('messages', () => {
  it.each<[what: string, bytes: Buffer]>([
    ['[W11] of 60 KiB of which ten bytes come', rawFrame(FIN_BINARY, new Uint8Array(10), { declaredBytes: 61_440n })],
    ['[W11] behind a whole one, in one go', Buffer.concat([rawFrame(FIN_BINARY, helloOf(LAPTOP)), rawFrame(FIN_BINARY, new Uint8Array(10), { declaredBytes: 61_440n })])],
    ['[W11] of which the header comes', rawFrame(FIN_BINARY, '', { declaredBytes: 100n })],
    ['[W11] of which half the header comes', Buffer.from([FIN_BINARY])],
  ])('%s, and nothing after, end their socket after 10 s', async (_, bytes) => {
    const raw = await openSocket('mallory')
    const begunAt = performance.now()
    raw.send(bytes)
    const [code] = await Promise.all([raw.code(12_000), hasEnded(raw, 15_000)])
    expect(code).toBe(4_508)
    expect(performance.now() - begunAt).toBeGreaterThan(8_000)
    raw.end()
  }, 30_000)

  it('[W11] in parts that never end are ended too, whatever is answered in between', async () => {
    const raw = await openSocket('mallory')
    raw.send(rawFrame(0x02, Uint8Array.of(0)))
    const answering = setInterval(() => raw.send(rawFrame(0x8a, '')), 500)
    expect(await raw.code(14_000)).toBe(4_508)
    clearInterval(answering)
    raw.end()
  }, 30_000)

  it.each<[what: string, part: Buffer]>([['of one byte', rawFrame(0, Uint8Array.of(0))], ['of nothing', rawFrame(0, '')]])('[W10] in 300,000 parts %s are refused before they cost anything', async (_, part) => {
    const raw = await openSocket('mallory')
    const before = process.memoryUsage().rss
    raw.send(rawFrame(0x02, Uint8Array.of(0)))
    const parts = Buffer.concat(Array.from({ length: 1_000 }, () => part))
    for (let sent = 0; sent < 300 && !raw.isOver(); sent++) {
      raw.send(parts)
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    expect([1_008, 1_009, 1_006]).toContain(await raw.code())
    expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000)
    raw.end()
  })

  it('[T20] at 2,000 a second: their sender is sent away for a while, again and again, and others hear of each other as ever', async () => {
    const token = await relay.token('mallory')
    const end = performance.now() + 3_000
    const codes: number[] = []
    while (performance.now() < end) {
      const mallory = openClient(`${relay.url}/user/mallory`, token)
      mallory.send(helloOf(LAPTOP))
      for (let index = 0; index < 40 && mallory.closed === null; index++) {
        mallory.send(...Array.from({ length: 50 }, (_, clock) => encodeAwareness([{ clientId: 1, clock, state: { deviceId: LAPTOP, override: clock % 2 === 0 ? 'dnd' : 'away' } }])))
        await new Promise((resolve) => { setTimeout(resolve, 25) })
      }
      codes.push(await mallory.code())
      const begunAt = performance.now()
      await relay.service.setCustomStatus('singer', `${codes.length}`)
      expect(performance.now() - begunAt).toBeLessThan(1_000)
    }
    expect(new Set(codes)).toEqual(new Set([4_529]))
  }, 30_000)

  it('[T20] that are pongs nobody asked for count, too', async () => {
    const raw = await openSocket('mallory')
    raw.send(rawFrame(FIN_BINARY, helloOf(LAPTOP)))
    raw.send(Buffer.concat(Array.from({ length: 1_300 }, () => rawFrame(0x8a, ''))))
    expect(await raw.code()).toBe(4_529)
    raw.end()
  })
})

describe('[T14, T22] a relay in a process of its own', () => {
  let own: RelayProcess
  beforeAll(async () => {
    own = await startRelayProcess()
    // So that its code is compiled, and its heap as large as it is in everyday use.
    const token = await own.token('mallory')
    for (let round = 0; round < 20; round++) {
      const clients = Array.from({ length: 20 }, (_, index) => openClient(`${own.url}/user/mallory`, index % 2 === 0 ? token : null))
      clients.forEach((client) => client.send(helloOf(LAPTOP), new Uint8Array(60_000)))
      await Promise.all(clients.map((client) => client.code()))
    }
  }, 60_000)
  afterAll(() => own.close())

  it.each<[what: string, signsIn: boolean]>([['before they sign in', false], ['once they are signed in', true]])('does not grow with twenty connections that send half of 5 MiB, %s, and ends them within 5 s', async (_, signsIn) => {
    const token = await own.token('mallory')
    const before = residentBytes(own.pid())
    const half = rawFrame(FIN_BINARY, new Uint8Array(2_500_000), { declaredBytes: 5_242_880n })
    const raws = Array.from({ length: 20 }, () => openRaw(own.port))
    for (const raw of raws) raw.send(upgradeRequest('/user/mallory', signsIn ? token : null))
    if (signsIn) for (const raw of raws) expect(await raw.status()).toBe(101)
    for (const raw of raws) raw.send(half)
    const begunAt = performance.now()
    let most = 0
    await Promise.all(raws.map(async (raw) => {
      expect([1_009, 4_401]).toContain(await raw.code())
      most = Math.max(most, residentBytes(own.pid()) - before)
      await hasEnded(raw, 5_000)
    }))
    expect(performance.now() - begunAt).toBeLessThan(5_000)
    expect(most).toBeLessThan(10_000_000)
    raws.forEach((raw) => raw.end())
  }, 30_000)
})

describe('[T21] a socket that is not read', () => {
  it('is ended once more than a megabyte has waited for 5 s', async () => {
    const channels = Array.from({ length: 40 }, (_, index) => `hall ${index}`)
    const guests = Array.from({ length: 100 }, (_, index) => `guest ${index}`)
    // A look around is more than two megabytes, and what lies between two ends of a socket takes a few of them.
    const stops = await Promise.all(guests.map(async (userId) => {
      await relay.service.setProfile(userId, { name: userId, avatarUrl: `https://a.example/${'x'.repeat(380)}` })
      await relay.service.setCustomStatus(userId, 'y'.repeat(128))
      return [relay.service.holdActive(userId, 'here'), ...channels.map((channelId) => relay.service.join(channelId, { userId }))]
    }))
    const raw = await openSocket('mallory')
    raw.send(rawFrame(FIN_BINARY, helloOf(LAPTOP)))
    raw.stopReading()
    // It is not silent; it only does not read.
    const talking = setInterval(() => raw.send(rawFrame(0x8a, '')), 200)
    const around = (verb: 'watch-channel' | 'unwatch-channel'): Buffer => rawFrame(FIN_BINARY, encodeWatch(channels.map((id) => ({ verb, id }))))
    for (let round = 0; round < 20; round++) {
      raw.send(Buffer.concat([around('unwatch-channel'), around('watch-channel')]))
      await new Promise((resolve) => { setTimeout(resolve, 50) })
    }
    const begunAt = performance.now()
    await hasEnded(raw, 12_000)
    expect(performance.now() - begunAt).toBeGreaterThan(3_000)
    clearInterval(talking)
    raw.end()
    stops.flat().forEach((stop) => stop())
  }, 40_000)
})
