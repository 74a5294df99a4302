/** A device of ours: what it will say is made in advance, so that Yjs and signatures cost nothing while something is measured. */
import { randomBytes } from 'node:crypto'
import * as Y from 'yjs'
import { signToken } from '../../server/relay/sign-token.js'
import type { Stamp } from '../../src/model/hybrid-clock.js'
import { deviceRegister, digestOf, type Register } from '../../src/model/registers.js'
import type { JsonValue } from '../../src/presence-service.js'
import { encodeAwareness } from '../../src/protocol/awareness-frames.js'
import type { DeviceState } from '../../src/protocol/device-rows.js'
import { SYNC, TYPE, encodeHello, encodeWatch, type WatchOperation } from '../../src/protocol/messages.js'
import { encode, writeVarUint, writeVarUint8Array } from '../../src/protocol/wire.js'
import { SECRET } from '../measure/server-process.js'
import { clientFrame } from './frames.js'
import { CUSTOM_STATUS, choiceOf, nameOf, userIdOf, type Detail } from './people.js'
import { addressOf, openRawSocket, type RawSocket, type Traffic } from './raw-socket.js'

export interface DevicePlan {
  readonly index: number
  readonly userId: string
  readonly token: string
  /** For the first time, and once the relay knows its registers. */
  readonly greeting: Buffer
  readonly laterGreeting: Buffer
  /** The answer to the relay's Step1. */
  readonly state: Buffer
  /** Edits of its status, in order. */
  readonly changes: readonly Buffer[]
}
export interface PlanOptions {
  readonly changes?: number
  readonly detail?: Detail
  /** Since its last input. */
  readonly idleMs?: number
}
export interface DeviceListener {
  /** A whole frame of ours, from its type on; a view that holds only during the call. */
  onFrame(type: number, frame: Uint8Array, wireBytes: number): void
  /** The socket has ended, by whoever's doing. */
  onClose(code: number): void
}
export interface OurDevice {
  readonly plan: DevicePlan
  write(frames: Uint8Array): void
  close(): void
}

/** Nobody becomes away by themselves while something else is counted. */
const LONG_MS = 86_400_000
const STEP_1 = 0
const STEP_2 = 1
const UPDATE = 2

export async function planDevice(index: number, { changes = 0, detail = 'name and custom status', idleMs = 0 }: PlanOptions = {}): Promise<DevicePlan> {
  const deviceId = randomBytes(16).toString('base64url')
  const userId = userIdOf(index)
  const doc = new Y.Doc({ guid: userId })
  const registers = new Map<string, Register>()
  const map = doc.getMap('registers')
  let at: Stamp = [Date.now(), 0, deviceId]
  const set = (name: string, value: JsonValue): void => {
    at = [at[0], at[1] + 1, deviceId]
    registers.set(name, { at, value })
    map.set(`${name}/${deviceId}`, { at, value })
  }
  doc.transact(() => {
    set('status', { choice: 'auto', expiresAt: null })
    set(deviceRegister(deviceId), { name: 'Work laptop' })
    if (detail === 'nothing more') return
    set('profile', { name: nameOf(index), avatarUrl: null })
    set('custom', { ...CUSTOM_STATUS, expiresAt: null })
  })
  const state = syncFrame(STEP_2, Y.encodeStateAsUpdate(doc))
  const digest = digestOf(registers, at[0])
  const edits: Buffer[] = []
  doc.on('update', (update: Uint8Array) => edits.push(syncFrame(UPDATE, update)))
  for (let change = 0; change < changes; change++) set('status', { choice: choiceOf(change), expiresAt: null })
  doc.destroy()
  const greet = (held: string): Buffer => Buffer.concat([
    clientFrame(encodeHello({ version: 1, deviceId, kind: 'laptop', name: 'Laptop', heartbeatIntervalMs: 30_000, awayAfterMs: idleMs > 0 ? 300_000 : LONG_MS, offlineAfterMs: LONG_MS, digest: held })),
    syncFrame(STEP_1, Uint8Array.of(0)),
    clientFrame(encodeAwareness([{ clientId: 1 + index, clock: 1, state: { ...stateOf(deviceId, idleMs), digest } }])),
  ])
  const token = await signToken(SECRET, { userId, channels: '*', watch: '*', ttlMs: 7_200_000 })
  return { index, userId, token, greeting: greet(''), laterGreeting: greet(digest), state, changes: edits }
}

const stateOf = (deviceId: string, sinceInputMs: number): Omit<DeviceState, 'digest'> =>
  ({ deviceId, kind: 'laptop', name: 'Laptop', sinceInputMs, locked: false, hidden: false, holds: [], override: null })

const syncFrame = (subtype: number, bytes: Uint8Array): Buffer => clientFrame(encode(SYNC, (writer) => {
  writeVarUint(writer, subtype)
  writeVarUint8Array(writer, bytes)
}))

export const watchFrame = (operations: readonly WatchOperation[]): Buffer => clientFrame(encodeWatch(operations))

/** The next `count` after `index` in a circle of `people`: everybody watches as many as watch them. */
export const neighbours = (index: number, people: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, step) => (index + 1 + step) % people)
export const watchNeighbours = (index: number, people: number, count: number): Buffer =>
  watchFrame(neighbours(index, people, count).map((neighbour) => ({ verb: 'watch', id: userIdOf(neighbour) })))

export interface ConnectOptions {
  readonly port: number
  readonly traffic: Traffic
  readonly listener: DeviceListener
  /** What it asks for once it is welcome. */
  readonly interests?: Uint8Array
  /** The relay holds its registers already. */
  readonly isKnown?: boolean
}

/** Resolves once the relay has welcomed it and holds its registers; rejects where the socket ends before. */
export function connectOurDevice(plan: DevicePlan, { port, traffic, listener, interests, isKnown = false }: ConnectOptions): Promise<OurDevice> {
  return new Promise((resolve, reject) => {
    const socket: RawSocket = openRawSocket({
      port, traffic, localAddress: addressOf(plan.index), path: `/user/${plan.userId}`, protocols: ['porchlight.v1', `bearer.${plan.token}`],
      onOpen: () => socket.write(isKnown ? plan.laterGreeting : plan.greeting),
      onFrame(_, frame, wireBytes) {
        const type = frame[0]!
        if (type === SYNC && frame[1] === STEP_1) return socket.write(plan.state)
        if (type === SYNC && frame[1] === STEP_2) return resolve({ plan, write: (frames) => socket.write(frames), close: () => socket.close() })
        if (type === TYPE.hello && interests) socket.write(interests)
        listener.onFrame(type, frame, wireBytes)
      },
      onClose(code) {
        reject(new Error(`The relay closed ${plan.userId} with ${code}.`))
        listener.onClose(code)
      },
    })
  })
}
