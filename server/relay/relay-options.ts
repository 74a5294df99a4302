/** The options of `attachRelay`, parsed: what is wrong with one is said at once, and names it. */
import { checked, PresenceError } from '../../src/errors.js'
import { DEFAULT_POLICY, parseOptions, parsePolicy } from '../../src/model/arguments.js'
import { isObject } from '../../src/model/json.js'
import type { Policy, RelayOptions } from '../../src/presence-service.js'
import { WIRE } from '../../src/protocol/limits.js'
import { parseAllowedOrigin } from './origin.js'

export interface ResolvedRelayOptions {
  /** Its secret or address is checked where keys are made of it. */
  readonly auth: RelayOptions['auth']
  readonly allowedOrigins: readonly string[] | undefined
  readonly hooks: Pick<RelayOptions, 'authorizeWatch' | 'authorizeJoin'>
  readonly channelFeedLimit: number
  /** Of devices that bring none of their own; what is not given is the service's. */
  readonly policy: Policy
}

const POLICY = Object.keys(DEFAULT_POLICY) as (keyof Policy)[]

/** Throws `invalid-argument`. */
export function resolveRelayOptions(options: unknown): ResolvedRelayOptions {
  const given = checked(parseOptions(options, ['auth', 'allowedOrigins', 'authorizeWatch', 'authorizeJoin', 'channelFeedLimit', ...POLICY]))
  const policy = checked(parsePolicy(given))
  return {
    auth: toAuth(given['auth']),
    allowedOrigins: toOrigins(given['allowedOrigins']),
    hooks: { ...toHook(given, 'authorizeWatch'), ...toHook(given, 'authorizeJoin') },
    channelFeedLimit: toFeedLimit(given['channelFeedLimit']),
    policy: Object.fromEntries(POLICY.filter((name) => given[name] !== undefined).map((name) => [name, policy[name]])),
  }
}

function toAuth(value: unknown): RelayOptions['auth'] {
  if (!isObject(value)) throw refused('auth', 'There is nothing to check tokens with.', 'Pass auth: { secret } or { jwksUrl }.')
  const given = checked(parseOptions(value, ['secret', 'jwksUrl', 'issuer', 'audience']))
  const { secret, jwksUrl, issuer, audience } = given
  if ((secret === undefined) === (jwksUrl === undefined)) throw refused('auth', 'It names neither a secret nor jwksUrl, or both.', 'Pass auth: { secret } or { jwksUrl }.')
  if (secret !== undefined) {
    if (issuer !== undefined || audience !== undefined) throw refused('auth', 'issuer and audience go with jwksUrl only.', 'Leave them out beside a secret.')
    // Never said in an error, whatever it is.
    return { secret: typeof secret === 'string' ? secret : '' }
  }
  return { jwksUrl: toText('jwksUrl', jwksUrl), ...(issuer === undefined ? {} : { issuer: toText('issuer', issuer) }), ...(audience === undefined ? {} : { audience: toText('audience', audience) }) }
}

function toOrigins(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value)) throw refused('allowedOrigins', 'It is not a list.', "Pass ['https://app.example.com'].")
  return Array.from(value as unknown[], (entry) => {
    const origin = parseAllowedOrigin(typeof entry === 'string' ? entry : '')
    if (!origin.ok) throw refused('allowedOrigins', `One of them is no origin: ${origin.reason}.`, 'Give https://app.example.com, as the browser writes it.')
    return origin.value
  })
}

function toHook<Name extends 'authorizeWatch' | 'authorizeJoin'>(given: Readonly<Record<string, unknown>>, name: Name): Pick<RelayOptions, Name> {
  const hook = given[name]
  if (hook !== undefined && typeof hook !== 'function') throw refused(name, 'It is not a function.', `Pass ${name}: (principal, id) => boolean, or a promise of one.`)
  return (hook === undefined ? {} : { [name]: hook }) as Pick<RelayOptions, Name>
}

function toFeedLimit(value: unknown): number {
  if (value === undefined) return WIRE.channelFeedLimit
  const isUsable = typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 1_000_000
  if (!isUsable) throw refused('channelFeedLimit', 'It is not a whole number from 1 to 1,000,000.', 'Pass how many members a channel may have and still be told whole.')
  return value
}

function toText(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw refused(name, 'It is not a text.', 'Pass a string, or leave it out.')
  return value
}

const refused = (subject: string, message: string, remedy: string): PresenceError => new PresenceError('invalid-argument', { subject, message, remedy })
