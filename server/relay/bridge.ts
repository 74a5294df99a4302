/**
 * Between one connection's scratch document and its user's truth: which sync frames are sent when (DESIGN §5, "The relay keeps
 * registers, not structs"). Knows no sockets.
 */
import { writeVarUint8Array } from 'lib0/encoding'
import { digestOf, type Registers } from '../../src/model/registers.js'
import type { Stop } from '../../src/presence-service.js'
import { CLOSE } from '../../src/protocol/close-codes.js'
import { WIRE } from '../../src/protocol/limits.js'
import { SYNC } from '../../src/protocol/messages.js'
import { encode, writeVarUint } from '../../src/protocol/wire.js'
import { createScratchDocument, type ScratchDocument } from '../../src/replica/scratch-document.js'
import { gateSyncMessage, gateUpdate, SYNC_STEP_1, SYNC_STEP_2, SYNC_UPDATE } from './update-gate.js'

export interface BridgeOptions {
  /** A random integer, for the Yjs client under which the relay writes on this connection. */
  readonly clientId: number
  /** From *hello*; null for a stock client. */
  readonly digest: string | null
}
export interface BridgePorts {
  truth(): Registers
  /** Clamps and merges into the truth, and calls `push` on every bridge of the user (this one included, which does no harm). */
  merge(registers: Registers): void
  send(frame: Uint8Array): void
  /** A register was ignored; the name is a stranger's words, bounded. */
  notice(name: string, reason: string): void
  /** An update did not fit and was dropped; for counting. */
  dropped(): void
  now(): number
  after(ms: number, callback: () => void): Stop
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
  /** Something that the client sent did not get here: it is asked for all that is missing. */
  askAgain(): void
  close(): void
}

/** `put-off`: both held the same when it began. `asked`: Step1 is on its way. `exchanged`: the relay may write. */
type Exchange = 'put-off' | 'asked' | 'exchanged'

/** Asks for the client's state at once, unless its digest is current: to be created after *hello* was answered. */
export const createBridge = (ports: BridgePorts, options: BridgeOptions): Bridge => new ConnectionBridge(ports, options)

/** A class, for there is one for each connection. */
class ConnectionBridge implements Bridge {
  readonly #ports: BridgePorts
  readonly #scratch: ScratchDocument
  #exchange: Exchange = 'put-off'
  #isClosed = false
  #isMerging = false
  #checkedBytes = 0
  /** The client's Step1, kept until it can be answered with content. */
  #unanswered: Uint8Array | undefined = undefined
  #stopWaiting: Stop | null = null

  constructor(ports: BridgePorts, { clientId, digest }: BridgeOptions) {
    this.#ports = ports
    this.#scratch = createScratchDocument(clientId)
    if (digest !== digestOf(ports.truth(), ports.now())) this.#ask()
  }

  receiveSync(frame: Uint8Array): Refusal | undefined {
    if (this.#isClosed) return undefined
    const message = gateSyncMessage(frame)
    if (!message.ok) return { code: CLOSE.badMessage, reason: message.reason }
    const { subtype, bytes } = message.value
    if (subtype === SYNC_STEP_1) {
      // Copied: a frame may be a view of a buffer that its socket uses again.
      if (this.#exchange === 'asked') this.#unanswered = bytes.slice()
      else this.#sendSync(SYNC_STEP_2, this.#scratch.answerStep1(bytes))
      return undefined
    }
    const refusal = this.#receiveUpdate(bytes, subtype === SYNC_STEP_2)
    this.#scratch.rest()
    return refusal
  }

  #receiveUpdate(update: Uint8Array, isStep2: boolean): Refusal | undefined {
    const received = this.#scratch.receive(update)
    switch (received.kind) {
      case 'refused':
        return { code: CLOSE.badMessage, reason: received.reason }
      case 'gap':
        this.#ports.dropped()
        // At most one Step1 under way: a client that cannot fill its gap must not be asked in circles.
        if (this.#exchange !== 'asked') this.#ask()
        return undefined
      case 'applied':
        if (this.#isTooSlow()) return { code: CLOSE.badMessage, reason: 'quota' }
        for (const { name, reason } of received.invalid) this.#ports.notice(name, reason)
        // What the merge changes is written back below, once, while the document is still inflated.
        this.#isMerging = true
        if (received.registers.size > 0) this.#ports.merge(received.registers)
        this.#isMerging = false
        // Merging can end this very connection: its device may just have been removed.
        if (this.#isClosed) return undefined
        if (this.#exchange === 'put-off') this.#ask()
        else if (isStep2 || this.#exchange === 'exchanged') this.#writeBack()
        return undefined
    }
    return received satisfies never
  }

  /** Many updates that pass one by one can add up to a document that no longer would. */
  #isTooSlow(): boolean {
    const { length } = this.#scratch.encoded()
    if (length <= this.#checkedBytes + UNCHECKED_BYTES) return false
    this.#checkedBytes = length
    return !gateUpdate(this.#scratch.encoded()).ok
  }

  push(): void {
    if (this.#isClosed || this.#isMerging || this.#exchange === 'asked') return
    if (this.#exchange === 'put-off') this.#ask()
    else this.#writeBack()
    this.#scratch.rest()
  }

  askAgain(): void {
    if (this.#isClosed) return
    // Even while it is asked: the answer may be what was lost.
    this.#endWaiting()
    this.#ask()
  }

  #ask(): void {
    this.#exchange = 'asked'
    this.#sendSync(SYNC_STEP_1, this.#scratch.stateVector())
    this.#stopWaiting = this.#ports.after(WIRE.exchangeTimeoutMs, () => {
      if (this.#isClosed) return
      this.#writeBack()
      this.#scratch.rest()
    })
  }

  /** What is newer in the truth goes on top of what the client is known to hold. */
  #writeBack(): void {
    this.#exchange = 'exchanged'
    this.#endWaiting()
    const update = this.#scratch.write(this.#ports.truth(), this.#ports.now())
    if (this.#unanswered) this.#sendSync(SYNC_STEP_2, this.#scratch.answerStep1(this.#unanswered))
    else if (update) this.#sendSync(SYNC_UPDATE, update)
    this.#unanswered = undefined
  }

  #sendSync(subtype: number, bytes: Uint8Array): void {
    this.#ports.send(encode(SYNC, (writer) => {
      writeVarUint(writer, subtype)
      writeVarUint8Array(writer, bytes)
    }))
  }

  #endWaiting(): void {
    this.#stopWaiting?.()
    this.#stopWaiting = null
  }

  close(): void {
    this.#isClosed = true
    this.#endWaiting()
    this.#scratch.rest()
  }
}

/** So little growth slows nothing down, and asking may cost as much as an edit. */
const UNCHECKED_BYTES = 2_048
