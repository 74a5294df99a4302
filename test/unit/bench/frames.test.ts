import { describe, expect, it } from 'vitest'
import { OPCODE, clientFrame, createFrameReader } from '../../../bench/load/frames.js'

/** As a server sends it: not masked. */
function serverFrame(payload: Uint8Array): Buffer {
  const { length } = payload
  const head = length < 126 ? [length] : length < 65_536 ? [126, length >> 8, length & 255] : [127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255]
  return Buffer.concat([Buffer.from([128 | OPCODE.binary, ...head]), payload])
}
const payloadOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index % 251)
const SHORT = [0, 1, 125, 126, 3]
const LONG = [3, 65_535, 65_536, 3]

describe('frames as the load generator reads them', () => {
  it.each([[1, SHORT], [2, SHORT], [3, SHORT], [7, SHORT], [1_000, SHORT], [65_536, LONG], [1_000_000, LONG]])('are the same in pieces of %i bytes, heads counted', (pieceBytes, lengths) => {
    const bytes = Buffer.concat(lengths.map((length) => serverFrame(payloadOf(length))))
    const read: { readonly payload: Uint8Array; readonly wireBytes: number }[] = []
    const receive = createFrameReader((_, payload, wireBytes) => { read.push({ payload: Uint8Array.from(payload), wireBytes }) })
    for (let at = 0; at < bytes.length; at += pieceBytes) receive(Buffer.from(bytes.subarray(at, at + pieceBytes)))
    const asText = (payload: Uint8Array): string => Buffer.from(payload).toString('base64')
    expect(read.map(({ payload }) => asText(payload))).toEqual(lengths.map((length) => asText(payloadOf(length))))
    expect(read.reduce((sum, { wireBytes }) => sum + wireBytes, 0)).toBe(bytes.length)
  })

  it('outlive the buffer that a piece of them came in', () => {
    const whole = serverFrame(Uint8Array.of(1, 2, 3))
    const buffer = Buffer.from(whole.subarray(0, 4))
    const read: number[][] = []
    const receive = createFrameReader((_, payload) => { read.push([...payload]) })
    receive(buffer)
    buffer.fill(9)
    receive(Buffer.from(whole.subarray(4)))
    expect(read).toEqual([[1, 2, 3]])
  })
})

it('a client masks its frames, with zeros', () => {
  expect([...clientFrame(Uint8Array.of(7, 8))]).toEqual([130, 130, 0, 0, 0, 0, 7, 8])
  expect([...clientFrame(payloadOf(126)).subarray(0, 4)]).toEqual([130, 254, 0, 126])
})
