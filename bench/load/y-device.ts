/** A client of y-websocket whose presence is its Awareness state: what an app without us would put there. */
import { encodeAwareness } from '../../src/protocol/awareness-frames.js'
import { AWARENESS, SYNC } from '../../src/protocol/messages.js'
import type { JsonObject } from '../../src/model/json.js'
import { clientFrame } from './frames.js'
import { CUSTOM_STATUS, choiceOf, nameOf, userIdOf } from './people.js'
import { addressOf, openRawSocket, type Traffic } from './raw-socket.js'

export const ROOM = 'presence'

/** The same as others see of one of ours. */
export const stateOf = (index: number, status: string, hasCustomStatus = true): JsonObject => ({
  user: { id: userIdOf(index), name: nameOf(index) }, status, ...(hasCustomStatus ? { customStatus: CUSTOM_STATUS } : {}),
})

export interface YPlan {
  readonly index: number
  readonly greeting: Buffer
  readonly changes: readonly Buffer[]
}
export function planYDevice(index: number, { changes = 0, hasCustomStatus = true }: { readonly changes?: number; readonly hasCustomStatus?: boolean } = {}): YPlan {
  const say = (clock: number, status: string): Buffer =>
    clientFrame(encodeAwareness([{ clientId: clientIdOf(index), clock, state: stateOf(index, status, hasCustomStatus) }]))
  return {
    index,
    greeting: Buffer.concat([STEP_1, say(1, 'online')]),
    changes: Array.from({ length: changes }, (_, change) => {
      const choice = choiceOf(change)
      return say(2 + change, choice === 'auto' ? 'online' : choice)
    }),
  }
}

/** As long as Yjs draws them. */
const clientIdOf = (index: number): number => 3_000_000_000 + index
export const indexOfClient = (clientId: number): number => clientId - 3_000_000_000

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

/** Resolves once it has said what it is. It does not echo what it hears, as the stock client does. */
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
