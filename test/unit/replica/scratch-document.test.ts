import * as encoding from 'lib0/encoding'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import type { Register, Registers } from '../../../src/model/registers.js'
import { keyOf, newDocument, registerMap } from '../../../src/replica/register-map.js'
import { createScratchDocument, type ScratchDocument } from '../../../src/replica/scratch-document.js'

const NOW = 1_800_000_000_000
const ALICE = 'AliceAliceAliceAliceAA'
const BOB = 'BobBobBobBobBobBobBobB'
const status = (ms: number, choice = 'dnd', writerId = ALICE): Register => ({ at: [ms, 0, writerId], value: { choice, expiresAt: null } })
const of = (rows: Record<string, Register>): Registers => new Map(Object.entries(rows))

describe('a scratch document', () => {
  it('tells the winners of the registers that an update touched, and only those', () => {
    const { client, scratch } = pair()
    client.set('status', status(NOW))
    client.set('custom', { at: [NOW, 0, ALICE], value: null })
    expect(scratch.receive(client.take())).toEqual({ kind: 'applied', registers: of({ status: status(NOW), custom: { at: [NOW, 0, ALICE], value: null } }), invalid: [] })
    client.set('status', status(NOW + 1, 'away', BOB))
    expect(scratch.receive(client.take())).toEqual({ kind: 'applied', registers: of({ status: status(NOW + 1, 'away', BOB) }), invalid: [] })
  })

  it('[S20] takes the same update 10,000 times as once', () => {
    const { client, scratch } = pair()
    client.set('status', status(NOW))
    const update = client.take()
    scratch.receive(update)
    const once = scratch.encoded()
    for (let time = 0; time < 10_000; time++) scratch.receive(update)
    expect(scratch.encoded()).toEqual(once)
  })

  it('[S7] drops what builds on something that never came, and holds nothing that waits', () => {
    const { client, scratch } = pair()
    client.set('status', status(NOW))
    scratch.receive(client.take())
    const before = scratch.encoded()
    client.set('status', status(NOW + 1))
    client.take()
    for (let edit = 2; edit < 1_000; edit++) {
      client.set('status', status(NOW + edit))
      expect(scratch.receive(client.take())).toEqual({ kind: 'gap' })
    }
    expect(scratch.receive(clockAhead(1_000_000_000))).toEqual({ kind: 'gap' })
    expect(scratch.encoded()).toBe(before)
  })
  it('[S7] does not remember what it dropped, when what was missing comes after all', () => {
    const { client, scratch } = pair()
    const updates = [0, 1, 2].map((edit) => {
      client.set('status', status(NOW + edit))
      return client.take()
    })
    scratch.receive(updates[0]!)
    expect(scratch.receive(updates[2]!).kind).toBe('gap')
    expect(scratch.receive(updates[1]!)).toMatchObject({ registers: of({ status: status(NOW + 1) }) })
  })
  it('[S7] [S10] drops a deletion of what never came', () => {
    expect(createScratchDocument(1).receive(Uint8Array.of(0, 1, 9, 1, 0, 1))).toEqual({ kind: 'gap' })
  })

  it('[S9] [T4] a GC jump on a sibling\'s Yjs client stays with the attacker, and the sibling\'s next write is seen everywhere', () => {
    const [victim, attacker] = [pair(), pair()]
    victim.client.set('status', status(NOW))
    victim.scratch.receive(victim.client.take())
    attacker.scratch.receive(gcJump(victim.client.doc.clientID, 1_000_000))
    victim.client.set('status', status(NOW + 1, 'away'))
    expect(victim.scratch.receive(victim.client.take())).toMatchObject({ registers: of({ status: status(NOW + 1, 'away') }) })
    // What a third device is told comes from the truth, not from anybody's structs.
    const third = pair()
    third.client.hear(third.scratch.write(of({ status: status(NOW + 1, 'away') }), NOW)!)
    expect(third.client.get('status', ALICE)).toEqual(status(NOW + 1, 'away'))
  })

  it('refuses what Yjs cannot read, and stays as it was', () => {
    const { client, scratch } = pair()
    client.set('status', status(NOW))
    scratch.receive(client.take())
    const before = scratch.encoded()
    expect(scratch.receive(Uint8Array.of(1, 2, 3))).toEqual({ kind: 'refused', reason: 'bad' })
    expect(scratch.encoded()).toBe(before)
  })

  it('[S17] refuses to grow over 64 KB, and stays as it was', () => {
    const { client, scratch } = pair()
    client.set('a', { at: [NOW, 0, ALICE], value: 'n'.repeat(40_000) })
    expect(scratch.receive(client.take()).kind).toBe('applied')
    client.set('b', { at: [NOW, 0, ALICE], value: 'n'.repeat(40_000) })
    const before = scratch.encoded()
    expect(scratch.receive(client.take())).toEqual({ kind: 'refused', reason: 'quota' })
    expect(scratch.encoded()).toBe(before)
  })

  it('reports no more entries than a user may have registers', () => {
    const { client, scratch } = pair()
    client.doc.transact(() => { for (let key = 0; key < 500; key++) registerMap(client.doc).set(`bad${key}`, 1) })
    expect(scratch.receive(client.take())).toMatchObject({ kind: 'applied', invalid: { length: 40 } })
  })
})

describe('writing the truth back', () => {
  it('tells the client what it does not have, under the winner\'s own key, and nothing twice', () => {
    const { client, scratch } = pair()
    client.set('status', status(NOW))
    scratch.receive(client.take())
    const truth = of({ status: status(NOW + 1, 'away', BOB), custom: { at: [NOW, 0, BOB], value: null } })
    client.hear(scratch.write(truth, NOW)!)
    expect(client.get('status', BOB)).toEqual(status(NOW + 1, 'away', BOB))
    expect(client.get('status', ALICE)).toEqual(status(NOW))
    expect(scratch.write(truth, NOW)).toBeNull()
    scratch.rest()
    expect(scratch.write(truth, NOW)).toBeNull()
  })

  it('writes under one Yjs client, of a lower id than nearly every client\'s', () => {
    const { client, scratch } = pair(0xffff_fff3)
    for (let edit = 0; edit < 5; edit++) client.hear(scratch.write(of({ status: status(NOW + edit) }), NOW)!)
    const [clientId, ...others] = client.doc.store.clients.keys()
    expect(others).toEqual([])
    expect(clientId).toBeLessThan(2 ** 20)
  })

  it('does not hide what the client wrote at the same time', () => {
    const { client, scratch } = pair()
    client.set('status', status(NOW + 600_000))
    scratch.receive(client.take())
    client.set('status', status(NOW + 600_001, 'away'))
    client.hear(scratch.write(of({ status: status(NOW + 60_000) }), NOW)!)
    expect(client.get('status', ALICE)).toEqual(status(NOW + 600_001, 'away'))
  })

  it('[TM2] sets a stamp right that was too far ahead, although its own is lower', () => {
    const { client, scratch } = pair()
    client.set('status', status(NOW + 600_000))
    scratch.receive(client.take())
    client.hear(scratch.write(of({ status: status(NOW + 60_000) }), NOW)!)
    expect(client.get('status', ALICE)).toEqual(status(NOW + 60_000))
  })
  it('[TM2] lowers a loser that would win by a stamp too far ahead', () => {
    const { client, scratch } = pair()
    client.set('status', status(NOW + 600_000, 'away', BOB))
    scratch.receive(client.take())
    const truth = of({ status: status(NOW + 60_000) })
    client.hear(scratch.write(truth, NOW)!)
    expect(client.get('status', BOB)).toEqual(status(NOW + 59_999, 'away', BOB))
    expect(scratch.write(truth, NOW)).toBeNull()
  })
  it('does not take back what was refused: its writer would only write it again', () => {
    const { client, scratch } = pair()
    client.set('status', status(NOW + 5))
    scratch.receive(client.take())
    expect(scratch.write(of({ status: status(NOW, 'away') }), NOW)).toBeNull()
  })
  it('[DV4] does not tell of a tombstone of 90 days', () => {
    const truth = of({ [`device/${BOB}`]: { at: [NOW - 7_776_000_000, 0, ALICE], value: { removed: true } } })
    expect(createScratchDocument(1).write(truth, NOW)).toBeNull()
    expect(createScratchDocument(1).write(truth, NOW - 1)).not.toBeNull()
  })
  it('replaces an invalid entry under the winner\'s key', () => {
    const { client, scratch } = pair()
    registerMap(client.doc).set(`status/${ALICE}`, 42)
    scratch.receive(client.take())
    client.hear(scratch.write(of({ status: status(NOW) }), NOW)!)
    expect(client.get('status', ALICE)).toEqual(status(NOW))
  })
})

describe('a scratch document\'s answers', () => {
  it('[S18] bring a client up to date with what it lacks', () => {
    const { client, scratch } = pair()
    client.set('status', status(NOW))
    scratch.receive(client.take())
    scratch.write(of({ custom: { at: [NOW, 0, BOB], value: null } }), NOW)
    const answer = scratch.answerStep1(Y.encodeStateVector(client.doc))
    expect(answer.length).toBeLessThan(scratch.encoded().length)
    client.hear(answer)
    expect(client.get('custom', BOB)).toEqual({ at: [NOW, 0, BOB], value: null })
    expect(Y.encodeStateVector(client.doc)).toEqual(scratch.stateVector())
  })
  it('are empty from an empty one', () => {
    const scratch = createScratchDocument(1)
    expect(scratch.stateVector()).toEqual(Uint8Array.of(0))
    expect(scratch.answerStep1(Uint8Array.of(0))).toEqual(Uint8Array.of(0, 0))
  })
})

/** A client's document and the relay's scratch document of its connection. */
function pair(random = 1): { client: ReturnType<typeof createClient>; scratch: ScratchDocument } {
  return { client: createClient(), scratch: createScratchDocument(random) }
}
function createClient() {
  const doc = newDocument()
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array, origin: unknown) => { if (origin !== 'relay') updates.push(update) })
  return {
    doc,
    set: (name: string, register: Register) => registerMap(doc).set(keyOf(name, register), register),
    get: (name: string, writerId: string) => registerMap(doc).get(`${name}/${writerId}`),
    hear: (update: Uint8Array) => Y.applyUpdate(doc, update, 'relay'),
    /** What it would have sent since the last time. */
    take: () => Y.mergeUpdates(updates.splice(0)),
  }
}

function gcJump(client: number, length: number): Uint8Array {
  return varUints(1, 1, client, 0, 0, length, 0)
}
function clockAhead(clock: number): Uint8Array {
  return varUints(1, 1, 7, clock, 0, 1, 0)
}
function varUints(...numbers: number[]): Uint8Array {
  const writer = encoding.createEncoder()
  for (const number of numbers) encoding.writeVarUint(writer, number)
  return encoding.toUint8Array(writer)
}
