import { describe, expect, it } from 'vitest'
import type { Authenticated } from '../../../server/relay/authenticate.js'
import type { Bearer } from '../../../server/relay/token-claims.js'
import type { RelayOptions } from '../../../src/presence-service.js'
import { TYPE, decodeNotice, encodeAuth } from '../../../src/protocol/messages.js'
import { LAPTOP, PHONE, createSessionWorld, each, hello, liveness, person, state, watching, type Connection, type SessionWorld } from './session-world.js'

type Hooks = Pick<RelayOptions, 'authorizeWatch' | 'authorizeJoin'>
/** Bob is here, in general. */
async function withBob(hooks: Hooks = {}): Promise<SessionWorld & { readonly bob: Connection }> {
  const world = createSessionWorld({ hooks: { ...hooks, ...(hooks.authorizeJoin && { authorizeJoin: (member, id) => member.userId === 'bob' || hooks.authorizeJoin!(member, id) }) } })
  const bob = await (await world.connect('bob')).ours(PHONE)
  bob.send(watching(['join', 'general']))
  await world.settle()
  world.tick()
  return { ...world, bob }
}
/** Promises that a test settles, by what was asked. */
function createSlowHook() {
  const waiting = new Map<string, (answer: boolean) => void>()
  return {
    asked: () => [...waiting.keys()], hook: (_: unknown, id: string) => new Promise<boolean>((resolve) => { waiting.set(id, resolve) }),
    answer: (id: string, answer: boolean) => waiting.get(id)!(answer),
  }
}
const seen = (connection: Connection): string[] => [...new Set(connection.news().map(({ userId }) => userId))].filter((userId) => userId !== 'alice')
const newsOf = (connection: Connection, userId: string): string[] => connection.news().filter((news) => news.userId === userId).map(({ told, isForgotten }) => (isForgotten ? 'forgotten' : told.projection.status))
const renewedAs = (over: Partial<Bearer>) => async (): Promise<Authenticated> => ({ ok: true, value: person('alice', over) })

describe('[VS3] hooks', () => {
  it('decide whom one sees and where one is, and not the token', async () => {
    const { connect, settle, hub } = await withBob({ authorizeWatch: (_, id) => id === 'bob', authorizeJoin: async (_, id) => id === 'random' })
    const alice = await (await connect('alice', { principal: person('alice', { watch: ['carol'], channels: ['general'] }) })).ours()
    alice.send(watching(['watch', 'bob'], ['watch', 'carol'], ['ask', 'carol'], ['join', 'general'], ['watch-channel', 'general'], ['join', 'random']))
    await settle()
    expect(alice.notices()).toEqual([['forbidden', 'carol'], ['forbidden', 'carol'], ['forbidden', 'general'], ['forbidden', 'general']])
    expect([seen(alice), [...hub.find('alice')!.channels]]).toEqual([['bob'], ['random']])
  })

  it.each<[what: string, hook: () => unknown]>([
    ['throws', () => { throw new Error('no') }], ['rejects', async () => { throw new Error('no') }], ['answers with nothing', () => undefined], ['never answers', () => new Promise(() => undefined)],
  ])('that %s is a refusal, and costs nothing else', async (_, hook) => {
    const { connect, settle, clock, hub, counts } = await withBob({ authorizeWatch: hook as never, authorizeJoin: hook as never })
    const alice = await (await connect('alice')).ours()
    alice.send(watching(['watch', 'bob'], ['watch', 'nobody'], ['join', 'general'], ['watch-channel', 'general'], ['watch', 'alice']))
    await settle()
    clock.advance(10_000)
    await settle()
    expect(alice.notices()).toEqual([['forbidden', 'bob'], ['forbidden', 'nobody'], ['forbidden', 'general'], ['forbidden', 'general']])
    expect([alice.code(), hub.find('nobody'), seen(alice), counts.get('hook-failed-authorizeWatch')]).toEqual([undefined, undefined, [], 2])
    expect(newsOf(alice, 'alice')).toContain('online')
  })

  it('are not asked about a visible member of a channel that one is in', async () => {
    const asked: string[] = []
    const { connect, settle } = await withBob({ authorizeWatch: (_, id) => { asked.push(id); return false } })
    const alice = await (await connect('alice')).ours()
    alice.send(watching(['join', 'general'], ['watch', 'bob'], ['watch', 'carol']))
    await settle()
    expect([asked, alice.notices(), newsOf(alice, 'bob').at(-1)]).toEqual([['carol'], [['forbidden', 'carol']], 'online'])
  })

  it('that answer a join late let the member be seen who was asked for after it', async () => {
    const slow = createSlowHook()
    const { connect, settle } = await withBob({ authorizeJoin: slow.hook })
    const alice = await (await connect('alice', { principal: person('alice', { watch: [] }) })).ours()
    alice.send(watching(['join', 'general'], ['watch', 'bob'], ['watch', 'carol']))
    await settle()
    expect(alice.notices()).toEqual([])
    slow.answer('general', true)
    await settle()
    expect([alice.notices(), newsOf(alice, 'bob').at(-1)]).toEqual([[['forbidden', 'carol']], 'online'])
  })

  it.each<[what: string, verbs: readonly ('watch' | 'unwatch')[], isWatched: boolean]>([
    ['watched and gave up', ['watch', 'unwatch'], false],
    ['watched, gave up and watched', ['watch', 'unwatch', 'watch'], true],
    ['gave up and watched', ['unwatch', 'watch'], true],
  ])('that are slow keep the order of one who %s', async (_, verbs, isWatched) => {
    const slow = createSlowHook()
    const { connect, settle, hub } = await withBob({ authorizeWatch: slow.hook })
    const alice = await (await connect('alice')).ours()
    alice.send(watching(...verbs.map((verb): [typeof verb, string] => [verb, 'bob'])))
    await settle()
    // Asked twice, where somebody watched twice.
    slow.answer('bob', true)
    await settle()
    if (verbs.filter((verb) => verb === 'watch').length < 2) {
      expect([...hub.find('bob')!.watchers].length).toBe(isWatched ? 1 : 0)
      expect(alice.notices()).toEqual([])
    }
  })

  it('that are slow keep the order of one who joined and left', async () => {
    const slow = createSlowHook()
    const { connect, settle, hub } = await withBob({ authorizeJoin: slow.hook })
    const alice = await (await connect('alice')).ours()
    alice.send(watching(['join', 'random'], ['leave', 'random'], ['unwatch-channel', 'random']))
    await settle()
    slow.answer('random', true)
    await settle()
    expect([[...hub.find('alice')!.channels], hub.teller.channel('random')]).toEqual([[], undefined])
  })

  it('that answer after the end change nothing', async () => {
    const [watch, join] = [createSlowHook(), createSlowHook()]
    const { connect, settle, hub } = await withBob({ authorizeWatch: watch.hook, authorizeJoin: join.hook })
    const alice = await (await connect('alice')).ours()
    alice.send(watching(['watch', 'bob'], ['watch', 'carol'], ['join', 'random']))
    await settle()
    alice.session.end('gone')
    const said = alice.frames.length
    ;['bob', 'carol'].forEach((id) => watch.answer(id, true))
    join.answer('random', true)
    await settle()
    expect([alice.frames.length, [...hub.find('bob')!.watchers].length, hub.find('carol'), hub.teller.channel('random')]).toEqual([said, 0, undefined, undefined])
  })
})

describe('[VS3] a refusal', () => {
  it.each<[policy: string, hooks: Hooks]>([['by the token', {}], ['by a hook', { authorizeWatch: async () => false }], ['by a hook that fails', { authorizeWatch: () => { throw new Error('no') } }]])('%s is the same to the byte for one who is there, who was there and who never was', async (_, hooks) => {
    const { connect, settle, hub } = await withBob(hooks)
    const user = await hub.open('dan')
    hub.merge(user, new Map([['status', { at: [1, 0, PHONE], value: { choice: 'dnd', expiresAt: null } }]]))
    hub.release(user)
    await settle()
    const answers = await Promise.all(['bob', 'dan', 'eve'].map(async (id) => {
      const alice = await (await connect(`viewer of ${id}`, { principal: person('x', { watch: [] }) })).ours()
      const before = alice.frames.length
      alice.send(watching(['watch', id], ['ask', id]))
      await settle()
      return alice.frames.slice(before).map((frame) => Buffer.from(frame).toString('latin1').replaceAll(id, 'NAME'))
    }))
    expect(answers[0]!.length).toBe(2)
    expect([answers[1], answers[2]]).toEqual([answers[0], answers[0]])
  })

  it('loads nobody from the store', async () => {
    const { connect, settle, hub } = await withBob({ authorizeWatch: async () => false })
    const alice = await (await connect('alice')).ours()
    alice.send(watching(['watch', 'carol'], ['ask', 'dave']))
    await settle()
    expect([hub.find('carol'), hub.find('dave')]).toEqual([undefined, undefined])
  })
})

describe('[T7] a scraper', () => {
  it('of 5,000 ids gets 500, whatever connections it uses, and cannot tell who exists', async () => {
    const { connect, settle, clock } = await withBob()
    const answered = new Set<string>()
    const refusals = new Set<string>()
    for (let round = 0; round < 10; round++) {
      const mallory = await (await connect('mallory')).ours()
      const ids = each('ask', 500, `r${round}-`).map(([verb, id], index): [typeof verb, string] => [verb, round === 9 && index === 0 ? 'bob' : id])
      mallory.send(watching(...ids))
      await settle()
      seen(mallory).filter((id) => id !== 'mallory').forEach((id) => answered.add(id))
      for (const frame of mallory.ofType(TYPE.notice)) {
        const notice = decodeNotice(frame)
        if (notice.ok) refusals.add(`${notice.value.code} ${notice.value.message}`)
      }
      mallory.session.end('gone')
      clock.advance(100)
    }
    expect([answered.size, answered.has('bob')]).toEqual([500, false])
    expect(refusals.size).toBe(1)
  })

  it('goes on at sixty a minute', async () => {
    const { connect, settle, clock } = await withBob()
    const mallory = await (await connect('mallory')).ours()
    mallory.send(watching(...each('ask', 500, 'a')))
    await settle()
    clock.advance(60_000)
    mallory.send(watching(...each('ask', 100, 'b')))
    await settle()
    expect(seen(mallory).filter((id) => id.startsWith('b'))).toHaveLength(60)
    expect(mallory.notices().filter(([code]) => code === 'rate-limited')).toHaveLength(40)
  })

  it('is not an honest client that comes back again and again', async () => {
    const { connect, settle } = await withBob()
    for (let round = 0; round < 10; round++) {
      const alice = await (await connect('alice')).ours()
      alice.send(watching(...each('watch', 500, 'friend')))
      await settle()
      expect(alice.notices()).toEqual([])
      alice.session.end('lost')
    }
  })

  it('is not one who watches those in a channel that one sees', async () => {
    const { connect, settle, hub } = await withBob()
    for (let index = 0; index < 30; index++) (await (await connect(`member${index}`)).ours(PHONE)).send(watching(['join', 'general']))
    const alice = await (await connect('alice')).ours()
    alice.send(watching(...each('ask', 500, 'stranger')), watching(['watch-channel', 'general']))
    await settle()
    alice.send(watching(...each('watch', 30, 'member'), ['watch', 'alice']))
    await settle()
    expect([alice.notices(), [...hub.find('member29')!.watchers].length]).toEqual([[], 1])
  })
})

describe('[T8] a watch that is taken back', () => {
  it('ends on the open socket: one last word, and never another', async () => {
    const { connect, settle, tick, bob, revocations, hub } = await withBob()
    const alice = await (await connect('alice')).ours()
    alice.send(watching(['watch', 'bob']))
    await settle()
    await revocations.revoke({ watch: { userId: 'bob', by: 'alice' } })
    await settle()
    expect(newsOf(alice, 'bob')).toEqual(['online', 'forgotten'])
    const said = alice.frames.length
    for (const override of ['dnd', 'away', null]) {
      bob.send(liveness(state(PHONE, { override })))
      tick()
    }
    expect([alice.frames.length, [...hub.find('bob')!.watchers].length]).toEqual([said, 0])
  })

  it('goes on where the two share a channel', async () => {
    const { connect, settle, tick, bob, revocations, clock } = await withBob()
    const alice = await (await connect('alice')).ours()
    alice.send(watching(['watch', 'bob'], ['join', 'general']))
    await settle()
    await revocations.revoke({ watch: { userId: 'bob', by: 'alice' } })
    await settle()
    bob.send(liveness(state(PHONE, { override: 'dnd' })))
    tick()
    expect(newsOf(alice, 'bob').at(-1)).toBe('dnd')
    bob.send(watching(['leave', 'general']))
    tick()
    const said = alice.frames.length
    bob.send(liveness(state(PHONE, { override: 'away' })))
    clock.advance(2_000)
    expect(alice.frames.length).toBe(said)
  })

  it('ends also while it is on its way out of the store', async () => {
    const { connect, settle, revocations, hub } = await withBob()
    const alice = await (await connect('alice')).ours()
    alice.send(watching(['watch', 'carol']))
    await revocations.revoke({ watch: { userId: 'carol', by: 'alice' } })
    await settle()
    expect([hub.find('carol'), newsOf(alice, 'carol')]).toEqual([undefined, []])
  })

  it('may be asked for again, which is the policy\'s to answer', async () => {
    const allowed = new Set(['bob'])
    const { connect, settle, revocations } = await withBob({ authorizeWatch: (_, id) => allowed.has(id) })
    const alice = await (await connect('alice')).ours()
    alice.send(watching(['watch', 'bob']))
    await settle()
    allowed.clear()
    await revocations.revoke({ watch: { userId: 'bob', by: 'alice' } })
    alice.send(watching(['watch', 'bob']))
    await settle()
    expect([newsOf(alice, 'bob'), alice.notices()]).toEqual([['online', 'forgotten'], [['forbidden', 'bob']]])
    allowed.add('bob')
    alice.send(watching(['watch', 'bob']))
    await settle()
    expect(newsOf(alice, 'bob').at(-1)).toBe('online')
  })
})

describe('[T13] a fresh token', () => {
  it('ends what it does not allow any more, and keeps the rest', async () => {
    const { connect, settle, hub, tick } = await withBob()
    const alice = await (await connect('alice', { principal: person('alice', { watch: ['bob', 'carol'], channels: ['general', 'random', 'seen'] }), authenticate: renewedAs({ watch: ['carol'], channels: ['random'] }) })).ours()
    alice.send(watching(['watch', 'bob'], ['watch', 'carol'], ['join', 'random'], ['join', 'general'], ['watch-channel', 'seen'], ['watch', 'alice']))
    await settle()
    tick()
    alice.send(encodeAuth('a.b.c'))
    await settle()
    tick()
    expect(alice.notices()).toEqual([['forbidden', 'general'], ['forbidden', 'seen']])
    expect([[...hub.find('alice')!.channels], hub.teller.channel('seen'), [...hub.find('bob')!.watchers].length, [...hub.find('carol')!.watchers].length]).toEqual([['random'], undefined, 0, 1])
    expect([newsOf(alice, 'bob').at(-1), alice.code()]).toEqual(['forgotten', undefined])
    const said = alice.frames.length
    hub.merge(hub.find('bob')!, new Map([['custom', { at: [1, 0, PHONE], value: { text: 'secret', emoji: null, expiresAt: null } }]]))
    tick()
    expect(alice.frames.length).toBe(said)
  })

  it('ends what a hook does not allow any more', async () => {
    let isBlocked = false
    const { connect, settle } = await withBob({ authorizeWatch: async () => !isBlocked, authorizeJoin: async () => !isBlocked })
    const alice = await (await connect('alice', { authenticate: renewedAs({}) })).ours()
    alice.send(watching(['watch', 'bob'], ['join', 'random']))
    await settle()
    isBlocked = true
    alice.send(encodeAuth('a.b.c'))
    await settle()
    expect([newsOf(alice, 'bob').at(-1), alice.notices()]).toEqual(['forgotten', [['forbidden', 'random']]])
  })

  it('ends what was asked for with the token before, and is answered only now', async () => {
    const slow = createSlowHook()
    const { connect, settle, hub } = await withBob({ authorizeWatch: (viewer, id) => (viewer.tokenId === 'new' ? false : slow.hook(viewer, id)) })
    const alice = await (await connect('alice', { authenticate: renewedAs({ tokenId: 'new' }) })).ours()
    alice.send(watching(['watch', 'bob']), encodeAuth('a.b.c'))
    await settle()
    slow.answer('bob', true)
    await settle()
    expect([...hub.find('bob')!.watchers].length).toBe(0)
  })

  it('leaves one the members of a channel that one is still in, also while they are away', async () => {
    const { connect, settle, bob, tick, hub } = await withBob()
    const alice = await (await connect('alice', { principal: person('alice', { watch: [] }), authenticate: renewedAs({ watch: [] }) })).ours()
    alice.send(watching(['join', 'general'], ['watch', 'bob']))
    await settle()
    bob.session.end('gone')
    tick()
    alice.send(encodeAuth('a.b.c'))
    await settle()
    expect([alice.notices(), [...hub.find('bob')!.watchers].length]).toEqual([[], 1])
    // Who leaves the channel has no reason left to see them.
    alice.send(watching(['leave', 'general']))
    await settle()
    expect(newsOf(alice, 'bob').at(-1)).toBe('forgotten')
  })

  it('that is checked later than the next one does not win over it', async () => {
    const { connect, settle, clock } = await withBob()
    const checks: ((checked: Authenticated) => void)[] = []
    const alice = await (await connect('alice', { authenticate: () => new Promise((resolve) => { checks.push(resolve) }) })).ours()
    alice.send(encodeAuth('first'), encodeAuth('second'))
    await settle()
    expect(checks).toHaveLength(1)
    checks[0]!({ ok: true, value: person('alice', { expiresAt: clock.now() + 60_000 }) })
    await settle()
    checks[1]!({ ok: true, value: person('alice', { expiresAt: clock.now() + 120_000 }) })
    await settle()
    clock.advance(119_999)
    expect(alice.code()).toBeUndefined()
    // A deadline is met a tenth of a second late at most.
    clock.advance(101)
    expect(alice.code()).toBe(4_401)
  })
})

describe('[T10] what was revoked', () => {
  it.each<[what: string, revoked: object, bearer: Partial<Bearer>]>([
    ['a token', { tokenId: 'token-1' }, { tokenId: 'token-1' }], ['a user', { userId: 'alice' }, {}], ['a user, whose token does not say when it was issued', { userId: 'alice' }, { issuedAt: null }],
    ['the device of a token', { deviceId: LAPTOP }, { deviceId: LAPTOP }], ['the device that said hello', { deviceId: LAPTOP }, {}],
  ])('%s: the socket closes with 4401 once, and its device is there no more than one that is lost', async (_, revoked, over) => {
    const { connect, settle, clock, revocations, status } = await withBob()
    const alice = await (await connect('alice', { principal: person('alice', over) })).ours()
    const done = revocations.revoke(revoked)
    await settle()
    clock.advance(2_000)
    await done
    expect([alice.code(), alice.closings()]).toEqual([4_401, 1])
    clock.advance(8_200)
    expect(status('alice') ?? 'offline').toBe('offline')
  })

  it('a device cannot say hello again with what was issued before, and another device can', async () => {
    const { connect, settle, clock, revocations } = await withBob()
    const done = revocations.revoke({ deviceId: LAPTOP })
    await settle()
    clock.advance(2_000)
    await done
    const [same, other, fresh] = [await connect('alice'), await connect('alice'), await connect('alice', { principal: person('alice', { issuedAt: clock.now() }) })]
    same.send(hello(LAPTOP))
    other.send(hello(PHONE))
    fresh.send(hello(LAPTOP))
    expect([same.code(), other.code(), fresh.code()]).toEqual([4_401, undefined, undefined])
  })

  it('a token cannot be renewed in band with one that was', async () => {
    const { connect, settle, revocations } = await withBob()
    await revocations.revoke({ tokenId: 'old' })
    const alice = await (await connect('alice', { authenticate: renewedAs({ tokenId: 'old' }) })).ours()
    alice.send(encodeAuth('a.b.c'))
    await settle()
    expect(alice.code()).toBe(4_401)
  })

  it.each([0, 1, 2, 3, 4, 5, 6, 8, 12])('a token that is revoked while it is checked does not come through, be it %i turns later', async (turns) => {
    const { connect, settle, revocations } = await withBob()
    let check: (checked: Authenticated) => void = () => undefined
    const alice = await (await connect('alice', { authenticate: () => new Promise((resolve) => { check = resolve }) })).ours()
    alice.send(encodeAuth('a.b.c'))
    await settle()
    check({ ok: true, value: person('alice', { tokenId: 'late' }) })
    for (let turn = 0; turn < turns; turn++) await Promise.resolve()
    await revocations.revoke({ tokenId: 'late' })
    await settle()
    expect(alice.code()).toBe(4_401)
  })
})
