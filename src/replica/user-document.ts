/** A person's registers on one of their devices: a Yjs document in IndexedDB, shared by tabs, synced through the relay. */
import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'
import { isCorrection } from '../model/clamp-stamps.js'
import { nextStamp, type Stamp } from '../model/hybrid-clock.js'
import type { Parsed } from '../model/json.js'
import { greatestStamp, isForgotten, registerSizeBytes, wins, type Register, type Registers } from '../model/registers.js'
import type { JsonValue, Stop } from '../presence-service.js'
import { decode, readVarUint } from '../protocol/wire.js'
import { nameOf, newDocument, readEntry, readRegisterMap, registerMap, type InvalidRegister } from './register-map.js'

/** Every session that writes adds a Yjs client: some 25 bytes, and a share of every later merge. */
const REBASE_AT_CLIENTS = 250
/** Past twice its live registers a document is mostly history; the slack keeps small ones from re-basing all the time. */
const REBASE_SLACK_BYTES = 4_096

/** The document as it is stored. A re-basing adds one to `base`: documents of different bases have no history in common. */
export interface Replica {
  readonly base: number
  readonly update: Uint8Array
}

export interface UserDocument {
  /** For the provider that syncs it; everybody else reads registers. */
  readonly doc: Y.Doc
  readonly base: number
  /** The winners, without long-forgotten tombstones. */
  registers(now: number): Registers
  problems(): readonly InvalidRegister[]
  /**
   * For inside the storage transaction: what is stored, united with this document, and `edits` on top, stamped above all in it
   * (ST1). This document stays as it is, until what was stored is absorbed.
   */
  edit(stored: Uint8Array | undefined, edits: ReadonlyMap<string, JsonValue>, now: number): EditedReplica
  /** Takes in what is stored. `rebased`: it has a greater base and nothing was done: open it in this one's place, connect anew. */
  absorb(stored: Uint8Array): 'united' | 'rebased' | 'unreadable'
  encode(): Uint8Array
  onChange(listener: (names: readonly string[], isFromRelay: boolean) => void): Stop
  needsRebase(now: number): boolean
  /** For inside the storage transaction too: a fresh document with the winners, to be opened in this one's place. */
  rebase(stored: Uint8Array | undefined, now: number): Uint8Array
  /** Gives this device's own entries another stamp where `shift` returns one (TM2). */
  restamp(shift: (name: string, register: Register) => Stamp | null): void
  close(): void
}
export interface EditedReplica {
  readonly bytes: Uint8Array
  readonly written: Registers
}

/** The origin of our own transactions; whatever has another came from the relay. */
const OURS = {}

export function openUserDocument(bytes: Uint8Array | undefined, { writerId }: { readonly writerId: string }): UserDocument {
  const { base, doc } = (bytes && inflate(bytes)) ?? { base: 0, doc: newDocument() }
  const map = registerMap(doc)
  const ownKey = (name: string): string => `${name}/${writerId}`
  /** The newest this device wrote under each of its keys, to be told from what others made of it. */
  const own = new Map<string, Register>()
  for (const [key, register] of read().entries) if (key === ownKey(nameOf(key))) own.set(key, register)
  const listeners = new Set<(names: readonly string[], isFromRelay: boolean) => void>()
  /** Edits are written on copies, one upon the other, while this document may be written to meanwhile: under another Yjs client. */
  const editClientId = newDocument().clientID

  map.observe(({ keysChanged }, { origin }) => {
    const keys = [...keysChanged as Set<string>]
    if (origin === OURS) remember(keys)
    else repair()
    for (const listener of listeners) listener([...new Set(keys.map(nameOf))], origin !== OURS)
  })

  return {
    doc, base, edit, absorb, rebase, restamp,
    registers: live,
    problems: () => read().invalid,
    encode,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    needsRebase(now) {
      if (doc.store.clients.size >= REBASE_AT_CLIENTS) return true
      let liveBytes = 0
      for (const [name, register] of live(now)) liveBytes += registerSizeBytes(name, register)
      return Y.encodeStateAsUpdate(doc).length > 2 * liveBytes + REBASE_SLACK_BYTES
    },
    close() {
      listeners.clear()
      doc.destroy()
    },
  }

  function read() {
    return readRegisterMap(map)
  }

  function live(now: number): Registers {
    return new Map([...read().winners].filter(([name, register]) => !isForgotten(name, register, now)))
  }

  function encode(): Uint8Array {
    return encodeOpen({ base, doc })
  }

  function edit(stored: Uint8Array | undefined, edits: ReadonlyMap<string, JsonValue>, now: number): EditedReplica {
    const united = unite(stored, encode())!
    united.doc.clientID = editClientId
    const target = registerMap(united.doc)
    const written = new Map<string, Register>()
    united.doc.transact(() => {
      let last = greatestStamp(readRegisterMap(target).winners)
      for (const [name, value] of edits) {
        last = nextStamp(now, last, writerId)
        written.set(name, { at: last, value })
        target.set(ownKey(name), { at: last, value })
      }
    })
    return { bytes: encodeOpen(united), written }
  }

  function absorb(stored: Uint8Array): 'united' | 'rebased' | 'unreadable' {
    const theirs = inflate(stored)
    if (!theirs) return 'unreadable'
    if (theirs.base > base) return 'rebased'
    takeIn({ base, doc }, theirs)
    return 'united'
  }

  function rebase(stored: Uint8Array | undefined, now: number): Uint8Array {
    const united = unite(stored, encode())!
    // Another tab did it already.
    if (united.base > base) return encodeOpen(united)
    const fresh = newDocument()
    const { entries, winners } = readRegisterMap(registerMap(united.doc))
    fresh.transact(() => {
      for (const [key, register] of entries) {
        const name = nameOf(key)
        // Ours stay even where they lost: a tab that still has one with a stamp from before its clock was set must find it corrected.
        const isKept = register === winners.get(name) || key === ownKey(name)
        if (isKept && !isForgotten(name, register, now)) registerMap(fresh).set(key, register)
      }
    })
    return encodeOpen({ base: base + 1, doc: fresh })
  }

  function restamp(shift: (name: string, register: Register) => Stamp | null): void {
    doc.transact(() => {
      for (const [key, register] of own) {
        const at = shift(nameOf(key), register)
        if (at) map.set(key, { at, value: register.value })
      }
    }, OURS)
  }

  function remember(keys: readonly string[]): void {
    for (const key of keys) {
      const entry = readEntry(key, map.get(key))
      if (key === ownKey(nameOf(key)) && entry.ok) own.set(key, entry.value)
    }
  }

  /** A different value under a key of ours that is no newer than what we wrote there: some merge hid our edit, so it is written again. */
  function repair(): void {
    doc.transact(() => {
      for (const [key, mine] of own) {
        const entry = readEntry(key, map.get(key))
        const found = entry.ok ? entry.value : undefined
        if (found && (wins(found, mine) || isCorrection(found, mine))) own.set(key, found)
        else if (!found || wins(mine, found)) map.set(key, mine)
      }
    }, OURS)
  }
}

/** ST1, for inside the storage transaction. Returns `stored` itself where there is nothing to add. */
export function mergeReplicas(stored: Uint8Array | undefined, mine: Uint8Array): Uint8Array {
  const united = unite(stored, mine)
  if (!united) return stored ?? mine
  const bytes = encodeOpen(united)
  return stored && isEqual(bytes, stored) ? stored : bytes
}

export function encodeReplica({ base, update }: Replica): Uint8Array {
  const writer = encoding.createEncoder()
  encoding.writeVarUint(writer, base)
  encoding.writeUint8Array(writer, update)
  return encoding.toUint8Array(writer)
}
export const parseReplica = (bytes: Uint8Array): Parsed<Replica> => decode(bytes, (reader) => {
  const base = readVarUint(reader)
  const update = bytes.subarray(reader.pos)
  reader.pos = bytes.length
  return { base, update }
})

interface OpenReplica {
  readonly base: number
  readonly doc: Y.Doc
}
const encodeOpen = ({ base, doc }: OpenReplica): Uint8Array => encodeReplica({ base, update: Y.encodeStateAsUpdate(doc) })

/** Undefined where it is no replica. */
function inflate(bytes: Uint8Array): OpenReplica | undefined {
  const replica = parseReplica(bytes)
  if (!replica.ok) return undefined
  const doc = newDocument()
  try {
    Y.applyUpdate(doc, replica.value.update)
  } catch {
    return undefined
  }
  return { base: replica.value.base, doc }
}

/** Always into a fresh document: Y.mergeUpdates would keep what was overwritten. */
function unite(stored: Uint8Array | undefined, mine: Uint8Array): OpenReplica | undefined {
  const ours = inflate(mine)
  const theirs = stored && !isEqual(stored, mine) && inflate(stored)
  if (!ours || !theirs) return ours || theirs || undefined
  const [kept, other] = theirs.base >= ours.base ? [theirs, ours] : [ours, theirs]
  takeIn(kept, other)
  return kept
}

/** `other`, of the same or a lesser base, into `kept`; what would be hidden then is written on top (ST1), unless it was set right. */
function takeIn(kept: OpenReplica, other: OpenReplica): void {
  const map = registerMap(kept.doc)
  const isSameBase = kept.base === other.base
  const candidates = isSameBase ? [...candidatesOf(kept.doc), ...candidatesOf(other.doc)] : candidatesOf(other.doc)
  if (isSameBase) Y.applyUpdate(kept.doc, Y.encodeStateAsUpdate(other.doc), OURS)
  kept.doc.transact(() => {
    const { entries, winners } = readRegisterMap(map)
    const visible = new Map(winners)
    for (const { key, register, id } of candidates) {
      if (!wins(register, visible.get(nameOf(key)))) continue
      if (isSameBase ? isReplaced(kept.doc, key, id) : isCorrection(entries.get(key), register)) continue
      map.set(key, register)
      visible.set(nameOf(key), register)
    }
  }, OURS)
}

interface Candidate {
  readonly key: string
  readonly register: Register
  readonly id: Y.ID
}
function candidatesOf(doc: Y.Doc): Candidate[] {
  const map = registerMap(doc)
  return [...readRegisterMap(map).entries].map(([key, register]) => ({ key, register, id: map._map.get(key)!.lastId }))
}

/** Whether who wrote what is under `key` knew the entry `id`. Then that was not hidden by chance, whatever its stamp. */
function isReplaced(doc: Y.Doc, key: string, id: Y.ID): boolean {
  let item: Y.Item | Y.GC | undefined = registerMap(doc)._map.get(key)
  while (item instanceof Y.Item && item.origin) {
    const { client, clock }: Y.ID = item.origin
    item = Y.getItem(doc.store, item.origin)
    // Deleted entries in a row are kept as one.
    if (client === id.client && item.id.clock <= id.clock && id.clock <= clock) return true
  }
  return false
}

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, index) => byte === b[index])
