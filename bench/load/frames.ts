/** WebSocket frames as a load generator needs them: built beforehand, and read without copying. */

export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** A client's frame. Its mask is all zeros: the relay unmasks it all the same, and the bytes can be made in advance. */
export function clientFrame(payload: Uint8Array, opcode: number = OPCODE.binary): Buffer {
  const { length } = payload
  const head = length < 126 ? [length] : [126, length >> 8, length & 255]
  head[0]! |= 128
  return Buffer.concat([Buffer.from([128 | opcode, ...head, 0, 0, 0, 0]), payload])
}

/** `payload` is a view that holds only during the call; `wireBytes` includes the frame's head. */
export type OnFrame = (opcode: number, payload: Uint8Array, wireBytes: number) => void

/** Returns what takes the bytes of a server in, in pieces of any size. */
export function createFrameReader(onFrame: OnFrame): (bytes: Buffer) => void {
  let unread: Buffer | null = null
  return (bytes) => {
    const all = unread ? Buffer.concat([unread, bytes]) : bytes
    const end = readFrames(all, onFrame)
    unread = end < all.length ? Buffer.from(all.subarray(end)) : null
  }
}

/** Where the first frame begins that is not whole yet. */
function readFrames(bytes: Buffer, onFrame: OnFrame): number {
  let at = 0
  while (at + 2 <= bytes.length) {
    const short = bytes[at + 1]! & 127
    const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10
    if (at + headBytes > bytes.length) break
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2))
    const end = at + headBytes + length
    if (end > bytes.length) break
    onFrame(bytes[at]! & 15, bytes.subarray(at + headBytes, end), end - at)
    at = end
  }
  return at
}
