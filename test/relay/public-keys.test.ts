import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAuthenticator, type Authenticate } from '../../server/relay/authenticate.js'
import { BAD_AUDIENCES } from '../support/bad-tokens.js'

const NOW = 1_700_000_000_000
const good = { sub: 'alice', exp: NOW / 1_000 + 600, iss: 'https://issuer.example', aud: 'porchlight' }

let server: Server
let jwksUrl: string
let isDown = false
const keys: JWK[] = []
const privateKeys = new Map<string, CryptoKey>()
let authenticate: Authenticate

beforeAll(async () => {
  for (const alg of ['ES256', 'EdDSA', 'RS256', 'RS512']) {
    const pair = await generateKeyPair(alg, { extractable: true })
    keys.push({ ...await exportJWK(pair.publicKey), kid: alg, use: 'sig' })
    privateKeys.set(alg, pair.privateKey)
  }
  server = createServer((_, response) => (isDown ? response.writeHead(503).end() : response.end(JSON.stringify({ keys }))))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
  authenticate = createAuthenticator({ jwksUrl, issuer: good.iss, audience: good.aud }, () => NOW)
})
afterAll(() => new Promise((resolve) => {
  server.closeAllConnections()
  server.close(resolve)
}))

describe('public keys', () => {
  it.each(['ES256', 'EdDSA', 'RS256'])('of %s let a token in', async (alg) => {
    expect(await authenticate(await sign(good, alg))).toMatchObject({ ok: true, value: { userId: 'alice' } })
  })

  it('[J1] of an algorithm that is not pinned let nobody in', async () => {
    expect(await authenticate(await sign(good, 'RS512'))).toMatchObject({ ok: false, isTemporary: false })
  })

  it('[J2] are no secret', async () => {
    const token = await new SignJWT(good).setProtectedHeader({ alg: 'HS256', kid: 'RS256' }).sign(new TextEncoder().encode(JSON.stringify(keys[2])))
    expect(await authenticate(token)).toMatchObject({ ok: false, isTemporary: false })
  })

  it('[J3] [J10] of another kind, unknown, or of somebody else let nobody in', async () => {
    const strangers = await generateKeyPair('ES256')
    expect(await authenticate(await sign(good, 'ES256', 'unknown'))).toMatchObject({ ok: false, isTemporary: false })
    expect(await authenticate(await sign(good, 'ES256', 'RS256'))).toMatchObject({ ok: false, isTemporary: false })
    const token = await new SignJWT(good).setProtectedHeader({ alg: 'ES256', kid: 'ES256' }).sign(strangers.privateKey)
    expect(await authenticate(token)).toMatchObject({ ok: false, isTemporary: false })
  })

  it.each(BAD_AUDIENCES)('[J6] of %s let nobody in', async (_, claims) => {
    expect(await authenticate(await sign({ ...good, ...claims }, 'ES256'))).toMatchObject({ ok: false, isTemporary: false })
  })

  it('[J6] with our audience as the only one of a list let somebody in', async () => {
    expect(await authenticate(await sign({ ...good, aud: ['porchlight'] }, 'ES256'))).toMatchObject({ ok: true })
  })

  it('that cannot be had say nothing of the token', async () => {
    const fresh = createAuthenticator({ jwksUrl }, () => NOW)
    isDown = true
    expect(await fresh(await sign(good, 'ES256'))).toMatchObject({ ok: false, isTemporary: true })
    isDown = false
    expect(await fresh(await sign(good, 'ES256'))).toMatchObject({ ok: true })
  })
})

function sign(claims: object, alg: string, kid = alg): Promise<string> {
  return new SignJWT({ ...claims }).setProtectedHeader({ alg, kid }).sign(privateKeys.get(alg)!)
}
