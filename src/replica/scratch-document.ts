/**
 * What one connection's client holds, as far as its relay knows: its own updates and what the relay wrote back. It is never
 * shared: no client's Yjs structs reach another client. Kept encoded; inflated between the first use and `rest()`.
 */
import * as Y from 'yjs'
import type { Registers } from '../model/registers.js'
import type { InvalidRegister } from './register-map.js'

export type Received =
  /** The winners of the registers that this update touched. */
  | { readonly kind: 'applied'; readonly registers: Registers; readonly invalid: readonly InvalidRegister[] }
  /** It builds on something that never arrived; nothing was changed. */
  | { readonly kind: 'gap' }
  | { readonly kind: 'refused'; readonly reason: 'quota' | 'bad' }

export interface ScratchDocument {
  /** For updates that have passed the gate. */
  receive(update: Uint8Array): Received
  /** Makes `truth` visible; the update that tells the client, or null where it knows already. */
  write(truth: Registers, now: number): Uint8Array | null
  stateVector(): Uint8Array
  /** The update that brings a client with this (gated) state vector up to date. */
  answerStep1(stateVector: Uint8Array): Uint8Array
  /** Lets go of the inflated document. */
  rest(): void
}

/** `clientId`: the Yjs client under which the relay writes, drawn once per connection. */
export function createScratchDocument(clientId: number): ScratchDocument {
  void clientId; void Y
  throw new Error('not yet')
}
