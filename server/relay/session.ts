/** One socket of a person in their own room: what its frames mean for the hub, and what the hub has for it. Names no socket library. */
import { decodeAwareness, type AwarenessEntry } from '../../src/protocol/awareness-frames.js'
import { CLOSE, refusalOf } from '../../src/protocol/close-codes.js'
import { encodeDeviceRows, parseDeviceState } from '../../src/protocol/device-rows.js'
import { WIRE } from '../../src/protocol/limits.js'
import {
  AWARENESS, QUERY_AWARENESS, SYNC, TYPE, body, decodeDeviceRequest, decodeHello, decodeLeave, encodeDeviceReply, encodeStored, encodeWelcome, typeOf,
  type Hello,
} from '../../src/protocol/messages.js'
import { stampOf } from '../../src/model/ago.js'
import { isRemoved } from '../../src/model/registers.js'
import type { Policy, Stop } from '../../src/presence-service.js'
import { connectDevice, type DeviceLink, type Ending } from '../hub/device-link.js'
import { deviceRows, type DeviceReplica, type HubUser } from '../hub/hub-user.js'
import { withItem, withoutItem } from '../hub/small-set.js'
import type { AwarenessRoom } from './awareness-room.js'
import { createBridge, type Bridge } from './bridge.js'
import { createSessionCore, isForOther, type Session, type SessionPorts } from './session-core.js'

export interface SessionOptions extends SessionPorts {
  /** Opened for this session, which releases it. */
  readonly user: HubUser
  /** This user's stock clients and whom they hear of. */
  readonly room: AwarenessRoom
  readonly random: { deviceId(): string; yjsClientId(): number }
  /** Of devices that bring none. */
  readonly policy: Required<Policy>
}

/** Edits that were dropped are asked for again, all at once, when the rate allows some. */
const ASK_AGAIN_MS = 1_000

export function openSession(options: SessionOptions): Session {
  const { hub, user, room, send, count } = options
  let kind: 'new' | 'ours' | 'stock' = 'new'
  let hello: Hello | null = null
  let link: DeviceLink | null = null
  let bridge: Bridge | null = null
  let ownClientId: number | null = null
  let stopAsking: Stop | null = null
  const replica: DeviceReplica = {
    push: () => bridge?.push(),
    stored: (stamps) => { if (kind === 'ours') send(encodeStored(stamps)) },
  }
  const core = createSessionCore(options, {
    deviceId: () => hello?.deviceId ?? null, hasGreeted: () => kind === 'ours', onJoined: () => { if (link) hub.refresh(user) }, endingOf, onEnd,
  })
  const { viewer, following, read, refuse, leave, notice, signal, review, retryAfter, end } = core
  return { receive, signal, review, retryAfter, leave, end }

  function receive(frame: Uint8Array): void {
    if (core.hasEnded()) return
    const type = typeOf(frame)
    if (type === TYPE.hello) return kind === 'new' ? greet(frame) : refuse('hello came late, or twice')
    if (kind === 'new') {
      if (type !== SYNC && type !== AWARENESS && type !== QUERY_AWARENESS) return refuse('the type of the message is unknown')
      beginStock()
    }
    dispatch(type, frame)
    // Whose first word is refused was never here.
    if (kind === 'stock' && !core.hasEnded()) appearAsStock()
  }

  function dispatch(type: number | null, frame: Uint8Array): void {
    if (type === SYNC) return receiveSync(frame)
    if (type === AWARENESS) return receiveAwareness(frame)
    if (type === QUERY_AWARENESS) return read(body(frame, () => null), () => { if (core.passes('queries')) room.tellAll(send, ownClientId) })
    if (kind === 'stock' || type === null || type < TYPE.hello) return refuse('the type of the message is unknown')
    switch (type) {
      case TYPE.watch: return core.watch(frame)
      case TYPE.page: return core.page(frame)
      case TYPE.auth: return core.auth(frame)
      case TYPE.leave: return read(decodeLeave(frame), (ending) => link?.end(ending))
      case TYPE.device: return receiveDeviceRequest(frame)
      // A newer client may say more than we understand.
      default: if (core.passes('messages')) count('unknown-message')
    }
  }

  function greet(frame: Uint8Array): void {
    const decoded = decodeHello(frame)
    if (!decoded.ok) return refuse(decoded.reason)
    // Unanswered, it would wait in vain.
    if (!core.passes('messages')) return leave(CLOSE.rateLimited, 'too many messages')
    hello = decoded.value
    if (hello.version < WIRE.version) return leave(CLOSE.protocolTooOld, `version ${WIRE.version} is needed`)
    if (isForOther(core.bearer(), hello.deviceId)) return leave(CLOSE.forbidden, 'the token is for another device')
    if (isRemoved(user.registers, hello.deviceId)) return leave(CLOSE.forbidden, 'removed')
    if (options.revocations.isRevoked(core.bearer(), hello.deviceId)) return leave(CLOSE.unauthenticated, 'the token was revoked')
    kind = 'ours'
    send(encodeWelcome({
      version: WIRE.version, relayTime: hub.clock.now(), relayNumber: options.relayNumber, sessionNumber: hub.nextSessionNumber(), stored: hub.storedStamps(user),
    }))
    startBridge(hello.digest)
    hub.teller.own(viewer, user, encodeDeviceRows(deviceRows(user, hub.clock.now())), hub.clock.now())
  }

  function beginStock(): void {
    kind = 'stock'
    startBridge(null)
    room.join(send)
  }

  function appearAsStock(): void {
    if (link) return
    const { awayAfterMs, offlineAfterMs } = options.policy
    link = connectDevice(hub, user, {
      deviceId: core.bearer().deviceId ?? options.random.deviceId(), kind: 'other', name: 'y-websocket', awayAfterMs, offlineAfterMs,
      digest: '', isRemembered: false, lastInputAt: hub.clock.now(), joined: following.joined,
    })
    hub.refresh(user)
  }

  function startBridge(digest: string | null): void {
    user.replicas = withItem(user.replicas, replica)
    bridge = createBridge({
      clientId: options.random.yjsClientId(), digest, truth: () => user.registers, send, now: () => hub.clock.now(),
      merge: (registers) => {
        for (const name of hub.merge(user, registers).refused) notice('quota', name, 'It does not fit among this user\'s registers.')
      },
      notice: (name, reason) => notice('invalid-argument', name, reason),
      dropped: () => count('update-with-gap'),
      after: (ms, callback) => hub.clock.at(hub.clock.now() + ms, callback),
    })
  }

  function receiveSync(frame: Uint8Array): void {
    if (!core.passes('edits')) return askAgainLater()
    const refusal = bridge!.receiveSync(frame)
    if (refusal) leave(refusal.code, refusal.reason)
  }

  function askAgainLater(): void {
    if (core.hasEnded()) return
    stopAsking ??= hub.clock.at(hub.clock.now() + ASK_AGAIN_MS, () => {
      stopAsking = null
      bridge?.askAgain()
    })
  }

  function receiveAwareness(frame: Uint8Array): void {
    const entries = decodeAwareness(frame)
    if (!entries.ok) return refuse(entries.reason)
    if (!core.passes('awareness')) return
    const own = entries.value.find(isOwn)
    if (entries.value.length > (own ? 1 : 0)) count('foreign-awareness')
    if (own) kind === 'ours' ? report(own) : room.say(send, own.clientId, own.state)
  }

  /** Ours is recognised by its device; a stock client by the first id it names that nobody else has. */
  function isOwn({ clientId, state }: AwarenessEntry): boolean {
    if (kind === 'ours') return state !== null && state['deviceId'] === hello?.deviceId
    if (ownClientId === null && state !== null && !room.isTaken(clientId)) ownClientId = clientId
    return clientId === ownClientId
  }

  function report({ state }: AwarenessEntry): void {
    const said = parseDeviceState(state)
    if (!said || !hello) return
    link ??= connectDevice(hub, user, {
      deviceId: hello.deviceId, kind: hello.kind, name: hello.name, awayAfterMs: hello.awayAfterMs, offlineAfterMs: hello.offlineAfterMs,
      digest: said.digest, isRemembered: true, joined: following.joined, lastInputAt: stampOf(said.sinceInputMs, hub.clock.now()),
    })
    link.report(said)
  }

  function receiveDeviceRequest(frame: Uint8Array): void {
    read(decodeDeviceRequest(frame), ({ requestId, deviceId, status }) => {
      if (!core.passes('devices')) return
      const device = user.devices.get(deviceId)
      if (device) device.override = status
      hub.refresh(user)
      send(encodeDeviceReply({ requestId, isDone: device !== undefined }))
    })
  }

  /** Who may mend what was wrong (a token, a document) is back before anybody needs to know; a stock client stays away. */
  function endingOf(code: number): Ending {
    const isOver = code === CLOSE.forbidden || code === CLOSE.deviceConflict || (kind === 'stock' && refusalOf(code) !== undefined)
    return isOver ? 'gone' : 'lost'
  }

  function onEnd(ending: Ending): void {
    stopAsking?.()
    bridge?.close()
    user.replicas = withoutItem(user.replicas, replica)
    room.leave(send)
    user.owners = withoutItem(user.owners, viewer)
    link?.end(ending)
    hub.release(user)
  }
}
