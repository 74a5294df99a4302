/** One open socket, as its session, the feed and the heartbeat need it. */
import type { Duplex } from 'node:stream'
import type { Policy } from '../../src/presence-service.js'
import { KEEPALIVE } from '../../src/protocol/awareness-frames.js'
import { CLOSE } from '../../src/protocol/close-codes.js'
import type { Ending } from '../hub/device-link.js'
import type { Hub } from '../hub/hub.js'
import type { Batch, HubUser, ViewerSocket } from '../hub/hub-user.js'
import type { Admitted } from './admission.js'
import type { AwarenessRoom, AwarenessRooms } from './awareness-room.js'
import { deliverTo, isSlow } from './feed-socket.js'
import type { Beating, Heartbeat, Watched } from './heartbeat.js'
import type { Session, SessionPorts } from './session-core.js'
import { openWatchSession } from './session-watch.js'
import { openSession, type SessionOptions } from './session.js'
import type { Bearer } from './token-claims.js'

/** What we use of a WebSocket of `ws`. */
export interface WebSocketSlice {
  readonly readyState: number
  readonly OPEN: 1
  readonly bufferedAmount: number
  send(frame: Uint8Array): void
  ping(): void
  close(code: number, reason: string): void
  terminate(): void
}
/** The same for all connections of a relay. */
export interface ConnectionShared extends Pick<SessionPorts, 'hub' | 'relayNumber' | 'signIn' | 'revocations' | 'permissions' | 'budgets' | 'count'> {
  readonly heartbeat: Heartbeat
  readonly rooms: AwarenessRooms
  readonly policy: Required<Policy>
  readonly random: SessionOptions['random']
  readonly isReceiving: (ws: WebSocketSlice) => boolean
}
export interface Connection {
  readonly session: Session
  /** It was ended for saying nothing. */
  readonly isSilent: boolean
  /** Something came, for the heartbeat. */
  heard(): void
  /** A whole message came. */
  received(): void
  /** The socket is closed: nothing is heard of it any more. */
  closed(): void
  end(ending: Ending): void
}

/** `socket`: the very one below the WebSocket; nobody writes half a frame to it. */
export const createConnection = (ws: WebSocketSlice, socket: Duplex, shared: ConnectionShared, admitted: Admitted): Connection =>
  new OpenConnection(ws, socket, shared, admitted)

/** A class, for there is one for each socket: functions of its own would weigh more than what it holds. */
class OpenConnection implements Connection, Beating, ViewerSocket, SessionPorts {
  readonly session: Session
  readonly bearer: Bearer
  isSilent = false
  readonly #user: HubUser | null
  readonly #ws: WebSocketSlice
  readonly #socket: Duplex
  readonly #shared: ConnectionShared
  readonly #watched: Watched

  constructor(ws: WebSocketSlice, socket: Duplex, shared: ConnectionShared, { bearer, user }: Admitted) {
    this.bearer = bearer
    this.#user = user
    this.#ws = ws
    this.#socket = socket
    this.#shared = shared
    this.#watched = shared.heartbeat.add(this)
    this.session = isOfPerson(this) ? openSession(this) : openWatchSession(this)
  }

  get user(): HubUser | null { return this.#user }
  get hub(): Hub { return this.#shared.hub }
  get relayNumber(): number { return this.#shared.relayNumber }
  get signIn(): SessionPorts['signIn'] { return this.#shared.signIn }
  get revocations(): SessionPorts['revocations'] { return this.#shared.revocations }
  get permissions(): SessionPorts['permissions'] { return this.#shared.permissions }
  get budgets(): SessionPorts['budgets'] { return this.#shared.budgets }
  get policy(): Required<Policy> { return this.#shared.policy }
  get random(): SessionOptions['random'] { return this.#shared.random }
  get feed(): ViewerSocket { return this }
  /** Made for the first stock client of the user. */
  get room(): AwarenessRoom { return this.#shared.rooms.of(this.bearer.userId) }

  count(what: string): void { this.#shared.count(what) }
  send(frame: Uint8Array): void { if (this.#isOpen()) this.#ws.send(frame) }
  close(code: number, reason: string): void { this.#ws.close(code, reason.slice(0, 120)) }

  deliver(batch: Batch): number { return this.#isOpen() ? deliverTo(this.#socket, batch) : 0 }
  isSlow(): boolean { return isSlow(this.#socket) }
  onceDrained(callback: () => void): void { this.#socket.once('drain', callback) }

  heard(): void { this.#shared.heartbeat.heard(this.#watched) }
  received(): void { this.#shared.heartbeat.received(this.#watched) }
  closed(): void { this.#shared.heartbeat.remove(this.#watched) }
  end(ending: Ending): void {
    this.session.end(ending)
    this.#shared.rooms.dropIfEmpty(this.bearer.userId)
  }

  ping(): void { this.#ws.ping() }
  keepalive(): void { this.send(KEEPALIVE) }
  silent(): void {
    this.isSilent = true
    this.#ws.terminate()
  }
  isReceiving(): boolean { return this.#shared.isReceiving(this.#ws) }
  waitingBytes(): number { return this.#ws.bufferedAmount }
  stuck(): void { this.session.leave(CLOSE.slow, 'something took too long to get through') }

  /** Nothing may follow a close frame. */
  #isOpen(): boolean { return this.#ws.readyState === this.#ws.OPEN }
}

const isOfPerson = (connection: OpenConnection): connection is OpenConnection & { readonly user: HubUser } => connection.user !== null
