/** `GET /v1/presence`, on the Node service and a real HTTP server. */
import type { Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createHttpServer, type HttpHandler } from '../../server/http/http-server.js'
import { createPresenceEndpoint } from '../../server/http/presence.js'
import { NO_METER } from '../../server/hub/meter.js'
import { createAuthenticator } from '../../server/relay/authenticate.js'
import { isCompanion } from '../../server/relay/companions.js'
import { createPermissions } from '../../server/relay/permissions.js'
import { createSignIn } from '../../server/relay/sign-in.js'
import { signToken } from '../../server/relay/sign-token.js'
import { createServerPresenceService } from '../../server/service/create-presence-service.js'
import { backstageOf } from '../../server/service/hubs.js'
import { createMemoryStore } from '../../server/store/memory-store.js'
import { DEFAULT_POLICY } from '../../src/model/arguments.js'
import type { BuiltServerPresenceService, UserPresence } from '../../src/presence-service.js'
import { createManualClock, type ManualClock } from '../../testing/manual-clock.js'
import { ask, type Answer } from '../support/ask.js'
import { until } from '../support/until.js'

const SECRET = 'a secret of thirty-two bytes, or so'
const NOW = 1_700_000_040_000
let clock: ManualClock
let service: BuiltServerPresenceService
let server: Server
let counts: string[]

beforeEach(() => { counts = [] })
beforeAll(async () => {
  clock = createManualClock(NOW)
  service = createServerPresenceService({ openStore: async () => createMemoryStore(), policy: DEFAULT_POLICY, clock, log: () => undefined, meter: NO_METER })
  server = createHttpServer([await endpointOf(service)])
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  await service.setDeviceStatus('alice', 'laptop', 'online')
  await service.setCustomStatus('alice', 'Reviewing', { emoji: '👀' })
  await service.setDeviceStatus('bob', 'phone', 'online')
  await service.setStatus('bob', 'dnd')
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => { server.close(resolve) })
  await service.close()
})

async function endpointOf(of: BuiltServerPresenceService): Promise<HttpHandler> {
  const { hub, revocations, budgets } = await backstageOf(of)!.opening
  const count = (reason: string): void => { counts.push(reason) }
  return createPresenceEndpoint({
    signIn: createSignIn(createAuthenticator({ secret: SECRET }, clock.now), async () => revocations), budgets, getStatuses: of.getStatuses, now: clock.now, count,
    mayWatch: createPermissions({ hooks: {}, clock, log: () => undefined, count }).mayWatch, isCompanion: (viewerId, userId) => isCompanion(hub, viewerId, userId),
  })
}

const port = (): number => (server.address() as AddressInfo).port
const bearer = async (userId: string, watch: '*' | readonly string[] = '*'): Promise<{ authorization: string }> =>
  ({ authorization: `Bearer ${await signToken(SECRET, { userId, watch, ttlMs: 600_000 }, clock.now())}` })
const get = async (query: string, headers: Readonly<Record<string, string>>): Promise<Answer> => ask(port(), 'GET', `/v1/presence${query}`, headers)
const rows = ({ body }: Answer) => JSON.parse(body) as { users: UserPresence[]; refused: string[] }

describe('presence over HTTP', () => {
  it('is what others may see, a row for each user asked for, in order', async () => {
    const answer = await get('?user=bob&user=alice&user=nobody&user=bob', await bearer('carol'))
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json', 'cache-control': 'no-store' } })
    expect(rows(answer)).toEqual({ users: await service.getStatuses(['bob', 'alice', 'nobody', 'bob']), refused: [] })
    expect(rows(answer).users).toMatchObject([
      { userId: 'bob', status: 'dnd' }, { userId: 'alice', status: 'online', customStatus: 'Reviewing', emoji: '👀', freshness: 'live' }, { userId: 'nobody', status: 'offline', lastSeen: null }, { userId: 'bob' },
    ])
  })

  it('is of oneself what others see, too', async () => {
    expect(rows(await get('?user=alice', await bearer('alice', [])))).toEqual({ users: [await service.getStatus('alice')], refused: [] })
  })

  it('[VS2] of who hides is that of who has closed', async () => {
    for (const userId of ['hides', 'closes']) {
      await service.setDeviceStatus(userId, 'laptop', 'online')
      await service.setCustomStatus(userId, 'Here')
    }
    await service.setStatus('hides', 'offline')
    await service.setDeviceStatus('closes', 'laptop', 'offline')
    await service.setCustomStatus('hides', 'A secret')
    const { users: [hidden, closed] } = rows(await get('?user=hides&user=closes', await bearer('carol')))
    expect({ ...hidden, userId: '' }).toEqual({ ...closed, userId: '' })
    expect(hidden).toMatchObject({ status: 'offline', customStatus: 'Here' })
  })

  it('[VS3] [T7] of whom one may not watch is refused, whether or not there is such a user', async () => {
    const refusalOf = async (userId: string) => {
      const { status, headers, body } = await get(`?user=alice&user=${userId}`, await bearer('eve', ['alice']))
      const { date: _, 'content-length': __, ...rest } = headers
      return JSON.stringify({ status, rest, body: body.replaceAll(userId, 'WHO') })
    }
    expect(await refusalOf('bob')).toBe(await refusalOf('nobody'))
    expect(rows(await get('?user=bob&user=alice&user=nobody', await bearer('eve', ['alice'])))).toEqual({ users: [await service.getStatus('alice')], refused: ['bob', 'nobody'] })
  })

  it('[R3] of an unknown user is that of any other', async () => {
    const { users } = rows(await get('?user=unknown-1&user=unknown-2', await bearer('carol')))
    expect({ ...users[0], userId: '' }).toEqual({ ...users[1], userId: '' })
  })
})

describe('a request for presence', () => {
  it.each<[what: string, headers: () => Promise<Readonly<Record<string, string>>>, error: string]>([
    ['without a token', async () => ({}), ''],
    ['with a password', async () => ({ authorization: 'Basic YWxpY2U6YQ==' }), ''],
    ['with a token as a cookie', async () => ({ cookie: `bearer=${(await bearer('alice')).authorization}` }), ''],
    ['with a token that is none', async () => ({ authorization: 'Bearer a.b.c' }), ', error="invalid_token"'],
    ['[J10] with a token of another secret', async () => ({ authorization: `Bearer ${await signToken('another secret of thirty-two bytes', { userId: 'alice', ttlMs: 60_000 }, clock.now())}` }), ', error="invalid_token"'],
    ['[J5] with a token that has expired', async () => ({ authorization: `Bearer ${await signToken(SECRET, { userId: 'alice', ttlMs: 1_000 }, clock.now() - 120_000)}` }), ', error="invalid_token"'],
    ['[J8] with a token of 9 KB', async () => ({ authorization: `Bearer ${'x'.repeat(9_000)}` }), ', error="invalid_token"'],
  ])('%s is not signed in', async (_, headers, error) => {
    const { status, headers: answered, body } = await get('?user=alice', await headers())
    expect({ status, type: answered['content-type'], challenge: answered['www-authenticate'] })
      .toEqual({ status: 401, type: 'application/problem+json', challenge: `Bearer realm="porchlight"${error}` })
    expect(JSON.parse(body)).toMatchObject({ status: 401, title: 'Unauthorized' })
    expect(counts).toEqual(['presence-401'])
  })
  it('with two tokens is not signed in: a proxy might have checked the other', async () => {
    const { authorization } = await bearer('alice')
    const socket = connect(port(), '127.0.0.1')
    socket.write(`GET /v1/presence?user=alice HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ${authorization}\r\nAuthorization: Bearer other\r\n\r\n`)
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 401 /)
  })

  it.each([
    ['for nobody', ''], ['for an empty name', '?user='], ['with a parameter that is not understood', '?user=alice&fields=all'], ['[R4] with bad percent encoding', '?user=%zz'],
    ['[R4] with NUL', '?user=%00'], ['[T23] for __proto__', '?user=__proto__'], ['[R6] with a line feed', '?user=a%0d%0aSet-Cookie:%20x=1'], ['[R3] for 501 users', `?${'user=x&'.repeat(501)}`],
  ])('%s is a bad one, and nothing of it is repeated', async (_, query) => {
    const { status, headers, body } = await get(query, await bearer('carol'))
    expect({ status, type: headers['content-type'] }).toEqual({ status: 400, type: 'application/problem+json' })
    expect(JSON.stringify([headers, body])).not.toMatch(/Set-Cookie|fields|zz/)
  })
  it('[R3] for 10,001 users is a bad one', async () => {
    expect(await get(`?${Array.from({ length: 10_001 }, (_, index) => `user=u${index}`).join('&')}`, await bearer('carol'))).toMatchObject({ status: 400 })
  })
  it('[R3] for 500 users is answered', async () => {
    expect(rows(await get(`?${'user=u&'.repeat(500)}`, await bearer('dora'))).users.length).toBe(500)
  })

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'OPTIONS'])('[R4] by %s is refused', async (method) => {
    const { status, headers } = await ask(port(), method, '/v1/presence?user=alice', { ...await bearer('carol'), 'x-http-method-override': 'GET' })
    expect({ status, allow: headers.allow }).toEqual({ status: 405, allow: 'GET, HEAD' })
  })
  it.each(['/v1/presence/', '/v1/presence/alice', '/v1//presence', '/V1/presence', '/v1/%70resence', '/v1/presence;x', '/v1/../v1/presence'])('[R4] at %s finds nothing', async (path) => {
    expect(await ask(port(), 'GET', `${path}?user=alice`, await bearer('carol'))).toMatchObject({ status: 404 })
  })

  it.each(['https://evil.example', 'null'])('[R6] from a page of %s is allowed nothing', async (origin) => {
    const headers = { ...await bearer('carol'), origin }
    for (const [method, asked] of [['GET', headers], ['OPTIONS', { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' }]] as const) {
      const answer = await ask(port(), method, '/v1/presence?user=alice', asked)
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
      expect(JSON.stringify(answer.headers)).not.toContain('evil')
    }
  })
  it('by HEAD is answered without a body', async () => {
    expect(await ask(port(), 'HEAD', '/v1/presence?user=alice', await bearer('carol'))).toMatchObject({ status: 200, body: '' })
  })
})

describe('whoever asks for too much', () => {
  const guesses = (from: number, count: number): string => `?${Array.from({ length: count }, (_, index) => `user=${from + index === 7 ? 'alice' : `guess-${from + index}`}`).join('&')}`

  it('[T7] gets 500 strangers at once, then 60 a minute, whether or not there are such users, and over all tokens', async () => {
    const statuses: number[] = []
    for (let from = 0; from < 5_000; from += 250) {
      const answer = await get(guesses(from, 250), await bearer('mallory'))
      statuses.push(answer.status)
      if (answer.status !== 200) expect(answer).toMatchObject({ status: 429, headers: { 'retry-after': '250', 'content-type': 'application/problem+json' } })
    }
    expect(statuses.filter((status) => status === 200).length).toBe(2)
    expect(await get(guesses(0, 250), await bearer('mallory')), 'the same again is no news').toMatchObject({ status: 200 })
    clock.advance(59_000)
    expect(await get(guesses(5_000, 60), await bearer('mallory'))).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
    clock.advance(1_000)
    expect(await get(guesses(5_000, 60), await bearer('mallory'))).toMatchObject({ status: 200 })
    expect(await get('?user=alice', await bearer('carol')), 'costs nobody else').toMatchObject({ status: 200 })
  })

  it('[T20] is asked to wait after 40 requests at once, also where they are bad ones', async () => {
    const headers = await bearer('peggy')
    const statuses = await Promise.all(Array.from({ length: 45 }, async (_, index) => (await get(index % 2 === 0 ? '?user=alice' : '', headers)).status))
    expect(statuses.filter((status) => status === 429).length).toBe(5)
    expect(await get('?user=alice', headers)).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
    clock.advance(1_000)
    expect(await get('?user=alice', headers)).toMatchObject({ status: 200 })
  })
})

it('[T10] a token that was revoked signs nobody in', async () => {
  const headers = await bearer('victor')
  expect(await get('?user=alice', headers)).toMatchObject({ status: 200 })
  let isRevoked = false
  const revoking = service.revoke({ userId: 'victor' }).then(() => { isRevoked = true })
  // It waits for the next second, once it has begun.
  await until(() => {
    clock.advance(100)
    return isRevoked
  }, 'it is revoked')
  await revoking
  expect(await get('?user=alice', headers)).toMatchObject({ status: 401, body: expect.stringContaining('revoked') })
})

it('says so where the store cannot be read', async () => {
  const broken = createServerPresenceService({
    openStore: async () => ({ ...createMemoryStore(), load: async () => { throw new Error('EIO') } }), policy: DEFAULT_POLICY, clock, log: () => undefined, meter: NO_METER,
  })
  const other = createHttpServer([await endpointOf(broken)])
  await new Promise<void>((resolve) => { other.listen(0, '127.0.0.1', resolve) })
  expect(await ask((other.address() as AddressInfo).port, 'GET', '/v1/presence?user=alice', await bearer('carol'))).toMatchObject({ status: 503, headers: { 'content-type': 'application/problem+json' } })
  other.closeAllConnections()
  await new Promise((resolve) => { other.close(resolve) })
  await broken.close()
})
