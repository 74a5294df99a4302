import { createDecoder, readVarUint, readVarUint8Array } from 'lib0/decoding'
import { createEncoder, toUint8Array, writeVarUint, writeVarUint8Array } from 'lib0/encoding'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { createBridge } from '../../../server/relay/bridge.js'
import { digestOf, mergeRegisters, type Register, type Registers } from '../../../src/model/registers.js'
import { keyOf, newDocument, registerMap } from '../../../src/replica/register-map.js'

const NOW = 1_800_000_000_000
const ALICE = 'AliceAliceAliceAliceAA'
const BOB = 'BobBobBobBobBobBobBobB'
const ours: Register = { at: [NOW, 0, ALICE], value: { choice: 'dnd', expiresAt: null } }
const theirs: Register = { at: [NOW + 1, 0, BOB], value: null }

describe('the exchange of a connection', () => {
  it('begins with Step1', () => {
    expect(connect().take()).toEqual([{ subtype: 0, bytes: Uint8Array.of(0) }])
    expect(connect({ digest: 'another' }).take()).toMatchObject([{ subtype: 0 }])
  })

  it('answers Step1 only after Step2 was merged, with the content of both', () => {
    const session = connect({ truth: { custom: theirs } })
    session.client.set('status', ours)
    session.take()
    session.receive(0, Y.encodeStateVector(session.client.doc))
    expect(session.take()).toEqual([])
    session.receive(1, Y.encodeStateAsUpdate(session.client.doc))
    const [answer, ...others] = session.take()
    expect(others).toEqual([])
    expect(answer!.subtype).toBe(1)
    session.client.hear(answer!.bytes)
    expect(session.client.get('custom', BOB)).toEqual(theirs)
    expect(session.truth().get('status')).toEqual(ours)
  })

  it('writes by an ordinary update where Step2 comes before Step1', () => {
    const session = connect({ truth: { custom: theirs } })
    session.take()
    session.receive(1, Uint8Array.of(0, 0))
    expect(session.take()).toMatchObject([{ subtype: 2 }])
    session.receive(0, Uint8Array.of(0))
    expect(session.take()).toMatchObject([{ subtype: 1 }])
  })

  it('tells nothing of the truth before it knows what the client holds', () => {
    const session = connect({ truth: { custom: theirs } })
    session.take()
    session.change({ status: ours })
    expect(session.take()).toEqual([])
  })

  it('merges what the client writes before its Step2, and still waits for that', () => {
    const session = connect({ truth: { custom: theirs } })
    session.take()
    session.isLive = true
    session.client.set('status', ours)
    expect(session.truth().get('status')).toEqual(ours)
    expect(session.take()).toEqual([])
  })

  it('waits no longer once Step2 was merged', () => {
    const session = connect()
    expect(session.isWaiting()).toBe(true)
    session.receive(1, Uint8Array.of(0, 0))
    expect(session.isWaiting()).toBe(false)
  })

  it('goes on without Step2 after 5 s', () => {
    const session = connect({ truth: { custom: theirs } })
    session.receive(0, Uint8Array.of(0))
    session.take()
    session.pass(4_999)
    expect(session.take()).toEqual([])
    session.pass(1)
    const [answer] = session.take()
    session.client.hear(answer!.bytes)
    expect(session.client.get('custom', BOB)).toEqual(theirs)
  })

  it('still wins over an older entry of a client that was late', () => {
    const session = connect({ truth: { custom: theirs } })
    session.client.set('custom', { ...theirs, at: [NOW - 1, 0, BOB] })
    session.pass(5_000)
    for (const { bytes } of session.take().slice(1)) session.client.hear(bytes)
    session.receive(1, Y.encodeStateAsUpdate(session.client.doc))
    for (const { bytes } of session.take()) session.client.hear(bytes)
    expect(session.client.get('custom', BOB)).toEqual(theirs)
  })

  it('is put off while the digest is current: Step1 is answered empty, and nothing is asked', () => {
    const session = connect({ truth: { custom: theirs }, digest: digestOf(new Map([['custom', theirs]]), NOW) })
    session.receive(0, Uint8Array.of(0))
    expect(session.take()).toEqual([{ subtype: 1, bytes: Uint8Array.of(0, 0) }])
  })

  it.each<[string, (session: Session) => void]>([
    ['the truth changes', (session) => session.change({ status: ours })],
    ['the client writes', (session) => session.client.set('status', ours)],
    ['the client writes what does not fit', (session) => { session.client.set('custom', { ...theirs, at: [NOW + 5, 0, BOB] }) }],
  ])('that was put off begins when %s, and loses nothing', (_, act) => {
    const session = connect({ truth: { custom: theirs }, digest: digestOf(new Map([['custom', theirs]]), NOW) })
    session.client.hear(upTo(theirs))
    session.isLive = true
    act(session)
    expect(session.take()).toMatchObject([{ subtype: 0 }])
    session.receive(1, Y.encodeStateAsUpdate(session.client.doc))
    for (const { bytes } of session.take()) session.client.hear(bytes)
    expect(session.client.all()).toEqual(Object.fromEntries(session.truth()))
  })

  it('[S7] drops an update with a gap and asks, once, until it was answered', () => {
    const session = connect()
    session.receive(1, Uint8Array.of(0, 0))
    session.take()
    session.client.set('status', ours)
    for (let edit = 1; edit < 4; edit++) {
      const before = Y.encodeStateVector(session.client.doc)
      session.client.set('status', { ...ours, at: [NOW + edit, 0, ALICE] })
      session.receive(2, Y.encodeStateAsUpdate(session.client.doc, before))
    }
    expect(session.dropped()).toBe(3)
    expect(session.take()).toEqual([{ subtype: 0, bytes: Uint8Array.of(0) }])
    session.receive(1, Y.encodeStateAsUpdate(session.client.doc))
    expect(session.truth().get('status')!.at[0]).toBe(NOW + 3)
  })

  it('does not ask in circles for what a client cannot give', () => {
    const session = connect()
    session.take()
    const gap = Uint8Array.of(1, 1, 7, 9, 0, 1, 0)
    for (let time = 0; time < 5; time++) session.receive(1, gap)
    expect(session.take()).toEqual([])
  })

  it('may be told of a change by the very merge it began', () => {
    const session = connect({ isTellingBack: true })
    session.client.set('status', ours)
    session.take()
    session.receive(1, Y.encodeStateAsUpdate(session.client.doc))
    expect(session.take()).toEqual([])
    expect(session.truth().get('status')).toEqual(ours)
  })

  it('says nothing more once it is closed, by timer, change or frame', () => {
    for (const isExchanged of [false, true]) {
      const session = connect({ truth: { custom: theirs } })
      if (isExchanged) session.receive(1, Uint8Array.of(0, 0))
      session.take()
      session.bridge.close()
      session.bridge.close()
      session.pass(10_000)
      session.change({ status: ours })
      expect(session.receive(1, Uint8Array.of(0, 0))).toBeUndefined()
      expect(session.take()).toEqual([])
    }
  })
})

type Session = ReturnType<typeof connect>

function connect({ truth: rows = {}, digest = null, isTellingBack = false }: { truth?: Record<string, Register>; digest?: string | null; isTellingBack?: boolean } = {}) {
  let truth: Registers = new Map(Object.entries(rows))
  let now = NOW
  let drops = 0
  let timer: { at: number; callback: () => void } | undefined
  const sent: Uint8Array[] = []
  const bridge = createBridge({
    truth: () => truth, send: (frame) => sent.push(frame), notice: () => {}, dropped: () => { drops++ }, now: () => now,
    merge: (registers) => {
      truth = mergeRegisters(truth, registers).merged
      if (isTellingBack) bridge.push()
    },
    after: (ms, callback) => {
      timer = { at: now + ms, callback }
      return () => { timer = undefined }
    },
  }, { clientId: 1, digest })
  const session = {
    bridge, truth: () => truth, isWaiting: () => timer !== undefined, dropped: () => drops, receive, client: createClient((update) => { if (session.isLive) receive(2, update) }), isLive: false,
    change(changed: Record<string, Register>) {
      truth = mergeRegisters(truth, new Map(Object.entries(changed))).merged
      bridge.push()
    },
    pass(ms: number) {
      now += ms
      if (timer && timer.at <= now) timer.callback()
    },
    take: () => sent.splice(0).map((frame) => {
      const reader = createDecoder(frame)
      return { type: readVarUint(reader), subtype: readVarUint(reader), bytes: readVarUint8Array(reader) }
    }).map(({ subtype, bytes }) => ({ subtype, bytes })),
  }
  return session

  function receive(subtype: number, bytes: Uint8Array) {
    const writer = createEncoder()
    writeVarUint(writer, 0)
    writeVarUint(writer, subtype)
    writeVarUint8Array(writer, bytes)
    return bridge.receiveSync(toUint8Array(writer))
  }
}

function createClient(send: (update: Uint8Array) => void) {
  const doc = newDocument()
  doc.on('update', (update: Uint8Array, origin: unknown) => { if (origin !== 'relay') send(update) })
  const map = registerMap(doc)
  return {
    doc,
    set: (name: string, register: Register) => map.set(keyOf(name, register), register),
    get: (name: string, writerId: string) => map.get(`${name}/${writerId}`),
    all: () => Object.fromEntries([...map.entries()].map(([key, register]) => [key.slice(0, key.lastIndexOf('/')), register])),
    hear: (update: Uint8Array) => Y.applyUpdate(doc, update, 'relay'),
  }
}

/** A document from an earlier connection. */
function upTo(register: Register): Uint8Array {
  const doc = newDocument()
  registerMap(doc).set(keyOf('custom', register), register)
  return Y.encodeStateAsUpdate(doc)
}
