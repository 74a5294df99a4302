import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { readCustom } from '../../../src/model/registers.js'
import { RATES, RELAY } from '../../../src/protocol/limits.js'
import { QUERY_AWARENESS, SYNC, TYPE, decodeNotice, encodeAuth, encodeDeviceRequest, encodePageRequest, typeOf } from '../../../src/protocol/messages.js'
import { encodeAwareness } from '../../../src/protocol/awareness-frames.js'
import { LAPTOP, PHONE, STEP1, createSessionWorld, each, hello, liveness, person, state, sync, watching, written } from './session-world.js'

const repeat = (count: number, frame: Uint8Array): Uint8Array[] => Array.from({ length: count }, () => frame)
const empty = sync(2, Uint8Array.of(0, 0))
const page = encodePageRequest({ requestId: 1, channelId: 'channel0', statuses: ['online'], limit: 5, after: null })
const device = encodeDeviceRequest({ requestId: 1, deviceId: LAPTOP, status: 'online' })

describe('[T20] our own client', () => {
  it('meets no limit when it starts, whatever its page shows', async () => {
    const { connect, settle, counts, clock } = createSessionWorld()
    const alice = await connect('alice')
    alice.send(hello(), liveness(state()), STEP1, sync(1, written({ status: { choice: 'dnd', expiresAt: null } })))
    alice.send(watching(...each('join', 100, 'channel'), ...each('watch-channel', 100, 'channel')), watching(...each('watch', 500, 'user')))
    await settle()
    // A list that is scrolled: each dot watches for itself, and gives up again.
    for (const [verb, id] of each('unwatch', 300, 'user')) alice.send(watching([verb, id]))
    for (const [verb, id] of each('watch', 300, 'user')) alice.send(watching([verb, id]))
    clock.advance(60_000)
    alice.send(encodeAuth('a.b.c'), page, device)
    expect([alice.notices(), [...counts].filter(([what]) => what.endsWith('-dropped'))]).toEqual([[], []])
  })

  it('meets none in twenty tabs that all start at once', async () => {
    const { connect, settle, counts } = createSessionWorld()
    const tabs = await Promise.all(Array.from({ length: 20 }, () => connect('alice')))
    for (const tab of tabs) {
      tab.send(hello(), liveness(state()), STEP1, sync(1, written({ status: { choice: 'dnd', expiresAt: null } })), watching(...each('watch', 200, 'user'), ...each('join', 50, 'channel')))
      await settle()
    }
    expect([tabs.flatMap((tab) => tab.notices()), [...counts].filter(([what]) => what.endsWith('-dropped'))]).toEqual([[], []])
  })
})

describe('[T20] too much', () => {
  it.each<[what: string, name: string, frame: Uint8Array, burst: number]>([
    ['liveness', 'awareness', liveness(state()), RATES.awareness.burst - 1],
    ['edits', 'edits', empty, RATES.edits.burst],
    ['pages', 'pages', page, RATES.pages.burst],
    ['device requests', 'devices', device, RATES.devices.burst],
    ['tokens', 'tokens', encodeAuth('a.b.c'), RATES.tokens.burst],
    ['awareness queries', 'queries', Uint8Array.of(QUERY_AWARENESS), RATES.queries.burst],
    ['messages that we do not know', 'messages', Uint8Array.of(120), RATES.messages.burst - 2],
  ])('of %s is dropped and said, and who goes on is sent away for a while', async (_, name, frame, burst) => {
    const { connect, counts, settle } = createSessionWorld()
    const alice = await (await connect('alice', { authenticate: async () => ({ ok: true, value: person('alice') }) })).ours()
    alice.send(...repeat(burst, frame))
    await settle()
    expect([alice.code(), counts.get(`${name}-dropped`)]).toEqual([undefined, undefined])
    alice.send(...repeat(200, frame))
    expect([alice.code(), counts.get(`${name}-dropped`), alice.notices().filter(([code]) => code === 'rate-limited').length]).toEqual([undefined, 200, 5])
    alice.send(frame)
    expect(alice.code()).toBe(4_529)
    const last = decodeNotice(alice.ofType(TYPE.notice).at(-1)!)
    expect(last).toMatchObject({ ok: true, value: { code: 'rate-limited', retryAfterMs: 10_000 } })
  })

  it('of pings is too much as well', async () => {
    const { connect } = createSessionWorld()
    const alice = await (await connect('alice')).ours()
    for (let index = 0; index < 1_300; index++) alice.session.signal()
    expect(alice.code()).toBe(4_529)
  })

  it('on several connections of a person is measured together, and costs nobody else', async () => {
    const { connect, counts } = createSessionWorld()
    const connections = await Promise.all(Array.from({ length: 20 }, async () => (await connect('mallory')).ours()))
    for (const one of connections) one.send(...repeat(39, liveness(state())))
    // Each within what one may; together twenty times forty, of four hundred.
    expect(counts.get('awareness-dropped')).toBe(20 * 40 - 10 * RATES.awareness.burst)
    const alice = await (await connect('alice')).ours()
    alice.send(...repeat(39, liveness(state())))
    expect(counts.get('awareness-dropped')).toBe(20 * 40 - 10 * RATES.awareness.burst)
  })

  it('that reconnects finds its measure as it left it', async () => {
    const { connect, counts } = createSessionWorld()
    for (let round = 0; round < 10; round++) {
      const mallory = await (await connect('mallory')).ours()
      mallory.send(...repeat(39, liveness(state())))
      mallory.session.end('gone')
    }
    expect(counts.get('awareness-dropped')).toBeUndefined()
    const mallory = await (await connect('mallory')).ours()
    expect(counts.get('awareness-dropped')).toBe(1)
    expect(mallory.code()).toBeUndefined()
  })

  it('of a stock client is not said to it, and it is sent away so that it comes back', async () => {
    const { connect } = createSessionWorld()
    const stock = await connect('alice')
    stock.send(STEP1, ...repeat(1_000, encodeAwareness([{ clientId: 7, clock: 1, state: { a: 1 } }])))
    expect(stock.code()).toBe(4_529)
    expect(stock.types().filter((type) => type === null || type >= 100)).toEqual([])
  })

  it('[S20] of edits loses none of them: what was dropped is asked for again', async () => {
    const { connect, settle, clock, hub } = createSessionWorld()
    const doc = new Y.Doc()
    const alice = await (await connect('alice')).ours()
    alice.send(sync(1, Uint8Array.of(0, 0)))
    const write = (text: string): Uint8Array => {
      const before = Y.encodeStateVector(doc)
      doc.getMap('registers').set(`custom/${LAPTOP}`, { at: [clock.now(), 0, LAPTOP], value: { text, emoji: null, expiresAt: null } })
      return sync(2, Y.encodeStateAsUpdate(doc, before))
    }
    for (let index = 0; index < 300; index++) {
      clock.advance(1)
      alice.send(write(`${index}`))
    }
    await settle()
    const textOf = (): unknown => readCustom(hub.find('alice')!.registers, clock.now())?.text
    expect([alice.code(), textOf()]).not.toEqual([undefined, '299'])
    const asked = alice.frames.filter((frame) => typeOf(frame) === SYNC && frame[1] === 0).length
    clock.advance(1_000)
    const steps = alice.frames.filter((frame) => typeOf(frame) === SYNC && frame[1] === 0)
    expect(steps).toHaveLength(asked + 1)
    // As Yjs answers a Step1: with everything that its sender lacks.
    alice.send(sync(1, Y.encodeStateAsUpdate(doc)))
    await settle()
    expect([alice.code(), textOf()]).toEqual([undefined, '299'])
  })

  it('of watch operations is not done, but what gives something up is', async () => {
    const { connect, settle, hub, counts } = createSessionWorld()
    const alice = await (await connect('alice')).ours()
    alice.send(watching(...each('watch', 500, 'user')), watching(['join', 'general']))
    await settle()
    for (let round = 0; round < 20; round++) alice.send(watching(...each('watch-channel', 90, 'channel')))
    alice.send(watching(['watch-channel', 'one more'], ...each('unwatch', 100, 'user'), ['leave', 'general']))
    await settle()
    expect([counts.get('watches-dropped')! > 0, alice.code(), hub.find('user99'), hub.find('user100')?.userId, [...hub.find('alice')!.channels], hub.teller.channel('one more')]).toEqual([true, undefined, undefined, 'user100', [], undefined])
    for (let round = 0; round < 300; round++) alice.send(watching(...each('watch-channel', 90, 'channel')))
    expect(alice.code()).toBe(4_529)
  })

  it('that waits for a hook which does not answer is bounded', async () => {
    let asked = 0
    const { connect, settle, clock } = createSessionWorld({ hooks: { authorizeWatch: () => { asked++; return new Promise(() => undefined) } } })
    const alice = await (await connect('alice')).ours()
    alice.send(watching(...each('watch', 400, 'user')))
    await settle()
    expect([asked, alice.code()]).toEqual([RELAY.hooksAtOnce, undefined])
    for (let round = 0; round < 20 && alice.code() === undefined; round++) {
      clock.advance(1_000)
      alice.send(watching(...each('unwatch', 100, 'user')))
    }
    expect(alice.code()).toBe(4_529)
  })

  it('of a person is forgotten after a while, and their connections leave nothing behind', async () => {
    const { connect, clock, budgets, revocations } = createSessionWorld()
    for (let index = 0; index < 50; index++) (await (await connect(`user${index}`)).ours(PHONE)).session.end('gone')
    clock.advance(RELAY.budgetKeptMs)
    const { release } = budgets.of('alice')
    release()
    expect(budgets.size()).toBe(1)
    await revocations.revoke({ watch: { userId: 'alice', by: 'user7' } })
  })
})
