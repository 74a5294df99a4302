/** A channel in which nothing happens: what staying connected costs in bytes. */
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { pause } from '../../test/support/until.js'
import { WIRE } from '../../src/protocol/limits.js'
import { asFigure, judgeBeside, type Bench, type Finding } from '../finding.js'
import { forAll } from '../load/crowd.js'
import { connectOurDevice, planDevice, watchFrame } from '../load/our-device.js'
import { CHANNEL } from '../load/people.js'
import { lose, type Traffic } from '../load/raw-socket.js'
import { ROOM, stateOf } from '../load/y-device.js'
import { CHANNEL_FEED_LIMIT, startRelay, startYWebsocket } from '../measure/server-process.js'

const NAME = 'bytes of one hour of 1,000 idle users in one channel'
const USERS = 1_000
/** Their traffic grows with the square, as everybody renews towards everybody and everybody sends it back. */
const Y_USERS = 100
/** A multiple of the keepalive (8 s) and the ping (9 s). */
const WINDOW_MS = 72_000
/** A multiple of y-websocket's renewal (15 s). */
const Y_WINDOW_MS = 75_000
const HOUR_MS = 3_600_000
const MB = 1_000_000

export const idleChannel: Bench = { name: 'idle-channel', rows: [NAME], run }

async function run(progress: (stage: string) => void): Promise<readonly Finding[]> {
  progress(`${USERS} clients on a relay, ${Y_USERS} stock clients on y-websocket's server, and then silence for ${Y_WINDOW_MS / 1_000} s`)
  const [ours, y] = await Promise.all([measureOurs(), measureY()])
  const hour = (ours / WINDOW_MS) * HOUR_MS
  const yHour = (y / Y_WINDOW_MS) * HOUR_MS * (USERS / Y_USERS) ** 2
  return [judgeBeside({
    name: NAME, value: hour / MB, unit: 'MB', peer: { name: 'y-websocket 2.1', value: yHour / MB }, atMost: 1 / 10_000,
    beside: `y-websocket 2.1: ${asFigure(yHour / MB)} MB`,
    how: `All bytes in both directions after everybody has arrived, pings and keepalives included: ours ${asFigure(ours / USERS / (WINDOW_MS / 1_000))} B a second and user, measured for ${WINDOW_MS / 1_000} s with ${USERS} users; the peer's for ${Y_WINDOW_MS / 1_000} s with ${Y_USERS} stock y-websocket 3.1 clients, ${asFigure(y / MB)} MB, times ${(USERS / Y_USERS) ** 2}, since it grows with the square. Ours had been without input for ten minutes: a device in use also says so every 30 s. Channel feed limit ${CHANNEL_FEED_LIMIT.toLocaleString('en')}.`,
  })]
}

async function measureOurs(): Promise<number> {
  const relay = await startRelay('memory')
  const traffic: Traffic = { receivedBytes: 0, sentBytes: 0 }
  const interests = watchFrame([{ verb: 'join', id: CHANNEL }])
  await forAll(Array.from({ length: USERS }), 50, async (_, index) => {
    const plan = await planDevice(index, { idleMs: 600_000 })
    await connectOurDevice(plan, { port: relay.port, traffic, interests, listener: { onFrame: () => undefined, onClose: lose } })
  })
  await pause(Math.max(2_000, relay.startedAt + WIRE.startGraceMs + 2_000 - performance.now()))
  return bytesWithin(WINDOW_MS, () => traffic.receivedBytes + traffic.sentBytes)
}

async function measureY(): Promise<number> {
  const server = await startYWebsocket()
  // Each provider wants to know when the process exits.
  process.setMaxListeners(Y_USERS + 20)
  const providers = Array.from({ length: Y_USERS }, (_, index) => {
    const provider = new WebsocketProvider(`ws://127.0.0.1:${server.port}`, ROOM, new Y.Doc(), {
      WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket, disableBc: true,
    })
    provider.awareness.setLocalState(stateOf(index, 'online'))
    return provider
  })
  await pause(20_000)
  return bytesWithin(Y_WINDOW_MS, () => providers.reduce((bytes, { ws }) => {
    const { bytesRead = NaN, bytesWritten = NaN } = (ws as unknown as { _socket?: { bytesRead: number; bytesWritten: number } } | null)?._socket ?? {}
    return bytes + bytesRead + bytesWritten
  }, 0))
}

async function bytesWithin(windowMs: number, bytes: () => number): Promise<number> {
  const [before, beganAt] = [bytes(), performance.now()]
  await pause(windowMs)
  // A timer is never early; late, it would count too much.
  return (bytes() - before) * (windowMs / (performance.now() - beganAt))
}
