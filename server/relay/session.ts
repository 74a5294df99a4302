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
import type { Stamp } from '../../src/model/hybrid-clock.js'
import { isRemoved, type Registers } from '../../src/model/registers.js'
import type { DeviceId, Policy, Stop } from '../../src/presence-service.js'
import { connectDevice, type DeviceLink, type Ending } from '../hub/device-link.js'
import { deviceRows, type DeviceReplica, type HubUser } from '../hub/hub-user.js'
import { withItem, withoutItem } from '../hub/small-set.js'
import type { AwarenessRoom } from './awareness-room.js'
import { createBridge, type Bridge, type BridgePorts } from './bridge.js'
import { createSessionCore, isForOther, type Session, type SessionCore, type SessionKind, type SessionPorts } from './session-core.js'

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

export const openSession = (options: SessionOptions): Session => new PersonSession(options).session

/** A class, for there is one for each connection. */
class PersonSession implements SessionKind, DeviceReplica, BridgePorts {
  readonly #options: SessionOptions
  readonly #core: SessionCore
  #phase: 'new' | 'ours' | 'stock' = 'new'
  #hello: Hello | null = null
  #link: DeviceLink | null = null
  #bridge: Bridge | null = null
  #ownClientId: number | null = null
  #stopAsking: Stop | null = null
  /** By which the room of stock clients knows it. */
  #sendAsStock: ((frame: Uint8Array) => void) | null = null

  constructor(options: SessionOptions) {
    this.#options = options
    this.#core = createSessionCore(options, this)
  }

  get session(): Session {
    return this.#core
  }

  deviceId(): DeviceId | null {
    return this.#hello?.deviceId ?? null
  }
  hasGreeted(): boolean {
    return this.#phase === 'ours'
  }
  push(): void {
    this.#bridge?.push()
  }
  stored(stamps: ReadonlyMap<string, Stamp>): void {
    if (this.#phase === 'ours') this.#options.send(encodeStored(stamps))
  }

  receive(frame: Uint8Array): void {
    const type = typeOf(frame)
    if (type === TYPE.hello) return this.#phase === 'new' ? this.#greet(frame) : this.#core.refuse('hello came late, or twice')
    if (this.#phase === 'new') {
      if (type !== SYNC && type !== AWARENESS && type !== QUERY_AWARENESS) return this.#core.refuse('the type of the message is unknown')
      this.#beginStock()
    }
    this.#dispatch(type, frame)
    // Whose first word is refused was never here.
    if (this.#phase === 'stock' && !this.#core.hasEnded()) this.#appearAsStock()
  }

  #dispatch(type: number | null, frame: Uint8Array): void {
    if (type === SYNC) return this.#receiveSync(frame)
    if (type === AWARENESS) return this.#receiveAwareness(frame)
    if (type === QUERY_AWARENESS) return this.#core.read(body(frame, () => null), () => { if (this.#core.passes('queries')) this.#options.room.tellAll(this.#sendAsStock ?? ((answer) => this.#options.send(answer)), this.#ownClientId) })
    if (this.#phase === 'stock' || type === null || type < TYPE.hello) return this.#core.refuse('the type of the message is unknown')
    switch (type) {
      case TYPE.watch: return this.#core.watch(frame)
      case TYPE.page: return this.#core.page(frame)
      case TYPE.auth: return this.#core.auth(frame)
      case TYPE.leave: return this.#core.read(decodeLeave(frame), (ending) => this.#link?.end(ending))
      case TYPE.device: return this.#receiveDeviceRequest(frame)
      // A newer client may say more than we understand.
      default: if (this.#core.passes('messages')) this.#options.count('unknown-message')
    }
  }

  #greet(frame: Uint8Array): void {
    const decoded = decodeHello(frame)
    if (!decoded.ok) return this.#core.refuse(decoded.reason)
    // Unanswered, it would wait in vain.
    if (!this.#core.passes('messages')) return this.#core.leave(CLOSE.rateLimited, 'too many messages')
    this.#hello = decoded.value
    if (this.#hello.version < WIRE.version) return this.#core.leave(CLOSE.protocolTooOld, `version ${WIRE.version} is needed`)
    if (isForOther(this.#core.bearer(), this.#hello.deviceId)) return this.#core.leave(CLOSE.forbidden, 'the token is for another device')
    if (isRemoved(this.#options.user.registers, this.#hello.deviceId)) return this.#core.leave(CLOSE.forbidden, 'removed')
    if (this.#options.revocations.isRevoked(this.#core.bearer(), this.#hello.deviceId)) return this.#core.leave(CLOSE.unauthenticated, 'the token was revoked')
    this.#phase = 'ours'
    this.#options.send(encodeWelcome({
      version: WIRE.version, relayTime: this.now(), relayNumber: this.#options.relayNumber, sessionNumber: this.#options.hub.nextSessionNumber(), stored: this.#options.hub.storedStamps(this.#options.user),
    }))
    this.#startBridge(this.#hello.digest)
    this.#options.hub.teller.own(this.#core.viewer, this.#options.user, encodeDeviceRows(deviceRows(this.#options.user, this.now())), this.now())
  }

  onJoined(): void {
    if (!this.#link) return
    this.#link.connection.joined = this.#core.following.joined
    this.#options.hub.refresh(this.#options.user)
  }

  #beginStock(): void {
    this.#phase = 'stock'
    this.#startBridge(null)
    this.#sendAsStock = (frame) => this.#options.send(frame)
    this.#options.room.join(this.#sendAsStock)
  }

  #appearAsStock(): void {
    if (this.#link) return
    const { awayAfterMs, offlineAfterMs } = this.#options.policy
    this.#link = connectDevice(this.#options.hub, this.#options.user, {
      deviceId: this.#core.bearer().deviceId ?? this.#options.random.deviceId(), kind: 'other', name: 'y-websocket', awayAfterMs, offlineAfterMs,
      digest: '', isRemembered: false, lastInputAt: this.now(), joined: this.#core.following.joined,
    })
    this.#options.hub.refresh(this.#options.user)
  }

  #startBridge(digest: string | null): void {
    this.#options.user.replicas = withItem(this.#options.user.replicas, this)
    this.#bridge = createBridge(this, { clientId: this.#options.random.yjsClientId(), digest })
  }

  truth(): Registers {
    return this.#options.user.registers
  }
  merge(registers: Registers): void {
    for (const name of this.#options.hub.merge(this.#options.user, registers).refused) this.#core.notice('quota', name, 'It does not fit among this user\'s registers.')
  }
  send(frame: Uint8Array): void {
    this.#options.send(frame)
  }
  notice(name: string, reason: string): void {
    this.#core.notice('invalid-argument', name, reason)
  }
  dropped(): void {
    this.#options.count('update-with-gap')
  }
  now(): number {
    return this.#options.hub.clock.now()
  }
  after(ms: number, callback: () => void): Stop {
    return this.#options.hub.clock.at(this.now() + ms, callback)
  }

  #receiveSync(frame: Uint8Array): void {
    if (!this.#core.passes('edits')) return this.#askAgainLater()
    const refusal = this.#bridge!.receiveSync(frame)
    if (refusal) this.#core.leave(refusal.code, refusal.reason)
  }

  #askAgainLater(): void {
    if (this.#core.hasEnded()) return
    this.#stopAsking ??= this.after(ASK_AGAIN_MS, () => {
      this.#stopAsking = null
      this.#bridge?.askAgain()
    })
  }

  #receiveAwareness(frame: Uint8Array): void {
    const entries = decodeAwareness(frame)
    if (!entries.ok) return this.#core.refuse(entries.reason)
    if (!this.#core.passes('awareness')) return
    const own = entries.value.find((entry) => this.#isOwn(entry))
    if (entries.value.length > (own ? 1 : 0)) this.#options.count('foreign-awareness')
    if (own) this.#phase === 'ours' ? this.#report(own) : this.#options.room.say(this.#sendAsStock!, own.clientId, own.state)
  }

  /** Ours is recognised by its device; a stock client by the first id it names that nobody else has. */
  #isOwn({ clientId, state }: AwarenessEntry): boolean {
    if (this.#phase === 'ours') return state !== null && state['deviceId'] === this.#hello?.deviceId
    if (this.#ownClientId === null && state !== null && !this.#options.room.isTaken(clientId)) this.#ownClientId = clientId
    return clientId === this.#ownClientId
  }

  #report({ state }: AwarenessEntry): void {
    const said = parseDeviceState(state)
    if (!said || !this.#hello) return
    this.#link ??= connectDevice(this.#options.hub, this.#options.user, {
      deviceId: this.#hello.deviceId, kind: this.#hello.kind, name: this.#hello.name, awayAfterMs: this.#hello.awayAfterMs, offlineAfterMs: this.#hello.offlineAfterMs,
      digest: said.digest, isRemembered: true, joined: this.#core.following.joined, lastInputAt: stampOf(said.sinceInputMs, this.now()),
    })
    this.#link.report(said)
  }

  #receiveDeviceRequest(frame: Uint8Array): void {
    this.#core.read(decodeDeviceRequest(frame), ({ requestId, deviceId, status }) => {
      if (!this.#core.passes('devices')) return
      const device = this.#options.user.devices.get(deviceId)
      if (device) device.override = status
      this.#options.hub.refresh(this.#options.user)
      this.#options.send(encodeDeviceReply({ requestId, isDone: device !== undefined }))
    })
  }

  /** Who may mend what was wrong (a token, a document) is back before anybody needs to know; a stock client stays away. */
  endingOf(code: number): Ending {
    const isOver = code === CLOSE.forbidden || code === CLOSE.deviceConflict || (this.#phase === 'stock' && refusalOf(code) !== undefined)
    return isOver ? 'gone' : 'lost'
  }

  onEnd(ending: Ending): void {
    this.#stopAsking?.()
    this.#bridge?.close()
    this.#options.user.replicas = withoutItem(this.#options.user.replicas, this)
    if (this.#sendAsStock) this.#options.room.leave(this.#sendAsStock)
    this.#options.user.owners = withoutItem(this.#options.user.owners, this.#core.viewer)
    this.#link?.end(ending)
    this.#options.hub.release(this.#options.user)
  }
}
