/** What a JWT says, before and after its signature is known to be good. No cryptography and no clock of its own. */
import { parseChannelId, parseDeviceId, parseId, parseUserId } from '../../src/model/arguments.js'
import { LATEST_TIME_MS } from '../../src/model/hybrid-clock.js'
import { isObject, parsed, unreadable, type Parsed } from '../../src/model/json.js'
import type { Principal } from '../../src/presence-service.js'
import { WIRE } from '../../src/protocol/limits.js'
import { parseStrictJson } from '../strict-json.js'

export type Claims = Readonly<Record<string, unknown>>
/** Who the token must come from, and be for, where that is configured. */
export interface Expected {
  readonly issuer?: string
  readonly audience?: string
}

/** Who a token says somebody is, and since when. */
export interface Bearer extends Principal {
  /** Null: the token does not say. */
  readonly issuedAt: number | null
}

/** Clocks of issuers and relays differ by this much at most. */
export const SKEW_MS = 60_000

const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** The claims of a token that is worth checking: everything that needs no key is refused here, before any is used. */
export function readToken(token: string | null, algorithms: readonly string[]): Parsed<Claims> {
  if (token === null || token === '') return unreadable('there is no token')
  if (token.length > WIRE.tokenBytes) return unreadable('the token is too long')
  if (!COMPACT.test(token)) return unreadable('the token is not a signed JWT')
  const [header, claims, signature] = token.split('.') as [string, string, string]
  const read = { header: readPart(header), claims: readPart(claims) }
  if (!read.header.ok || !read.claims.ok || !isCanonical(signature)) return unreadable('the token is not a signed JWT')
  const { alg, kid, crit } = read.header.value
  // Of the header only these are looked at: key material in it is a stranger's.
  if (typeof alg !== 'string' || !algorithms.includes(alg)) return unreadable('the algorithm is not allowed')
  if (kid !== undefined && !isKeyName(kid)) return unreadable('the key id is not usable')
  return crit === undefined ? read.claims : unreadable('the token asks for an extension')
}

/** Who somebody is, by the claims of a token whose signature is good. */
export function principalOf(claims: Claims, now: number, { issuer, audience }: Expected): Parsed<Bearer> {
  const { exp, nbf, iat } = claims
  if (!isTime(exp)) return unreadable('the token has no usable expiry')
  if (exp * 1_000 + SKEW_MS < now) return unreadable('the token has expired')
  if (nbf !== undefined && !(isTime(nbf) && nbf * 1_000 - SKEW_MS <= now)) return unreadable('the token is not valid yet')
  if (iat !== undefined && !(isTime(iat) && iat * 1_000 - SKEW_MS <= now)) return unreadable('the token was issued in the future')
  if (issuer !== undefined && claims['iss'] !== issuer) return unreadable('the issuer is another one')
  if (audience !== undefined && !isOnlyFor(audience, claims['aud'])) return unreadable('the token is for somebody else')

  const userId = parseUserId(claims['sub'])
  const deviceId = claims['dev'] === undefined ? parsed(null) : parseDeviceId(claims['dev'])
  const tokenId = claims['jti'] === undefined ? parsed(null) : parseId('jti', claims['jti'])
  const channels = parseNames(claims['channels'], parseChannelId)
  const watch = parseNames(claims['watch'], parseUserId)
  if (!userId.ok) return unreadable('the subject is not a user id')
  if (!deviceId.ok || !tokenId.ok || !channels.ok || !watch.ok) return unreadable('a claim is not usable')
  return parsed({
    userId: userId.value, deviceId: deviceId.value, tokenId: tokenId.value, expiresAt: Math.floor(exp * 1_000),
    // Here it is, whatever its issuer's clock says.
    issuedAt: iat === undefined ? null : Math.min(iat * 1_000, now), channels: channels.value, watch: watch.value,
  })
}

function readPart(part: string): Parsed<Claims> {
  if (!isCanonical(part)) return unreadable('it is not base64url')
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(part, 'base64url'))
    const read = parseStrictJson(text)
    return read.ok && isObject(read.value) ? parsed(read.value) : unreadable('it is not an object')
  } catch {
    return unreadable('it is not UTF-8')
  }
}

/** Spare bits at the end would make several tokens out of one. */
const isCanonical = (part: string): boolean => Buffer.from(part, 'base64url').toString('base64url') === part

/** No path, no query, no markup: whatever looks keys up by it. */
const isKeyName = (kid: unknown): boolean => typeof kid === 'string' && /^[\w.:=+~@-]{1,200}$/.test(kid)

/** Seconds since 1970. */
const isTime = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= LATEST_TIME_MS / 1_000

/** A token that others accept as well could be replayed by them. */
const isOnlyFor = (audience: string, aud: unknown): boolean =>
  aud === audience || (Array.isArray(aud) && aud.length > 0 && aud.every((one) => one === audience))

/** A list, or `*` for any; nothing said is nothing. In a list `*` is a name like others. */
function parseNames(value: unknown, parseName: (name: unknown) => Parsed<string>): Parsed<readonly string[] | '*'> {
  if (value === undefined) return parsed([])
  if (value === '*') return parsed('*')
  if (!Array.isArray(value)) return unreadable('it is not a list')
  const names = value.map(parseName)
  return names.every((name) => name.ok) ? parsed([...new Set(names.map((name) => name.value))]) : unreadable('it names something unusable')
}
