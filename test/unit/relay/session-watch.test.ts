import { describe, expect, it } from 'vitest'
import { encodeAwareness } from '../../../src/protocol/awareness-frames.js'
import { AWARENESS, QUERY_AWARENESS, SYNC, TYPE, decodePage, decodeWelcome, encodeAuth, encodeDeviceRequest, encodeLeave, encodePageRequest } from '../../../src/protocol/messages.js'
import { LAPTOP, PHONE, START, STEP1, createSessionWorld, each, hello, liveness, person, refused, state, sync, watching, written, type SessionWorld } from './session-world.js'

async function withBob() {
  const world: SessionWorld = createSessionWorld()
  const bob = await (await world.connect('bob')).ours(PHONE)
  bob.send(watching(['join', 'general']))
  await world.settle()
  world.tick()
  return { ...world, bob }
}

describe('a visitor in the room watch', () => {
  it('is answered, with nothing of anybody\'s own', async () => {
    const { visit } = await withBob()
    const visitor = visit('visitor')
    visitor.send(hello())
    expect(visitor.types()).toEqual([TYPE.hello])
    expect(decodeWelcome(visitor.frames[0]!)).toMatchObject({ ok: true, value: { version: 1, relayTime: START + 50, relayNumber: 7, stored: new Map() } })
  })

  it('sees whom and what the token allows, and hears of changes', async () => {
    const { visit, settle, tick, bob } = await withBob()
    const visitor = visit('visitor', { principal: person('visitor', { watch: ['bob'], channels: ['general'] }) })
    visitor.send(hello(), watching(['watch', 'bob'], ['ask', 'bob'], ['watch-channel', 'general'], ['watch', 'carol'], ['watch-channel', 'random']))
    await settle()
    expect(visitor.notices()).toEqual([['forbidden', 'carol'], ['forbidden', 'random']])
    expect(visitor.news().at(-1)).toMatchObject({ userId: 'bob', told: { projection: { status: 'online' } } })
    bob.send(liveness(state(PHONE, { override: 'dnd' })))
    tick()
    expect(visitor.news().at(-1)).toMatchObject({ userId: 'bob', told: { projection: { status: 'dnd' } } })
    visitor.send(encodePageRequest({ requestId: 9, channelId: 'general', statuses: ['dnd'], limit: 10, after: null }))
    await settle()
    expect(visitor.ofType(TYPE.page).map((frame) => decodePage(frame)).at(-1)).toMatchObject({ ok: true, value: { kind: 'rows', requestId: 9 } })
  })

  it('is nobody: no user is opened, and no channel has one more in it', async () => {
    const { visit, settle, hub, status } = await withBob()
    const visitor = visit('visitor')
    visitor.send(hello(), watching(['watch-channel', 'general'], ['join', 'general'], ['join', 'nowhere'], ['leave', 'general']))
    await settle()
    expect(visitor.notices()).toEqual([['forbidden', 'general'], ['forbidden', 'nowhere']])
    expect([visitor.code(), hub.find('visitor'), status('visitor'), hub.teller.channel('general')!.members.size, hub.teller.channel('nowhere')]).toEqual([undefined, undefined, undefined, 1, undefined])
  })

  it('changes nothing of a person whose token it has', async () => {
    const { visit, connect, settle, status } = await withBob()
    const alice = await (await connect('alice')).ours()
    const visitor = visit('alice', { principal: person('alice') })
    visitor.send(hello(PHONE))
    await settle()
    alice.session.end('gone')
    expect(status('alice') ?? 'offline').toBe('offline')
  })

  it.each<[what: string, frame: Uint8Array]>([
    ['a sync', STEP1], ['an edit', sync(2, written({ status: { choice: 'dnd', expiresAt: null } }))], ['liveness', liveness(state())], ['a stock client\'s liveness', encodeAwareness([{ clientId: 7, clock: 1, state: {} }])],
    ['a query', Uint8Array.of(QUERY_AWARENESS)], ['what servers say of auth', Uint8Array.of(2, 0)], ['type 99', Uint8Array.of(99)], ['a feed', Uint8Array.of(TYPE.feed)], ['stored', Uint8Array.of(TYPE.stored, 0)],
    ['activity', Uint8Array.of(TYPE.activity)], ['a request of a device', encodeDeviceRequest({ requestId: 1, deviceId: LAPTOP, status: 'dnd' })], ['a goodbye', encodeLeave('gone')],
    ['a challenge', Uint8Array.of(TYPE.challenge)], ['a notice', Uint8Array.of(TYPE.notice)], ['a type that is not known yet', Uint8Array.of(120)],
    ['a bad sync', Uint8Array.of(SYNC, 77)], ['bad liveness', Uint8Array.of(AWARENESS, 3, 1)],
  ])('[J12] that says %s is sent away with 4403, at first or later', async (_, frame) => {
    const { visit, hub } = await withBob()
    const [early, late] = [visit('visitor'), visit('visitor')]
    early.send(frame, hello())
    late.send(hello(), frame, watching(['watch', 'bob']))
    expect([early.code(), late.code(), early.frames.length, late.closings()]).toEqual([4_403, 4_403, 0, 1])
    expect(hub.find('visitor')).toBeUndefined()
  })

  it.each<[what: string, code: number, frames: readonly Uint8Array[]]>([
    ['says nothing [W12]', 4_400, [hello(), Uint8Array.of()]],
    ['begins with a watch', 4_400, [watching(['watch', 'bob'])]],
    ['begins with a page', 4_400, [encodePageRequest({ requestId: 1, channelId: 'general', statuses: [], limit: 1, after: null })]],
    ['begins with a token', 4_400, [encodeAuth('a.b.c')]],
    ['says hello twice', 4_400, [hello(), hello()]],
    ['says hello badly', 4_400, [Uint8Array.of(...hello().slice(0, 5))]],
    ['is too old', 4_426, [hello(LAPTOP, { version: 0 })]],
    ['watches badly', 4_400, [hello(), Uint8Array.of(TYPE.watch, 9)]],
    ['asks for a page badly', 4_400, [hello(), Uint8Array.of(TYPE.page, 1)]],
  ])('that %s is closed once', async (_, code, frames) => {
    const { visit } = await withBob()
    const visitor = visit('visitor')
    visitor.send(...frames, watching(['watch', 'bob']))
    expect([visitor.code(), visitor.closings()]).toEqual([code, 1])
  })

  it('may have any device id: it is not held to one', async () => {
    const { visit } = await withBob()
    const visitor = visit('visitor', { principal: person('visitor', { deviceId: PHONE }) })
    visitor.send(hello(LAPTOP))
    expect([visitor.code(), visitor.types()]).toEqual([undefined, [TYPE.hello]])
  })

  it('[T13] is closed when its token expires, and may renew it in band', async () => {
    const { visit, clock, settle } = await withBob()
    const expiring = person('visitor', { expiresAt: START + 60_000 })
    const [idle, renewing, forged] = [
      visit('visitor', { principal: expiring }), visit('visitor', { principal: expiring, authenticate: async () => ({ ok: true, value: person('visitor', { expiresAt: START + 120_000 }) }) }),
      visit('visitor', { principal: expiring, authenticate: async () => refused() }),
    ]
    for (const visitor of [idle, renewing, forged]) visitor.send(hello())
    renewing.send(encodeAuth('a.b.c'))
    forged.send(encodeAuth('a.b.c'))
    await settle()
    expect(forged.code()).toBe(4_401)
    clock.advance(60_000)
    expect([idle.code(), renewing.code()]).toEqual([4_401, undefined])
    clock.advance(60_000)
    expect(renewing.code()).toBe(4_401)
  })

  it('[T10] is revoked as anybody is', async () => {
    const { visit, revocations, clock, settle } = await withBob()
    const visitor = visit('visitor', { principal: person('visitor', { tokenId: 'visit-1' }) })
    visitor.send(hello())
    await revocations.revoke({ tokenId: 'visit-1' })
    expect(visitor.code()).toBe(4_401)
    const other = visit('visitor')
    other.send(hello())
    const revoked = revocations.revoke({ userId: 'visitor' })
    await settle()
    clock.advance(2_000)
    await revoked
    expect(other.code()).toBe(4_401)
  })

  it('[T7] scrapes no more than anybody: a channel that it sees costs nothing, strangers do', async () => {
    const { visit, settle } = await withBob()
    const visitor = visit('visitor')
    visitor.send(hello(), watching(['watch-channel', 'general']), watching(...each('ask', 500, 'user')))
    await settle()
    visitor.send(watching(['ask', 'one more'], ['ask', 'bob']))
    await settle()
    expect(visitor.notices()).toEqual([['rate-limited', 'one more']])
    expect(visitor.news().at(-1)!.userId).toBe('bob')
  })

  it('leaves nobody in memory when it goes', async () => {
    const { visit, settle, hub } = await withBob()
    const visitor = visit('visitor')
    visitor.send(hello(), watching(['watch', 'carol'], ['watch-channel', 'nowhere']))
    await settle()
    expect(hub.find('carol')).toBeDefined()
    visitor.session.end('gone')
    visitor.session.end('lost')
    expect([hub.find('carol'), hub.teller.channel('nowhere')]).toEqual([undefined, undefined])
  })
})
