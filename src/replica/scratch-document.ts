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
export const createScratchDocument = (random: number): ScratchDocument => new EncodedScratch(random % RELAY_CLIENT_IDS)

/** A class, for there is one for each connection: functions of its own would weigh more than what it holds. */
class EncodedScratch implements ScratchDocument {
  readonly #clientId: number
  #encoded: Uint8Array = EMPTY_UPDATE
  #inflated: Y.Doc | undefined = undefined
  /** A truth of which the client is known to see everything. */
  #shown: Registers | undefined = undefined

  constructor(clientId: number) {
    this.#clientId = clientId
  }

  receive(update: Uint8Array): Received {
    return this.#receivePlain(update) ?? this.#receiveAny(update)
  }

  encoded(): Uint8Array {
    return this.#encoded
  }

  stateVector(): Uint8Array {
    return Y.encodeStateVectorFromUpdate(this.#encoded)
  }

  answerStep1(stateVector: Uint8Array): Uint8Array {
    return Y.diffUpdate(this.#encoded, stateVector)
  }

  rest(): void {
    this.#inflated = undefined
  }

  #receivePlain(update: Uint8Array): Received | undefined {
    const edit = receivePlainEdit(this.#encoded, update)
    if (!edit || edit.encoded.length > WIRE.scratchDocumentBytes) return undefined
    this.#become(edit.encoded)
    if (this.#shown) this.#shown = new Map(this.#shown).set(edit.name, edit.register)
    return { kind: 'applied', registers: new Map([[edit.name, edit.register]]), invalid: [] }
  }

  /** Yjs applies what it can before it throws or waits for more: what it worked on is kept only when all went well. */
  #receiveAny(update: Uint8Array): Received {
    const doc = this.#open()
    this.#inflated = undefined
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
    this.#become(after, doc)
    this.#shown = undefined
    return { kind: 'applied', ...winnersOf(map, touched) }
  }

  write(truth: Registers, now: number): Uint8Array | null {
    const before = this.#shown
    this.#shown = truth
    if (!before) return this.#writeAll(truth, now)
    // Registers keep their identity for as long as they are true.
    const changed = [...truth].filter(([name, register]) => before.get(name) !== register)
    if (changed.length === 0) return null
    const written = writePlainEdit(this.#encoded, this.#clientId, new Map(changed), now)
    if (!written) return this.#writeAll(truth, now)
    this.#become(written.encoded)
    return written.update
  }

  #writeAll(truth: Registers, now: number): Uint8Array | null {
    const doc = this.#open()
    const map = registerMap(doc)
    const needed = missingFrom(map, truth, now)
    if (needed.size === 0) return null
    let update: Uint8Array | null = null
    doc.once('update', (bytes: Uint8Array) => { update = bytes })
    doc.clientID = this.#clientId
    doc.transact(() => needed.forEach((register, key) => map.set(key, register)))
    // A document that carries the relay's client id would give it up, and say so in the log, when a client writes under it.
    this.#become(Y.encodeStateAsUpdate(doc))
    return update
  }

  #become(bytes: Uint8Array, doc?: Y.Doc): void {
    this.#encoded = bytes
    this.#inflated = doc
  }

  #open(): Y.Doc {
    if (this.#inflated) return this.#inflated
    this.#inflated = newDocument()
    if (this.#encoded !== EMPTY_UPDATE) Y.applyUpdate(this.#inflated, this.#encoded)
    return this.#inflated
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
