import { describe, expect, it } from 'vitest'
import type { Authenticated } from '../../../server/relay/authenticate.js'
import type { Bearer } from '../../../server/relay/token-claims.js'
import type { UserStore } from '../../../server/hub/user-store.js'
import { createMemoryStore } from '../../../server/store/memory-store.js'
import { digestOf } from '../../../src/model/registers.js'
import type { JsonObject } from '../../../src/model/json.js'
import { encodeAwareness, decodeAwareness } from '../../../src/protocol/awareness-frames.js'
import {
  AWARENESS, QUERY_AWARENESS, SYNC, TYPE, decodeDeviceReply, decodeNotice, decodeWelcome, encodeAuth, encodeDeviceRequest, encodeLeave,
  type WatchOperation,
} from '../../../src/protocol/messages.js'
import { LAPTOP, PHONE, START, STEP1, createSessionWorld, hello, liveness, person, refused, state, sync, watching, written, type SessionWorld } from './session-world.js'

const setUp = (store?: UserStore): SessionWorld => createSessionWorld(store ? { store } : {})
/** A second person who sees the first. */
async function watcherOf({ connect, settle }: Pick<SessionWorld, 'connect' | 'settle'>, userId: string) {
  const watcher = await (await connect('watcher')).ours(PHONE)
  watcher.send(watching(['watch', userId]))
  await settle()
  return { ...watcher, statuses: () => watcher.news().filter((news) => news.userId === userId).map(({ told }) => told.projection.status) }
}

describe('a client that says hello', () => {
  it('is answered first, and then asked for its state', async () => {
    const { connect } = setUp()
    const alice = await connect('alice')
    alice.send(hello())
    expect(alice.types().slice(0, 2)).toEqual([TYPE.hello, SYNC])
    expect(decodeWelcome(alice.frames[0]!)).toMatchObject({ ok: true, value: { version: 1, relayTime: START, relayNumber: 7 } })
  })

  it('[LV6] gets a number greater than any session before', async () => {
    const { connect } = setUp()
    const numbers: number[] = []
    for (const deviceId of [LAPTOP, PHONE, LAPTOP]) {
      const welcome = decodeWelcome((await (await connect('alice')).ours(deviceId)).frames[0]!)
      if (welcome.ok) numbers.push(welcome.value.sessionNumber)
    }
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
    expect(numbers).toHaveLength(3)
  })

  it('with the digest of today is not asked', async () => {
    const { connect } = setUp()
    const alice = await connect('alice')
    alice.send(hello(LAPTOP, { digest: digestOf(new Map(), START) }))
    expect(alice.types()).not.toContain(SYNC)
  })

  it('is nobody\'s device before it has told of itself', async () => {
    const { connect, status } = setUp()
    const alice = await connect('alice')
    alice.send(hello())
    expect(status('alice')).toBe('offline')
    alice.send(liveness(state()))
    expect(status('alice')).toBe('online')
  })

  it('of a newer version, with more to say, is understood', async () => {
    const { connect } = setUp()
    const alice = await connect('alice')
    alice.send(Uint8Array.of(...hello(LAPTOP, { version: 2 }), 1, 2, 3), liveness(state()))
    expect([alice.code(), alice.types()[0]]).toEqual([undefined, TYPE.hello])
  })

  it('may say things that we do not know', async () => {
    const { connect, counts } = setUp()
    const alice = await (await connect('alice')).ours()
    alice.send(Uint8Array.of(120, 1, 2, 3), Uint8Array.of(TYPE.challenge, 1), Uint8Array.of(TYPE.activity))
    expect([alice.code(), counts.get('unknown-message')]).toEqual([undefined, 3])
  })

  it.each<[what: string, code: number, principal: Partial<Bearer>, frames: readonly Uint8Array[]]>([
    ['is too old', 4_426, {}, [hello(LAPTOP, { version: 0 })]],
    ['is another device than its token says', 4_403, { deviceId: PHONE }, [hello()]],
    ['says it twice', 4_400, {}, [hello(), hello()]],
    ['says it twice, as another device', 4_400, {}, [hello(), hello(PHONE)]],
    ['says it badly', 4_400, {}, [hello('../../etc/passwd......')]],
    ['says it again after a sync', 4_400, {}, [STEP1, hello()]],
    ['goes on with nothing [W12]', 4_400, {}, [hello(), Uint8Array.of()]],
    ['goes on with type 99 [S1]', 4_400, {}, [hello(), Uint8Array.of(99, 1)]],
    ['says auth as servers do', 4_400, {}, [hello(), Uint8Array.of(2, 0)]],
    ['watches badly', 4_400, {}, [hello(), Uint8Array.of(...watching(['watch', 'bob']), 0)]],
    ['leaves badly', 4_400, {}, [hello(), Uint8Array.of(TYPE.leave, 9)]],
    ['asks for a device badly', 4_400, {}, [hello(), Uint8Array.of(TYPE.device)]],
    ['signs in badly', 4_400, {}, [hello(), Uint8Array.of(TYPE.auth, 0xff)]],
    ['queries awareness with more than a type [S1]', 4_400, {}, [hello(), Uint8Array.of(QUERY_AWARENESS, 1)]],
  ])('is closed once when it %s', async (_, code, over, frames) => {
    const { connect, hub, status, settle } = setUp()
    const alice = await connect('alice', { principal: person('alice', over) })
    alice.send(...frames, liveness(state()), watching(['watch', 'bob']))
    await settle()
    expect([alice.code(), alice.closings()]).toEqual([code, 1])
    expect([status('alice') ?? 'offline', hub.find('bob')]).toEqual(['offline', undefined])
  })

  it('[DV5] and whose device was removed is sent away', async () => {
    const { connect, hub } = setUp()
    const user = await hub.open('alice')
    hub.merge(user, new Map([[`device/${LAPTOP}`, { at: [START, 0, PHONE], value: { removed: true } }]]))
    const alice = await connect('alice')
    alice.send(hello())
    expect(alice.code()).toBe(4_403)
  })
})

describe('a stock client', () => {
  it('is asked for its state, and is a device of its own', async () => {
    const { connect, status, hub } = setUp()
    const alice = await connect('alice')
    alice.send(STEP1)
    expect([alice.types(), status('alice')]).toEqual([[SYNC], 'online'])
    expect([...hub.find('alice')!.devices.values()]).toMatchObject([{ kind: 'other', name: 'y-websocket', isRemembered: false }])
  })

  it('never gets a frame of type 100 or more, whatever happens', async () => {
    const { connect, hub, settle, tick } = setUp()
    const stock = await connect('alice')
    stock.send(STEP1, liveness({ user: 'stock' }), sync(1, written({ status: { choice: 'dnd', expiresAt: null }, constructor: 1, custom: 'bad' })))
    const ours = await (await connect('alice')).ours()
    ours.send(sync(1, written({ custom: { text: 'hi', emoji: null, expiresAt: null } })), watching(['watch', 'alice'], ['join', 'general']))
    await settle()
    hub.merge(hub.find('alice')!, new Map([['profile', { at: [START, 1, PHONE], value: { name: 'Alice', avatarUrl: null } }]]))
    await settle()
    tick()
    expect(stock.types().length).toBeGreaterThan(2)
    expect(stock.types().filter((type) => type === null || type >= 100)).toEqual([])
  })

  it.each(Object.entries(TYPE).filter(([name]) => name !== 'hello'))('is refused when it says %s', async (_, type) => {
    const { connect } = setUp()
    const alice = await connect('alice')
    alice.send(STEP1, Uint8Array.of(type, 0))
    expect(alice.code()).toBe(4_400)
  })

  it.each<[what: string, frame: Uint8Array]>([
    ['nothing [W12]', Uint8Array.of()], ['a type that does not end', Uint8Array.of(0x80)], ['type 99 [S1]', Uint8Array.of(99)], ['watch', watching(['watch', 'bob'])],
    ['auth as servers do', Uint8Array.of(2, 0)], ['a sync that is none', Uint8Array.of(SYNC, 77, 0)], ['a count that lies [S5]', sync(2, Uint8Array.of(0x80, 0x90, 0x89, 0x0f, 0, 0, 0))],
    ['awareness that is none [A1]', Uint8Array.of(AWARENESS, 3, 1, 1, 1)], ['a state that is a text [A2]', encodeAwareness([{ clientId: 1, clock: 1, state: 'x' as never }])],
  ])('that begins with %s is refused, and nobody ever saw it', async (_, frame) => {
    const { connect, settle, status, tick, ...rest } = setUp()
    const watcher = await watcherOf({ connect, settle }, 'alice')
    const alice = await connect('alice')
    alice.send(frame, STEP1)
    expect([alice.code(), alice.closings(), status('alice')]).toEqual([4_400, 1, 'offline'])
    tick()
    expect(watcher.statuses()).toEqual(['offline'])
    expect(rest.hub.find('alice')!.records.size).toBe(0)
  })

  it('that is refused will not come back, and is gone at once', async () => {
    const { connect, settle, status, tick } = setUp()
    const watcher = await watcherOf({ connect, settle }, 'alice')
    const alice = await connect('alice')
    alice.send(STEP1)
    expect(status('alice')).toBe('online')
    tick()
    alice.send(Uint8Array.of(99))
    await settle()
    expect(watcher.statuses()).toEqual(['offline', 'online', 'offline'])
  })

  it('[T2] hears of its siblings, and of nobody else', async () => {
    const { connect } = setUp()
    const [one, two, bob] = [await connect('alice'), await connect('alice'), await connect('bob')]
    one.send(encodeAwareness([{ clientId: 11, clock: 5, state: { name: 'one' } }]))
    two.send(encodeAwareness([{ clientId: 22, clock: 5, state: { name: 'two' } }]))
    bob.send(encodeAwareness([{ clientId: 33, clock: 5, state: { name: 'bob' } }]), Uint8Array.of(QUERY_AWARENESS))
    const heard = (of: typeof one): unknown[] => of.ofType(AWARENESS).flatMap((frame) => { const read = decodeAwareness(frame); return read.ok ? read.value.map(({ clientId, state: said }) => [clientId, said]) : [] })
    expect(heard(one)).toContainEqual([22, { name: 'two' }])
    expect(heard(two)).toContainEqual([11, { name: 'one' }])
    expect(heard(bob)).toEqual([])
  })

  it.each<[what: string, entry: { clientId: number; clock: number; state: JsonObject | null }]>([
    ['overwrites', { clientId: 11, clock: 9, state: { name: 'forged' } }], ['says goodbye for', { clientId: 11, clock: 9, state: null }],
    ['poisons the clock of', { clientId: 11, clock: Number.MAX_SAFE_INTEGER, state: { name: 'forged' } }],
  ])('[T2, T3, A4] that %s its sibling is not heard', async (_, entry) => {
    const { connect, counts, clock } = setUp()
    const [one, two, observer] = [await connect('alice'), await connect('alice'), await connect('alice')]
    observer.send(STEP1)
    one.send(encodeAwareness([{ clientId: 11, clock: 5, state: { name: 'one' } }]))
    two.send(encodeAwareness([entry, { clientId: 22, clock: 5, state: { name: 'two' } }]), encodeAwareness([entry]))
    clock.advance(1_000)
    one.send(encodeAwareness([{ clientId: 11, clock: 6, state: { name: 'one again' } }]))
    const heard = observer.ofType(AWARENESS).flatMap((frame) => { const read = decodeAwareness(frame); return read.ok ? read.value : [] })
    expect(heard.filter(({ clientId }) => clientId === 11).map(({ state: said }) => said)).toEqual([{ name: 'one' }, { name: 'one again' }])
    expect(heard.every(({ clock: said }) => said <= START + 1_000 + 100)).toBe(true)
    expect([two.code(), counts.get('foreign-awareness')]).toEqual([undefined, 2])
  })
})

describe('liveness', () => {
  it('[A3, A4] is the device\'s own entry; the others are dropped and counted', async () => {
    const { connect, hub, counts, status } = setUp()
    const alice = await (await connect('alice')).ours()
    alice.send(liveness(state(PHONE, { override: 'offline' }), state(LAPTOP, { override: 'dnd' }), { user: 'x' }, null))
    expect([alice.code(), status('alice'), [...hub.find('alice')!.devices.keys()], counts.get('foreign-awareness')]).toEqual([undefined, 'dnd', [LAPTOP], 1])
  })

  it('[A4] of the own device twice counts once, the first', async () => {
    const { connect, status } = setUp()
    const alice = await (await connect('alice')).ours()
    alice.send(liveness(state(LAPTOP, { override: 'dnd' }), state(LAPTOP, { override: 'away' })))
    expect(status('alice')).toBe('dnd')
  })

  it('[A5] counts whatever its clock says', async () => {
    const { connect, status } = setUp()
    const alice = await (await connect('alice')).ours()
    const told = [['dnd', Number.MAX_SAFE_INTEGER], ['away', 0], ['dnd', 5], ['away', 4]] as const
    for (const [override, clock] of told) {
      alice.send(encodeAwareness([{ clientId: 7, clock, state: state(LAPTOP, { override }) }]))
      expect(status('alice')).toBe(override)
    }
  })

  it('[A8] that comes too fast is dropped, and too fast for too long sent away for a while', async () => {
    const { connect, counts, clock } = setUp()
    const alice = await (await connect('alice')).ours()
    for (let index = 0; index < 200; index++) alice.send(liveness(state()))
    expect([alice.code(), counts.get('awareness-dropped')]).toEqual([undefined, 161])
    for (let seconds = 0; seconds < 60 && alice.code() === undefined; seconds++) {
      clock.advance(1_000)
      for (let index = 0; index < 500; index++) alice.send(liveness(state()))
    }
    expect(alice.code()).toBe(4_529)
  })

  it('[A8] that is a little too fast now and then is borne for ever', async () => {
    const { connect, clock } = setUp()
    const alice = await (await connect('alice')).ours()
    for (let minutes = 0; minutes < 60; minutes++) {
      for (let index = 0; index < 60; index++) alice.send(liveness(state()))
      clock.advance(60_000)
    }
    expect(alice.code()).toBeUndefined()
  })

  it('[PR10] of another device is asked for, and answered', async () => {
    const { connect, status } = setUp()
    const alice = await (await connect('alice')).ours()
    alice.send(encodeDeviceRequest({ requestId: 5, deviceId: LAPTOP, status: 'dnd' }), encodeDeviceRequest({ requestId: 6, deviceId: PHONE, status: 'dnd' }))
    expect(alice.ofType(TYPE.device).map((frame) => decodeDeviceReply(frame))).toEqual([{ ok: true, value: { requestId: 5, isDone: true } }, { ok: true, value: { requestId: 6, isDone: false } }])
    expect(status('alice')).toBe('dnd')
  })

  it('[LV2] ends with a goodbye at once, and with leaving after 4 s', async () => {
    const { connect, settle, clock, status } = setUp()
    for (const [leave, graceMs] of [['gone', 0], ['leaving', 4_000]] as const) {
      const alice = await (await connect('alice')).ours()
      await watcherOf({ connect, settle }, 'alice')
      alice.send(encodeLeave(leave))
      alice.session.end('lost')
      if (graceMs > 0) clock.advance(graceMs - 1)
      if (graceMs > 0) expect(status('alice')).toBe('online')
      clock.advance(101)
      expect(status('alice')).toBe('offline')
    }
  })
})

describe('a watch', () => {
  it('[VS3] that the token does not allow is refused, whether or not there is such a person', async () => {
    const { connect, hub, settle } = setUp()
    await (await connect('bob')).ours(PHONE)
    const alice = await (await connect('alice', { principal: person('alice', { watch: ['carol'], channels: ['general'] }) })).ours()
    alice.send(watching(['watch', 'bob'], ['watch', 'nobody'], ['ask', 'bob'], ['ask', 'nobody'], ['join', 'random'], ['watch-channel', 'random'], ['watch', 'carol'], ['watch', 'alice'], ['join', 'general']))
    await settle()
    expect(alice.notices()).toEqual([['forbidden', 'bob'], ['forbidden', 'nobody'], ['forbidden', 'bob'], ['forbidden', 'nobody'], ['forbidden', 'random'], ['forbidden', 'random']])
    expect(new Set(alice.news().map(({ userId }) => userId))).toEqual(new Set(['alice', 'carol']))
    expect(hub.find('nobody')).toBeUndefined()
  })

  it.each(['__proto__', 'constructor', 'line\nbreak', 'nul\u0000'])('[T23] of %j is no watch, and costs nobody else', async (id) => {
    const { connect, hub, settle } = setUp()
    const alice = await (await connect('alice')).ours()
    alice.send(watching(['watch', id], ['ask', id], ['join', id], ['watch-channel', id], ['watch', 'bob'], ['join', 'general']))
    await settle()
    expect([alice.code(), alice.notices().map(([code]) => code)]).toEqual([undefined, ['invalid-argument', 'invalid-argument', 'invalid-argument', 'invalid-argument']])
    expect([hub.find(id), hub.teller.channel(id), hub.find('bob')?.userId, hub.teller.channel('general')?.id]).toEqual([undefined, undefined, 'bob', 'general'])
  })

  it('[T7] of more than 500 is refused; one that is there already is not one more', async () => {
    const { connect, hub, settle, clock } = setUp()
    const alice = await (await connect('alice')).ours()
    alice.send(watching(...Array.from({ length: 500 }, (_, index): ['watch', string] => ['watch', `user${index}`])))
    await settle()
    expect(alice.notices()).toEqual([])
    clock.advance(10_000)
    alice.send(watching(['watch', 'user0'], ['watch', 'one more']))
    await settle()
    expect([alice.notices(), hub.find('one more')]).toEqual([[['quota', 'one more']], undefined])
    alice.send(watching(['unwatch', 'user7'], ['watch', 'one more']))
    await settle()
    expect([alice.notices().length, [...hub.find('one more')?.watchers ?? []].length, hub.find('user7')]).toEqual([1, 1, undefined])
  })

  it('[T18] of more than 100 channels is refused; nobody is in more', async () => {
    const { connect, hub } = setUp()
    const alice = await (await connect('alice')).ours()
    const each = (verb: WatchOperation['verb'], from: number): Uint8Array => watching(...Array.from({ length: 100 }, (_, index): [WatchOperation['verb'], string] => [verb, `channel${from + index}`]))
    alice.send(each('join', 0))
    expect(alice.notices()).toEqual([])
    alice.send(watching(['join', 'channel0'], ['watch-channel', 'channel1'], ['join', 'one more'], ['watch-channel', 'one more']))
    expect(alice.notices()).toEqual([['quota', 'one more'], ['quota', 'one more']])
    for (let round = 1; round < 4; round++) alice.send(each('unwatch-channel', round * 100 - 100), each('join', round * 100))
    expect(hub.find('alice')!.channels.size).toBeLessThanOrEqual(100)
  })

  it('of oneself hears what others see', async () => {
    const { connect, settle, tick, clock } = setUp()
    const alice = await (await connect('alice')).ours()
    alice.send(watching(['watch', 'alice']))
    await settle()
    tick()
    expect(alice.news().at(-1)!.told.projection.status).toBe('online')
    alice.send(liveness(state(LAPTOP, { override: 'dnd' })))
    tick()
    expect(alice.news().at(-1)!.told.projection.status).toBe('dnd')
    alice.send(watching(['unwatch', 'alice']), liveness(state(LAPTOP, { override: 'away' })), watching(['watch', 'alice']))
    await settle()
    clock.advance(1_000)
    expect(alice.news().at(-1)!.told.projection.status).toBe('away')
  })

  it('of a channel that one is in oneself tells how others see one', async () => {
    const { connect, tick } = setUp()
    const alice = await (await connect('alice')).ours()
    alice.send(watching(['join', 'general']))
    tick()
    expect(alice.news().filter(({ joined }) => joined.includes('general'))).toMatchObject([{ userId: 'alice', told: { projection: { status: 'online' } } }])
  })

  it('[LV7] of somebody whom the store cannot give now is not answered, and breaks nothing', async () => {
    const store = createMemoryStore({ now: () => START })
    const { connect, counts, settle } = setUp({ ...store, load: async (userId) => { if (userId === 'bob') throw new Error('the disk is gone'); return store.load(userId) } })
    const alice = await (await connect('alice')).ours()
    alice.send(watching(['watch', 'bob'], ['ask', 'bob'], ['watch', 'carol']))
    await settle()
    expect([alice.code(), alice.news().some(({ userId }) => userId === 'carol'), counts.get('user-not-loaded')]).toEqual([undefined, true, 2])
  })
})

describe('a token', () => {
  it('[T13] that expires ends the session', async () => {
    const { connect, clock } = setUp()
    const alice = await (await connect('alice', { principal: person('alice', { expiresAt: START + 60_000 }) })).ours()
    clock.advance(59_999)
    expect(alice.code()).toBeUndefined()
    clock.advance(1)
    expect([alice.code(), alice.closings()]).toEqual([4_401, 1])
  })

  it.each<[what: string, renewed: Authenticated, code: number | undefined]>([
    ['for longer', { ok: true, value: person('alice') }, undefined],
    ['for this device', { ok: true, value: person('alice', { deviceId: LAPTOP }) }, undefined],
    ['for another person [T1]', { ok: true, value: person('bob') }, 4_401],
    ['for another device', { ok: true, value: person('alice', { deviceId: PHONE }) }, 4_403],
    ['that is bad', refused(), 4_401],
    ['that cannot be checked now', refused(true), undefined],
  ])('sent in band %s', async (_, renewed, code) => {
    const { connect, settle } = setUp()
    const alice = await (await connect('alice', { principal: person('alice', { expiresAt: START + 60_000 }), authenticate: async () => renewed })).ours()
    alice.send(encodeAuth('a.b.c'))
    await settle()
    expect(alice.code()).toBe(code)
  })

  it('sent in band extends the stay', async () => {
    const { connect, clock, settle } = setUp()
    const alice = await (await connect('alice', { principal: person('alice', { expiresAt: START + 60_000 }), authenticate: async () => ({ ok: true, value: person('alice', { expiresAt: START + 120_000 }) }) })).ours()
    alice.send(encodeAuth('a.b.c'))
    await settle()
    clock.advance(119_999)
    expect(alice.code()).toBeUndefined()
    clock.advance(1)
    expect(alice.code()).toBe(4_401)
  })

  it('that comes after the end changes nothing', async () => {
    const { connect, settle } = setUp()
    const alice = await (await connect('alice')).ours()
    alice.send(encodeAuth('a.b.c'))
    alice.session.end('gone')
    await settle()
    expect(alice.closings()).toBe(0)
  })
})

describe('the end', () => {
  it('may come twice, and nothing is heard or said after it', async () => {
    const { connect, hub, clock, settle } = setUp()
    const alice = await (await connect('alice')).ours()
    alice.send(watching(['watch', 'bob'], ['join', 'general']))
    await settle()
    alice.session.end('gone')
    alice.session.end('lost')
    const said = alice.frames.length
    alice.send(hello(), liveness(state()), STEP1, watching(['watch', 'carol']), Uint8Array.of(99))
    await (await connect('bob')).ours(PHONE)
    clock.advance(60_000)
    expect([alice.frames.length, alice.closings(), hub.find('carol')]).toEqual([said, 0, undefined])
  })

  it('F16 of the whole relay is told to ours, with when to come back, and to a stock client not at all', async () => {
    const { connect } = setUp()
    const ours = await (await connect('alice')).ours()
    const stock = await connect('alice')
    stock.send(STEP1)
    for (const { session } of [ours, stock]) session.retryAfter(7_500)
    expect(decodeNotice(ours.frames.at(-1)!)).toMatchObject({ ok: true, value: { code: 'draining', retryAfterMs: 7_500 } })
    expect(stock.types().filter((type) => type! >= 100)).toEqual([])
  })

  it('leaves nobody in memory for whom there is no reason', async () => {
    const { connect, hub, clock, settle } = setUp()
    const alice = await (await connect('alice')).ours()
    alice.send(watching(['watch', 'bob'], ['ask', 'carol'], ['join', 'general'], ['watch', 'alice']))
    await settle()
    expect([...hub.users()].map(({ userId }: { userId: string }) => userId)).toEqual(['alice', 'bob'])
    alice.session.end('lost')
    clock.advance(8_100)
    await settle()
    expect([[...hub.users()], hub.teller.channel('general')]).toEqual([[], undefined])
  })
})

it('[T23] nothing was polluted', () => {
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})

