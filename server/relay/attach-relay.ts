/** A relay inside a Node HTTP server: upgrades become sessions of the service's hub. The only file that names `ws`. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import { PresenceError } from '../../src/errors.js'
import type { BuiltServerPresenceService, Principal, Relay, RelayOptions } from '../../src/presence-service.js'
import { KEEPALIVE } from '../../src/protocol/awareness-frames.js'
import { CLOSE } from '../../src/protocol/close-codes.js'
import { WIRE } from '../../src/protocol/limits.js'
import type { Ending } from '../hub/device-link.js'
import type { Hub } from '../hub/hub.js'
import { backstageOf, type Backstage } from '../service/hubs.js'
import { createNodeClock } from '../service/node-clock.js'
import { createAuthenticator } from './authenticate.js'
import { createAwarenessRoom, type AwarenessRoom } from './awareness-room.js'
import { createFeedSocket } from './feed-socket.js'
import { createHeartbeat, type Heartbeat } from './heartbeat.js'
import { isAllowedOrigin } from './origin.js'
import { parseRoomPath } from './room-path.js'
import { openSession, type Session } from './session.js'
import { tokenFromSubprotocols } from './subprotocols.js'

interface Opened {
  readonly hub: Hub
  readonly relayNumber: number
  readonly heartbeat: Heartbeat
}

export function attachRelay(server: Server, service: BuiltServerPresenceService, options: RelayOptions): Relay {
  const backstage = backstageOf(service) ?? refuseService()
  const { log, meter } = backstage
  const sockets = new WebSocketServer({
    noServer: true, maxPayload: WIRE.frameBytes, perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(WIRE.subprotocol) ? WIRE.subprotocol : false),
  })
  const rooms = new Map<string, AwarenessRoom>()
  const opening = open(backstage, options.channelFeedLimit)
  // A store that does not open is told by the service; here it ends every upgrade.
  opening.catch(() => undefined)
  const authenticate = createAuthenticator(options.auth, createNodeClock().now)
  let isDraining = false
  server.on('upgrade', upgrade)
  return { drain, [Symbol.asyncDispose]: () => drain({ withinMs: 0 }) }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const room = parseRoomPath(request.url ?? '')
    // Somebody else's path, where there is somebody else.
    if (!room && server.listenerCount('upgrade') > 1) return
    socket.on('error', ignore)
    if (!room) return refuseUpgrade(socket, 404, 'Not Found')
    if (request.rawHeaders.length > 2 * MAXIMUM_HEADERS) return refuseUpgrade(socket, 431, 'Request Header Fields Too Large')
    if (isDraining) return refuseUpgrade(socket, 503, 'Service Unavailable')
    if (!isAllowedOrigin(request.headers.origin, request.headers.host, options.allowedOrigins)) return refuseUpgrade(socket, 403, 'Forbidden')
    welcome(request, socket, head, room.room === 'user' ? room.userId : null).catch((error: unknown) => {
      log('error', 'An upgrade failed.', { error: String(error) })
      socket.destroy()
    })
  }

  async function welcome(request: IncomingMessage, socket: Duplex, head: Buffer, userId: string | null): Promise<void> {
    const opened = await opening
    const token = tokenFromSubprotocols(request.headers['sec-websocket-protocol'])
    const principal = await authenticate(token)
    if (!principal.ok) return accept(request, socket, head, (ws) => ws.close(principal.isTemporary ? CLOSE.overloaded : CLOSE.unauthenticated, principal.reason))
    if (userId !== principal.value.userId) return accept(request, socket, head, (ws) => ws.close(CLOSE.forbidden, 'not this user\'s room'))
    const user = await opened.hub.open(userId).catch(() => null)
    if (!user) return accept(request, socket, head, (ws) => ws.close(CLOSE.storeUnavailable, 'the store cannot be read now'))
    if (isDraining) {
      opened.hub.release(user)
      return refuseUpgrade(socket, 503, 'Service Unavailable')
    }
    let isConnected = false
    accept(request, socket, head, (ws) => {
      isConnected = true
      connect(ws, socket, opened, user, principal.value)
    })
    // A handshake can fail still, or its socket be gone by now.
    if (!isConnected) opened.hub.release(user)
  }

  /** Accepts first, so that page code can see the close code; an HTTP status it could not. */
  function accept(request: IncomingMessage, socket: Duplex, head: Buffer, use: (ws: WebSocket) => void): void {
    socket.off('error', ignore)
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', (error) => count(`socket-error-${(error as { code?: string }).code ?? 'unknown'}`))
      use(ws)
    })
  }

  function connect(ws: WebSocket, socket: Duplex, { hub, relayNumber, heartbeat }: Opened, user: Awaited<ReturnType<Hub['open']>>, principal: Principal): void {
    const room = roomOf(hub, user.userId)
    let isSilent = false
    const session: Session = openSession({
      hub, user, principal, relayNumber, room, count,
      random: { deviceId: () => randomBytes(16).toString('base64url'), yjsClientId: () => randomBytes(4).readUInt32LE() },
      send: (frame) => { if (ws.readyState === ws.OPEN) ws.send(frame) },
      feed: createFeedSocket({ socket, isOpen: () => ws.readyState === ws.OPEN }),
      close: (code, reason) => ws.close(code, reason.slice(0, 120)),
      authenticate,
    })
    const { heard, stop } = heartbeat.add({
      ping: () => ws.ping(),
      keepalive: () => { if (ws.readyState === ws.OPEN) ws.send(KEEPALIVE) },
      silent: () => {
        isSilent = true
        ws.terminate()
      },
    })
    ws.on('pong', heard)
    ws.on('message', (data, isBinary) => {
      heard()
      if (!isBinary) return session.refuse('text is not understood here')
      receive(session, bytesOf(data), ws)
    })
    ws.on('close', (code) => {
      stop()
      session.end(isSilent ? 'silent' : endingOf(code))
      if (room.isEmpty() && rooms.get(user.userId) === room) rooms.delete(user.userId)
    })
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

  function roomOf(hub: Hub, userId: string): AwarenessRoom {
    const room = rooms.get(userId) ?? createAwarenessRoom(() => hub.clock.now())
    rooms.set(userId, room)
    return room
  }

  function count(what: string): void {
    meter.refused(what)
    log('debug', 'Counted.', { what })
  }

  /** Tells clients to move, and lets each go on its own. */
  async function drain({ withinMs = 10_000 }: { readonly withinMs?: number } = {}): Promise<void> {
    isDraining = true
    const { heartbeat, hub } = await opening
    const clients = [...sockets.clients]
    await Promise.all(clients.map((ws, index) => new Promise<void>((resolve) => {
      ws.once('close', () => resolve())
      const leave = (): void => ws.close(CLOSE.draining, 'the relay is moving')
      hub.clock.at(hub.clock.now() + (withinMs * index) / Math.max(1, clients.length), leave)
      hub.clock.at(hub.clock.now() + withinMs + CLOSING_MS, () => ws.terminate())
    })))
    heartbeat.stop()
    server.off('upgrade', upgrade)
  }
}

/** A client that does not answer a close frame is not waited for longer. */
const CLOSING_MS = 2_000

async function open({ opening }: Backstage, channelFeedLimit: number | undefined): Promise<Opened> {
  const { hub, store } = await opening
  if (channelFeedLimit !== undefined) hub.teller.limitChannels(channelFeedLimit)
  hub.startGrace()
  return { hub, relayNumber: store.relayNumber, heartbeat: createHeartbeat(hub.clock) }
}

function endingOf(code: number): Ending {
  return code === CLOSE.goingAway ? 'leaving' : code === CLOSE.normal ? 'gone' : 'lost'
}

/** A browser sends some fifteen, and every proxy a few more. */
const MAXIMUM_HEADERS = 100

const ignore = (): void => undefined

function refuseUpgrade(socket: Duplex, status: number, text: string): void {
  socket.end(`HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

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
