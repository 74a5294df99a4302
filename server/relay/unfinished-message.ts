/** Of `ws` 8.23, which tells of whole messages only. Were these renamed, a socket that stalls would still be ended by its silence. */
interface Receiver {
  readonly _bufferedBytes?: number
  readonly _fragmented?: number
  readonly _state?: number
}
/** Between two frames. */
const AT_REST = 0

/** A message has begun to arrive at this WebSocket, and has not ended. */
export function isReceiving(ws: object): boolean {
  const { _receiver: receiver } = ws as { readonly _receiver?: Receiver }
  const { _bufferedBytes = 0, _fragmented = 0, _state = AT_REST } = receiver ?? {}
  return _bufferedBytes > 0 || _fragmented !== 0 || _state !== AT_REST
}
