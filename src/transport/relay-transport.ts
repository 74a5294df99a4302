/** Keeps one connection to a relay: carries out what `connection-state` decides. */
import { PresenceError } from '../errors.js'
import type { Clock, Dial, Random, RelaySocket } from '../ports.js'
import type { ConnectionState, PresenceErrorLike, Stop } from '../presence-service.js'
import { WIRE } from '../protocol/limits.js'
import { IDLE, isMendable, nextConnection, type ConnectionNews } from './connection-state.js'

export interface RelayTransportOptions {
  readonly dial: Dial
  readonly clock: Clock
  readonly random: Random
  readonly token: string | (() => string | Promise<string>) | undefined
  readonly isVisible: () => boolean
  /** The socket is open: say hello. It counts as online from `established()`. */
  readonly onOpen: () => void
  readonly onFrame: (frame: Uint8Array) => void
  /** The socket is gone; `code` as in protocol/close-codes. */
  readonly onClosed: (code: number) => void
  readonly onState: (state: ConnectionState) => void
  /** Null: what was wrong is over. */
  readonly onProblem: (problem: PresenceErrorLike | null) => void
}
export interface RelayTransport {
  start(): void
  send(frame: Uint8Array): void
  /** The relay has answered. A plain server sends no keepalive, and is not missed when silent. */
  established(sendsKeepalive: boolean): void
  /** The relay is going, and asks not to be called for so long. */
  rest(ms: number): void
  /** Back at once: the network returned, or the page is shown. */
  wake(): void
  /** Drops the socket, and stays away until `start()`. */
  pause(): void
  /** Drops the socket and connects anew. */
  restart(): void
  /** Whoever answers is no relay: drops the socket as if it were lost. */
  giveUp(): void
  stop(): void
}

const TOKEN_TIMEOUT_MS = 10_000
/** Browsers wait for minutes for a host that does not answer. */
const OPEN_TIMEOUT_MS = 10_000

export function createRelayTransport(options: RelayTransportOptions): RelayTransport {
  const { dial, clock, random } = options
  let connection = IDLE
  let socket: RelaySocket | null = null
  let heardAt = 0
  let isWatched = false
  let restUntil = 0
  let cancelTimer: Stop = () => undefined
  /** Events of an earlier try are those of a stranger. */
  let current = 0
  return {
    start: () => become({ type: 'start' }),
    giveUp: () => { if (socket) drop(1006) },
    send: (frame) => socket?.send(frame),
    established(sendsKeepalive) {
      if (!socket) return
      become({ type: 'established' })
      options.onProblem(null)
      restUntil = 0
      isWatched = sendsKeepalive
      if (isWatched) watchSilence()
    },
    rest: (ms) => { restUntil = clock.now() + Math.min(ms, WIRE.longestRestMs) },
    wake() {
      if (socket && isWatched && isSilent()) drop(1006)
      become({ type: 'wake' })
    },
    pause() {
      hangUp()
      become({ type: 'pause' })
    },
    restart() {
      if (!socket) return
      // What fails before it is established would fail again: not in circles.
      if (connection.state.name !== 'online') return drop(1006)
      hangUp()
      options.onClosed(1000)
      connection = { ...connection, state: IDLE.state }
      become({ type: 'start' })
    },
    stop() {
      hangUp()
      become({ type: 'stop' })
    },
  }

  function become(news: ConnectionNews): void {
    const before = connection.state
    connection = nextConnection(connection, news, clock.now(), random.fraction())
    const { state } = connection
    if (state === before) return
    cancelTimer()
    options.onState(state)
    if (connection.state !== state) return
    if (state.name === 'connecting') void connect()
    if (state.name === 'waiting') cancelTimer = clock.at(state.retryAt, () => become({ type: 'retry' }))
  }

  async function connect(): Promise<void> {
    const attempt = ++current
    const token = await tokenInTime().catch((cause: unknown) => {
      options.onProblem(new PresenceError('unauthenticated', {
        message: 'No token could be had to sign in with.', remedy: 'See that `token` returns a fresh JWT; it will be asked again.', cause,
      }))
      return null
    })
    if (attempt !== current || connection.state.name !== 'connecting') return
    if (token === null) return closed(1006)
    const opened = dial(token === undefined ? [WIRE.subprotocol] : [WIRE.subprotocol, WIRE.tokenPrefix + token], {
      open: () => {
        if (attempt !== current) return
        cancelTimer()
        heardAt = clock.now()
        options.onOpen()
      },
      frame: (frame) => { if (attempt === current) options.onFrame(frame) },
      heard: () => { if (attempt === current) heardAt = clock.now() },
      close: (code) => { if (attempt === current) closed(code) },
    })
    if (attempt !== current) return opened.close()
    socket = opened
    cancelTimer = clock.at(clock.now() + OPEN_TIMEOUT_MS, () => drop(1006))
  }

  async function tokenInTime(): Promise<string | undefined> {
    const { token } = options
    if (typeof token !== 'function') return token
    let cancel: Stop = () => undefined
    const late = new Promise<never>((_, reject) => {
      cancelTimer = cancel = clock.at(clock.now() + TOKEN_TIMEOUT_MS, () => reject(new Error('It took longer than 10 s.')))
    })
    const given: unknown = await Promise.race([Promise.resolve().then(token), late]).finally(() => cancel())
    if (typeof given !== 'string') throw new TypeError('It was no string.')
    return given
  }

  function closed(code: number): void {
    current++
    socket = null
    isWatched = false
    options.onClosed(code)
    become({ type: 'closed', code, isMendable: isMendable(code, typeof options.token === 'function'), restMs: Math.max(0, restUntil - clock.now()) })
  }

  /** Our own doing: nobody is told. */
  function hangUp(): void {
    current++
    cancelTimer()
    const leaving = socket
    socket = null
    isWatched = false
    leaving?.close()
  }

  function drop(code: number): void {
    const leaving = socket
    closed(code)
    leaving?.close()
  }

  /** A hidden page waits until it is shown: its timers may be late, and its frames held back. */
  function watchSilence(): void {
    cancelTimer()
    cancelTimer = clock.at(heardAt + WIRE.clientSilentAfterMs, () => {
      if (isSilent() && options.isVisible()) drop(1006)
      else if (isSilent()) cancelTimer = clock.at(clock.now() + WIRE.clientSilentAfterMs, watchSilence)
      else watchSilence()
    })
  }
  function isSilent(): boolean {
    return clock.now() - heardAt >= WIRE.clientSilentAfterMs
  }
}
