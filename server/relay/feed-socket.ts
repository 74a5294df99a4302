/**
 * The feed's way to a socket: a batch as ready-made WebSocket frames in one buffer, the same for everybody who is told the same, since a
 * server's frames are not masked (RFC 6455, section 5.1). One write is one system call, which is what a delivery costs.
 */
import type { Duplex } from 'node:stream'
import { WIRE } from '../../src/protocol/limits.js'
import type { Batch } from '../hub/hub-user.js'
import { messagesOf } from '../hub/batch.js'

/** Written as one batch, ready-made: for a socket that is open. */
export function deliverTo(socket: Duplex, batch: Batch): number {
  const frames = framesOf(batch)
  socket.write(frames)
  return frames.length
}

export const isSlow = (socket: Duplex): boolean => socket.writableLength > WIRE.slowSocketBytes

const framed = new WeakMap<Batch, Uint8Array>()

function framesOf(batch: Batch): Uint8Array {
  const known = framed.get(batch)
  if (known) return known
  const frames = Buffer.concat(messagesOf(batch).flatMap((message) => [headerOf(message.length), message]))
  framed.set(batch, frames)
  return frames
}

const FINAL_BINARY = 0x82
/** Section 5.2: up to 125 bytes in the header's second byte, else in two or eight more. */
export function headerOf(length: number): Buffer {
  if (length < 126) return Buffer.of(FINAL_BINARY, length)
  if (length < 65_536) return Buffer.of(FINAL_BINARY, 126, length >> 8, length & 0xff)
  const header = Buffer.alloc(10)
  header[0] = FINAL_BINARY
  header[1] = 127
  header.writeBigUInt64BE(BigInt(length), 2)
  return header
}
