import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDemo } from '../../server/http/demo.js'
import { health } from '../../server/http/health.js'
import { createHttpServer } from '../../server/http/http-server.js'
import { createAuthenticator } from '../../server/relay/authenticate.js'
import { ask as askAt, type Answer } from '../support/ask.js'

const SECRET = 'a secret of thirty-two bytes, or so'
const NOW = 1_700_000_000_250
const outside = mkdtempSync(join(tmpdir(), 'porchlight-http-'))
const folder = join(outside, 'demo')
const servers: Server[] = []
let port: number

beforeAll(async () => {
  mkdirSync(join(folder, 'assets'), { recursive: true })
  writeFileSync(join(outside, 'secret.txt'), 'secret')
  writeFileSync(join(folder, '.hidden'), 'secret')
  writeFileSync(join(folder, 'index.html'), '<h1>Demo</h1>')
  writeFileSync(join(folder, 'assets', 'index-abc.js'), 'demo()')
  writeFileSync(join(folder, 'assets', 'index-abc.unknown'), 'what')
  port = await listen(createHttpServer([health, createDemo({ folder, secret: SECRET, now: () => NOW })]))
})
afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  rmSync(outside, { recursive: true, force: true })
})

describe('/healthz', () => {
  it('answers while the relay is alive', async () => {
    expect(await ask('GET', '/healthz')).toMatchObject({ status: 200, body: 'ok\n' })
    expect(await ask('GET', '/healthz?x')).toMatchObject({ status: 200 })
    expect(await ask('HEAD', '/healthz')).toMatchObject({ status: 200, body: '' })
  })
  it.each(['POST', 'DELETE', 'TRACE', 'OPTIONS'])('[R4] refuses %s', async (method) => {
    const { status, headers } = await ask(method, '/healthz', { headers: { 'x-http-method-override': 'GET' } })
    expect({ status, allow: headers.allow }).toEqual({ status: 405, allow: 'GET, HEAD' })
  })
  it('is all there is without the demo', async () => {
    const bare = await listen(createHttpServer([health]))
    expect(await ask('GET', '/healthz', { port: bare })).toMatchObject({ status: 200 })
    for (const path of ['/', '/index.html', '/demo/token']) {
      expect(await ask('GET', path, { port: bare })).toMatchObject({ status: 404 })
      expect(await ask('POST', path, { port: bare, body: '{"userId":"alice"}' })).toMatchObject({ status: 404 })
    }
  })
})

describe('the demo', () => {
  it('is served, with types a browser believes', async () => {
    const page = await ask('GET', '/')
    expect(page).toMatchObject({ status: 200, body: '<h1>Demo</h1>' })
    expect(page.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' })
    const script = await ask('GET', '/assets/index-abc.js?v=1')
    expect(script).toMatchObject({ status: 200, body: 'demo()' })
    expect(script.headers).toMatchObject({ 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'public, max-age=31536000, immutable' })
    expect((await ask('GET', '/assets/index-abc.unknown')).headers['content-type']).toBe('application/octet-stream')
    expect(await ask('HEAD', '/')).toMatchObject({ status: 200, body: '', headers: { 'content-length': '13' } })
  })

  it.each([
    '/../secret.txt', '/assets/../../secret.txt', '/..%2fsecret.txt', '/%2e%2e/secret.txt', '/%252e%252e/secret.txt', '/..\\secret.txt', '/..%5csecret.txt', '/%00', '/index.html%00.js',
    '/.hidden', '/assets/.hidden', '/assets', '/assets/', '/nothing.html', '//index.html', '/./index.html', '/assets//index-abc.js', '/INDEX.HTML', '/index.html/', '*', 'http://127.0.0.1/index.html',
    `/${'x'.repeat(8_000)}`, '/a:b', '/index.html;x',
  ])('[R4] has nothing at %s', async (path) => {
    expect(await ask('GET', path)).toMatchObject({ status: 404, body: expect.not.stringContaining('secret') })
  })

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'OPTIONS'])('[R4] refuses %s', async (method) => {
    const { status, headers } = await ask(method, '/index.html', { headers: { 'x-http-method-override': 'GET' } })
    expect({ status, allow: headers.allow }).toEqual({ status: 405, allow: 'GET, HEAD' })
  })

  it.each(['evil.example', 'evil.example:8787', 'localhost.evil.example', '127.0.0.1.evil.example', '192.168.1.7'])('is for this machine only, not for %s', async (host) => {
    expect(await ask('GET', '/', { headers: { host } })).toMatchObject({ status: 403 })
    expect(await ask('POST', '/demo/token', { headers: { host, origin: `http://${host}` }, body: '{"userId":"alice"}' })).toMatchObject({ status: 403 })
  })
  it.each(['localhost', 'localhost:1', '127.0.0.1', 'LOCALHOST', '[::1]:80'])('answers to %s', async (host) => {
    expect(await ask('GET', '/', { headers: { host } })).toMatchObject({ status: 200 })
  })
})

describe('POST /demo/token', () => {
  it('lets anybody be anybody for ten minutes', async () => {
    const { status, body, headers } = await ask('POST', '/demo/token', { body: '{"userId":"alice","channels":["general"]}' })
    const { token, expiresAt } = JSON.parse(body) as { token: string; expiresAt: number }
    expect({ status, expiresAt }).toEqual({ status: 200, expiresAt: 1_700_000_600_000 })
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' })
    expect(await createAuthenticator({ secret: SECRET }, () => NOW)(token)).toMatchObject({
      ok: true, value: { userId: 'alice', channels: ['general'], watch: '*', expiresAt },
    })
  })

  it('grants every channel where none is named', async () => {
    const { body } = await ask('POST', '/demo/token', { body: '{"userId":"alice"}', headers: { 'content-type': 'application/json; charset=utf-8' } })
    expect(await createAuthenticator({ secret: SECRET }, () => NOW)((JSON.parse(body) as { token: string }).token)).toMatchObject({ value: { channels: '*' } })
  })

  it.each([
    ['a foreign page', 'https://evil.example'],
    ['a sandboxed frame', 'null'],
    ['another port', 'http://127.0.0.1:1'],
    ['another name of this machine', 'http://localhost'],
    ['a page whose host begins alike', 'http://127.0.0.1.evil.example'],
  ])('[R6] refuses %s, and allows it nothing', async (_, origin) => {
    const { status, headers } = await ask('POST', '/demo/token', { headers: { origin }, body: '{"userId":"alice"}' })
    expect(status).toBe(403)
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    const preflight = await ask('OPTIONS', '/demo/token', { headers: { origin, 'access-control-request-method': 'POST' } })
    expect(preflight.status).toBe(405)
    expect(JSON.stringify(preflight.headers)).not.toContain('evil')
  })
  it('answers its own page', async () => {
    expect(await ask('POST', '/demo/token', { headers: { origin: `http://127.0.0.1:${port}` }, body: '{"userId":"alice"}' })).toMatchObject({ status: 200 })
  })

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', 'application/json; charset=latin1', ''])('[R1] refuses the type %j', async (type) => {
    expect(await ask('POST', '/demo/token', { headers: { 'content-type': type }, body: '{"userId":"alice"}' })).toMatchObject({ status: 415 })
  })
  it('[R1] refuses what is compressed', async () => {
    expect(await ask('POST', '/demo/token', { headers: { 'content-encoding': 'gzip' }, body: gzipSync('{"userId":"alice"}') })).toMatchObject({ status: 415 })
  })
  it('[R1] refuses a body over 16 KB by its header, before it comes', async () => {
    expect(await ask('POST', '/demo/token', { headers: { 'content-length': '16385' }, body: null })).toMatchObject({ status: 413, headers: { connection: 'close' } })
  })
  it('[R1] refuses a body in chunks once it is over 16 KB, and hangs up', async () => {
    const socket = connect(port, '127.0.0.1')
    const answer = text(socket)
    socket.on('error', () => {})
    socket.write(`POST /demo/token HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`)
    for (let chunk = 0; chunk < 17; chunk++) socket.write(`400\r\n${' '.repeat(1_024)}\r\n`)
    expect(await answer).toMatch(/^HTTP\/1\.1 413 /)
  })
  it('[R1] takes a body of exactly 16 KB', async () => {
    const body = '{"userId":"alice"}'.padEnd(16_384)
    expect(await ask('POST', '/demo/token', { body })).toMatchObject({ status: 200 })
    expect(await ask('POST', '/demo/token', { body: `${body} ` })).toMatchObject({ status: 413 })
  })

  it.each([
    ['nothing', ''], ['null', 'null'], ['a list', '[]'], ['a word', '"x"'], ['a number', '7'], ['no JSON', '{userId:1}'], ['two values', '{"userId":"alice"}{}'],
    ['a byte order mark', '\ufeff{"userId":"alice"}'], ['bytes that are no UTF-8', Buffer.from('{"userId":"\xff"}', 'latin1')],
    ['8,000 levels of nothing', `${'['.repeat(8_000)}${']'.repeat(8_000)}`], ['depth beside a user', `{"userId":"alice","x":${'['.repeat(5_000)}${']'.repeat(5_000)}}`],
    ['a key twice', '{"userId":"alice","userId":"bob"}'], ['__proto__', '{"userId":"alice","__proto__":{"x":1}}'],
    ['no user', '{}'], ['an empty user', '{"userId":""}'], ['a user of 257 bytes', `{"userId":"${'x'.repeat(257)}"}`], ['a user that is a number', '{"userId":7}'],
    ['a user that is a list', '{"userId":["alice"]}'], ['a user named __proto__', '{"userId":"__proto__"}'], ['half a surrogate pair', '{"userId":"\\ud800"}'],
    ['a user with a line feed', '{"userId":"a\\r\\nSet-Cookie: x=1"}'],
    ['[R3] channels that are a word', '{"userId":"alice","channels":"general"}'], ['[R3] a channel that is a number', '{"userId":"alice","channels":[7]}'],
    ['[R3] 101 channels', JSON.stringify({ userId: 'alice', channels: Array.from({ length: 101 }, (_, channel) => `${channel}`) })],
  ])('[R2] refuses %s', async (_, body) => {
    const { status, headers, body: problem } = await ask('POST', '/demo/token', { body })
    expect({ status, type: headers['content-type'] }).toEqual({ status: 400, type: 'application/problem+json' })
    expect(JSON.parse(problem)).toEqual({ type: 'about:blank', title: 'Bad Request', status: 400, detail: expect.any(String) })
    expect(headers['set-cookie']).toBeUndefined()
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })

  it('[R4] refuses other methods', async () => {
    expect(await ask('GET', '/demo/token')).toMatchObject({ status: 405, headers: { allow: 'POST' } })
  })
})

describe('what is no request that can be read', () => {
  it.each([
    ['[R3] ten thousand users', `GET /v1/presence?${'user=alice&'.repeat(10_001)} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    ['headers without end', `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(200_000)}\r\n\r\n`],
    ['a header that is none', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nNo header\r\n\r\n'],
    ['another protocol', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000'],
    ['[R6] a bare carriage return', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\rSet-Cookie: b\r\n\r\n'],
  ])('gets a problem for an answer, and is cut off: %s', async (_, request) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    const answer = text(socket)
    socket.write(request)
    const [head, problem] = (await answer).split('\r\n\r\n') as [string, string]
    expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nConnection: close\r\nContent-Type: application\/problem\+json\r\n/)
    expect(JSON.parse(problem)).toEqual({ type: 'about:blank', title: 'Bad Request', status: 400, detail: expect.any(String) })
    expect(head).not.toContain('Set-Cookie')
  })

  it('after a good one is not answered into it', async () => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    const answer = text(socket)
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(socket, 'readable')
    socket.write('No request\r\n\r\n')
    expect(((await answer).match(/HTTP\/1\.1 /g) ?? []).length).toBe(1)
  })
})

describe('[R5] whoever dawdles is cut off', () => {
  it.each([
    ['saying nothing', ''],
    ['in the middle of the headers', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: '],
    ['in the middle of a body', 'POST /demo/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{'],
  ])('%s', async (_, start) => {
    const slow = await listen(createHttpServer([health, createDemo({ folder, secret: SECRET })], { requestTimeoutMs: 300 }))
    const socket = connect(slow, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(start)
    // A byte now and then keeps nobody in.
    const drip = setInterval(() => socket.writable && start !== '' && socket.write('x'), 50)
    const startedAt = performance.now()
    await text(socket).catch(() => '')
    clearInterval(drip)
    const lastedMs = performance.now() - startedAt
    expect(lastedMs).toBeGreaterThan(250)
    expect(lastedMs).toBeLessThan(5_000)
  })

  it('within ten seconds', () => {
    const server = createHttpServer([health])
    const { connectionsCheckingInterval } = server as Server & { connectionsCheckingInterval: number }
    expect(Math.max(server.headersTimeout, server.requestTimeout) + connectionsCheckingInterval).toBeLessThanOrEqual(10_000)
    server.close()
  })
})

async function listen(server: Server): Promise<number> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

interface Asked {
  readonly port?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer | null
}
const ask = (method: string, path: string, { headers = {}, body, ...rest }: Asked = {}): Promise<Answer> =>
  askAt(rest.port ?? port, method, path, { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers }, body)
