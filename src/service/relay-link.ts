/** Our side of the wire: says hello, tells liveness, keeps count of what the relay has stored, and hands the rest on. */
import { shiftStamp } from '../model/hybrid-clock.js'
import { isStoredAt, type StampsByRegister } from '../protocol/wire.js'
import type { Clock, Random } from '../ports.js'
import type { ConnectionState, DeviceId, PresenceErrorLike, PresenceStatus, Stop } from '../presence-service.js'
import type { DeviceState } from '../protocol/device-rows.js'
import { CLOSE } from '../protocol/close-codes.js'
import { WIRE } from '../protocol/limits.js'
import {
  TYPE, decodeNotice, decodeStored, decodeWelcome, encodeHello, encodeLeave, encodeWatch, typeOf,
  type Hello, type Leave, type Notice, type WatchOperation,
} from '../protocol/messages.js'
import { createLiveness, type Liveness } from '../replica/liveness.js'
import { createRelayProvider, type RelayProvider } from '../replica/relay-provider.js'
import { createRelayTransport } from '../transport/relay-transport.js'
import { createContact } from './contact.js'
import { createDeviceRequests, unreachable } from './device-requests.js'
import type { OwnData } from './own-data.js'
import type { RelayTime } from './relay-time.js'

export interface RelayLinkOptions {
  readonly relayUrl: string
  readonly userId: string
  readonly token: string | (() => string | Promise<string>) | undefined
  readonly WebSocket: typeof WebSocket
  readonly data: OwnData
  readonly clock: Clock
  readonly time: RelayTime
  readonly random: Random
  readonly isVisible: () => boolean
  readonly hello: () => Omit<Hello, 'version'>
  readonly deviceState: () => DeviceState
  /** A connection has begun: everything watched has to be asked for again. */
  readonly onOpen: () => void
  readonly onClosed: () => void
  /** A feed or page frame. */
  readonly onFrame: (frame: Uint8Array) => void
  readonly onNotice: (notice: Notice) => void
  readonly onChange: () => void
  readonly onProblem: (problem: PresenceErrorLike | null) => void
}
export interface RelayLink {
  state(): ConnectionState
  relay(): 'porchlight' | 'plain' | 'none'
  lastContactAt(): number | null
  lastSync(): number | null
  /** Own registers that are not confirmed as stored. */
  pending(): number
  /** Everything own is stored there, and everything newer is here. */
  isCurrent(): boolean
  tellLiveness(): void
  /** Own devices as a plain server passes them on. */
  plainDevices(): readonly DeviceState[]
  /** Of a relay of ours. */
  request(frame: Uint8Array): void
  watch(operations: readonly WatchOperation[]): void
  setDeviceStatus(deviceId: DeviceId, status: PresenceStatus): Promise<void>
  leave(leave: Leave): void
  start(): void
  wake(): void
  pause(): void
  restart(): void
  stop(): void
}

const JUDGE_AGAIN_MS = 1_000
/** With the longest ids they still fit. */
const OPERATIONS_IN_FRAME = 250

export function createRelayLink(options: RelayLinkOptions): RelayLink {
  const { data, time } = options
  const contact = createContact(data, time)
  let state: ConnectionState = { name: 'offline' }
  let relay: 'porchlight' | 'plain' | 'none' = 'none'
  let isSynced = false
  let helloAt = 0
  let cancelPlain: Stop = () => undefined
  const requests = createDeviceRequests(time, (frame) => transport.send(frame))
  let replica = openReplica()
  const transport = createRelayTransport({
    dial: (protocols, events) => replica.provider.dial(protocols, events),
    clock: options.clock, random: options.random, token: options.token, isVisible: options.isVisible,
    onOpen, onFrame, onClosed, onProblem: options.onProblem,
    onState: (next) => {
      state = inRelayTime(next)
      options.onChange()
    },
  })
  const stopReplaced = data.onReplaced(() => {
    const before = replica
    replica = openReplica()
    transport.restart()
    before.close()
  })
  return {
    state: () => state, relay: () => relay, lastContactAt: () => (state.name === 'online' ? time.now() : contact.lastContactAt()),
    lastSync: contact.lastSync, pending: contact.pending, isCurrent, tellLiveness,
    plainDevices: () => (relay === 'plain' ? replica.liveness.others() : []),
    request: (frame) => { if (relay === 'porchlight') transport.send(frame) },
    watch,
    setDeviceStatus,
    leave: (leave) => { if (relay === 'porchlight') transport.send(encodeLeave(leave)) },
    start: transport.start, wake: transport.wake, pause, restart: transport.restart,
    stop() {
      stopReplaced()
      cancelPlain()
      transport.stop()
      closed()
      replica.close()
    },
  }

  function watch(operations: readonly WatchOperation[]): void {
    if (relay === 'plain') return
    for (let from = 0; from < operations.length; from += OPERATIONS_IN_FRAME) transport.send(encodeWatch(operations.slice(from, from + OPERATIONS_IN_FRAME)))
  }

  function inRelayTime(next: ConnectionState): ConnectionState {
    const offsetMs = time.offsetMs() ?? 0
    if (next.name === 'online') return { ...next, since: next.since + offsetMs }
    return next.name === 'waiting' ? { ...next, retryAt: next.retryAt + offsetMs } : next
  }

  function openReplica(): { liveness: Liveness; provider: RelayProvider; close: Stop } {
    const { doc } = data.document()
    const liveness = createLiveness(doc)
    const stopOthers = liveness.onOthers(options.onChange)
    const provider = createRelayProvider({
      relayUrl: options.relayUrl, userId: options.userId, doc, liveness, WebSocket: options.WebSocket,
      onSynced: () => {
        isSynced = true
        contact.note(isCurrent())
        options.onChange()
      },
    })
    return {
      liveness, provider,
      close() {
        stopOthers()
        provider.close()
        liveness.close()
      },
    }
  }

  function onOpen(): void {
    helloAt = time.now()
    transport.send(encodeHello({ ...options.hello(), version: WIRE.version }))
    replica.liveness.tell(options.deviceState())
    cancelPlain()
    cancelPlain = time.at(time.now() + WIRE.plainAfterMs, judge)
  }

  /** No *hello* came back. A plain server has synced by now; who has not said a word is none, or slow. */
  function judge(): void {
    if (isSynced) return bePlain()
    if (time.now() - helloAt >= WIRE.answerTimeoutMs) return transport.giveUp()
    cancelPlain = time.at(time.now() + JUDGE_AGAIN_MS, judge)
  }

  function bePlain(): void {
    relay = 'plain'
    replica.provider.flow()
    transport.established(false)
    renewOnPlain()
  }

  /** A plain server forgets a device that does not renew its state. */
  function renewOnPlain(): void {
    cancelPlain = time.at(time.now() + WIRE.plainRenewalMs, () => {
      tellLiveness()
      renewOnPlain()
    })
  }

  function onFrame(frame: Uint8Array): void {
    const type = typeOf(frame)
    if (type === TYPE.hello) welcome(frame)
    else if (type === TYPE.stored) stored(frame)
    else if (type === TYPE.device) requests.receive(frame)
    else if (type === TYPE.notice) notice(frame)
    else options.onFrame(frame)
  }

  function welcome(frame: Uint8Array): void {
    const decoded = decodeWelcome(frame)
    if (!decoded.ok) return transport.giveUp()
    cancelPlain()
    relay = 'porchlight'
    const tripMs = time.now() - helloAt
    const knownMs = time.offsetMs() ?? 0
    const measuredMs = Math.round(decoded.value.relayTime + tripMs / 2 - options.clock.now())
    // Half the trip is how wrong the measurement may be: a clock that may be right is left alone.
    const movedMs = time.correct(Math.abs(measuredMs - knownMs) > tripMs / 2 + 1 ? measuredMs : knownMs)
    const confirmed = contact.begin(decoded.value.stored)
    if (Math.abs(movedMs) > Math.max(CLOCK_NOISE_MS, tripMs)) shiftUnconfirmed(movedMs, confirmed)
    replica.provider.flow()
    transport.established(true)
    options.onOpen()
    contact.note(isCurrent())
    options.onChange()
    void data.rebaseIfNeeded()
  }

  /** TM2: what was written since the last contact was stamped by a clock now known to be wrong by so much. */
  function shiftUnconfirmed(byMs: number, confirmed: StampsByRegister): void {
    data.restamp((name, { at }) => (isStoredAt(confirmed, name, at) ? null : shiftStamp(at, byMs)))
  }

  function stored(frame: Uint8Array): void {
    const decoded = decodeStored(frame)
    if (!decoded.ok) return
    contact.stored(decoded.value)
    contact.note(isCurrent())
    options.onChange()
  }

  function notice(frame: Uint8Array): void {
    const decoded = decodeNotice(frame)
    if (!decoded.ok) return
    if (decoded.value.code === 'draining') transport.rest(decoded.value.retryAfterMs)
    options.onNotice(decoded.value)
  }

  function isCurrent(): boolean {
    if (state.name !== 'online' || !isSynced) return false
    return relay === 'plain' || contact.isEqual()
  }

  function tellLiveness(): void {
    if (relay !== 'none') replica.liveness.tell(options.deviceState())
  }

  async function setDeviceStatus(deviceId: DeviceId, status: PresenceStatus): Promise<void> {
    if (state.name !== 'online' || relay !== 'porchlight') throw unreachable('Another device\'s status is kept by the relay, which is not connected.')
    await requests.ask(deviceId, status)
  }

  function pause(): void {
    transport.pause()
    onClosed(CLOSE.normal)
  }

  function onClosed(code: number): void {
    if (relay !== 'none') contact.note(false)
    closed()
    options.onClosed()
    // Our document was not understood: a fresh one with the same registers may be.
    if (code === CLOSE.badMessage) void data.rebase()
  }

  function closed(): void {
    cancelPlain()
    relay = 'none'
    isSynced = false
    requests.lost()
  }
}

/** Less than this is the network's doing, not the clock's. */
const CLOCK_NOISE_MS = 500
