/** A client of y-websocket whose presence is its Awareness state: what an app without us would put there. */
import { createDecoder, readVarUint, readVarUint8Array } from 'lib0/decoding'
import { encodeAwareness } from '../../src/protocol/awareness-frames.js'
import { AWARENESS, SYNC } from '../../src/protocol/messages.js'
import type { JsonObject } from '../../src/model/json.js'
import { clientFrame } from './frames.js'
import { CUSTOM_STATUS, choiceOf, nameOf, userIdOf, type Detail } from './people.js'
import { addressOf, openRawSocket, type Traffic } from './raw-socket.js'

export const ROOM = 'presence'

/** The same as others see of one of ours. */
export const stateOf = (index: number, status: string, detail: Detail = 'name and custom status'): JsonObject => (detail === 'nothing more'
  ? { user: { id: userIdOf(index) }, status }
  : { user: { id: userIdOf(index), name: nameOf(index) }, status, customStatus: CUSTOM_STATUS })

export interface YPlan {
  readonly index: number
  readonly greeting: Buffer
  readonly changes: readonly Buffer[]
}
export interface YPlanOptions {
  readonly changes?: number
  readonly detail?: Detail
  /** A listener has no state of its own, and is never told to be gone for not renewing it. */
  readonly isListener?: boolean
}
export function planYDevice(index: number, { changes = 0, detail, isListener = false }: YPlanOptions = {}): YPlan {
  const say = (clock: number, status: string): Buffer => stateFrame(index, clock, status, detail)
  return {
    index,
    greeting: isListener ? STEP_1 : Buffer.concat([STEP_1, say(1, 'online')]),
    changes: Array.from({ length: changes }, (_, change) => {
      const choice = choiceOf(change)
      return say(2 + change, choice === 'auto' ? 'online' : choice)
    }),
  }
}

const stateFrame = (index: number, clock: number, status: string, detail?: Detail): Buffer =>
  clientFrame(encodeAwareness([{ clientId: clientIdOf(index), clock, state: stateOf(index, status, detail) }]))

/** As long as Yjs draws them. */
const clientIdOf = (index: number): number => 3_000_000_000 + index
const indexOfClient = (clientId: number): number => clientId - 3_000_000_000

/** Without it for 30 s a client is taken for gone; the stock client does it after 15 s. */
export const RENEWAL_MS = 15_000
export const renewal = (index: number, clock: number, detail: Detail): Buffer => stateFrame(index, clock, 'online', detail)

/** Whose states a frame tells; of those who are gone, nothing. */
export function statesIn(frame: Uint8Array, see: (index: number) => void): void {
  const update = createDecoder(readVarUint8Array(createDecoder(frame.subarray(1))))
  for (let left = readVarUint(update); left > 0; left--) {
    const index = indexOfClient(readVarUint(update))
    readVarUint(update)
    if (readVarUint8Array(update).length > GONE_BYTES) see(index)
  }
}
/** `null` */
const GONE_BYTES = 4

const STEP_1 = clientFrame(Uint8Array.of(SYNC, 0, 1, 0))
/** Of an empty document. */
const STEP_2 = clientFrame(Uint8Array.of(SYNC, 1, 2, 0, 0))

export interface YDevice {
  readonly plan: YPlan
  write(frames: Uint8Array): void
  close(): void
}
export interface YConnectOptions {
  readonly port: number
  readonly traffic: Traffic
  /** A whole frame of type awareness. */
  readonly onAwareness: (frame: Uint8Array, wireBytes: number) => void
  readonly onClose: (code: number) => void
}

/** Resolves once it has said what it is. Unlike the stock client it does not send back what it hears. */
export function connectYDevice(plan: YPlan, { port, traffic, onAwareness, onClose }: YConnectOptions): Promise<YDevice> {
  return new Promise((resolve, reject) => {
    const socket = openRawSocket({
      port, traffic, localAddress: addressOf(plan.index), path: `/${ROOM}`,
      onOpen() {
        socket.write(plan.greeting)
        resolve({ plan, write: (frames) => socket.write(frames), close: () => socket.close() })
      },
      onFrame(_, frame, wireBytes) {
        if (frame[0] === AWARENESS) onAwareness(frame, wireBytes)
        else if (frame[0] === SYNC && frame[1] === 0) socket.write(STEP_2)
      },
      onClose(code) {
        reject(new Error(`The y-websocket server closed a client with ${code}.`))
        onClose(code)
      },
    })
  })
}
