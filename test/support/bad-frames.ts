/** FAULTS 4.1: what may arrive on a socket before any of it is a message. */
import { rawFrame, upgradeRequest } from './hostile-client.js'

export const FIN = 0x80
export const TEXT = 1
export const BINARY = 2
const CLOSE = 8
export const PING = 9
const [RSV1, RSV2, RSV3] = [0x40, 0x20, 0x10]

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values)
const closing = (code: number, reason: Uint8Array = bytes()): Buffer => rawFrame(FIN | CLOSE, bytes(code >> 8, code & 255, ...reason))
const endless = (count: number, piece: string): Buffer[] => {
  const continuation = rawFrame(0, piece)
  return [rawFrame(BINARY, piece), Buffer.concat(Array.from({ length: count }, () => continuation))]
}

/** On an open socket, with the code that ends it. */
export const BAD_FRAMES: readonly (readonly [what: string, code: number, frames: readonly Uint8Array[]])[] = [
  ['[W1] of text -1', 4_400, [rawFrame(FIN | TEXT, '-1')]],
  ['[W2] of text', 4_400, [rawFrame(FIN | TEXT, 'hello')]],
  ['[W2] of empty text', 4_400, [rawFrame(FIN | TEXT, '')]],
  ['[W2] of text 4000000000', 4_400, [rawFrame(FIN | TEXT, '4000000000')]],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => [`[W3] of opcode ${opcode}`, 1_002, [rawFrame(FIN | opcode, 'x')]] as const),
  ['[W4] with RSV1, and no extension', 1_002, [rawFrame(FIN | RSV1 | BINARY, 'x')]],
  ['[W4] with RSV2', 1_002, [rawFrame(FIN | RSV2 | BINARY, 'x')]],
  ['[W4] with RSV3', 1_002, [rawFrame(FIN | RSV3 | BINARY, 'x')]],
  ['[W5] that is not masked', 1_002, [rawFrame(FIN | BINARY, 'x', { isMasked: false })]],
  ['[W6] that is a ping of 126 bytes', 1_002, [rawFrame(FIN | PING, 'x'.repeat(126))]],
  ['[W6] that is a ping in pieces', 1_002, [rawFrame(PING, 'x')]],
  ['[W7] that goes on with nothing', 1_002, [rawFrame(FIN, 'x')]],
  ['[W7] that begins inside another', 1_002, [rawFrame(BINARY, 'x'), rawFrame(FIN | BINARY, 'x')]],
  ['[W8] of text that is not UTF-8', 1_007, [rawFrame(FIN | TEXT, bytes(0xff, 0xfe))]],
  ['[W8] that closes with 999', 1_002, [closing(999)]],
  ['[W8] that closes with 1006', 1_002, [closing(1_006)]],
  ['[W8] that closes with one byte', 1_002, [rawFrame(FIN | CLOSE, bytes(3))]],
  ['[W8] that closes with a reason that is not UTF-8', 1_007, [closing(1_000, bytes(0xff))]],
  ['[W9] of 64 KiB and a byte, declared', 1_009, [rawFrame(FIN | BINARY, '', { declaredBytes: 65_537n })]],
  ['[W9] of 101 MiB, declared', 1_009, [rawFrame(FIN | BINARY, '', { declaredBytes: 105_906_176n })]],
  ['[W9] of 2^63, declared', 1_009, [rawFrame(FIN | BINARY, '', { declaredBytes: 2n ** 63n })]],
  ['[W9] of 64 KiB and more, in pieces', 1_009, [rawFrame(BINARY, ''), ...Array.from({ length: 66 }, () => rawFrame(0, new Uint8Array(1_000)))]],
  ['[W10] of 300,000 pieces of a byte', 1_008, endless(300_000, 'x')],
  ['[W10] of empty pieces without end', 1_008, endless(100_000, '')],
  ['[W12] of nothing', 4_400, [rawFrame(FIN | BINARY, '')]],
  ['[W15] of deflate, which was not agreed on', 1_002, [rawFrame(FIN | RSV1 | BINARY, bytes(0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00))]],
  ['[W17] of garbage', 1_002, [Buffer.from('GET / HTTP/1.1\r\n\r\n'.repeat(20))]],
]

/** Refused before anything is upgraded; `TOKEN` stands for one of eve. */
export const BAD_UPGRADES: readonly (readonly [what: string, request: string])[] = [
  ['[W13] of 2,000 headers', upgradeRequest('/user/eve', 'TOKEN', Array.from({ length: 2_000 }, (_, index) => `X-${index}: y`))],
  ['[W13] of a header of 64 KB', upgradeRequest('/user/eve', 'TOKEN', [`X: ${'y'.repeat(65_536)}`])],
  ['[W13] of version 12', upgradeRequest('/user/eve', 'TOKEN').replace('Version: 13', 'Version: 12')],
  ['[W13] with two keys', upgradeRequest('/user/eve', 'TOKEN', ['Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='])],
  ['[W13] without a key', upgradeRequest('/user/eve', 'TOKEN').replace(/Sec-WebSocket-Key.*\r\n/, '')],
  ['[W13] by POST', upgradeRequest('/user/eve', 'TOKEN').replace('GET', 'POST')],
  ['[W14] from nobody', upgradeRequest('/user/eve', 'TOKEN', ['Origin: null'])],
  ['[W14] from a host that begins like ours', upgradeRequest('/user/eve', 'TOKEN', ['Origin: http://127.0.0.1.evil.com'])],
  ['[W14] from a host in capitals', upgradeRequest('/user/eve', 'TOKEN', ['Origin: HTTP://EXAMPLE.COM'])],
]
export const HTTP_1_0: string = upgradeRequest('/user/eve', 'TOKEN').replace('HTTP/1.1', 'HTTP/1.0')

/** FAULTS W16: where there is no room. Bytes outside ASCII are no URL at all. */
export const NO_ROOMS: readonly string[] = [
  '/', '/..%2f..', '/%00', `/user/${'x'.repeat(8_192)}`, '/__proto__', '/constructor', '/user/__proto__', '/user/constructor', '/uѕer/mallory', '//evil', '//evil/user/mallory',
  '/user/mallory/', '/user/', '/user', '/user/%00', '/user/%ff', '/user/../user/mallory', 'http://evil.example/user/mallory', '*', '/USER/mallory', '/user/mallory;x',
]

/** FAULTS T9: none of them is `https://app.example.com`. */
export const FOREIGN_ORIGINS: readonly string[] = [
  'null', 'https://app.example.com.evil', 'https://evil.example', 'http://app.example.com', 'https://APP.EXAMPLE.COM', 'HTTPS://APP.EXAMPLE.COM', 'https://app.example.com:8443',
  'https://app.example.com:443', 'https://app.example.com.', 'https://xapp.example.com', 'https://example.com', 'https://app.example.com/', 'https://app.example.com@evil.example', 'file://',
  'https://app.example.com, https://evil.example', 'https://app.example.com\r\nOrigin: https://evil.example', 'https://аpp.example.com', '', 'chrome-extension://abcdef', 'http://127.0.0.1',
]
