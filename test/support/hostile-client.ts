/** Clients that say whatever a test wants: over `ws`, or byte by byte over TCP. */
import { connect, type Socket } from 'node:net'
import { WebSocket } from 'ws'
import { vi } from 'vitest'
import { SYNC, encodeHello, typeOf, type Hello } from '../../src/protocol/messages.js'
import { encode, writeVarUint, writeVarUint8Array, type Writer } from '../../src/protocol/wire.js'

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
  close(): void
}

export const WAIT = { timeout: 10_000, interval: 10 } as const

/** Whatever is sent before the socket opens is sent as soon as it has. */
export function openClient(url: string, token: string | null, options: { readonly protocols?: readonly string[]; readonly origin?: string } = {}): HostileClient {
  const ws = new WebSocket(url, [...(options.protocols ?? ['porchlight.v1', ...(token === null ? [] : [`bearer.${token}`])])], { perMessageDeflate: true, ...(options.origin === undefined ? {} : { origin: options.origin }) })
  const frames: Uint8Array[] = []
  let closed: HostileClient['closed'] = null
  ws.on('message', (data: Buffer) => { frames.push(new Uint8Array(data)) })
  ws.on('error', () => undefined)
  ws.on('close', (code, reason) => { closed = { code, reason: reason.toString() } })
  return {
    frames,
    get closed() { return closed },
    types: () => frames.map(typeOf),
    send(...sent) {
      const sendAll = (): void => sent.forEach((frame) => ws.send(frame))
      if (ws.readyState === ws.CONNECTING) ws.once('open', sendAll)
      else if (ws.readyState === ws.OPEN) sendAll()
    },
    code: () => vi.waitFor(() => closed?.code ?? fail('it is still open'), WAIT),
    heard: (type, count = 1) => vi.waitFor(() => {
      const those = frames.filter((frame) => typeOf(frame) === type)
      return those.length >= count ? those : fail(`there are ${those.length} frames of type ${type}`)
    }, WAIT),
    close: () => ws.close(),
  }
}

const fail = (message: string): never => { throw new Error(message) }

export const helloOf = (deviceId: string, over: Partial<Hello> = {}): Uint8Array => encodeHello({
  version: 1, deviceId, kind: 'laptop', name: 'A laptop', heartbeatIntervalMs: 30_000, awayAfterMs: 300_000, offlineAfterMs: 3_600_000, digest: '', ...over,
})

export const STEP_1 = 0
export const STEP_2 = 1
export const UPDATE = 2
export const syncFrame = (subtype: number, bytes: Uint8Array): Uint8Array => encode(SYNC, (writer) => {
  writeVarUint(writer, subtype)
  writeVarUint8Array(writer, bytes)
})

/** A Yjs update as `write` has it: without the type that `encode` puts in front. */
export const rawBytes = (write: (writer: Writer) => void): Uint8Array => encode(0, write).subarray(1)

export interface RawSocket {
  /** Everything that came, as it came. */
  received(): Buffer
  send(bytes: Uint8Array | string): void
  /** The code of the relay's close frame; 1006 where the socket ended without one. */
  code(withinMs?: number): Promise<number>
  /** The status of the answer to the upgrade. */
  status(): Promise<number>
  /** The other end is gone. */
  isOver(): boolean
  /** From now on nothing is taken from the network. */
  stopReading(): void
  end(): void
}

export function openRaw(port: number): RawSocket {
  const socket: Socket = connect(port, '127.0.0.1')
  let received = Buffer.alloc(0)
  let isOver = false
  socket.on('data', (bytes) => { received = Buffer.concat([received, bytes]) })
  socket.on('error', () => { isOver = true })
  socket.on('close', () => { isOver = true })
  return {
    received: () => received,
    send: (bytes) => { if (!socket.destroyed) socket.write(bytes) },
    code: (withinMs = WAIT.timeout) => vi.waitFor(() => closeCodeIn(received) ?? (isOver ? 1_006 : fail('it is still open')), { ...WAIT, timeout: withinMs }),
    status: () => vi.waitFor(() => Number(/^HTTP\/1\.1 (\d{3})/.exec(received.toString('latin1'))?.[1] ?? (isOver ? 0 : fail('there is no answer'))), WAIT),
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
    const [headBytes, length] = short === 126 ? [4, received.readUInt16BE(at + 2)] : [2, short]
    if ((received[at]! & 15) === 8) return length >= 2 ? received.readUInt16BE(at + headBytes) : 1_005
    at += headBytes + length
  }
  return undefined
}
