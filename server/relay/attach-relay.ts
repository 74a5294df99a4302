/** A relay inside a Node HTTP server: upgrades become sessions of the service's hub. The only file that names `ws`. */
import { randomBytes } from 'node:crypto'
import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type RawData, type ServerOptions, type WebSocket } from 'ws'
import { PresenceError } from '../../src/errors.js'
import type { BuiltServerPresenceService, Relay, RelayOptions } from '../../src/presence-service.js'
import { CLOSE } from '../../src/protocol/close-codes.js'
import { RELAY, WIRE } from '../../src/protocol/limits.js'
import type { Ending } from '../hub/device-link.js'
import { backstageOf } from '../service/hubs.js'
import { createNodeClock } from '../service/node-clock.js'
import { admit, refusedToAdmit, type Admission, type Admitted } from './admission.js'
import { createAuthenticator } from './authenticate.js'
import { createAwarenessRooms } from './awareness-room.js'
import { createDoor } from './door.js'
import type { Visit } from './doorkeeper.js'
import { planDrain } from './drain-plan.js'
import { createConnection, type Connection, type ConnectionShared } from './connection.js'
import { createHeartbeat } from './heartbeat.js'
import { inTime, LATE } from './in-time.js'
import { createPermissions } from './permissions.js'
import { resolveRelayOptions } from './relay-options.js'
import { parseRoomPath, type Room } from './room-path.js'
import type { Session } from './session-core.js'
import { createSignIn } from './sign-in.js'
import { tokenFromSubprotocols } from './subprotocols.js'
import { isReceiving } from './unfinished-message.js'

/** Sockets only: readiness, numbers and presence over HTTP are served by the command (`start-relay`). */
export function attachRelay(server: Server, service: BuiltServerPresenceService, options: RelayOptions): Relay {
  const backstage = backstageOf(service) ?? refuseService()
  const { log, meter } = backstage
  const { auth, allowedOrigins, hooks, channelFeedLimit, policy } = resolveRelayOptions(options)
  const clock = createNodeClock()
  const sockets = new WebSocketServer(SOCKETS)
  const door = createDoor({ allowedOrigins, clock, count })
  const opening = open()
  // A store that does not open is told by the service; here it ends every upgrade.
  opening.catch(() => undefined)
  const signIn = createSignIn(createAuthenticator(auth, clock.now), async () => (await opening).revocations)
  const connections = new Map<WebSocket, Connection>()
  /** Closed by the drain: their devices stay until everybody has gone, so that nobody sees anybody leave (F16). */
  const departed = new Set<WebSocket>()
  server.on('upgrade', upgrade)
  return { drain, [Symbol.asyncDispose]: () => drain({ withinMs: 0 }) }

  /** What there is once the store is open. */
  async function open(): Promise<ConnectionShared> {
    const { hub, store, revocations, budgets } = await backstage.opening
    hub.teller.limitChannels(channelFeedLimit)
    hub.startGrace()
    return {
      hub, revocations, relayNumber: store.relayNumber, budgets, signIn, count, isReceiving, random: RANDOM,
      heartbeat: createHeartbeat(hub.clock), rooms: createAwarenessRooms(hub.clock.now),
      permissions: createPermissions({ hooks, clock: hub.clock, log, count }), policy: { ...hub.policy, ...policy },
    }
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const room = parseRoomPath(request.url ?? '')
    // Somebody else's path, where there is somebody else.
    if (!room && server.listenerCount('upgrade') > 1) return
    socket.on('error', ignore)
    const knock = door.knock(request, room)
    if (!knock.isOpen) return turnBack(socket, knock.status)
    socket.once('close', knock.visit.leave)
    welcome(request, socket, head, knock.room, knock.visit).catch((error: unknown) => {
      log('error', 'An upgrade failed.', { error: String(error) })
      socket.destroy()
    })
  }

  async function welcome(request: IncomingMessage, socket: Duplex, head: Buffer, room: Room, visit: Visit): Promise<void> {
    const token = tokenFromSubprotocols(request.headers['sec-websocket-protocol'])
    const admitting = opening.then(({ hub }) => admit({ hub, room, token, signIn, visit }), () => NO_STORE)
    const admission = await inTime(clock, RELAY.signInMs, admitting)
    if (admission === LATE) {
      void admitting.then(release).catch(ignore)
      return accept(request, socket, head, (ws) => turnAway(ws, TOO_LATE))
    }
    if (!admission.isAdmitted) return accept(request, socket, head, (ws) => turnAway(ws, admission))
    if (!door.isOpen()) {
      await release(admission)
      return turnBack(socket, 503)
    }
    const shared = await opening
    const hasRushed = head.length + socket.readableLength > RELAY.signInBytes
    let isConnected = false
    accept(request, socket, head, (ws) => {
      isConnected = !hasRushed
      hasRushed ? ws.terminate() : connect(ws, socket, shared, admission)
    })
    // A handshake can fail still, or its socket be gone by now.
    if (!isConnected) await release(admission)
  }

  async function release(admission: Admission): Promise<void> {
    if (admission.isAdmitted && admission.user) (await opening).hub.release(admission.user)
  }

  /** Accepts first, so that page code can see the close code; an HTTP status it could not. */
  function accept(request: IncomingMessage, socket: Duplex, head: Buffer, use: (ws: WebSocket) => void): void {
    socket.off('error', ignore)
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', onError)
      use(ws)
    })
  }

  /** Before the upgrade: page code learns nothing of why. */
  function turnBack(socket: Duplex, status: number): void {
    count(`upgrade-${status}`)
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  }

  function turnAway(ws: WebSocket, { code, reason }: { readonly code: number; readonly reason: string }): void {
    count(`refused-${code}`)
    ws.close(code, reason)
  }

  function connect(ws: WebSocket, socket: Duplex, shared: ConnectionShared, admitted: Admitted): void {
    const connection = createConnection(ws, socket, shared, admitted)
    connections.set(ws, connection)
    ws.on('ping', onPing)
    ws.on('pong', onPong)
    ws.on('message', onMessage)
    ws.on('close', onClose)
    // It may have been revoked while its user was read from the store.
    connection.session.review()
  }

  // The same for all sockets: functions of its own would keep the request of each in memory.
  function onError(this: WebSocket, error: Error): void {
    count(`socket-error-${(error as { code?: string }).code ?? 'unknown'}`)
    // `ws` would read on, and throw away megabytes, until the peer has answered.
    queueMicrotask(() => this.pause())
  }
  function onPing(this: WebSocket): void {
    connections.get(this)?.session.signal()
  }
  function onPong(this: WebSocket): void {
    const connection = connections.get(this)
    connection?.heard()
    connection?.session.signal()
  }
  function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
    const connection = connections.get(this)
    if (!connection) return
    connection.received()
    if (!isBinary) return connection.session.leave(CLOSE.badMessage, 'text is not understood here')
    receive(connection.session, bytesOf(data), this)
  }
  function onClose(this: WebSocket, code: number): void {
    const connection = connections.get(this)
    if (!connection) return
    connection.closed()
    const ending = connection.isSilent ? 'silent' : endingOf(code)
    if (ending === 'lost' && departed.has(this)) return
    connections.delete(this)
    connection.end(ending)
  }

  /** Our own mistake costs one connection, not the relay. */
  function receive(session: Session, frame: Uint8Array, ws: WebSocket): void {
    try {
      session.receive(frame)
    } catch (error) {
      count('internal-error')
      log('error', 'A frame could not be handled.', { error: error instanceof Error ? error.stack : String(error) })
      ws.close(1011, 'internal error')
      session.end('lost')
    }
  }

  function count(what: string): void {
    meter.refused(what)
    log('debug', 'Counted.', { what })
  }

  /** Tells clients to move, and lets each go on its own. */
  async function drain({ withinMs = DRAIN_MS }: { readonly withinMs?: number } = {}): Promise<void> {
    door.close()
    const { heartbeat, hub } = await opening
    const clients = [...sockets.clients]
    const plan = planDrain(clients.length, withinMs)
    await Promise.all(clients.map((ws, index) => new Promise<void>((resolve) => {
      ws.once('close', () => resolve())
      hub.clock.at(hub.clock.now() + plan[index]!.leaveAfterMs, () => depart(ws, plan[index]!.retryAfterMs))
      hub.clock.at(hub.clock.now() + withinMs + RELAY.closingMs, () => ws.terminate())
    })))
    heartbeat.stop()
    door.stop()
    server.off('upgrade', upgrade)
    for (const { session } of connections.values()) session.end('lost')
    connections.clear()
  }

  function depart(ws: WebSocket, retryAfterMs: number): void {
    departed.add(ws)
    connections.get(ws)?.session.retryAfter(retryAfterMs)
    ws.close(CLOSE.draining, 'the relay is moving')
  }
}

/** Of FAULTS' 20 s for a whole drain. */
const DRAIN_MS = 10_000
/** The types of `ws` do not know `closeTimeout` yet. */
const SOCKETS: ServerOptions & { readonly closeTimeout: number } = {
  noServer: true, perMessageDeflate: false, maxPayload: WIRE.frameBytes, maxFragments: RELAY.messagePieces, maxBufferedChunks: RELAY.messagePieces, closeTimeout: RELAY.closingMs,
  handleProtocols: (offered) => (offered.has(WIRE.subprotocol) ? WIRE.subprotocol : false),
}
const RANDOM = { deviceId: () => randomBytes(16).toString('base64url'), yjsClientId: () => randomBytes(4).readUInt32LE() }
const TOO_LATE = { code: CLOSE.overloaded, reason: 'signing in took too long' }
const NO_STORE = refusedToAdmit(CLOSE.storeUnavailable, 'the store cannot be read now')

function endingOf(code: number): Ending {
  return code === CLOSE.goingAway ? 'leaving' : code === CLOSE.normal ? 'gone' : 'lost'
}

const ignore = (): void => undefined

/** A view of the socket's own bytes: what is kept of a frame is copied by its decoder. */
function bytesOf(data: RawData): Uint8Array {
  const buffer = Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data)
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}

function refuseService(): never {
  throw new PresenceError('invalid-argument', {
    subject: 'service', message: 'The service was not made by createPresenceService of porchlight/server.', remedy: 'Pass what that returned.',
  })
}
