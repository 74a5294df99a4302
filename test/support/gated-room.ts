/** A user's truth behind one connection: the gate, the bridge and the scratch document of a relay, without a socket. */
import { createBridge, type Refusal } from '../../server/relay/bridge.js'
import { mergeRegisters, type Registers } from '../../src/model/registers.js'
import { STEP_1, STEP_2, syncFrame } from './hostile-client.js'
import { varUints, written } from './raw-yjs.js'

export interface GatedRoom {
  receive(frame: Uint8Array): Refusal | undefined
  truth(): Registers
  readonly notices: readonly string[]
  /** Of everything that an update could have changed. */
  fingerprint(): string
  /** The fingerprint at the beginning. */
  readonly before: string
}

const NOW = 1_800_000_000_000
/** What the connection tells at its beginning. */
const HELD = syncFrame(STEP_2, written({ mood: 1 }, 'BobBobBobBobBobBobBobB', NOW))

export function openGatedRoom(): GatedRoom {
  let truth: Registers = new Map()
  const notices: string[] = []
  const sent: Uint8Array[] = []
  const bridge = createBridge({
    truth: () => truth, send: (sending) => sent.push(sending), notice: (name) => notices.push(name), dropped: () => {},
    merge: (registers) => { truth = mergeRegisters(truth, registers).merged }, now: () => NOW, after: () => () => {},
  }, { clientId: 5, digest: null })
  bridge.receiveSync(HELD)
  const fingerprint = (): string => {
    sent.length = 0
    bridge.receiveSync(syncFrame(STEP_1, varUints(0)))
    return `${JSON.stringify([...truth])} ${sent.join()}`
  }
  return { receive: (sent: Uint8Array) => bridge.receiveSync(sent), truth: () => truth, notices, fingerprint, before: fingerprint() }
}
