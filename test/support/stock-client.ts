/** An app of somebody else on an unmodified y-websocket provider, as one more device of its user (SY4). It merges as docs/PROTOCOL.md says. */
import { randomBytes } from 'node:crypto'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { compareStamps, type Stamp } from '../../src/model/hybrid-clock.js'
import type { JsonValue } from '../../src/presence-service.js'

export interface StockClient {
  readonly provider: WebsocketProvider
  readonly writerId: string
  write(register: string, value: JsonValue, at?: number): void
  /** The value with the greatest stamp. */
  read(register: string): JsonValue | undefined
  /** What the other clients say of themselves. */
  others(): unknown[]
  close(): void
}

interface Entry {
  readonly at: Stamp
  readonly value: JsonValue
}

export function openStockClient(relayUrl: string, userId: string, token: string): StockClient {
  const writerId = randomBytes(16).toString('base64url')
  const doc = new Y.Doc()
  const map = doc.getMap<Entry>('registers')
  const provider = new WebsocketProvider(relayUrl, `user/${encodeURIComponent(userId)}`, doc, {
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    // Else two of them in one process would meet without the relay.
    disableBc: true,
    protocols: ['porchlight.v1', `bearer.${token}`],
  })
  return {
    provider, writerId,
    write: (register, value, at = Date.now()) => { map.set(`${register}/${writerId}`, { at: [at, 0, writerId], value }) },
    read(register) {
      const entries = [...map.entries()].flatMap(([key, entry]) => (key.slice(0, key.lastIndexOf('/')) === register ? [entry] : []))
      return entries.sort((a, b) => compareStamps(b.at, a.at))[0]?.value
    },
    others: () => [...provider.awareness.getStates()].flatMap(([clientId, state]) => (clientId === doc.clientID ? [] : [state])),
    close() {
      provider.destroy()
      doc.destroy()
    },
  }
}
