/** Clients that say whatever a test wants: over `ws`, or byte by byte over TCP. What they wait for is looked at whenever something arrives. */
import { connect } from 'node:net'
import { WebSocket } from 'ws'
import type { JsonObject } from '../../src/model/json.js'
import { encodeAwareness } from '../../src/protocol/awareness-frames.js'
import { SYNC, encodeHello, typeOf, type Hello } from '../../src/protocol/messages.js'
import { encode, writeVarUint, writeVarUint8Array } from '../../src/protocol/wire.js'

export interface HostileClient {
  readonly frames: readonly Uint8Array[]
  /** Null: still open. */
  readonly closed: { readonly code: number; readonly reason: string } | null
  types(): (number | null)[]
  send(...frames: readonly (Uint8Array | string)[]): void
  /** The close code, once there is one. */
  code(): Promise<number>
  /** Until `count` frames of the type are here. */
  heard(type: number, count?: number): Promise<readonly Uint8Array[]>
  /** Until `read` finds something. */
  until: Until
  close(): void
}
export interface ClientOptions {
  readonly protocols?: readonly string[]
  readonly origin?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** For assertions that look again. */
export const WAIT = { timeout: 10_000, interval: 10 } as const

/** Whatever is sent before the socket opens is sent as soon as it has. */
export function openClient(url: string, token: string | null, { protocols = ['porchlight.v1', ...(token === null ? [] : [`bearer.${token}`])], ...options }: ClientOptions = {}): HostileClient {
  const ws = new WebSocket(url, [...protocols], { perMessageDeflate: true, ...options })
  const frames: Uint8Array[] = []
  const waiting = createWaiting()
  let closed: HostileClient['closed'] = null
  ws.on('message', (data: Buffer) => {
    frames.push(new Uint8Array(data))
    waiting.look()
  })
  ws.on('error', () => undefined)
  ws.on('close', (code, reason) => {
    closed = { code, reason: reason.toString() }
    waiting.look()
  })
  const framesOf = (type: number): Uint8Array[] => frames.filter((frame) => typeOf(frame) === type)
  return {
    frames,
    get closed() { return closed },
    types: () => frames.map(typeOf),
    send(...sent) {
      const sendAll = (): void => sent.forEach((frame) => ws.send(frame))
      if (ws.readyState === ws.CONNECTING) ws.once('open', sendAll)
      else if (ws.readyState === ws.OPEN) sendAll()
    },
    code: () => waiting.until(() => closed?.code, 'the socket closes'),
    heard: (type, count = 1) => waiting.until(() => framesOf(type).length >= count && framesOf(type), `${count} frames of type ${type} arrive`),
    until: waiting.until,
    close: () => ws.close(),
  }
}

type Until = <T>(read: () => T | undefined | null | false, what: string, withinMs?: number) => Promise<T>
interface Waiting {
  look(): void
  readonly until: Until
}
function createWaiting(): Waiting {
  const looks = new Set<() => void>()
  return {
    look: () => looks.forEach((look) => look()),
    until: (read, what, withinMs = WAIT.timeout) => new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        looks.delete(look)
        reject(new Error(`Not within ${withinMs / 1_000} s: ${what}.`))
      }, withinMs)
      const look = (): void => {
        const found = read()
        if (found === undefined || found === null || found === false) return
        clearTimeout(timer)
        looks.delete(look)
        resolve(found)
      }
      looks.add(look)
      look()
    }),
  }
}

export const helloOf = (deviceId: string, over: Partial<Hello> = {}): Uint8Array => encodeHello({
  version: 1, deviceId, kind: 'laptop', name: 'A laptop', heartbeatIntervalMs: 30_000, awayAfterMs: 300_000, offlineAfterMs: 3_600_000, digest: '', ...over,
})

/** What a device tells of itself, in awareness. */
export const deviceState = (deviceId: string, over: JsonObject = {}): JsonObject => ({
  deviceId, kind: 'laptop', name: 'A laptop', sinceInputMs: 0, locked: false, hidden: false, holds: [], override: null, digest: '', ...over,
})
/** The same as a whole frame. */
export const deviceFrame = (deviceId: string, over?: JsonObject, clock = 1): Uint8Array => encodeAwareness([{ clientId: 1, clock, state: deviceState(deviceId, over) }])

export const STEP_1 = 0
export const STEP_2 = 1
export const UPDATE = 2
export const syncFrame = (subtype: number, bytes: Uint8Array): Uint8Array => encode(SYNC, (writer) => {
  writeVarUint(writer, subtype)
  writeVarUint8Array(writer, bytes)
})

export interface RawSocket {
  /** Everything that came, as it came. */
  received(): Buffer
  send(bytes: Uint8Array | string): void
  /** The code of the relay's close frame; 1006 where the socket ended without one. */
  code(withinMs?: number): Promise<number>
  /** The status of the answer to a request; 0 where the socket ended without one. */
  status(): Promise<number>
  /** The other end is gone. */
  isOver(): boolean
  /** From now on nothing is taken from the network. */
  stopReading(): void
  /** Until nothing more will come. */
  ended(withinMs?: number): Promise<true>
  end(): void
}

export function openRaw(port: number): RawSocket {
  const socket = connect(port, '127.0.0.1')
  const waiting = createWaiting()
  let received = Buffer.alloc(0)
  let isOver = false
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes])
    waiting.look()
  })
  for (const event of ['error', 'close'] as const) {
    socket.on(event, () => {
      isOver = true
      waiting.look()
    })
  }
  return {
    received: () => received,
    send: (bytes) => { if (!socket.destroyed) socket.write(bytes) },
    code: (withinMs) => waiting.until(() => closeCodeIn(received) ?? (isOver ? 1_006 : null), 'the socket closes', withinMs),
    status: () => waiting.until(() => /^HTTP\/1\.1 (\d{3})/.exec(received.toString('latin1'))?.[1] ?? (isOver ? '0' : null), 'there is an answer').then(Number),
    ended: (withinMs) => waiting.until(() => isOver, 'the socket ends', withinMs),
    isOver: () => isOver, stopReading: () => { socket.pause() },
    end: () => socket.destroy(),
  }
}

export const upgradeRequest = (path: string, token: string | null, headers: readonly string[] = []): string => [
  `GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ...(token === null ? [] : [`Sec-WebSocket-Protocol: porchlight.v1, bearer.${token}`]), ...headers, '', '',
].join('\r\n')

/** A client's frame; `first` is its first byte (FIN, RSV and opcode). */
export function rawFrame(first: number, payload: Uint8Array | string, { isMasked = true, declaredBytes }: { readonly isMasked?: boolean; readonly declaredBytes?: bigint } = {}): Buffer {
  const body = Buffer.from(payload)
  const length = declaredBytes ?? BigInt(body.length)
  const head = length < 126n ? [Number(length)] : length < 65_536n ? [126, Number(length >> 8n), Number(length & 255n)] : [127, ...[56n, 48n, 40n, 32n, 24n, 16n, 8n, 0n].map((shift) => Number((length >> shift) & 255n))]
  head[0]! |= isMasked ? 128 : 0
  // A mask of nothing but zeros leaves the bytes as they are.
  return Buffer.concat([Buffer.from([first, ...head, ...(isMasked ? [0, 0, 0, 0] : [])]), body])
}

/** Reads the server's frames behind the answer to the upgrade. */
function closeCodeIn(received: Buffer): number | undefined {
  let at = received.indexOf('\r\n\r\n') + 4
  while (at >= 4 && at + 2 <= received.length) {
    const short = received[at + 1]! & 127
    if (short > 125 && at + 4 > received.length) return undefined
    const [headBytes, length] = short === 126 ? [4, received.readUInt16BE(at + 2)] : [2, short]
    if ((received[at]! & 15) === 8) return length >= 2 ? received.readUInt16BE(at + headBytes) : 1_005
    at += headBytes + length
  }
  return undefined
}
