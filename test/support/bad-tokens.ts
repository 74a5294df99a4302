/** FAULTS 4.4: tokens that let nobody in, whoever is asked: the authenticator alone, or a relay. */
import { createHmac, generateKeyPairSync } from 'node:crypto'
import { POLLUTION } from './bad-awareness.js'

export type BadToken = readonly [what: string, token: string]
export interface Forger {
  /** A sound token, as far as its parts are. */
  sign(claims: object, header?: object, secret?: string | Buffer, hash?: string): string
  signText(claims: string, header?: string): string
  /** A sound token of about so many bytes, made longer by a claim. */
  padded(bytes: number): string
}

const HEADER = { alg: 'HS256', typ: 'JWT' }
const encode = (text: string | Buffer): string => Buffer.from(text).toString('base64url')

/** Tokens for alice, who signs with `secret` at `now`. */
export function createForger(secret: string, now: number): Forger {
  const claims = { sub: 'alice', exp: Math.floor(now / 1_000) + 600 }
  const sign: Forger['sign'] = (said, header = HEADER, key = secret, hash = 'sha256') => signBytes(JSON.stringify(said), JSON.stringify(header), key, hash)
  return {
    sign, signText: (said, header = JSON.stringify(HEADER)) => signBytes(said, header, secret, 'sha256'),
    padded(bytes) {
      let token = ''
      for (let padding = Math.floor(bytes * 0.6); token.length < bytes; padding++) token = sign({ ...claims, padding: 'x'.repeat(padding) })
      return token
    },
  }
}
function signBytes(claims: string | Buffer, header: string, secret: string | Buffer, hash: string): string {
  const signed = `${encode(header)}.${encode(claims)}`
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`
}

const publicKey = generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey.export({ type: 'spki', format: 'pem' })

export function badTokens(secret: string, now: number): BadToken[] {
  const seconds = Math.floor(now / 1_000)
  const good = { sub: 'alice', exp: seconds + 600 }
  const { sign, signText, padded } = createForger(secret, now)
  const unsigned = (header: object): string => `${encode(JSON.stringify(header))}.${encode(JSON.stringify(good))}.`
  const [header, claims, signature] = sign(good).split('.') as [string, string, string]
  const other = sign({ ...good, sub: 'bob' })
  const jwk = { kty: 'oct', k: encode('mine') }
  return [
    ['[J1] alg none', unsigned({ alg: 'none' })],
    ['[J1] alg None', unsigned({ alg: 'None' })],
    ['[J1] alg none, with a signature', `${encode('{"alg":"none"}')}.${claims}.${signature}`],
    ['[J1] no alg', sign(good, { typ: 'JWT' })],
    ['[J1] alg in a list', sign(good, { alg: ['HS256'] })],
    ['[J1] another HMAC', sign(good, { alg: 'HS512' }, secret, 'sha512')],
    ['[J2] HS256 with a public key as secret', sign(good, HEADER, publicKey)],
    ['[J2] HS256 with no secret', sign(good, HEADER, '')],
    ['[J3] kid climbs', sign(good, { ...HEADER, kid: '../../etc/passwd' })],
    ['[J3] kid is SQL', sign(good, { ...HEADER, kid: "' UNION SELECT 'x'--" })],
    ['[J3] kid of 4 KB', sign(good, { ...HEADER, kid: 'k'.repeat(4_000) })],
    ['[J3] kid of 10 KB', sign(good, { ...HEADER, kid: 'k'.repeat(10_000) })],
    ['[J3] kid is a list', sign(good, { ...HEADER, kid: ['a'] })],
    ['[J3] kid is null', sign(good, { ...HEADER, kid: null })],
    ['[J4] jku and x5u of a stranger', sign(good, { ...HEADER, jku: 'https://evil.example/keys', x5u: 'https://evil.example/cert' }, 'another secret of thirty-two bytes')],
    ['[J4] its own key in its header', sign(good, { ...HEADER, jwk }, 'mine')],
    ['[J4] a header that asks for an extension', sign(good, { ...HEADER, crit: ['exp'] })],
    ['[J4] unencoded', sign(good, { ...HEADER, b64: false, crit: ['b64'] })],
    ['[J5] no exp', sign({ sub: 'alice' })],
    ['[J5] exp is text', sign({ ...good, exp: `${seconds + 600}` })],
    ['[J5] exp is negative', sign({ ...good, exp: -1 })],
    ['[J5] exp is null', sign({ ...good, exp: null })],
    ['[J5] exp is 1e308', sign({ ...good, exp: 1e308 })],
    ['[J5] exp is infinite', signText('{"sub":"alice","exp":1e999}')],
    ['[J5] exp is in milliseconds of the year 10000', sign({ ...good, exp: 253_402_300_800 })],
    ['[J5] exp 61 s ago', sign({ ...good, exp: seconds - 61 })],
    ['[J5] nbf in 62 s', sign({ ...good, nbf: seconds + 62 })],
    ['[J5] nbf is text', sign({ ...good, nbf: '1' })],
    ['[J5] iat in 1 h', sign({ ...good, iat: seconds + 3_600 })],
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
    ['[J8] two parts', `${header}.${claims}`],
    ['[J8] padding', `${header}.${claims}.${signature}=`],
    ['[J8] a space before', ` ${sign(good)}`],
    ['[J8] a space inside', sign(good).replace('.', '. ')],
    ['[J8] a line feed after', `${sign(good)}\n`],
    ['[J8] classic base64', `${header}.${claims}.${'+'.repeat(43)}`],
    ['[J8] not UTF-8', signBytes(Buffer.from(JSON.stringify({ ...good, x: 'é' }), 'latin1'), JSON.stringify(HEADER), secret, 'sha256')],
    ['[J8] a byte order mark', signText(`\ufeff${JSON.stringify(good)}`)],
    ['[J8] letters of another script', `${header}.${claims}.ѕіɡ`],
    ['[J9] sub twice', signText(`{"sub":"alice","sub":"bob","exp":${good.exp}}`)],
    ['[J9] sub twice, once escaped', signText(`{"sub":"alice","s\\u0075b":"bob","exp":${good.exp}}`)],
    ['[J9] a key twice further in', signText(`{"sub":"alice","exp":${good.exp},"x":[{"a":1,"a" : 2}]}`)],
    ['[J9] alg twice', `${encode('{"alg":"none","alg":"HS256"}')}.${claims}.${signature}`],
    ['[J9] a header nested 2,500 deep', signText(JSON.stringify(good), `{"alg":"HS256","x":${'['.repeat(2_500)}${']'.repeat(2_500)}}`)],
    ['[J9] a header nested 10,000 deep', signText(JSON.stringify(good), `{"alg":"HS256","x":${'['.repeat(10_000)}${']'.repeat(10_000)}}`)],
    ['[J9] claims nested 800 deep', signText(`{"sub":"alice","exp":${good.exp},"x":${'{"a":'.repeat(800)}1${'}'.repeat(800)}}`)],
    ['[J9] claims that are a list', signText('["alice"]')],
    ['[J9] claims that are null', signText('null')],
    ['[J9] [T23] a claim named __proto__', signText(`{"sub":"alice","exp":${good.exp},${POLLUTION.slice(1)}`)],
    ['[J9] [T23] a header named __proto__', signText(JSON.stringify(good), `{"alg":"HS256",${POLLUTION.slice(1)}`)],
    ['[J10] the signature of another token', `${header}.${claims}.${other.split('.')[2]}`],
    ['[J10] the claims of another token', `${header}.${other.split('.')[1]}.${signature}`],
    ['[J10] half a signature', `${header}.${claims}.${signature.slice(0, 22)}`],
    ['channels is a word', sign({ ...good, channels: 'general' })],
    ['watch holds a number', sign({ ...good, watch: ['bob', 7] })],
    ['watch is an object', sign({ ...good, watch: { 0: 'bob' } })],
    ['dev is a list', sign({ ...good, dev: ['laptop'] })],
    ['dev is empty', sign({ ...good, dev: '' })],
    ['jti is a number', sign({ ...good, jti: 7 })],
    ['jti is empty', sign({ ...good, jti: '' })],
  ]
}

/** `token` with a bit of each byte of its signature flipped. */
export function withFlippedBits(token: string): string[] {
  const dot = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(dot + 1), 'base64url')
  return [...signature].map((_, at) => {
    const flipped = Buffer.from(signature)
    flipped[at]! ^= 1 << (at % 8)
    return `${token.slice(0, dot)}.${flipped.toString('base64url')}`
  })
}

/** FAULTS J6, where the issuer is `https://issuer.example` and the audience `porchlight`. */
export const BAD_AUDIENCES: readonly (readonly [what: string, claims: object])[] = [
  ['another issuer', { iss: 'https://evil.example' }],
  ['an issuer in a list', { iss: ['https://issuer.example'] }],
  ['no issuer', { iss: undefined }],
  ['another audience', { aud: 'another' }],
  ['no audience', { aud: undefined }],
  ['our audience and others', { aud: ['porchlight', 'another'] }],
  ['an empty audience', { aud: [] }],
]
