export type Opened = { ok: true; value: Uint8Array } | { ok: false; reason: 'damaged' | 'newer' }

const VERSION = 1
const CHECKSUM_BYTES = 4
const HEADER_BYTES = CHECKSUM_BYTES + 1

/** Checksum, version, bytes. Every later version keeps that beginning, or a flipped version byte would pass for news. */
export function seal(bytes: Uint8Array): Uint8Array {
  const envelope = new Uint8Array(HEADER_BYTES + bytes.length)
  envelope[CHECKSUM_BYTES] = VERSION
  envelope.set(bytes, HEADER_BYTES)
  new DataView(envelope.buffer).setUint32(0, checksum(envelope))
  return envelope
}

export function openEnvelope(stored: unknown): Opened {
  if (!ArrayBuffer.isView(stored) || !(stored instanceof Uint8Array) || stored.length < HEADER_BYTES) return { ok: false, reason: 'damaged' }
  const { buffer, byteOffset } = stored
  if (new DataView(buffer, byteOffset).getUint32(0) !== checksum(stored)) return { ok: false, reason: 'damaged' }
  const version = stored[CHECKSUM_BYTES]!
  if (version !== VERSION) return { ok: false, reason: version > VERSION ? 'newer' : 'damaged' }
  return { ok: true, value: stored.slice(HEADER_BYTES) }
}

/** FNV-1a: each step is a bijection of the state, so that no single changed byte can go unnoticed. */
function checksum(envelope: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let index = CHECKSUM_BYTES; index < envelope.length; index++) hash = Math.imul(hash ^ envelope[index]!, 0x01000193)
  return hash >>> 0
}
