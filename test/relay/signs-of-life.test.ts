/** What a relay tells whoever runs it: `startRelay` as the command calls it, in this process. */
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { RelayCommand } from '../../server/config.js'
import type { UserStore } from '../../server/hub/user-store.js'
import { signToken } from '../../server/relay/sign-token.js'
import { startRelay, type RelaySurroundings, type RunningRelay } from '../../server/start-relay.js'
import { createMemoryStore } from '../../server/store/memory-store.js'
import type { UserPresence } from '../../src/presence-service.js'
import { ask } from '../support/ask.js'
import { openNodeTab } from '../support/node-tab.js'
import { until } from '../support/until.js'

const SECRET = 'a secret of thirty-two bytes, or so'
interface Started {
  readonly relay: RunningRelay
  readonly port: number
  readonly lines: string[]
}
const running: RunningRelay[] = []
afterEach(async () => {
  for (const relay of running.splice(0)) await relay.stop()
})

async function start(over: Partial<RelayCommand> = {}, surroundings: Partial<RelaySurroundings> = {}): Promise<Started> {
  const lines: string[] = []
  const relay = await startRelay(
    { name: 'relay', host: '127.0.0.1', port: 0, store: { storage: 'memory' }, secret: SECRET, isDemo: false, logLevel: 'warn', drainMs: 0, ...over },
    { demoFolder: '', writeLog: (line) => { lines.push(line) }, ...surroundings },
  )
  running.push(relay)
  return { relay, port: Number(new URL(relay.url).port), lines }
}
const token = (userId: string, grant: { readonly channels?: '*'; readonly watch?: '*' } = {}): Promise<string> => signToken(SECRET, { userId, ttlMs: 600_000, ...grant })
const open = async (port: number, userId: string, over: object = {}) =>
  openNodeTab({ userId, relayUrl: `ws://127.0.0.1:${port}`, token: await token(userId, { channels: '*', watch: '*' }), ...over })
async function row(port: number, name: string): Promise<number | undefined> {
  const found = (await ask(port, 'GET', '/metrics')).body.split('\n').find((line) => line.startsWith(`${name} `))
  return found === undefined ? undefined : Number(found.split(' ').at(-1))
}

/** Takes what it is told to take, and ends when it is told to. */
function openStubbornStore() {
  const store = createMemoryStore()
  let takes = true
  let close: () => void = () => undefined
  const stubborn: UserStore = {
    ...store, save: async (userId, changes) => (takes ? store.save(userId, changes) : Promise.reject(new Error('ENOSPC: no space left on device'))),
    close: () => new Promise((resolve) => { close = () => void store.close().then(resolve) }),
  }
  return { openStore: async () => stubborn, take: (isTaken: boolean) => { takes = isTaken }, close: () => close() }
}

describe('/readyz', () => {
  it('answers 200 from the moment it listens', async () => {
    const { port } = await start()
    expect(await ask(port, 'GET', '/readyz')).toMatchObject({ status: 200, body: 'ok\n', headers: { 'cache-control': 'no-store' } })
    expect(await ask(port, 'HEAD', '/readyz')).toMatchObject({ status: 200, body: '' })
    expect(await ask(port, 'POST', '/readyz')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
  })

  it('[F13] says so while the store does not take writes, and when it does again; it is alive all the time', async () => {
    const store = openStubbornStore()
    const { port, lines, relay } = await start({}, { openStore: store.openStore })
    const alice = await open(port, 'alice')
    await until(() => alice.getSnapshot().sync.connection.name === 'online', 'alice is online')
    store.take(false)
    await alice.me.setCustomStatus('Written to a full disk')
    await until(async () => (await ask(port, 'GET', '/readyz')).status === 503, 'it is not ready')
    expect(JSON.parse((await ask(port, 'GET', '/readyz')).body)).toMatchObject({ status: 503, detail: 'The store does not take writes.' })
    expect(await ask(port, 'GET', '/healthz')).toMatchObject({ status: 200 })
    expect(await row(port, 'porchlight_store_save_duration_seconds_count{result="failed"}')).toBeGreaterThan(0)
    expect(JSON.parse(lines[0]!)).toMatchObject({ time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/), level: 'error', details: { cause: expect.stringContaining('ENOSPC') } })
    store.take(true)
    await until(async () => (await ask(port, 'GET', '/readyz')).status === 200, 'it is ready again')
    await alice.close()
    const stopping = relay.stop()
    await until(async () => await ask(port, 'GET', '/readyz').then(() => false, () => true), 'it has closed its port')
    store.close()
    await stopping
    running.length = 0
  })

  it('F16 says so while it drains, lets nobody in meanwhile, and is alive', async () => {
    const { port, relay } = await start({ drainMs: 1_000 })
    const [alice, bob] = [await open(port, 'alice'), await open(port, 'bob')]
    await until(() => [alice, bob].every((tab) => tab.getSnapshot().sync.connection.name === 'online'), 'both are online')
    const stopping = relay.stop()
    expect(JSON.parse((await ask(port, 'GET', '/readyz')).body)).toMatchObject({ status: 503, detail: 'The relay is draining.' })
    expect(await ask(port, 'GET', '/healthz')).toMatchObject({ status: 200 })
    const newcomer = new WebSocket(`ws://127.0.0.1:${port}/user/carol`, ['porchlight.v1', `bearer.${await token('carol')}`])
    expect(await new Promise((resolve) => { newcomer.on('error', ({ message }) => resolve(message)) })).toContain('503')
    await stopping
    running.length = 0
    await expect(ask(port, 'GET', '/healthz')).rejects.toThrow('ECONNREFUSED')
    await Promise.all([alice.close(), bob.close()])
  })
})

describe('a drain', () => {
  it('F16 does not wait for a store for ever, and says so', async () => {
    const store = openStubbornStore()
    const { relay, lines } = await start({}, { openStore: store.openStore })
    running.length = 0
    await expect(relay.stop()).rejects.toThrow('The store has not taken everything within 5 s.')
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ level: 'error', message: 'The store was not closed properly.' })
    store.close()
  }, 15_000)
})

describe('/metrics', () => {
  it('counts who is here, what is told, what is stored and what is refused', async () => {
    const { port } = await start()
    const [alice, bob] = [await open(port, 'alice', { channels: ['team'] }), await open(port, 'bob', { channels: ['team'] })]
    alice.watch(['bob', 'nobody'])
    await until(() => alice.peek('bob')?.status === 'online' && bob.peek('alice')?.status === 'online', 'they see each other')
    expect(await ask(port, 'GET', '/metrics')).toMatchObject({ status: 200, headers: { 'content-type': expect.stringContaining('text/plain; version=0.0.4'), 'cache-control': 'no-store' } })
    expect([await row(port, 'porchlight_connections'), await row(port, 'porchlight_devices'), await row(port, 'porchlight_watches'), await row(port, 'porchlight_users{status="online"}')]).toEqual([2, 2, 2, 2])
    const deliveries = await row(port, 'porchlight_feed_deliveries_total')
    const saves = await row(port, 'porchlight_store_save_duration_seconds_count{result="stored"}')
    await alice.me.setStatus('dnd')
    await until(() => bob.peek('alice')?.status === 'dnd', 'bob sees it')
    await alice.me.sync()
    expect(await row(port, 'porchlight_users{status="dnd"}')).toBe(1)
    expect(await row(port, 'porchlight_feed_deliveries_total')).toBeGreaterThan(deliveries!)
    expect(await row(port, 'porchlight_feed_bytes_total')).toBeGreaterThan(await row(port, 'porchlight_feed_writes_total') ?? NaN)
    expect(await row(port, 'porchlight_store_save_duration_seconds_count{result="stored"}')).toBeGreaterThan(saves!)

    await alice.me.setStatus('offline')
    await until(() => bob.peek('alice')?.status === 'offline', 'alice hides')
    expect([await row(port, 'porchlight_users{status="dnd"}'), await row(port, 'porchlight_connections')], '[VS2]').toEqual([0, 2])
    await ask(port, 'GET', '/v1/presence?user=alice')
    expect(await row(port, 'porchlight_refusals_total{reason="presence-401"}')).toBe(1)
    const stranger = new WebSocket(`ws://127.0.0.1:${port}/user/eve`, ['porchlight.v1', `bearer.${await token('eve')}`], { origin: 'https://evil.example' })
    await new Promise((resolve) => { stranger.on('error', resolve) })
    expect(await row(port, 'porchlight_refusals_total{reason="upgrade-403"}')).toBe(1)
    await Promise.all([alice.close(), bob.close()])
    await until(async () => await row(port, 'porchlight_connections') === 0, 'everybody has gone')
  })

  it('is not for the internet', async () => {
    const { port } = await start()
    expect(await ask(port, 'GET', '/metrics', { 'x-forwarded-for': '203.0.113.7' })).toMatchObject({ status: 403, body: expect.not.stringContaining('porchlight_') })
    expect(await ask(port, 'POST', '/metrics')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
  })

  it('I8 T15 counts what nobody caught; the relay goes on', async () => {
    const { port, relay, lines } = await start()
    relay.uncaught(new TypeError('x is not a function'))
    relay.uncaught('a text')
    expect(await row(port, 'porchlight_invariants_violated_total{invariant="I8"}')).toBe(2)
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ level: 'error', details: { error: { name: 'TypeError' } } }, { level: 'error', details: { error: 'a text' } }])
    expect(await ask(port, 'GET', '/readyz')).toMatchObject({ status: 200 })
  })
})

describe('/v1/presence', () => {
  const seen = async (port: number, as: string, ...userIds: readonly string[]) => {
    const answer = await ask(port, 'GET', `/v1/presence?${userIds.map((userId) => `user=${userId}`).join('&')}`, { authorization: `Bearer ${await token(as)}` })
    return JSON.parse(answer.body) as { users: UserPresence[]; refused: string[] }
  }

  it('[VS3] shows the visible members of channels that one’s devices are in, whatever else the token allows, and nobody else', async () => {
    const { port } = await start()
    const [alice, bob, carol] = [await open(port, 'alice', { channels: ['team'] }), await open(port, 'bob', { channels: ['team', 'other'] }), await open(port, 'carol', { channels: ['other'] })]
    await until(() => alice.peek('bob')?.status === 'online' && carol.peek('bob')?.status === 'online', 'they see each other')
    expect(await seen(port, 'alice', 'bob', 'carol', 'nobody', 'alice')).toMatchObject({ users: [{ userId: 'bob', status: 'online' }, { userId: 'alice' }], refused: ['carol', 'nobody'] })
    await bob.me.setStatus('offline')
    await until(() => alice.peek('bob')?.status === 'offline', 'bob hides')
    expect(await seen(port, 'alice', 'bob'), '[VS2] as though bob had closed').toEqual({ users: [], refused: ['bob'] })
    await Promise.all([alice.close(), bob.close(), carol.close()])
    expect((await seen(port, 'alice', 'carol')).refused).toEqual(['carol'])
  })

  it('[LV7] says unknown, just after a start, of whom it has not heard', async () => {
    const { port } = await start()
    const alice = await open(port, 'alice')
    await until(() => alice.getSnapshot().sync.connection.name === 'online', 'alice is online')
    const { authorization } = { authorization: `Bearer ${await token('bob', { watch: '*' })}` }
    const { users } = JSON.parse((await ask(port, 'GET', '/v1/presence?user=alice&user=absent', { authorization })).body) as { users: UserPresence[] }
    expect(users).toMatchObject([{ status: 'online', freshness: 'live' }, { status: 'offline', freshness: 'unknown' }])
    await alice.close()
  })
})
