/**
 * What one connection's client holds, as far as its relay knows: its own updates, and what the relay wrote back. It is never
 * shared: no client's Yjs structs reach another client. Kept encoded; inflated from the first use until `rest()`.
 */
import * as Y from 'yjs'
import { isCorrection } from '../model/clamp-stamps.js'
import { compareStamps, isFarAhead, isStamp, type Stamp } from '../model/hybrid-clock.js'
import { canonicalJson, isObject } from '../model/json.js'
import { isForgotten, wins, type Register, type Registers } from '../model/registers.js'
import { WIRE } from '../protocol/limits.js'
import { keyOf, nameOf, newDocument, readEntry, registerMap, reportInvalid, type InvalidRegister } from './register-map.js'

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

  return {
    receive, write,
    encoded: () => encoded,
    stateVector: () => Y.encodeStateVectorFromUpdate(encoded),
    answerStep1: (stateVector) => Y.diffUpdate(encoded, stateVector),
    rest: () => { inflated = undefined },
  }

  /** Yjs applies what it can before it throws or waits for more: what it worked on is kept only when all went well. */
  function receive(update: Uint8Array): Received {
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
    encoded = after
    inflated = doc
    return { kind: 'applied', ...winnersOf(map, touched) }
  }

  function write(truth: Registers, now: number): Uint8Array | null {
    const doc = open()
    const map = registerMap(doc)
    const needed = missingFrom(map, truth, now)
    if (needed.size === 0) return null
    let update: Uint8Array | null = null
    doc.once('update', (bytes: Uint8Array) => { update = bytes })
    doc.clientID = clientId
    doc.transact(() => needed.forEach((register, key) => map.set(key, register)))
    encoded = Y.encodeStateAsUpdate(doc)
    // A document that carries the relay's client id would give it up, and say so in the log, when a client writes under it.
    inflated = undefined
    return update
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

/** By key, what has to be written so that the winners are those of `truth`. Unlike a client's, the relay's stamps may be lower (TM2). */
function missingFrom(map: Y.Map<unknown>, truth: Registers, now: number): Map<string, Register> {
  const needed = new Map<string, Register>()
  for (const [name, register] of truth) {
    if (!isForgotten(name, register, now) && !isSame(map.get(keyOf(name, register)), register)) needed.set(keyOf(name, register), register)
  }
  map.forEach((raw, key) => {
    const register = truth.get(nameOf(key))
    if (!register || !isObject(raw) || !isStamp(raw['at']) || compareStamps(raw['at'], register.at) <= 0) return
    const entry = readEntry(key, raw)
    if (!entry.ok) return
    if (key === keyOf(nameOf(key), register)) {
      // A newer entry of the winner's: the truth is its correction, or it was refused, and then the truth would not last here.
      if (!isCorrection(register, entry.value)) needed.delete(key)
    } else if (isFarAhead(entry.value.at, now)) needed.set(key, { at: justBelow(register.at, entry.value.at[2]), value: entry.value.value })
  })
  return needed
}

const isSame = (raw: unknown, { at, value }: Register): boolean => isObject(raw) && isStamp(raw['at'])
  && compareStamps(raw['at'], at) === 0 && canonicalJson(raw['value'] as Register['value']) === canonicalJson(value)

const justBelow = ([ms]: Stamp, writerId: string): Stamp => [Math.max(0, ms - 1), 0, writerId]
