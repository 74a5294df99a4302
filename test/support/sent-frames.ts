/** The WebSocket frames that a server sent, from a trace of its system calls. */
import type { SystemCall } from './system-calls.js'

export interface SentFrame {
  readonly payload: Uint8Array
  /** The line of the trace at which its first byte went to the kernel. */
  readonly sentAt: number
}

const BINARY = 0x82

/** Of every socket on which an upgrade was accepted. */
export function sentFrames(calls: readonly SystemCall[]): SentFrame[] {
  const streams = new Map<string, { bytes: Buffer[]; callAt: { readonly offset: number; readonly line: number }[]; length: number }>()
  for (const { name, on, texts, result, enteredAt } of calls) {
    if (!/^(write|writev|sendto|sendmsg)$/.test(name) || !on.startsWith('socket:') || result <= 0) continue
    const stream = streams.get(on) ?? { bytes: [], callAt: [], length: 0 }
    streams.set(on, stream)
    stream.callAt.push({ offset: stream.length, line: enteredAt })
    stream.bytes.push(Buffer.concat(texts).subarray(0, result))
    stream.length += result
  }
  return [...streams.values()].flatMap(({ bytes, callAt }) => framesIn(Buffer.concat(bytes)).map(({ payload, offset }) => (
    { payload, sentAt: callAt.findLast((call) => call.offset <= offset)!.line }
  )))
}

function framesIn(stream: Buffer): { readonly payload: Uint8Array; readonly offset: number }[] {
  const frames: { payload: Uint8Array; offset: number }[] = []
  if (!stream.toString('latin1').startsWith('HTTP/1.1 101')) return frames
  for (let offset = stream.indexOf('\r\n\r\n') + 4; offset + 2 <= stream.length;) {
    const short = stream[offset + 1]!
    const headBytes = short < 126 ? 2 : 4
    const payload = stream.subarray(offset + headBytes, offset + headBytes + (short < 126 ? short : stream.readUInt16BE(offset + 2)))
    if (stream[offset] === BINARY) frames.push({ payload, offset })
    offset += headBytes + payload.length
  }
  return frames
}
