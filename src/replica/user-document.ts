/** A person's registers on one of their devices: a Yjs document in IndexedDB, shared by tabs, synced through the relay. */
import type * as Y from 'yjs'
import * as encoding from 'lib0/encoding'
import type { Stamp } from '../model/hybrid-clock.js'
import type { JsonValue, Stop } from '../presence-service.js'
import type { Register, Registers } from '../model/registers.js'
import type { Parsed } from '../model/json.js'
import { decode, readVarUint } from '../protocol/wire.js'
import type { InvalidRegister } from './register-map.js'

/** Every session that writes adds a Yjs client, each about 25 bytes and a share of every later merge. */
const REBASE_AT_CLIENTS = 250
/** Beyond twice the live registers a document is mostly history; the extra keeps small ones from re-basing all the time. */
const REBASE_SLACK_BYTES = 4_096

/** The document as it is stored. Every re-basing adds one to `base`: documents of different bases have no history in common. */
export interface Replica {
  readonly base: number
  readonly update: Uint8Array
}

export interface UserDocument {
  /** For the provider that syncs it; everybody else reads registers. */
  readonly doc: Y.Doc
  readonly base: number
  registers(now: number): Registers
  problems(): readonly InvalidRegister[]
  /** For inside the storage transaction: what is stored, with what is here and `edits`, whose stamps are drawn above all in it (ST1). */
  edit(stored: Uint8Array | undefined, edits: ReadonlyMap<string, JsonValue>, now: number): EditedReplica
  /** Takes in what was stored by another tab or by `edit`. `rebased`: nothing was done; open it anew, and connect anew. */
  absorb(stored: Uint8Array): 'united' | 'rebased' | 'unreadable'
  encode(): Uint8Array
  onChange(listener: (names: readonly string[], isFromRelay: boolean) => void): Stop
  needsRebase(now: number): boolean
  /** A fresh document with the winners, to be merged into storage and opened in this one's place. */
  rebase(now: number): Uint8Array
  /** Gives this device's own entries another stamp where `shift` returns one (TM2). */
  restamp(shift: (name: string, register: Register) => Stamp | null): void
  close(): void
}
export interface EditedReplica {
  readonly bytes: Uint8Array
  readonly written: Registers
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

/** ST1, for inside the storage transaction. Returns `stored` itself where there is nothing to add. */
export function mergeReplicas(stored: Uint8Array | undefined, mine: Uint8Array): Uint8Array {
  void stored
  return mine
}

export function openUserDocument(bytes: Uint8Array | undefined, options: { readonly writerId: string }): UserDocument {
  void [bytes, options, REBASE_AT_CLIENTS, REBASE_SLACK_BYTES]
  throw new Error('not yet')
}
