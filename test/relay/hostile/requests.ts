/** FAULTS 4.5: requests over HTTP that are none, or ask for what is nobody's business. */
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import type { AttackedRelay } from '../../support/attacked-relay.js'
import { ask, type Answer } from '../../support/ask.js'
import { BAD_BODIES, FOREIGN_PAGES, LOST_PATHS } from '../../support/bad-requests.js'
import { openRaw } from '../../support/hostile-client.js'

/** The relay serves the demo. */
export function describeBadRequests(attacked: AttackedRelay): void {
  const post = (body?: string | Buffer | null, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    ask(attacked.relay.port, 'POST', '/demo/token', { 'content-type': 'application/json', ...headers }, body)
  /** The answer to a request that is written by hand. */
  async function say(...parts: readonly (string | Buffer)[]): Promise<string> {
    const raw = openRaw(attacked.relay.port)
    parts.forEach(raw.send)
    await raw.ended()
    return raw.received().toString('latin1')
  }

  attacked.attacks('a request', () => {
    it.each(BAD_BODIES)('[R2] with %s for a body gets a problem', async (_, body) => {
      await attacked.cheaply(async () => {
        const answer = await post(body)
        expect({ status: answer.status, type: answer.headers['content-type'] }).toEqual({ status: 400, type: 'application/problem+json' })
        expect(JSON.parse(answer.body)).toEqual({ type: 'about:blank', title: 'Bad Request', status: 400, detail: expect.any(String) })
        expect(answer.headers['set-cookie']).toBeUndefined()
      })
    })

    it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonp', 'application/json; charset=latin1', 'application/json, text/plain', ''])('[R1] of the type %j is refused', async (type) => {
      expect(await post('{"userId":"alice"}', { 'content-type': type })).toMatchObject({ status: 415 })
    })

    it('[R1] that is a bomb of gzip is refused before it goes off', async () => {
      const bomb = gzipSync(Buffer.alloc(10_000_000, ' '))
      await attacked.cheaply(async () => expect(await post(bomb.subarray(0, 9_000), { 'content-encoding': 'gzip' })).toMatchObject({ status: 415 }))
    })

    it.each([['that says so', '16385'], ['that says 2^53', '9007199254740992']])('[R1] of more than 16 KB %s is refused before it comes', async (_, length) => {
      expect(await post(null, { 'content-length': length })).toMatchObject({ status: 413, headers: { connection: 'close' } })
    })

    it('[R1] in chunks without end is refused once there are more than 16 KB, and cut off', async () => {
      const chunk = Buffer.from(`400\r\n${' '.repeat(1_024)}\r\n`)
      await attacked.cheaply(async () => {
        expect(await say('POST /demo/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n', ...Array.from({ length: 100 }, () => chunk))).toMatch(/^HTTP\/1\.1 413 /)
      })
    })

    it.each([
      ['of two lengths', 'Content-Length: 5\r\nContent-Length: 6\r\n'], ['of a length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'], ['of a length below 0', 'Content-Length: -1\r\n'],
      ['of chunks that are none', 'Transfer-Encoding: chunked, identity\r\n'], ['of a header that is none', 'No header\r\n'], ['[R6] of a bare carriage return', 'X: a\rSet-Cookie: b\r\n'],
    ])('[R1] %s is none', async (_, header) => {
      const answer = await say(`POST /demo/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${header}\r\nhello`)
      expect(answer).toMatch(/^HTTP\/1\.1 400 /)
      expect([answer.match(/HTTP\/1\.1 /g)!.length, answer.includes('Set-Cookie')]).toEqual([1, false])
    })

    it.each(LOST_PATHS)('[R4] for %s finds nothing', async (path) => {
      expect(await ask(attacked.relay.port, 'GET', path)).toMatchObject({ status: 404, body: expect.not.stringContaining('root:') })
    })

    it.each(['/healthz', '/index.html', '/demo/token'])('[R4] by another method, or one that a header names, is refused by %s', async (path) => {
      for (const method of ['TRACE', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND', ...(path === '/demo/token' ? ['GET'] : ['POST'])]) {
        const { status, headers, body } = await ask(attacked.relay.port, method, path, { 'x-http-method-override': path === '/demo/token' ? 'POST' : 'GET', 'x-secret': 'echoed' })
        expect({ method, status, allow: headers.allow !== undefined, body }).toEqual({ method, status: 405, allow: true, body: expect.not.stringContaining('echoed') })
      }
    })

    it.each(FOREIGN_PAGES)('[R6] of a page from %s is refused, and nothing is allowed to it', async (origin) => {
      const answers = [await post('{"userId":"alice"}', { origin }), await ask(attacked.relay.port, 'OPTIONS', '/demo/token', { origin, 'access-control-request-method': 'POST' })]
      expect(answers.map(({ status }) => status)).toEqual([403, 405])
      for (const { headers } of answers) {
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
        if (origin !== 'null') expect(JSON.stringify(headers)).not.toContain(origin)
      }
    })

    it.each([
      ['nobody', ''], ['10,001 people', 'user=alice&'.repeat(10_001)], ['501 people', 'user=alice&'.repeat(501)], ['nobody with a name', 'user='], ['__proto__', 'user=__proto__'],
      ['a name of 257 bytes', `user=${'x'.repeat(257)}`], ['a name that is no UTF-8', 'user=%ff'], ['half a percent sign', 'user=%4'], ['NUL', 'user=%00'], ['a line feed', 'user=a%0a'],
      ['a list', 'user[]=alice'], ['something else as well', 'user=alice&admin=true'], ['half a surrogate pair', 'user=%ed%a0%80'],
    ])('[R3] for the presence of %s is a bad one', async (_, query) => {
      const token = await attacked.token('asker')
      await attacked.cheaply(async () => expect([400, 429]).toContain((await ask(attacked.relay.port, 'GET', `/v1/presence?${query}`, { authorization: `Bearer ${token}` })).status))
    })

    it('[R3] for the presence of one person twice, and of one whom there is not, is answered alike for each', async () => {
      const { status, body } = await ask(attacked.relay.port, 'GET', '/v1/presence?user=alice&user=ghost&user=alice', { authorization: `Bearer ${await attacked.token('asker-of-three')}` })
      const { users } = JSON.parse(body) as { users: Record<string, unknown>[] }
      expect([status, users.map(({ userId }) => userId), new Set(users.map((user) => Object.keys(user).sort().join())).size]).toEqual([200, ['alice', 'ghost', 'alice'], 1])
    })

    it.each(['a%0d%0aSet-Cookie:x=1', 'a%E5%98%8D%E5%98%8ASet-Cookie:x', '<script>alert(1)</script>'])('[R6] for %s has nothing of it in its answer', async (name) => {
      const answer = await ask(attacked.relay.port, 'GET', `/${encodeURI(name)}?${encodeURI(name)}`, { 'x-request-id': 'echoed', referer: 'https://evil.example/echoed' })
      expect(answer.status).toBe(404)
      expect(JSON.stringify(answer)).not.toMatch(/echoed|set-cookie|script/i)
    })
  })
}
