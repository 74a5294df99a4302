import { describe, expect, it } from 'vitest'
import { createPermissions, type Permissions } from '../../../server/relay/permissions.js'
import type { RelayOptions } from '../../../src/presence-service.js'
import { createManualClock } from '../../../testing/manual-clock.js'
import { START, person } from './session-world.js'

function setUp(hooks: Pick<RelayOptions, 'authorizeWatch' | 'authorizeJoin'> = {}) {
  const clock = createManualClock(START)
  const logged: string[] = []
  const counted: string[] = []
  const permissions: Permissions = createPermissions({
    hooks, clock, log: (level, message, details) => { logged.push(JSON.stringify([level, message, details])) }, count: (what) => { counted.push(what) },
  })
  return { permissions, clock, logged, counted }
}
/** A name that no linter likes on an object. */
const [THEN] = ['then'] as [string]
const alice = person('alice', { watch: ['bob'], channels: ['general'] })

describe('[VS3] without hooks', () => {
  it('the token says who may be watched and what may be joined', () => {
    const { permissions: { mayWatch, mayJoin, isNamed } } = setUp()
    expect(['bob', 'carol', 'alice', '*'].map((id) => mayWatch(alice, id))).toEqual([true, false, true, false])
    expect(['general', 'random', '*'].map((id) => mayJoin(alice, id))).toEqual([true, false, false])
    expect([mayWatch(person('dave'), 'anybody'), mayJoin(person('dave'), 'anything'), isNamed(alice, 'bob'), isNamed(alice, 'carol')]).toEqual([true, true, true, false])
  })
})

describe('[VS3] hooks', () => {
  it('decide instead of the token, at once or later', async () => {
    const asked: unknown[] = []
    const { permissions: { mayWatch, mayJoin } } = setUp({
      authorizeWatch: (viewer, id) => { asked.push([viewer, id]); return id === 'carol' },
      authorizeJoin: async (member, id) => { asked.push([member, id]); return id === 'random' },
    })
    expect([mayWatch(alice, 'bob'), mayWatch(alice, 'carol')]).toEqual([false, true])
    expect([await mayJoin(alice, 'general'), await mayJoin(alice, 'random')]).toEqual([false, true])
    expect(asked).toEqual([[alice, 'bob'], [alice, 'carol'], [alice, 'general'], [alice, 'random']])
  })

  it('are not asked about oneself', () => {
    const { permissions: { mayWatch } } = setUp({ authorizeWatch: () => false })
    expect(mayWatch(alice, 'alice')).toBe(true)
  })

  it('of which there is one leave the other to the token', () => {
    const { permissions: { mayWatch, mayJoin } } = setUp({ authorizeJoin: () => true })
    expect([mayWatch(alice, 'carol'), mayJoin(alice, 'random')]).toEqual([false, true])
  })

  it.each<[what: string, hook: () => unknown]>([
    ['throws', () => { throw new Error('the database is gone') }],
    ['throws what cannot be read', () => { throw Object.create(null) }],
    ['rejects', async () => { throw new Error('the database is gone') }],
    ['rejects with nothing', () => Promise.reject(undefined)],
    ['answers with a text', () => 'true'],
    ['answers with 1', () => 1],
    ['answers with nothing', () => undefined],
    ['answers with an object', () => ({})],
    ['promises a text', async () => 'yes'],
    ['answers with what throws when it is looked at', () => new Proxy({}, { has: () => { throw new Error('no') } })],
    ['answers with what throws when it is awaited', () => Object.defineProperty({}, THEN, { get: () => { throw new Error('no') } })],
    ['answers with a thenable that throws', () => ({ [THEN]: () => { throw new Error('no') } })],
  ])('that %s refuses, is counted, and said in the log', async (_, hook) => {
    const { permissions: { mayWatch, mayJoin }, logged, counted } = setUp({ authorizeWatch: hook as never, authorizeJoin: hook as never })
    expect([await mayWatch(alice, 'bob'), await mayJoin(alice, 'general')]).toEqual([false, false])
    expect(counted).toEqual(['hook-failed-authorizeWatch', 'hook-failed-authorizeJoin'])
    expect(logged).toHaveLength(2)
  })

  it('that never settles refuses after 10 s', async () => {
    const { permissions: { mayWatch }, clock, counted } = setUp({ authorizeWatch: () => new Promise(() => undefined) })
    let answer: boolean | undefined
    const asked = Promise.resolve(mayWatch(alice, 'bob')).then((given) => { answer = given })
    clock.advance(9_999)
    await Promise.resolve()
    expect(answer).toBeUndefined()
    clock.advance(1)
    await asked
    expect([answer, counted]).toEqual([false, ['hook-failed-authorizeWatch']])
  })

  it('that settles too late changes nothing', async () => {
    let settle: (answer: boolean) => void = () => undefined
    const { permissions: { mayWatch }, clock } = setUp({ authorizeWatch: () => new Promise((resolve) => { settle = resolve }) })
    const asked = mayWatch(alice, 'bob')
    clock.advance(10_000)
    settle(true)
    expect(await asked).toBe(false)
  })

  it('that fails for everybody fills no disk', () => {
    const { permissions: { mayWatch }, logged, counted } = setUp({ authorizeWatch: () => { throw new Error('the database is gone') } })
    for (let index = 0; index < 10_000; index++) void mayWatch(alice, `user${index}`)
    expect([counted.length, logged.length]).toEqual([10_000, 5])
  })
})
