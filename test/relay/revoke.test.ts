/** Taking back what was given, on open sockets (T8, T10, T13), and who may see whom (VS3, T7): a relay and our own clients. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket as NodeWebSocket } from 'ws'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { attachRelay } from '../../server/index.js'
import { signToken, type Grant } from '../../server/relay/sign-token.js'
import type { BrowserPresenceOptions, BuiltBrowserPresenceService, RelayOptions, ServerPresenceOptions } from '../../src/presence-service.js'
import { createFeedReader } from '../../src/protocol/feed-reader.js'
import { TYPE, decodeNotice, encodeAuth, encodeWatch } from '../../src/protocol/messages.js'
import { WAIT, helloOf, openClient, type HostileClient } from '../support/hostile-client.js'
import { openNodeTab } from '../support/node-tab.js'
import { SECRET, startRelay, type TestRelay } from '../support/relay.js'

const LAPTOP = 'laptop'.padEnd(22, '-')
/** T8, T10. */
const SOON = { timeout: 5_000, interval: 20 } as const

const stops: (() => unknown)[] = []
afterEach(async () => { for (const stop of stops.splice(0).reverse()) await stop() })

async function start(options: Partial<RelayOptions> = {}, storage: ServerPresenceOptions = {}): Promise<TestRelay> {
  const relay = await startRelay(storage, options)
  stops.push(relay.close)
  return relay
}
const tokenFor = (userId: string, grant: Partial<Grant> = {}): Promise<string> => signToken(SECRET, { userId, channels: '*', watch: '*', ttlMs: 600_000, ...grant })
const tokenId = (token: string): string => (JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { jti: string }).jti

/** Every byte that reached a client. */
const heard: Buffer[] = []
class ListeningWebSocket extends NodeWebSocket {
  constructor(url: string, protocols?: string[]) {
    super(url, protocols)
    this.on('message', (data: Buffer) => { heard.push(Buffer.from(data)) })
  }
}
function open(relay: TestRelay, userId: string, options: Partial<BrowserPresenceOptions> = {}): BuiltBrowserPresenceService {
  const service = openNodeTab({ userId, relayUrl: relay.url, token: () => tokenFor(userId), ...options })
  stops.push(() => service.close())
  return service
}
const isHere = (service: BuiltBrowserPresenceService): Promise<void> => vi.waitFor(async () => expect((await service.me.getSyncStatus()).connection.name).toBe('online'), WAIT)
async function greet(url: string, token: string, deviceId = LAPTOP): Promise<HostileClient> {
  const client = openClient(url, token)
  client.send(helloOf(deviceId))
  await client.heard(TYPE.hello)
  return client
}

describe('[T8] a watch that is revoked', () => {
  it('turns unknown within 5 s, and nothing about the person is heard from then on', async () => {
    const relay = await start()
    const alice = open(relay, 'alice')
    const bob = open(relay, 'bob', { WebSocket: ListeningWebSocket as never })
    await Promise.all([isHere(alice), isHere(bob)])
    const seen: string[] = []
    bob.subscribeTo('alice', ({ status, freshness }) => { seen.push(`${status} ${freshness}`) })
    await vi.waitFor(() => expect(bob.peek('alice')).toMatchObject({ status: 'online', freshness: 'live' }), WAIT)
    await alice.me.setCustomStatus('visible')
    await vi.waitFor(() => expect(bob.peek('alice')).toMatchObject({ customStatus: 'visible' }), WAIT)

    await relay.service.revoke({ watch: { userId: 'alice', by: 'bob' } })
    await vi.waitFor(() => expect(seen.at(-1)).toBe('offline unknown'), SOON)
    expect(bob.peek('alice')).toBeUndefined()

    const before = heard.length
    await alice.me.setCustomStatus('a secret')
    await alice.me.setStatus('dnd')
    await alice.me.sync()
    await vi.waitFor(async () => expect(await relay.service.getStatus('alice')).toMatchObject({ customStatus: 'a secret', status: 'dnd' }), WAIT)
    // Whatever was still to come has come by the time that this one has.
    bob.watch(['carol'])
    await vi.waitFor(() => expect(bob.peek('carol')).toBeDefined(), WAIT)
    const afterwards = Buffer.concat(heard.slice(before)).toString('latin1')
    expect(afterwards).not.toMatch(/secret|alice/)
    expect(seen.at(-1)).toBe('offline unknown')
  })

  it('goes on through a channel that both are in', async () => {
    const relay = await start()
    const [alice, bob] = [open(relay, 'alice', { channels: ['general'] }), open(relay, 'bob', { channels: ['general'] })]
    await Promise.all([isHere(alice), isHere(bob)])
    bob.watch(['alice'])
    await vi.waitFor(() => expect(bob.peek('alice')).toMatchObject({ status: 'online' }), WAIT)
    await relay.service.revoke({ watch: { userId: 'alice', by: 'bob' } })
    await alice.me.setStatus('dnd')
    await vi.waitFor(() => expect(bob.peek('alice')).toMatchObject({ status: 'dnd', freshness: 'live' }), WAIT)
  })
})

describe('[T10] what is revoked', () => {
  it.each<[what: string, grant: Partial<Grant>, revoked: (token: string) => object]>([
    ['a token', {}, (token) => ({ tokenId: tokenId(token) })],
    ['a user', {}, () => ({ userId: 'alice' })],
    ['a device, by its token', { deviceId: LAPTOP }, () => ({ deviceId: LAPTOP })],
    ['a device, by its own word', {}, () => ({ deviceId: LAPTOP })],
  ])('%s: its sockets close with 4401 within 5 s on every relay of the service, others stay, and the token is refused from then on', async (_, grant, revoked) => {
    const relay = await start()
    const server = createServer()
    const second = attachRelay(server, relay.service, { auth: { secret: SECRET } })
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
    stops.push(async () => {
      await second.drain({ withinMs: 0 })
      server.close()
    })
    const urls = [relay.url, `ws://127.0.0.1:${(server.address() as AddressInfo).port}`].map((url) => `${url}/user/alice`)
    const token = await tokenFor('alice', grant)
    const clients = await Promise.all(urls.map((url) => greet(url, token)))
    const bob = await greet(`${relay.url}/user/bob`, await tokenFor('bob'), 'phone'.padEnd(22, '-'))
    await relay.service.revoke(revoked(token))
    await vi.waitFor(() => expect(clients.map((client) => client.closed?.code)).toEqual([4_401, 4_401]), SOON)
    expect(bob.closed).toBeNull()
    for (const url of urls) {
      const replay = openClient(url, token)
      replay.send(helloOf(LAPTOP))
      expect(await replay.code()).toBe(4_401)
      expect(replay.frames).toEqual([])
    }
    const fresh = await greet(urls[0]!, await tokenFor('alice'))
    fresh.close()
    bob.close()
  })

  it('a token cannot come back by being renewed in band, nor be used over HTTP-like sign-ins without a device', async () => {
    const relay = await start()
    const stolen = await tokenFor('alice')
    await relay.service.revoke({ tokenId: tokenId(stolen) })
    const client = await greet(`${relay.url}/user/alice`, await tokenFor('alice'))
    client.send(encodeAuth(stolen))
    expect(await client.code()).toBe(4_401)
    const visitor = openClient(`${relay.url}/watch`, stolen)
    expect(await visitor.code()).toBe(4_401)
  })

  it('a person goes on with a fresh token by themselves, where the app still gives them one', async () => {
    const relay = await start()
    let tokens = 0
    const alice = open(relay, 'alice', { token: () => { tokens++; return tokenFor('alice') } })
    const states: string[] = []
    alice.on('connectionChange', ({ name }) => { states.push(name) })
    await isHere(alice)
    await relay.service.revoke({ userId: 'alice' })
    await vi.waitFor(() => expect(tokens).toBe(2), SOON)
    await vi.waitFor(() => expect(states.at(-1)).toBe('online'), WAIT)
    expect(states).not.toContain('refused')
  })

  it('a person is out, where it does not', async () => {
    const relay = await start()
    const token = await tokenFor('alice')
    const alice = open(relay, 'alice', { token: () => token })
    await isHere(alice)
    await relay.service.revoke({ userId: 'alice' })
    await vi.waitFor(async () => expect((await alice.me.getSyncStatus()).connection).toEqual({ name: 'refused', reason: 'unauthenticated' }), SOON)
  })

  it('stays so after a restart', async () => {
    const path = mkdtempSync(join(tmpdir(), 'porchlight-revoked-'))
    stops.push(() => rmSync(path, { recursive: true, force: true }))
    const [stolen, old] = [await tokenFor('alice'), await tokenFor('bob')]
    const first = await startRelay({ storage: 'level', path })
    await first.service.revoke({ tokenId: tokenId(stolen), userId: 'bob' })
    await first.close()
    const second = await start({}, { storage: 'level', path })
    for (const [userId, token] of [['alice', stolen], ['bob', old]] as const) expect(await openClient(`${second.url}/user/${userId}`, token).code()).toBe(4_401)
    for (const userId of ['alice', 'bob']) (await greet(`${second.url}/user/${userId}`, await tokenFor(userId))).close()
  })

  it.each([undefined, {}, { userid: 'alice' }, { userId: '' }, { watch: { userId: 'alice' } }])('of %j is a mistake, and said to be one', async (what) => {
    const relay = await start()
    await expect(relay.service.revoke(what as never)).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  it('by a service that is closed rejects', async () => {
    const relay = await startRelay()
    await relay.close()
    await expect(relay.service.revoke({ userId: 'alice' })).rejects.toMatchObject({ code: 'closed' })
  })
})

describe('[T13] a token', () => {
  it('that expires closes its socket within 5 s, whatever its bearer sends meanwhile', async () => {
    const relay = await start()
    const client = await greet(`${relay.url}/user/alice`, await tokenFor('alice', { ttlMs: 3_000 }))
    const sending = setInterval(() => client.send(Uint8Array.of(120)), 200)
    expect(await client.code()).toBe(4_401)
    clearInterval(sending)
  })

  it('that is fresh keeps its socket, and takes away what it does not allow any more', async () => {
    const relay = await start()
    await isHere(open(relay, 'alice', { channels: ['general'] }))
    const token = await tokenFor('bob', { ttlMs: 3_000 })
    const client = await greet(`${relay.url}/user/bob`, token)
    client.send(encodeWatch([{ verb: 'watch', id: 'alice' }, { verb: 'join', id: 'general' }]))
    await vi.waitFor(async () => expect(await relay.service.countOnlineUsers({ channelId: 'general' })).toBeGreaterThan(0), WAIT)
    await client.heard(TYPE.page)
    client.send(encodeAuth(await tokenFor('bob', { channels: [], watch: [] })))
    const [notice] = await client.heard(TYPE.notice)
    expect(decodeNotice(notice!)).toMatchObject({ ok: true, value: { code: 'forbidden', subject: 'general' } })
    await vi.waitFor(() => {
      const reader = createFeedReader()
      const news = client.frames.filter((frame) => frame[0] === TYPE.feed).flatMap((frame) => { const read = reader.read(frame, Date.now()); return read.ok ? read.value : [] })
      expect(news.findLast(({ userId }) => userId === 'alice')).toMatchObject({ isForgotten: true })
    }, WAIT)
    // Past the end of the first one.
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { exp: number }
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(exp * 1_000 + 1_000), { timeout: 6_000, interval: 100 })
    expect(client.closed).toBeNull()
    client.close()
  })
})

describe('[VS3] hooks', () => {
  it('of the app decide, and a person whom they refuse hears of it with its name', async () => {
    const friends = new Map([['bob', ['alice']]])
    const relay = await start({
      authorizeWatch: async (viewer, userId) => friends.get(viewer.userId)?.includes(userId) ?? false,
      authorizeJoin: (member, channelId) => channelId !== 'board' || member.userId === 'alice',
    })
    const [alice, bob] = [open(relay, 'alice', { channels: ['board'] }), open(relay, 'bob')]
    await Promise.all([isHere(alice), isHere(bob)])
    const errors: string[] = []
    bob.on('error', ({ code, subject }) => { errors.push(`${code} ${subject}`) })
    bob.watch(['alice', 'carol'])
    bob.join('board')
    bob.join('hall')
    await vi.waitFor(() => expect(bob.peek('alice')).toMatchObject({ status: 'online' }), WAIT)
    await vi.waitFor(() => expect(errors.sort()).toEqual(['forbidden board', 'forbidden carol']), WAIT)
    await expect(bob.getStatus('dave')).rejects.toMatchObject({ code: 'forbidden', subject: 'dave' })
    await vi.waitFor(async () => expect(await relay.service.countOnlineUsers({ channelId: 'hall' })).toBe(1), WAIT)
    expect(await relay.service.getOnlineUsers({ channelId: 'board' })).toMatchObject([{ userId: 'alice' }])
  })

  it('that are no functions, and options that nobody knows, are said to be so at once', async () => {
    const relay = await start()
    for (const options of [{ auth: { secret: SECRET }, authorizeWatch: 'no' }, { auth: { secret: SECRET }, authorizeWatches: () => true }, {}]) {
      expect(() => attachRelay(createServer(), relay.service, options as never)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
    }
  })
})
