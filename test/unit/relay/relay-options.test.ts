import { describe, expect, it } from 'vitest'
import { resolveRelayOptions } from '../../../server/relay/relay-options.js'

const auth = { secret: 'a secret of at least thirty-two bytes' }

describe('[O2] options of a relay', () => {
  it('are few, and have defaults', () => {
    expect(resolveRelayOptions({ auth })).toEqual({ auth, allowedOrigins: undefined, hooks: {}, channelFeedLimit: 500, policy: {} })
  })

  it('are taken as given', () => {
    const [authorizeWatch, authorizeJoin] = [() => true, async () => false]
    const given = { auth: { jwksUrl: 'https://a.example/jwks', issuer: 'a', audience: 'b' }, allowedOrigins: ['https://app.example.com', 'app://desktop'], authorizeWatch, authorizeJoin, channelFeedLimit: 7, awayAfterMs: 60_000 }
    expect(resolveRelayOptions(given)).toEqual({
      auth: given.auth, allowedOrigins: given.allowedOrigins, hooks: { authorizeWatch, authorizeJoin }, channelFeedLimit: 7, policy: { awayAfterMs: 60_000 },
    })
  })

  it.each<[what: string, options: unknown, subject: string]>([
    ['nothing', undefined, 'auth'],
    ['no object', 'auth', 'options'],
    ['an option that nobody knows', { auth, authoriseWatch: () => true }, 'authoriseWatch'],
    ['the key __proto__', JSON.parse('{"auth":{"secret":"x"},"__proto__":{"polluted":true}}'), '__proto__'],
    ['auth without anything', { auth: {} }, 'auth'],
    ['auth that is a text', { auth: 'secret' }, 'auth'],
    ['auth with both', { auth: { ...auth, jwksUrl: 'https://a.example/jwks' } }, 'auth'],
    ['auth with an option that nobody knows', { auth: { secret: auth.secret, algorithm: 'none' } }, 'algorithm'],
    ['an issuer beside a secret', { auth: { ...auth, issuer: 'a' } }, 'auth'],
    ['an audience that is a list', { auth: { jwksUrl: 'https://a.example/jwks', audience: ['a'] } }, 'audience'],
    ['origins that are no list', { auth, allowedOrigins: 'https://app.example.com' }, 'allowedOrigins'],
    ['an origin that is none', { auth, allowedOrigins: ['https://app.example.com/'] }, 'allowedOrigins'],
    ['the origin of anybody', { auth, allowedOrigins: ['null'] }, 'allowedOrigins'],
    ['an origin that is a number', { auth, allowedOrigins: [7] }, 'allowedOrigins'],
    ['a hook that is none', { auth, authorizeWatch: true }, 'authorizeWatch'],
    ['another hook that is none', { auth, authorizeJoin: 'yes' }, 'authorizeJoin'],
    ['a limit of none', { auth, channelFeedLimit: 0 }, 'channelFeedLimit'],
    ['a limit that is no number', { auth, channelFeedLimit: Number.NaN }, 'channelFeedLimit'],
    ['a limit of two and a half', { auth, channelFeedLimit: 2.5 }, 'channelFeedLimit'],
    ['an interval of nothing', { auth, awayAfterMs: 0 }, 'awayAfterMs'],
    ['a getter that throws', { get auth() { throw new Error('no') } }, 'options'],
  ])('with %s are refused, and it is said why', (_, options, subject) => {
    expect(() => resolveRelayOptions(options)).toThrow(expect.objectContaining({ code: 'invalid-argument', subject, message: expect.stringMatching(/\.$/), remedy: expect.stringMatching(/\S/) }))
  })

  it('that were almost right are told what was meant', () => {
    expect(() => resolveRelayOptions({ auth, authoriseWatch: () => true })).toThrow(expect.objectContaining({ remedy: 'Did you mean "authorizeWatch"?' }))
  })

  it('[T11] never say a secret', () => {
    for (const bad of [{ auth: { secret: 'hush', jwksUrl: 'x' } }, { auth: { secret: { hush: 'hush' } } }]) {
      try {
        resolveRelayOptions(bad)
      } catch (error) {
        expect(JSON.stringify(error) + String(error)).not.toContain('hush')
      }
    }
  })
})
