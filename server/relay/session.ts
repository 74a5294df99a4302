/** One socket of a signed-in person: what its frames mean for the hub, and what the hub has for it. Names no socket library. */
import { decodeAwareness, type AwarenessEntry } from '../../src/protocol/awareness-frames.js'
import { CLOSE, refusalOf } from '../../src/protocol/close-codes.js'
import { encodeDeviceRows, parseDeviceState } from '../../src/protocol/device-rows.js'
import { WIRE } from '../../src/protocol/limits.js'
import {
  AWARENESS, QUERY_AWARENESS, SYNC, TYPE, decodeAuth, decodeDeviceRequest, decodeHello, decodeLeave, decodeWatch, encodeDeviceReply, encodeNotice,
  body, encodeStored, encodeWelcome, typeOf, type Hello, type Notice,
} from '../../src/protocol/messages.js'
import { stampOf } from '../../src/model/ago.js'
import { isRemoved } from '../../src/model/registers.js'
import type { Principal } from '../../src/presence-service.js'
import { connectDevice, type DeviceLink, type Ending } from '../hub/device-link.js'
import type { Hub } from '../hub/hub.js'
import { type DeviceReplica, deviceRows, type HubUser, type ViewerSocket } from '../hub/hub-user.js'
import { withItem, withoutItem } from '../hub/small-set.js'
import { createViewer } from '../hub/viewer.js'
import type { Parsed } from '../../src/model/json.js'
import type { Authenticated } from './authenticate.js'
import type { AwarenessRoom } from './awareness-room.js'
import { createBridge, type Bridge } from './bridge.js'
import { createFollowing } from './following.js'
import { SKEW_MS } from './token-claims.js'
import { fullBucket, take, type Rate, type TokenBucket } from './token-bucket.js'

export interface SessionOptions {
  readonly hub: Hub
  /** Opened for this session, which releases it. */
  readonly user: HubUser
  readonly principal: Principal
  readonly relayNumber: number
  /** This user's stock clients and whom they hear of. */
  readonly room: AwarenessRoom
  readonly random: { deviceId(): string; yjsClientId(): number }
  readonly send: (frame: Uint8Array) => void
  /** The same socket, for the feed. */
  readonly feed: ViewerSocket
  readonly close: (code: number, reason: string) => void
  /** Checks a token sent in band; the session goes on with what it says. */
  readonly authenticate: (token: string) => Promise<Authenticated>
  readonly count: (what: string) => void
}
export interface Session {
  receive(frame: Uint8Array): void
  /** What arrived is no frame at all. */
  refuse(reason: string): void
  /** The socket is gone. */
  end(ending: Ending): void
}

/** FAULTS A8: what comes faster is dropped (the next state replaces it anyway), and who goes on is asked to come back later. */
const AWARENESS_RATE: Rate = { perSecond: 20, burst: 40 }
const DROPPED_RATE: Rate = { perSecond: 5, burst: 200 }

export function openSession(options: SessionOptions): Session {
  const { hub, user, room, send, close, count } = options
  const viewer = createViewer(options.feed)
  const following = createFollowing({
    hub, viewer, principal: () => principal, notice, count, onJoined: () => { if (link) hub.refresh(user) },
  })
  let principal = options.principal
  let kind: 'new' | 'ours' | 'stock' = 'new'
  let hello: Hello | null = null
  let link: DeviceLink | null = null
  let bridge: Bridge | null = null
  let bucket: TokenBucket = fullBucket(AWARENESS_RATE, hub.clock.now())
  let dropped: TokenBucket = fullBucket(DROPPED_RATE, hub.clock.now())
  let ownClientId: number | null = null
  let hasEnded = false
  let stopExpiry = closeAtExpiry()
  const replica: DeviceReplica = {
    push: () => bridge?.push(),
    stored: (stamps) => { if (kind === 'ours') send(encodeStored(stamps)) },
  }
  return { receive, refuse, end }

  function receive(frame: Uint8Array): void {
    if (hasEnded) return
    const type = typeOf(frame)
    if (type === TYPE.hello) return kind === 'new' ? greet(frame) : refuse('hello came late, or twice')
    if (kind === 'new') {
      if (type !== SYNC && type !== AWARENESS && type !== QUERY_AWARENESS) return refuse('the type of the message is unknown')
      beginStock()
    }
    dispatch(type, frame)
    // Whose first word is refused was never here.
    if (kind === 'stock' && !hasEnded) appearAsStock()
  }

  function dispatch(type: number | null, frame: Uint8Array): void {
    if (type === SYNC) return receiveSync(frame)
    if (type === AWARENESS) return receiveAwareness(frame)
    if (type === QUERY_AWARENESS) return read(body(frame, () => null), () => room.tellAll(send, ownClientId))
    if (kind === 'stock' || type === null || type < TYPE.hello) return refuse('the type of the message is unknown')
    switch (type) {
      case TYPE.watch: return read(decodeWatch(frame), (operations) => operations.forEach(following.apply))
      case TYPE.leave: return read(decodeLeave(frame), (leave) => link?.end(leave))
      case TYPE.device: return read(decodeDeviceRequest(frame), ({ requestId, deviceId, status }) => {
        const device = user.devices.get(deviceId)
        if (device) device.override = status
        hub.refresh(user)
        send(encodeDeviceReply({ requestId, isDone: device !== undefined }))
      })
      case TYPE.auth: return read(decodeAuth(frame), (token) => void renew(token))
      // A newer client may say more than we understand.
      default: return count('unknown-message')
    }
  }

  function greet(frame: Uint8Array): void {
    const decoded = decodeHello(frame)
    if (!decoded.ok) return refuse(decoded.reason)
    hello = decoded.value
    if (hello.version < WIRE.version) return leave(CLOSE.protocolTooOld, `version ${WIRE.version} is needed`)
    if (isOtherDevice(principal)) return leave(CLOSE.forbidden, 'the token is for another device')
    if (isRemoved(user.registers, hello.deviceId)) return leave(CLOSE.forbidden, 'removed')
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
    link = connectDevice(hub, user, {
      deviceId: principal.deviceId ?? options.random.deviceId(), kind: 'other', name: 'y-websocket', awayAfterMs: hub.policy.awayAfterMs, offlineAfterMs: hub.policy.offlineAfterMs,
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
    const refusal = bridge!.receiveSync(frame)
    if (refusal) leave(refusal.code, refusal.reason)
  }

  function receiveAwareness(frame: Uint8Array): void {
    const taken = take(bucket, AWARENESS_RATE, hub.clock.now())
    bucket = taken.bucket
    const entries = decodeAwareness(frame)
    if (!entries.ok) return refuse(entries.reason)
    if (!taken.isTaken) {
      count('awareness-dropped')
      const borne = take(dropped, DROPPED_RATE, hub.clock.now())
      dropped = borne.bucket
      if (!borne.isTaken) leave(CLOSE.rateLimited, 'too many awareness updates')
      return
    }
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

  async function renew(token: string): Promise<void> {
    const renewed = await options.authenticate(token)
    if (hasEnded) return
    // Nothing is known of it yet: the present one holds until it expires.
    if (!renewed.ok && renewed.isTemporary) return count('renewal-put-off')
    if (!renewed.ok || renewed.value.userId !== principal.userId) return leave(CLOSE.unauthenticated, 'the new token does not sign in this user')
    if (isOtherDevice(renewed.value)) return leave(CLOSE.forbidden, 'the token is for another device')
    principal = renewed.value
    stopExpiry()
    stopExpiry = closeAtExpiry()
  }

  function isOtherDevice({ deviceId }: Principal): boolean {
    return deviceId !== null && hello !== null && deviceId !== hello.deviceId
  }

  function closeAtExpiry() {
    const { expiresAt } = principal
    // A token was let in although it seemed to have expired: our clock and its issuer's may differ by so much.
    return hub.clock.at(expiresAt > hub.clock.now() ? expiresAt : expiresAt + SKEW_MS, () => leave(CLOSE.unauthenticated, 'the token has expired'))
  }

  function read<T>(decoded: Parsed<T>, use: (value: T) => void): void {
    decoded.ok ? use(decoded.value) : refuse(decoded.reason)
  }
  function notice(code: Notice['code'], subject: string, message: string): void {
    if (kind === 'ours') send(encodeNotice({ code, subject, message, retryAfterMs: 0 }))
    else count('notice-unsaid')
  }
  function refuse(reason: string): void {
    leave(CLOSE.badMessage, reason)
  }
  function leave(code: number, reason: string): void {
    count(`closed-${code}`)
    close(code, reason)
    // Who may mend what was wrong (a token, a document) is back before anybody needs to know; a stock client stays away.
    const isOver = code === CLOSE.forbidden || code === CLOSE.deviceConflict || (kind === 'stock' && refusalOf(code) !== undefined)
    end(isOver ? 'gone' : 'lost')
  }

  function end(ending: Ending): void {
    if (hasEnded) return
    hasEnded = true
    stopExpiry()
    bridge?.close()
    user.replicas = withoutItem(user.replicas, replica)
    room.leave(send)
    following.end()
    user.owners = withoutItem(user.owners, viewer)
    link?.end(ending)
    hub.release(user)
  }
}
