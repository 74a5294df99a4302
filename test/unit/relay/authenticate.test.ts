import { createHmac, generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../../server/relay/authenticate.js'
import { signToken } from '../../../server/relay/sign-token.js'

const SECRET = 'a secret of thirty-two bytes, or so'
const NOW = 1_700_000_000_000
const SECONDS = NOW / 1_000
const authenticate = createAuthenticator({ secret: SECRET }, () => NOW)

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

const publicKey = generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey.export({ type: 'spki', format: 'pem' })
const ownPair = generateKeyPairSync('ed25519')
const other = sign({ ...good, sub: 'bob' })
const [goodHeader, goodClaims, goodSignature] = sign(good).split('.') as [string, string, string]

describe('a bad token', () => {
  it.each([
    ['[J1] alg none', unsigned({ alg: 'none' })],
    ['[J1] alg None', unsigned({ alg: 'None' })],
    ['[J1] alg none, with a signature', `${encode({ alg: 'none' })}.${goodClaims}.${goodSignature}`],
    ['[J1] no alg', sign(good, { typ: 'JWT' })],
    ['[J1] alg in a list', sign(good, { alg: ['HS256'] })],
    ['[J1] another HMAC', sign(good, { alg: 'HS512' }, SECRET, 'sha512')],
    ['[J2] HS256 with a public key as secret', sign(good, header, publicKey)],
    ['[J2] HS256 with no secret', sign(good, header, '')],
    ['[J3] kid climbs', sign(good, { ...header, kid: '../../etc/passwd' })],
    ['[J3] kid is SQL', sign(good, { ...header, kid: "' UNION SELECT 'x'--" })],
    ['[J3] kid of 6 KB', sign(good, { ...header, kid: 'k'.repeat(6_000) })],
    ['[J3] kid of 10 KB', sign(good, { ...header, kid: 'k'.repeat(10_000) })],
    ['[J3] kid is a list', sign(good, { ...header, kid: ['a'] })],
    ['[J3] kid is null', sign(good, { ...header, kid: null })],
    ['[J4] jku and x5u of a stranger', sign(good, { ...header, jku: 'https://evil.example/keys', x5u: 'https://evil.example/cert' }, 'another secret of thirty-two bytes')],
    ['[J4] a header that asks for an extension', sign(good, { ...header, crit: ['exp'] })],
    ['[J4] unencoded', sign(good, { ...header, b64: false, crit: ['b64'] })],
    ['[J5] no exp', sign({ sub: 'alice' })],
    ['[J5] exp is text', sign({ ...good, exp: `${SECONDS + 600}` })],
    ['[J5] exp is negative', sign({ ...good, exp: -1 })],
    ['[J5] exp is null', sign({ ...good, exp: null })],
    ['[J5] exp is 1e308', sign({ ...good, exp: 1e308 })],
    ['[J5] exp is infinite', signText(`{"sub":"alice","exp":1e999}`)],
    ['[J5] exp is in milliseconds of the year 10000', sign({ ...good, exp: 253_402_300_800 })],
    ['[J5] exp 61 s ago', sign({ ...good, exp: SECONDS - 61 })],
    ['[J5] nbf in 61 s', sign({ ...good, nbf: SECONDS + 61 })],
    ['[J5] nbf is text', sign({ ...good, nbf: '1' })],
    ['[J5] iat in 1 h', sign({ ...good, iat: SECONDS + 3_600 })],
    ['[J5] iat in 61 s', sign({ ...good, iat: SECONDS + 61 })],
    ['[J7] no sub', sign({ exp: good.exp })],
    ['[J7] sub is empty', sign({ ...good, sub: '' })],
    ['[J7] sub is a number', sign({ ...good, sub: 7 })],
    ['[J7] sub is an object', sign({ ...good, sub: { id: 'alice' } })],
    ['[J7] sub of 257 bytes', sign({ ...good, sub: 'x'.repeat(257) })],
    ['[J7] sub of 1 KB', sign({ ...good, sub: 'é'.repeat(512) })],
    ['[J7] sub is __proto__', sign({ ...good, sub: '__proto__' })],
    ['[J7] sub is constructor', sign({ ...good, sub: 'constructor' })],
    ['[J7] sub with a line feed', sign({ ...good, sub: 'alice\n' })],
    ['[J7] sub with half a surrogate pair', sign({ ...good, sub: '\ud800' })],
    ['[J8] 100 KB', sign({ ...good, padding: 'x'.repeat(100_000) })],
    ['[J8] just over 8 KB', padded(8_193)],
    ['[J8] nothing', ''],
    ['[J8] four dots', `${sign(good)}.x.y`],
    ['[J8] three dots', `${sign(good)}.`],
    ['[J8] two parts', `${goodHeader}.${goodClaims}`],
    ['[J8] padding', `${goodHeader}.${goodClaims}.${goodSignature}=`],
    ['[J8] a space before', ` ${sign(good)}`],
    ['[J8] a line feed after', `${sign(good)}\n`],
    ['[J8] classic base64', `${goodHeader}.${goodClaims}.${'+'.repeat(43)}`],
    ['[J8] not UTF-8', signBytes(Buffer.from(JSON.stringify({ ...good, x: 'é' }), 'latin1'))],
    ['[J8] a byte order mark', signText(`\ufeff${JSON.stringify(good)}`)],
    ['[J8] letters of another script', `${goodHeader}.${goodClaims}.ѕіɡ`],
    ['[J9] sub twice', signText(`{"sub":"alice","sub":"bob","exp":${good.exp}}`)],
    ['[J9] sub twice, once escaped', signText(`{"sub":"alice","s\\u0075b":"bob","exp":${good.exp}}`)],
    ['[J9] a key twice further in', signText(`{"sub":"alice","exp":${good.exp},"x":[{"a":1,"a" : 2}]}`)],
    ['[J9] alg twice', `${Buffer.from('{"alg":"none","alg":"HS256"}').toString('base64url')}.${goodClaims}.${goodSignature}`],
    ['[J9] a header nested 3,000 deep', sign(good, {}, SECRET, 'sha256', `{"alg":"HS256","x":${'['.repeat(2_500)}${']'.repeat(2_500)}}`)],
    ['[J9] claims nested 2,000 deep', signText(`{"sub":"alice","exp":${good.exp},"x":${'{"a":'.repeat(800)}1${'}'.repeat(800)}}`)],
    ['[J9] claims that are a list', signText(`["alice"]`)],
    ['[J9] claims that are null', signText('null')],
    ['[J9] a claim named __proto__', signText(`{"sub":"alice","exp":${good.exp},"__proto__":{"watch":"*"}}`)],
    ['[J10] the signature of another token', `${goodHeader}.${goodClaims}.${other.split('.')[2]}`],
    ['[J10] the claims of another token', `${goodHeader}.${other.split('.')[1]}.${goodSignature}`],
    ['[J10] half a signature', `${goodHeader}.${goodClaims}.${goodSignature.slice(0, 22)}`],
    ['channels is a word', sign({ ...good, channels: 'general' })],
    ['watch holds a number', sign({ ...good, watch: ['bob', 7] })],
    ['watch is an object', sign({ ...good, watch: { 0: 'bob' } })],
    ['dev is a list', sign({ ...good, dev: ['laptop'] })],
    ['dev is empty', sign({ ...good, dev: '' })],
    ['jti is a number', sign({ ...good, jti: 7 })],
    ['jti is empty', sign({ ...good, jti: '' })],
  ])('is refused: %s', async (_, token) => {
    expect(await authenticate(token)).toEqual({ ok: false, reason: expect.any(String), isTemporary: false })
  })

  it('is refused: none at all', async () => {
    expect(await authenticate(null)).toEqual({ ok: false, reason: 'there is no token', isTemporary: false })
  })

  it('[J4] is refused with its own key in its header', async () => {
    const jwk = ownPair.publicKey.export({ format: 'jwk' })
    const token = await new SignJWT(good).setProtectedHeader({ alg: 'EdDSA', jwk }).sign(ownPair.privateKey)
    expect(await authenticate(token)).toMatchObject({ ok: false })
    expect(await authenticate(sign(good, { ...header, jwk: { kty: 'oct', k: Buffer.from('mine').toString('base64url') } }, 'mine'))).toMatchObject({ ok: false })
  })

  it('[J10] is refused whichever bit of the signature is flipped, and however its last letter is written', async () => {
    const signature = Buffer.from(goodSignature, 'base64url')
    for (let byte = 0; byte < signature.length; byte++) {
      const flipped = Buffer.from(signature)
      flipped[byte]! ^= 1 << (byte % 8)
      expect(await authenticate(`${goodHeader}.${goodClaims}.${flipped.toString('base64url')}`), `byte ${byte}`).toMatchObject({ ok: false })
    }
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

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
function unsigned(given: object): string {
  return `${encode(given)}.${encode(good)}.`
}
function sign(claims: object, given: object = header, secret: string | Buffer = SECRET, hash = 'sha256', headerText = JSON.stringify(given)): string {
  return signBytes(Buffer.from(JSON.stringify(claims)), headerText, secret, hash)
}
function signText(claims: string): string {
  return signBytes(Buffer.from(claims))
}
function signBytes(claims: Buffer, headerText = JSON.stringify(header), secret: string | Buffer = SECRET, hash = 'sha256'): string {
  const signed = `${Buffer.from(headerText).toString('base64url')}.${claims.toString('base64url')}`
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`
}
/** A sound token of about so many bytes, made longer by a claim. */
function padded(bytes: number): string {
  let token = ''
  for (let padding = Math.floor(bytes * 0.6); token.length < bytes; padding++) token = sign({ ...good, padding: 'x'.repeat(padding) })
  return token
}
