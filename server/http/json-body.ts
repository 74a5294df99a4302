import type { IncomingMessage } from 'node:http'
import { isObject } from '../../src/model/json.js'
import type { JsonValue } from '../../src/presence-service.js'
import { parseStrictJson } from '../strict-json.js'

const BODY_BYTES = 16_384

export type JsonBody =
  | { readonly ok: true; readonly value: { readonly [key: string]: JsonValue } }
  | { readonly ok: false; readonly status: 400 | 413 | 415; readonly detail: string }

/** A small JSON object out of a request: counted while it comes in, whatever its header says. */
export async function readJsonBody(request: IncomingMessage): Promise<JsonBody> {
  const { 'content-type': type, 'content-encoding': encoding, 'content-length': declared } = request.headers
  if (!/^application\/json\s*(;\s*charset=utf-8\s*)?$/i.test(type ?? '')) return refused(415, 'Send application/json.')
  if (encoding !== undefined && encoding !== 'identity') return refused(415, 'Send it uncompressed.')
  if (Number(declared ?? 0) > BODY_BYTES) return refused(413, `Send at most ${BODY_BYTES} bytes.`)
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES) return refused(413, `Send at most ${BODY_BYTES} bytes.`)
    chunks.push(chunk)
  }
  return parseBody(Buffer.concat(chunks))
}

function parseBody(bytes: Uint8Array): JsonBody {
  const read = parseStrictJson(decoded(bytes))
  return read.ok && isObject(read.value) ? { ok: true, value: read.value } : refused(400, 'That is not a plain JSON object in UTF-8.')
}

/** Bytes that are no UTF-8 become no JSON. */
function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return ''
  }
}

const refused = (status: 400 | 413 | 415, detail: string): JsonBody => ({ ok: false, status, detail })
