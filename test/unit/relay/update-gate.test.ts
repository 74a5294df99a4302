import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { gateStateVector, gateSyncMessage, gateUpdate } from '../../../server/relay/update-gate.js'
import { parseRegister } from '../../../src/model/registers.js'
import { createScratchDocument } from '../../../src/replica/scratch-document.js'
import { BAD_ENTRIES, BAD_ENTRIES_KEY, BAD_KEYS, BAD_SYNC, BAD_TEXTS } from '../../support/bad-sync.js'
import { openGatedRoom } from '../../support/gated-room.js'
import { syncFrame } from '../../support/hostile-client.js'
import { RANDOM_UPDATES, SEED, createChance } from '../../support/random-updates.js'
import { edit, entry, gc, nested, rawUpdate, rivals, slowest, varUints } from '../../support/raw-yjs.js'

const NOW = 1_800_000_000_000
const ALICE = 'AliceAliceAliceAliceAA'
const BOB = 'BobBobBobBobBobBobBobB'
const STATUS = { at: [NOW, 0, ALICE], value: { choice: 'dnd', expiresAt: null } }

describe('the gate before a scratch document', () => {
  it.each([
    ['a first edit', (map: Y.Map<unknown>) => map.set(`status/${ALICE}`, STATUS)],
    ['an edit upon an edit', (map: Y.Map<unknown>) => [1, 2].forEach((ms) => map.set(`status/${ALICE}`, { ...STATUS, at: [ms, 0, ALICE] }))],
    ['a deletion', (map: Y.Map<unknown>) => { map.set(`status/${ALICE}`, STATUS); map.delete(`status/${ALICE}`) }],
  ])('lets pass what Yjs makes of %s', (_, change) => {
    const doc = new Y.Doc()
    const updates: Uint8Array[] = []
    doc.on('update', (update: Uint8Array) => updates.push(update))
    change(doc.getMap('registers'))
    for (const update of [...updates, Y.encodeStateAsUpdate(doc)]) expect(gateUpdate(update)).toMatchObject({ ok: true })
    expect(gateStateVector(Y.encodeStateVector(doc))).toMatchObject({ ok: true })
  })

  it('lets pass a document of several hundred clients, and no more than a thousand', () => {
    expect(gateUpdate(documentOf(600))).toMatchObject({ ok: true, value: { clients: 600 } })
    expect(gateUpdate(documentOf(1_025)).ok).toBe(false)
  })

  it('lets pass what a merge of two documents, its erased structs included, is sent as', () => {
    const [one, other] = [new Y.Doc(), new Y.Doc()]
    for (let round = 0; round < 50; round++) {
      for (const doc of [one, other]) doc.getMap('registers').set(round % 3 ? `status/${ALICE}` : `custom/${BOB}`, { at: [round, 0, ALICE], value: null })
      if (round % 7 === 0) Y.applyUpdate(one, Y.encodeStateAsUpdate(other))
    }
    Y.applyUpdate(one, Y.encodeStateAsUpdate(other))
    expect(gateUpdate(Y.encodeStateAsUpdate(one))).toMatchObject({ ok: true })
    expect(gateUpdate(Y.encodeStateAsUpdate(one, Y.encodeStateVector(other)))).toMatchObject({ ok: true })
  })

  it.each(BAD_SYNC)('a message %s is refused', (_, make) => expectRefused(make()))

  it('[S2] a length that ends in the buffer behind the frame is refused', () => {
    expectRefused(viewInto([0, 2, VALID.length + 20, ...VALID], 40))
  })

  it('[S3] every truncation of a valid update is refused and changes nothing', () => {
    for (let length = 0; length < VALID.length; length++) expectRefused(syncFrame(2, VALID.slice(0, length)))
    const whole = syncFrame(2, VALID)
    for (let length = 0; length < whole.length; length++) expectRefused(whole.slice(0, length))
  })

  it('[S4] random, structured and mutated updates are refused, or leave only valid registers, and none does half its work', () => {
    const below = createChance(SEED)
    for (const [kind, make] of Object.entries(RANDOM_UPDATES)) {
      let room = openGatedRoom()
      for (let round = 0; round < 1_000; round++) {
        const refusal = room.receive(syncFrame(2, make(below)))
        if (refusal) expect([`SEED=${SEED}, ${kind} ${round}`, refusal.code, room.fingerprint()]).toEqual([expect.anything(), 4_400, room.before])
        else {
          for (const [name, register] of room.truth()) expect(parseRegister(name, register).ok).toBe(true)
          room = openGatedRoom()
        }
      }
    }
  })

  it('[S5] 32,000,000 declared structs cost less than a millisecond', () => {
    const bomb = Uint8Array.of(1, 0x80, 0x90, 0xa1, 0x0f, 1, 0, 0)
    expectRefused(syncFrame(2, bomb))
    const started = performance.now()
    for (let round = 0; round < 1_000; round++) gateUpdate(bomb)
    expect((performance.now() - started) / 1_000).toBeLessThan(1)
  })

  it('[S11] eight levels are let pass', () => {
    expect(gateUpdate(rawUpdate({ clients: [{ client: 1, structs: [entry(nested(117, 8))] }] }))).toMatchObject({ ok: true })
  })

  it.each(BAD_KEYS.map((key) => [JSON.stringify(key.slice(0, 40)), key]))('[S15] [T23] a map key %s is ignored and reported, and the rest applies', (_, key) => {
    const room = openGatedRoom()
    expect(room.receive(syncFrame(2, edit((map) => map.set(key, STATUS).valueOf() && map.set(`custom/${ALICE}`, { at: [NOW, 1, ALICE], value: null }))))).toBeUndefined()
    expect(room.truth().get('custom')).toEqual({ at: [NOW, 1, ALICE], value: null })
    expect(room.notices).toHaveLength(1)
    expect(room.notices[0]!.length).toBeLessThanOrEqual(128)
    expect([...room.truth().keys()].sort()).toEqual(['custom', 'mood'])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it.each(BAD_ENTRIES)('[S16] %s under a right key is ignored and reported, and the rest applies', (_, raw) => {
    const room = openGatedRoom()
    expect(room.receive(syncFrame(2, edit((map) => {
      map.set(BAD_ENTRIES_KEY, raw)
      map.set(`custom/${ALICE}`, { at: [NOW, 1, ALICE], value: null })
    })))).toBeUndefined()
    expect(room.notices).toEqual(['status'])
    expect([...room.truth().keys()].sort()).toEqual(['custom', 'mood'])
  })

  it.each(BAD_TEXTS)('a message %s is refused, and changes nothing', (_, make) => {
    const room = openGatedRoom()
    expect(room.receive(make())).toMatchObject({ code: 4_400 })
    expect(room.fingerprint()).toBe(room.before)
  })

  it('[S17] a register that is too big is reported, and the rest applies', () => {
    const room = openGatedRoom()
    expect(room.receive(syncFrame(2, edit((map) => {
      map.set(`note/${ALICE}`, { at: [NOW, 0, ALICE], value: 'n'.repeat(2_000) })
      map.set(`custom/${ALICE}`, { at: [NOW, 1, ALICE], value: null })
    })))).toBeUndefined()
    expect(room.notices).toEqual(['note'])
    expect(room.truth().has('custom')).toBe(true)
  })
  it('[S17] [T18] a scratch document over 64 KB is refused with `quota`, and stays as it was', () => {
    const room = openGatedRoom()
    const updates = Array.from({ length: 3 }, (_, part) => edit((map) => map.set(`note${part}/${ALICE}`, { at: [NOW, 0, ALICE], value: 'n'.repeat(30_000) })))
    expect(room.receive(syncFrame(2, updates[0]!))).toBeUndefined()
    expect(room.receive(syncFrame(2, updates[1]!))).toBeUndefined()
    expect(room.receive(syncFrame(2, updates[2]!))).toEqual({ code: 4400, reason: 'quota' })
  })

  it('[S18] a state vector from the future is answered with nothing new', () => {
    const scratch = createScratchDocument(1)
    scratch.receive(VALID)
    expect(gateStateVector(varUints(1, VALID_CLIENT, 1_000_000)).ok).toBe(true)
    expect(scratch.answerStep1(varUints(1, VALID_CLIENT, 1_000_000)).length).toBeLessThan(20)
  })

  it('[T16] sixteen entries side by side, which Yjs compares with one another, are let pass, and seventeen refused', () => {
    expect([16, 17].map((count) => gateUpdate(rawUpdate({ clients: [rivals(1, count)] })).ok)).toEqual([true, false])
  })
  it('[T16] entries side by side are refused that come one by one', () => {
    const room = openGatedRoom()
    const sendSixteen = (client: number) => room.receive(syncFrame(2, rawUpdate({ clients: [rivals(client, 16)] })))
    expect(sendSixteen(1)).toBeUndefined()
    // What little is added is looked at every 2 KB.
    expect(Array.from({ length: 8 }, (_, client) => sendSixteen(client + 2))).toContainEqual({ code: 4400, reason: 'quota' })
  })
  it('[T16] the slowest merge that passes costs less than anybody would notice', () => {
    const update = slowest()
    expect(update.length).toBeLessThan(65_536)
    expect(gateUpdate(update).ok).toBe(true)
    const scratch = createScratchDocument(1)
    const started = process.cpuUsage()
    expect(scratch.receive(update).kind).toBe('applied')
    expect(process.cpuUsage(started).user / 1_000).toBeLessThan(200)
  })
})

/** One update, of one client, with two entries under one key. */
const VALID_CLIENT = 77
const VALID = edit((map) => {
  map.set(`status/${ALICE}`, { ...STATUS, at: [NOW - 1, 0, ALICE] })
  map.set(`status/${ALICE}`, STATUS)
}, VALID_CLIENT)

function documentOf(clients: number): Uint8Array {
  return rawUpdate({ clients: Array.from({ length: clients }, (_, client) => ({ client, structs: [gc(1)] })) })
}

function expectRefused(sent: Uint8Array): void {
  const room = openGatedRoom()
  expect(gateSyncMessage(sent).ok).toBe(false)
  expect(room.receive(sent)).toMatchObject({ code: 4400 })
  expect(room.fingerprint()).toBe(room.before)
}

/** A frame as Node hands them out: a window on a larger buffer. */
function viewInto(bytes: number[], behind: number): Uint8Array {
  return Uint8Array.from([...bytes, ...Array<number>(behind).fill(0)]).subarray(0, bytes.length)
}
