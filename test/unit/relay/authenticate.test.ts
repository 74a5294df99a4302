import { generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../../server/relay/authenticate.js'
import { signToken } from '../../../server/relay/sign-token.js'
import { badTokens, createForger, withFlippedBits } from '../../support/bad-tokens.js'

const SECRET = 'a secret of thirty-two bytes, or so'
const NOW = 1_700_000_000_000
const SECONDS = NOW / 1_000
const authenticate = createAuthenticator({ secret: SECRET }, () => NOW)
const { sign, padded } = createForger(SECRET, NOW)

const good = { sub: 'alice', exp: SECONDS + 600 }
const header = { alg: 'HS256', typ: 'JWT' }

describe('a good token', () => {
  it('says who somebody is, and on what they may look', async () => {
    const token = await signToken(SECRET, { userId: 'alice', channels: ['general', 'a/b'], watch: '*', ttlMs: 600_000, deviceId: 'laptop' }, NOW)
    expect(await authenticate(token)).toEqual({
      ok: true,
      value: {
        userId: 'alice', deviceId: 'laptop', tokenId: expect.stringMatching(/^[\da-f-]{36}$/), issuedAt: NOW, expiresAt: NOW + 600_000,
        channels: ['general', 'a/b'], watch: '*',
      },
    })
  })

  it('that says nothing of channels, watches, device and id allows nothing', async () => {
    expect(await authenticate(sign(good))).toEqual({
      ok: true, value: { userId: 'alice', deviceId: null, tokenId: null, issuedAt: null, expiresAt: NOW + 600_000, channels: [], watch: [] },
    })
  })

  it('has in a list a `*` that is a name like others', async () => {
    expect(await authenticate(sign({ ...good, watch: ['*', 'bob', 'bob'], channels: '*' }))).toMatchObject({ value: { watch: ['*', 'bob'], channels: '*' } })
  })

  it.each(['a/b', 'a@b', '*', '😀', '...', 'x'.repeat(256), 'toString'])('[J7] may be for the user %j', async (sub) => {
    expect(await authenticate(sign({ ...good, sub }))).toMatchObject({ ok: true, value: { userId: sub } })
  })

  it.each([
    ['expired 59 s ago', { exp: SECONDS - 59 }],
    ['is valid from 59 s on', { nbf: SECONDS + 59 }],
    ['was issued in 59 s', { iat: SECONDS + 59 }],
    ['expires between two seconds', { exp: SECONDS + 0.5 }],
    ['comes with claims of others', { scope: 'openid', nested: { a: [{ b: { c: 1 } }] } }],
  ])('is accepted although it %s', async (_, claims) => {
    expect(await authenticate(sign({ ...good, ...claims }))).toMatchObject({ ok: true })
  })

  it('[T10] says when it was issued: by now, whatever its issuer\'s clock says', async () => {
    const issuedAt = async (claims: object): Promise<unknown> => {
      const bearer = await authenticate(sign({ ...good, ...claims }))
      return bearer.ok && bearer.value.issuedAt
    }
    expect([await issuedAt({}), await issuedAt({ iat: SECONDS - 7 }), await issuedAt({ iat: SECONDS - 0.5 }), await issuedAt({ iat: SECONDS + 59 })]).toEqual([null, NOW - 7_000, NOW - 500, NOW])
  })

  it('of a key id is accepted: the key is known', async () => {
    expect(await authenticate(sign(good, { ...header, kid: '2025-01' }))).toMatchObject({ ok: true })
  })
})

const other = sign({ ...good, sub: 'bob' })
const [goodHeader, goodClaims, goodSignature] = sign(good).split('.') as [string, string, string]

describe('a bad token', () => {
  it.each(badTokens(SECRET, NOW))('is refused: %s', async (_, token) => {
    expect(await authenticate(token)).toEqual({ ok: false, reason: expect.any(String), isTemporary: false })
  })

  it.each([['[J5] nbf', { nbf: SECONDS + 61 }], ['[J5] iat', { iat: SECONDS + 61 }]])('is refused: %s in 61 s', async (_, claims) => {
    expect(await authenticate(sign({ ...good, ...claims }))).toMatchObject({ ok: false })
  })

  it('is refused: none at all', async () => {
    expect(await authenticate(null)).toEqual({ ok: false, reason: 'there is no token', isTemporary: false })
  })

  it('[J4] is refused with its own key in its header, for which there is an algorithm', async () => {
    const own = generateKeyPairSync('ed25519')
    const jwk = own.publicKey.export({ format: 'jwk' })
    expect(await authenticate(await new SignJWT(good).setProtectedHeader({ alg: 'EdDSA', jwk }).sign(own.privateKey))).toMatchObject({ ok: false })
  })

  it('[J10] is refused whichever bit of the signature is flipped, and however its last letter is written', async () => {
    for (const token of withFlippedBits(sign(good))) expect(await authenticate(token)).toMatchObject({ ok: false })
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const accepted: string[] = []
    for (const letter of letters) {
      if ((await authenticate(`${goodHeader}.${goodClaims}.${goodSignature.slice(0, -1)}${letter}`)).ok) accepted.push(letter)
    }
    expect(accepted).toEqual([goodSignature.at(-1)])
  })

  it('[T11] is named in no reason', async () => {
    for (const token of [padded(9_000), other.replace('.', '.x'), sign({ ...good, exp: 1 })]) {
      const answer = await authenticate(token)
      expect(answer.ok ? '' : answer.reason).toMatch(/^[\w ]{5,60}$/)
    }
  })
})

describe('the secret', () => {
  it.each([['empty', ''], ['of 31 bytes', 'x'.repeat(31)]])('%s is refused', (_, secret) => {
    expect(() => createAuthenticator({ secret }, () => NOW)).toThrow(expect.objectContaining({
      name: 'PresenceError', code: 'invalid-argument', subject: 'secret', remedy: expect.stringContaining('openssl'),
    }))
  })
  it('is counted in bytes, not in letters', () => {
    expect(() => createAuthenticator({ secret: 'é'.repeat(16) }, () => NOW)).not.toThrow()
  })
})

it.each(['http://issuer.example/keys', 'file:///etc/keys', 'keys', '//issuer.example'])('keys from %s are refused', (jwksUrl) => {
  expect(() => createAuthenticator({ jwksUrl }, () => NOW)).toThrow(expect.objectContaining({ code: 'invalid-argument', subject: 'jwksUrl' }))
})
