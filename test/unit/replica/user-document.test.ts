import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { compareStamps } from '../../../src/model/hybrid-clock.js'
import { digestOf, wins, type Register, type Registers } from '../../../src/model/registers.js'
import { keyOf, newDocument, registerMap } from '../../../src/replica/register-map.js'
import { encodeReplica, mergeReplicas, openUserDocument, parseReplica, type UserDocument } from '../../../src/replica/user-document.js'
import type { JsonValue } from '../../../src/presence-service.js'

const NOW = 1_800_000_000_000
const ALICE = 'AliceAliceAliceAliceAA'
const BOB = 'BobBobBobBobBobBobBobB'
const dnd = { choice: 'dnd', expiresAt: null }
const auto = { choice: 'auto', expiresAt: null }
const one = (name: string, value: JsonValue): Map<string, JsonValue> => new Map([[name, value]])
const open = (bytes?: Uint8Array, writerId = ALICE): UserDocument => openUserDocument(bytes, { writerId })
const relay = { name: 'the provider' }

describe('a stored replica', () => {
  it('is read as it was written', () => {
    const update = Uint8Array.of(1, 2, 3)
    expect(parseReplica(encodeReplica({ base: 300, update }))).toEqual({ ok: true, value: { base: 300, update } })
  })

  it.each([[[]], [[0x80]], [Array<number>(12).fill(0xff)]])('is no replica, without a throw: %j', (bytes) => {
    expect(parseReplica(Uint8Array.from(bytes)).ok).toBe(false)
    expect(open(Uint8Array.from(bytes)).registers(NOW).size).toBe(0)
    expect(open().absorb(Uint8Array.from(bytes))).toBe('unreadable')
  })

  it('[ST3] gives way to the readable one where the other is damaged', () => {
    const good = open().edit(undefined, one('status', dnd), NOW).bytes
    const damaged = Uint8Array.of(0, 9, 9, 9)
    expect(open(mergeReplicas(damaged, good)).registers(NOW).size).toBe(1)
    expect(open(mergeReplicas(good, damaged)).registers(NOW).size).toBe(1)
  })
})

describe('a user document', () => {
  it('writes nothing when it is opened', () => {
    const { bytes } = open().edit(undefined, one('status', dnd), NOW)
    const document = open(bytes)
    expect(document.encode()).toEqual(bytes)
    expect(mergeReplicas(bytes, document.encode())).toBe(bytes)
  })

  it('[ST1] draws the stamp of an edit above every stamp in what is stored', () => {
    const stored = open(undefined, BOB).edit(undefined, one('custom', null), NOW + 5_000).bytes
    const { written } = open().edit(stored, one('status', dnd), NOW)
    expect(written.get('status')!.at).toEqual([NOW + 5_000, 1, ALICE])
  })

  it('[ST1] keeps both edits when two tabs write at once', () => {
    const [first, second] = [open(), open()]
    const stored = first.edit(undefined, one('status', dnd), NOW).bytes
    const { bytes } = second.edit(stored, one('custom', null), NOW)
    expect([...open(bytes).registers(NOW).keys()].sort()).toEqual(['custom', 'status'])
  })

  it('leaves the open document as it was until what was stored is absorbed', () => {
    const document = open()
    const { bytes, written } = document.edit(undefined, one('status', dnd), NOW)
    expect(document.registers(NOW).size).toBe(0)
    expect(document.absorb(bytes)).toBe('united')
    expect(document.registers(NOW)).toEqual(written)
  })

  it('adds one Yjs client a session, however many edits it makes', () => {
    const document = open()
    let stored: Uint8Array | undefined
    for (let edit = 0; edit < 20; edit++) {
      stored = document.edit(stored, one('status', edit % 2 ? dnd : auto), NOW + edit).bytes
      document.absorb(stored)
    }
    expect(document.doc.store.clients.size).toBe(1)
  })

  it('shows the later edit although the transaction of the one before failed, even to who saw that', () => {
    const [document, witness] = [open(), open()]
    const lost = document.edit(undefined, one('status', dnd), NOW).bytes
    const { bytes } = document.edit(undefined, one('status', auto), NOW + 1)
    witness.absorb(lost)
    witness.absorb(bytes)
    expect(witness.registers(NOW).get('status')!.value).toEqual(auto)
  })

  it('writes its edits under another Yjs client than its repairs, which may fall between an edit and its absorbing', () => {
    const document = edited()
    const { bytes } = document.edit(document.encode(), one('custom', null), NOW + 1)
    hear(document, 'status', { at: [NOW - 1, 0, ALICE], value: auto })
    document.absorb(bytes)
    expect([...document.registers(NOW).keys()].sort()).toEqual(['custom', 'status'])
    expect(document.registers(NOW).get('status')!.value).toEqual(dnd)
  })

  it('tells which registers changed, and whether the relay told', () => {
    const document = open()
    const heard: unknown[] = []
    const stop = document.onChange((names, isFromRelay) => heard.push([names, isFromRelay]))
    document.absorb(document.edit(undefined, one('status', dnd), NOW).bytes)
    hear(document, 'custom', { at: [NOW, 0, BOB], value: null })
    stop()
    hear(document, 'custom', { at: [NOW + 1, 0, BOB], value: null })
    expect(heard).toEqual([[['status'], false], [['custom'], true]])
  })

  it('reads the greatest stamp of a register, and reports what is not one', () => {
    const document = open()
    hear(document, 'status', { at: [NOW, 0, BOB], value: dnd })
    hear(document, 'status', { at: [NOW + 1, 0, ALICE], value: auto })
    document.doc.transact(() => registerMap(document.doc).set(`custom/${BOB}`, 42), relay)
    expect([...document.registers(NOW)]).toEqual([['status', { at: [NOW + 1, 0, ALICE], value: auto }]])
    expect(document.problems()).toEqual([{ name: 'custom', reason: 'it has no stamp' }])
  })

  it('reads one value under two keys as two entries', () => {
    const document = open()
    const raw = { at: [NOW, 0, ALICE], value: dnd }
    for (const writerId of [ALICE, BOB]) document.doc.transact(() => registerMap(document.doc).set(`status/${writerId}`, raw), relay)
    expect(document.registers(NOW).get('status')).toEqual(raw)
    expect(document.problems()).toEqual([{ name: 'status', reason: 'it is stamped by another writer' }])
  })

  it('[DV4] does not read a tombstone of 90 days, nor copies it', () => {
    const document = open()
    hear(document, `device/${BOB}`, { at: [NOW - 7_776_000_000, 0, ALICE], value: { removed: true } })
    expect(document.registers(NOW).size).toBe(0)
    expect(document.registers(NOW - 1).size).toBe(1)
    expect(open(document.rebase(undefined, NOW)).registers(NOW - 1).size).toBe(0)
  })
})

describe('repairing', () => {
  it('writes again where a different value with an older stamp stands under its own key', () => {
    const document = edited()
    hear(document, 'status', { at: [NOW - 1, 0, ALICE], value: auto })
    expect(document.registers(NOW).get('status')).toEqual({ at: [NOW, 0, ALICE], value: dnd })
  })
  it.each<[string, unknown]>([['an entry that is none', 42], ['nothing', undefined]])('writes again where it finds %s', (_, raw) => {
    const document = edited()
    const map = registerMap(document.doc)
    document.doc.transact(() => raw === undefined ? map.delete(`status/${ALICE}`) : map.set(`status/${ALICE}`, raw), relay)
    expect(document.registers(NOW).get('status')).toEqual({ at: [NOW, 0, ALICE], value: dnd })
  })
  it('[TM2] keeps the same value with a lower stamp, and its clock starts again from the greatest stamp it holds', () => {
    const document = edited()
    hear(document, 'status', { at: [NOW - 9_000, 0, ALICE], value: dnd })
    expect(document.registers(NOW).get('status')!.at).toEqual([NOW - 9_000, 0, ALICE])
    expect(document.edit(document.encode(), one('status', auto), NOW - 10_000).written.get('status')!.at).toEqual([NOW - 9_000, 1, ALICE])
  })
  it('learns what another of its tabs wrote, and does not undo it', () => {
    const document = edited()
    hear(document, 'status', { at: [NOW + 1, 0, ALICE], value: auto })
    hear(document, 'custom', { at: [NOW, 0, BOB], value: null })
    expect(document.registers(NOW).get('status')!.value).toEqual(auto)
  })
  it('leaves other writers\' keys alone', () => {
    const document = edited()
    document.absorb(open(undefined, BOB).edit(undefined, one('custom', null), NOW).bytes)
    hear(document, 'custom', { at: [NOW - 1, 0, BOB], value: { text: 'older', emoji: null, expiresAt: null } })
    expect(document.registers(NOW).get('custom')!.at[0]).toBe(NOW - 1)
  })
})

describe('[TM2] restamping', () => {
  it('gives own entries the stamp it is told, and nobody else\'s', () => {
    const document = edited()
    hear(document, 'custom', { at: [NOW, 0, BOB], value: null })
    document.restamp((_, { at: [ms, counter, writerId] }) => [ms - 500, counter, writerId])
    expect(document.registers(NOW).get('status')).toEqual({ at: [NOW - 500, 0, ALICE], value: dnd })
    expect(document.registers(NOW).get('custom')!.at[0]).toBe(NOW)
  })
  it('is not undone by what is stored, nor by a tab that has not heard of it', () => {
    const document = edited()
    const stored = document.encode()
    const other = open(stored)
    document.restamp((_, { at: [ms, counter, writerId] }) => [ms - 500, counter, writerId])
    const merged = mergeReplicas(stored, document.encode())
    expect(open(merged).registers(NOW).get('status')!.at[0]).toBe(NOW - 500)
    expect(other.absorb(merged)).toBe('united')
    expect(other.registers(NOW).get('status')!.at[0]).toBe(NOW - 500)
  })
  it('leaves alone what `shift` returns null for', () => {
    const document = edited()
    const before = document.encode()
    document.restamp(() => null)
    expect(document.encode()).toEqual(before)
  })
})

describe('re-basing', () => {
  it.each([[249, false], [250, true]])('is needed from 250 Yjs clients on: %i → %s', (clients, expected) => {
    const doc = newDocument()
    for (let client = 1; client <= clients; client++) {
      doc.clientID = client
      registerMap(doc).set(`note/${ALICE}`, { at: [NOW + client, 0, ALICE], value: 'n'.repeat(590) })
    }
    expect(open(encodeReplica({ base: 0, update: Y.encodeStateAsUpdate(doc) })).needsRebase(NOW)).toBe(expected)
  })
  it('is needed when a document is larger than twice its live registers and 4 KB', () => {
    const document = open()
    const sizes: [number, boolean][] = []
    for (let edit = 0; edit < 700; edit++) {
      hear(document, edit % 2 ? 'status' : 'custom', edit % 2 ? { at: [NOW + edit, 0, BOB], value: dnd } : { at: [NOW + edit, 0, BOB], value: null })
      sizes.push([Y.encodeStateAsUpdate(document.doc).length, document.needsRebase(NOW)])
    }
    const [size] = sizes.find(([, isNeeded]) => isNeeded)!
    expect(size).toBeGreaterThan(4_096)
    expect(size).toBeLessThan(4_600)
  })
  it('keeps every winner under its own key, in a document of one client and the next base', () => {
    const document = edited()
    hear(document, 'custom', { at: [NOW, 3, BOB], value: null })
    const fresh = open(document.rebase(document.encode(), NOW))
    expect(fresh.base).toBe(1)
    expect(digestOf(fresh.registers(NOW), NOW)).toBe(digestOf(document.registers(NOW), NOW))
    expect(fresh.doc.store.clients.size).toBe(1)
    expect(registerMap(fresh.doc).has(`custom/${BOB}`)).toBe(true)
  })
  it('[ST1] is noticed by a tab of the older base, whose later edit is not lost', () => {
    const old = edited()
    const stored = open(old.encode()).rebase(old.encode(), NOW)
    expect(old.absorb(stored)).toBe('rebased')
    const { bytes } = old.edit(stored, one('status', auto), NOW + 1)
    expect(parseReplica(bytes)).toMatchObject({ value: { base: 1 } })
    expect(open(bytes).registers(NOW).get('status')!.value).toEqual(auto)
  })
  it('[ST1] writes on top what only the older document holds', () => {
    const old = edited()
    const fresh = open(old.rebase(old.encode(), NOW)).encode()
    hear(old, 'custom', { at: [NOW + 7, 0, BOB], value: null })
    for (const merged of [mergeReplicas(fresh, old.encode()), mergeReplicas(old.encode(), fresh)]) {
      expect(parseReplica(merged)).toMatchObject({ value: { base: 1 } })
      expect(open(merged).registers(NOW).get('custom')!.at).toEqual([NOW + 7, 0, BOB])
    }
  })
  it('is done once when two tabs find it needed', () => {
    const [first, second] = [edited(), edited()]
    const rebased = first.rebase(first.encode(), NOW)
    expect(second.rebase(rebased, NOW)).toEqual(rebased)
  })
  it('[TM2] does not bring back a stamp that was set right, where a tab of the older base still has it', () => {
    const old = edited()
    const document = open(old.encode())
    document.restamp((_, { at: [ms, counter, writerId] }) => [ms - 500, counter, writerId])
    hear(document, 'status', { at: [NOW - 100, 0, BOB], value: auto })
    const merged = mergeReplicas(document.rebase(document.encode(), NOW), old.encode())
    expect(open(merged).registers(NOW).get('status')).toEqual({ at: [NOW - 100, 0, BOB], value: auto })
  })
  it('takes in what was stored since, before it starts afresh', () => {
    const document = edited()
    const { bytes } = open(document.encode()).edit(document.encode(), one('custom', null), NOW + 1)
    expect(open(document.rebase(bytes, NOW)).registers(NOW).has('custom')).toBe(true)
  })
})

describe('[ST1] merging replicas, whatever was done to them', () => {
  const stamps = fc.tuple(fc.integer({ min: NOW - 2, max: NOW + 2 }), fc.integer({ min: 0, max: 1 }), fc.constantFrom(ALICE, BOB))
  const edits = fc.array(fc.record({ at: stamps, name: fc.constantFrom('status', 'custom'), isFirst: fc.boolean() }), { maxLength: 12 })

  it('shows the greatest stamp of either, in either order, and changes nothing when merged again', () => {
    fc.assert(fc.property(edits, fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 1 }), (made, firstBase, secondBase) => {
      const documents = [[newDocument(), firstBase], [newDocument(), secondBase]] as const
      const expected = new Map<string, Register>()
      for (const [index, { at, name, isFirst }] of made.entries()) {
        const register: Register = { at, value: name === 'status' ? { choice: 'dnd', expiresAt: index } : { text: `${index}`, emoji: null, expiresAt: null } }
        const map = registerMap(documents[isFirst ? 0 : 1][0])
        // A writer's own later edit has the greater stamp.
        const before = map.get(keyOf(name, register)) as Register | undefined
        if (before && compareStamps(register.at, before.at) <= 0) continue
        map.set(keyOf(name, register), register)
        if (wins(register, expected.get(name))) expected.set(name, register)
      }
      const [first, second] = documents.map(([doc, base]) => encodeReplica({ base, update: Y.encodeStateAsUpdate(doc) })) as [Uint8Array, Uint8Array]
      for (const merged of [mergeReplicas(first, second), mergeReplicas(second, first)]) {
        expect(sorted(open(merged).registers(NOW))).toEqual(sorted(expected))
        expect(parseReplica(merged)).toMatchObject({ value: { base: Math.max(firstBase, secondBase) } })
        expect(mergeReplicas(merged, merged)).toBe(merged)
        expect(sorted(open(mergeReplicas(merged, first)).registers(NOW))).toEqual(sorted(expected))
      }
    }), { numRuns: 150 })
  })
})

const sorted = (registers: Registers): [string, Register][] => [...registers].sort(([a], [b]) => (a < b ? -1 : 1))

/** One that has set `dnd`. */
function edited(): UserDocument {
  const document = open()
  document.absorb(document.edit(undefined, one('status', dnd), NOW).bytes)
  return document
}
/** As the relay would write it. */
function hear(document: UserDocument, name: string, register: Register): void {
  document.doc.transact(() => registerMap(document.doc).set(keyOf(name, register), register), relay)
}
