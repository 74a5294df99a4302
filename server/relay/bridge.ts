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
import { createScratchDocument } from '../../src/replica/scratch-document.js'
import { gateSyncMessage, gateUpdate, SYNC_STEP_1, SYNC_STEP_2, SYNC_UPDATE } from './update-gate.js'

export interface BridgeOptions {
  /** A random integer, for the Yjs client under which the relay writes on this connection. */
  readonly clientId: number
  /** From *hello*; null for a stock client. */
  readonly digest: string | null
  readonly truth: () => Registers
  /** Clamps and merges into the truth, and calls `push` on every bridge of the user (this one included, which does no harm). */
  readonly merge: (registers: Registers) => void
  readonly send: (frame: Uint8Array) => void
  /** A register was ignored; the name is a stranger's words, bounded. */
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
  /** Something that the client sent did not get here: it is asked for all that is missing. */
  askAgain(): void
  close(): void
}

/** `put-off`: both held the same when it began. `asked`: Step1 is on its way. `exchanged`: the relay may write. */
type Exchange = 'put-off' | 'asked' | 'exchanged'

/** Asks for the client's state at once, unless its digest is current: to be created after *hello* was answered. */
export function createBridge({ clientId, digest, truth, merge, send, notice, dropped, now, after }: BridgeOptions): Bridge {
  const scratch = createScratchDocument(clientId)
  let exchange: Exchange = 'put-off'
  let isClosed = false
  let isMerging = false
  let checkedBytes = 0
  /** The client's Step1, kept until it can be answered with content. */
  let unanswered: Uint8Array | undefined
  let stopWaiting: Stop = () => {}

  if (digest !== digestOf(truth(), now())) ask()
  return { receiveSync, push, askAgain, close }

  function receiveSync(frame: Uint8Array): Refusal | undefined {
    if (isClosed) return undefined
    const message = gateSyncMessage(frame)
    if (!message.ok) return { code: CLOSE.badMessage, reason: message.reason }
    const { subtype, bytes } = message.value
    if (subtype === SYNC_STEP_1) {
      // Copied: a frame may be a view of a buffer that its socket uses again.
      if (exchange === 'asked') unanswered = bytes.slice()
      else sendSync(SYNC_STEP_2, scratch.answerStep1(bytes))
      return undefined
    }
    const refusal = receiveUpdate(bytes, subtype === SYNC_STEP_2)
    scratch.rest()
    return refusal
  }

  function receiveUpdate(update: Uint8Array, isStep2: boolean): Refusal | undefined {
    const received = scratch.receive(update)
    switch (received.kind) {
      case 'refused':
        return { code: CLOSE.badMessage, reason: received.reason }
      case 'gap':
        dropped()
        // At most one Step1 under way: a client that cannot fill its gap must not be asked in circles.
        if (exchange !== 'asked') ask()
        return undefined
      case 'applied':
        if (isTooSlow()) return { code: CLOSE.badMessage, reason: 'quota' }
        for (const { name, reason } of received.invalid) notice(name, reason)
        // What the merge changes is written back below, once, while the document is still inflated.
        isMerging = true
        if (received.registers.size > 0) merge(received.registers)
        isMerging = false
        // Merging can end this very connection: its device may just have been removed.
        if (isClosed) return undefined
        if (exchange === 'put-off') ask()
        else if (isStep2 || exchange === 'exchanged') writeBack()
        return undefined
    }
    return received satisfies never
  }

  /** Many updates that pass one by one can add up to a document that no longer would. */
  function isTooSlow(): boolean {
    const { length } = scratch.encoded()
    if (length <= checkedBytes + UNCHECKED_BYTES) return false
    checkedBytes = length
    return !gateUpdate(scratch.encoded()).ok
  }

  function push(): void {
    if (isClosed || isMerging || exchange === 'asked') return
    if (exchange === 'put-off') ask()
    else writeBack()
    scratch.rest()
  }

  function askAgain(): void {
    if (isClosed) return
    // Even while it is asked: the answer may be what was lost.
    stopWaiting()
    ask()
  }

  function ask(): void {
    exchange = 'asked'
    sendSync(SYNC_STEP_1, scratch.stateVector())
    stopWaiting = after(WIRE.exchangeTimeoutMs, () => {
      if (isClosed) return
      writeBack()
      scratch.rest()
    })
  }

  /** What is newer in the truth goes on top of what the client is known to hold. */
  function writeBack(): void {
    exchange = 'exchanged'
    stopWaiting()
    const update = scratch.write(truth(), now())
    if (unanswered) sendSync(SYNC_STEP_2, scratch.answerStep1(unanswered))
    else if (update) sendSync(SYNC_UPDATE, update)
    unanswered = undefined
  }

  function sendSync(subtype: number, bytes: Uint8Array): void {
    send(encode(SYNC, (writer) => {
      writeVarUint(writer, subtype)
      writeVarUint8Array(writer, bytes)
    }))
  }

  function close(): void {
    isClosed = true
    stopWaiting()
    scratch.rest()
  }
}

/** So little growth slows nothing down, and asking may cost as much as an edit. */
const UNCHECKED_BYTES = 2_048
