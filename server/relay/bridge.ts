/**
 * Between one connection's scratch document and its user's truth: which sync frames are sent when (DESIGN §5, "The relay keeps
 * registers, not structs"). Knows no sockets.
 */
import type { Registers } from '../../src/model/registers.js'
import type { Stop } from '../../src/presence-service.js'

export interface BridgeOptions {
  /** The Yjs client under which the relay writes on this connection; 32 random bits. */
  readonly clientId: number
  /** What *hello* said; null for a stock client, which says none. */
  readonly digest: string | null
  readonly truth: () => Registers
  /** Clamps and merges into the truth, and calls `push` on every bridge of the user (this one included, which is fine). */
  readonly merge: (registers: Registers) => void
  readonly send: (frame: Uint8Array) => void
  readonly notice: (name: string, reason: string) => void
  /** An update did not fit and was dropped; for counting. */
  readonly dropped: () => void
  readonly now: () => number
  readonly after: (ms: number, callback: () => void) => Stop
}

export interface Refusal {
  readonly code: number
  readonly reason: string
}

export interface Bridge {
  /** A whole frame of type 0, as it came. What is returned is to be closed with. */
  receiveSync(frame: Uint8Array): Refusal | undefined
  /** The truth has changed. */
  push(): void
  close(): void
}

/** Asks for the client's state at once, unless its digest is current: create it after *hello* has been answered. */
export function createBridge(options: BridgeOptions): Bridge {
  void options
  throw new Error('not yet')
}
