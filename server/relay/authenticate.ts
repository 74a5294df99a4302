/** Who a token says somebody is. Never throws at a token, and tells a stranger no more than a sentence. */
import { createSecretKey, type KeyObject } from 'node:crypto'
import { compactVerify, createRemoteJWKSet, errors, type CompactVerifyGetKey } from 'jose'
import { PresenceError } from '../../src/errors.js'
import { sizeInBytes } from '../../src/model/json.js'
import type { RelayOptions } from '../../src/presence-service.js'
import { principalOf, readToken, type Bearer, type Expected } from './token-claims.js'

export type Authenticated =
  | { readonly ok: true; readonly value: Bearer }
  /** Temporary: the keys could not be had, and nothing is known of the token. */
  | { readonly ok: false; readonly reason: string; readonly isTemporary: boolean }
export type Authenticate = (token: string | null) => Promise<Authenticated>

export const SECRET_BYTES = 32
/** By kind of key: else a public key, which everybody has, would do as an HMAC secret. */
const SECRET_ALGORITHMS = ['HS256']
const PUBLIC_ALGORITHMS = ['ES256', 'EdDSA', 'Ed25519', 'RS256']

export function createAuthenticator(auth: RelayOptions['auth'], now: () => number): Authenticate {
  const { algorithms, key, expected } = keysOf(auth)
  return async (token) => {
    const claims = readToken(token, algorithms)
    if (!claims.ok) return refused(claims.reason)
    try {
      await verifySignature(token!)
    } catch (error) {
      return isAboutToken(error) ? refused('the signature is wrong') : { ok: false, reason: 'the keys cannot be had at the moment', isTemporary: true }
    }
    const principal = principalOf(claims.value, now(), expected)
    return principal.ok ? principal : refused(principal.reason)
  }

  function verifySignature(token: string): Promise<unknown> {
    return typeof key === 'function' ? compactVerify(token, key, { algorithms }) : compactVerify(token, key, { algorithms })
  }
}

const refused = (reason: string): Authenticated => ({ ok: false, reason, isTemporary: false })

interface Keys {
  readonly algorithms: string[]
  readonly key: KeyObject | CompactVerifyGetKey
  readonly expected: Expected
}

function keysOf(auth: RelayOptions['auth']): Keys {
  if ('secret' in auth) return { algorithms: SECRET_ALGORITHMS, key: secretKey(auth.secret), expected: {} }
  return { algorithms: PUBLIC_ALGORITHMS, key: createRemoteJWKSet(keysUrl(auth.jwksUrl)), expected: auth }
}

export function secretKey(secret: string): KeyObject {
  if (typeof secret !== 'string' || sizeInBytes(secret) < SECRET_BYTES) {
    throw refuseOption('secret', `The secret has fewer than ${SECRET_BYTES} bytes.`, 'Make one with: openssl rand -base64 32')
  }
  return createSecretKey(secret, 'utf8')
}

function keysUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  const isPrivate = url?.protocol === 'https:' || (url?.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname))
  if (!url || !isPrivate) throw refuseOption('jwksUrl', 'The address of the public keys is not an https: address.', 'Pass https://issuer/.well-known/jwks.json')
  return url
}

const refuseOption = (subject: string, message: string, remedy: string) => new PresenceError('invalid-argument', { subject, message, remedy })

/** What only a bad token causes; a key server that is down, slow or broken is not its fault. */
const isAboutToken = (error: unknown): boolean =>
  error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWSInvalid || error instanceof errors.JOSEAlgNotAllowed
  || error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys || error instanceof errors.JOSENotSupported
