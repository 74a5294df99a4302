/** A WebSocket client lean enough for ten thousand in one process: one shared buffer, no events, no copies. */
import { connect } from 'node:net'
import { OPCODE, clientFrame, createFrameReader, type OnFrame } from './frames.js'

/** Everything that went over a socket, its handshake included. */
export interface Traffic {
  receivedBytes: number
  sentBytes: number
}
export const uncounted: Traffic = { receivedBytes: 0, sentBytes: 0 }
/** An `onClose` for where a client less would falsify what is measured. */
export const lose = (code: number): never => { throw new Error(`A client was closed with ${code}.`) }

export interface RawSocketOptions {
  readonly port: number
  readonly path: string
  readonly protocols?: readonly string[]
  /** A relay bounds the connections of one address: see `addressOf`. */
  readonly localAddress: string
  readonly traffic: Traffic
  readonly onOpen: () => void
  readonly onFrame: OnFrame
  readonly onClose: (code: number) => void
}
export interface RawSocket {
  /** Frames that are ready, as `clientFrame` makes them. */
  write(frames: Uint8Array): void
  close(): void
}

/** Reads are handled before the next one begins: one buffer serves all. */
const shared = Buffer.allocUnsafe(1 << 18)
const PONG = clientFrame(new Uint8Array(), OPCODE.pong)
const CLOSE = clientFrame(Uint8Array.of(3, 232), OPCODE.close)
/** As many homes and offices. */
const ADDRESSES = 200

export const addressOf = (index: number): string => `127.0.0.${2 + (index % ADDRESSES)}`

export function openRawSocket({ port, path, protocols = [], localAddress, traffic, onOpen, onFrame, onClose }: RawSocketOptions): RawSocket {
  let code = 1006
  let answer = ''
  let isOpen = false
  const read = createFrameReader((opcode, payload, wireBytes) => {
    if (opcode === OPCODE.ping) return write(PONG)
    if (opcode === OPCODE.close) {
      code = payload.length < 2 ? 1005 : payload[0]! * 256 + payload[1]!
      socket.destroy()
      return
    }
    onFrame(opcode, payload, wireBytes)
  })
  const socket = connect({
    host: '127.0.0.1', port, localAddress, noDelay: true,
    onread: {
      buffer: shared,
      callback: (count) => {
        receive(shared.subarray(0, count))
        return true
      },
    },
  })
  socket.on('connect', () => write(Buffer.from(upgrade(path, protocols))))
  socket.on('error', () => undefined)
  socket.on('end', () => socket.destroy())
  socket.on('close', () => onClose(code))
  return {
    write,
    close() {
      write(CLOSE)
      socket.end()
    },
  }

  function write(bytes: Uint8Array): void {
    if (socket.destroyed) return
    traffic.sentBytes += bytes.length
    socket.write(bytes)
  }

  function receive(bytes: Buffer): void {
    traffic.receivedBytes += bytes.length
    if (isOpen) return read(bytes)
    answer += bytes.toString('latin1')
    const end = answer.indexOf('\r\n\r\n')
    if (end < 0) return
    if (!answer.startsWith('HTTP/1.1 101')) return void socket.destroy()
    isOpen = true
    const rest = Buffer.from(answer.slice(end + 4), 'latin1')
    answer = ''
    onOpen()
    if (rest.length > 0) read(rest)
  }
}

const upgrade = (path: string, protocols: readonly string[]): string => [
  `GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', ...(protocols.length > 0 ? [`Sec-WebSocket-Protocol: ${protocols.join(', ')}`] : []), '', '',
].join('\r\n')
