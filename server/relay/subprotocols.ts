import { WIRE } from '../../src/protocol/limits.js'

/**
 * The token out of a `Sec-WebSocket-Protocol` header: `porchlight.v1, bearer.<jwt>`. Null where there is none, or not
 * exactly one: of two, a proxy in between might have checked the other.
 */
export function tokenFromSubprotocols(header: string | undefined): string | null {
  const offered = (header ?? '').split(',').map((protocol) => protocol.trim())
  const tokens = offered.filter((protocol) => protocol.startsWith(WIRE.tokenPrefix))
  return offered.includes(WIRE.subprotocol) && tokens.length === 1 ? tokens[0]!.slice(WIRE.tokenPrefix.length) : null
}
