/**
 * What one connection's client holds, as far as its relay knows: its own updates, and what the relay wrote back. It is never
 * shared: no client's Yjs structs reach another client. Kept encoded, and plain edits are done on the bytes; for everything else it is
 * inflated, until `rest()`.
 */
import * as Y from 'yjs'
import { wins, type Register, type Registers } from '../model/registers.js'
import { WIRE } from '../protocol/limits.js'
import { missingFrom } from './missing-from.js'
import { receivePlainEdit, writePlainEdit } from './plain-edit.js'
import { nameOf, newDocument, readEntry, registerMap, reportInvalid, type InvalidRegister } from './register-map.js'

export type Received =
  /** The winners of those registers that this update touched. */
  | { readonly kind: 'applied'; readonly registers: Registers; readonly invalid: readonly InvalidRegister[] }
  /** It builds on something that never arrived; nothing was changed. */
  | { readonly kind: 'gap' }
  | { readonly kind: 'refused'; readonly reason: 'quota' | 'bad' }

export interface ScratchDocument {
  /** For updates that have passed the gate. */
  receive(update: Uint8Array): Received
  /** Makes `truth` visible; the update that tells the client, or null where it knows already. */
  write(truth: Registers, now: number): Uint8Array | null
  /** All of it, as one update. */
  encoded(): Uint8Array
  stateVector(): Uint8Array
  /** The update that brings a client with this (gated) state vector up to date. */
  answerStep1(stateVector: Uint8Array): Uint8Array
  /** Lets go of the inflated document. */
  rest(): void
}

/** No structs, no deletions. */
const EMPTY_UPDATE = Uint8Array.of(0, 0)

/**
 * Of two entries written at the same time Yjs shows the one of the greater client id. The relay's are lower than nearly every
 * client's, so that what a person has just written is never hidden by what the relay has just heard.
 */
const RELAY_CLIENT_IDS = 2 ** 20

/** `random`: an integer drawn once per connection. */
export function createScratchDocument(random: number): ScratchDocument {
  const clientId = random % RELAY_CLIENT_IDS
  let encoded: Uint8Array = EMPTY_UPDATE
  let inflated: Y.Doc | undefined
  /** A truth of which the client is known to see everything. */
  let shown: Registers | undefined

  return {
    receive: (update) => receivePlain(update) ?? receiveAny(update),
    write,
    encoded: () => encoded,
    stateVector: () => Y.encodeStateVectorFromUpdate(encoded),
    answerStep1: (stateVector) => Y.diffUpdate(encoded, stateVector),
    rest: () => { inflated = undefined },
  }

  function receivePlain(update: Uint8Array): Received | undefined {
    const edit = receivePlainEdit(encoded, update)
    if (!edit || edit.encoded.length > WIRE.scratchDocumentBytes) return undefined
    become(edit.encoded)
    if (shown) shown = new Map(shown).set(edit.name, edit.register)
    return { kind: 'applied', registers: new Map([[edit.name, edit.register]]), invalid: [] }
  }

  /** Yjs applies what it can before it throws or waits for more: what it worked on is kept only when all went well. */
  function receiveAny(update: Uint8Array): Received {
    const doc = open()
    inflated = undefined
    const touched = new Set<string>()
    const map = registerMap(doc)
    const watch = ({ keysChanged }: Y.YMapEvent<unknown>): void => (keysChanged as Set<string>).forEach((key) => touched.add(key))
    map.observe(watch)
    let after: Uint8Array
    try {
      Y.applyUpdate(doc, update)
      if (doc.store.pendingStructs || doc.store.pendingDs) return { kind: 'gap' }
      after = Y.encodeStateAsUpdate(doc)
    } catch {
      return { kind: 'refused', reason: 'bad' }
    }
    if (after.length > WIRE.scratchDocumentBytes) return { kind: 'refused', reason: 'quota' }
    map.unobserve(watch)
    become(after, doc)
    shown = undefined
    return { kind: 'applied', ...winnersOf(map, touched) }
  }

  function write(truth: Registers, now: number): Uint8Array | null {
    const before = shown
    shown = truth
    if (!before) return writeAll(truth, now)
    // Registers keep their identity for as long as they are true.
    const changed = [...truth].filter(([name, register]) => before.get(name) !== register)
    if (changed.length === 0) return null
    const written = writePlainEdit(encoded, clientId, new Map(changed), now)
    if (!written) return writeAll(truth, now)
    become(written.encoded)
    return written.update
  }

  function writeAll(truth: Registers, now: number): Uint8Array | null {
    const doc = open()
    const map = registerMap(doc)
    const needed = missingFrom(map, truth, now)
    if (needed.size === 0) return null
    let update: Uint8Array | null = null
    doc.once('update', (bytes: Uint8Array) => { update = bytes })
    doc.clientID = clientId
    doc.transact(() => needed.forEach((register, key) => map.set(key, register)))
    // A document that carries the relay's client id would give it up, and say so in the log, when a client writes under it.
    become(Y.encodeStateAsUpdate(doc))
    return update
  }

  function become(bytes: Uint8Array, doc?: Y.Doc): void {
    encoded = bytes
    inflated = doc
  }

  function open(): Y.Doc {
    if (inflated) return inflated
    inflated = newDocument()
    if (encoded !== EMPTY_UPDATE) Y.applyUpdate(inflated, encoded)
    return inflated
  }
}

function winnersOf(map: Y.Map<unknown>, touched: ReadonlySet<string>): { registers: Registers; invalid: InvalidRegister[] } {
  const names = new Set([...touched].map(nameOf))
  const registers = new Map<string, Register>()
  const invalid: InvalidRegister[] = []
  map.forEach((raw, key) => {
    const name = nameOf(key)
    if (!names.has(name)) return
    const entry = readEntry(key, raw)
    if (!entry.ok) {
      if (touched.has(key)) reportInvalid(invalid, key, entry.reason)
    } else if (wins(entry.value, registers.get(name))) registers.set(name, entry.value)
  })
  return { registers, invalid }
}
