/** The y-websocket provider as a socket for `relay-transport`: it syncs the document and its liveness, we decide when it connects. */
import type { Decoder } from 'lib0/decoding'
import type { Encoder } from 'lib0/encoding'
import { messageYjsUpdate } from 'y-protocols/sync'
import { WebsocketProvider } from 'y-websocket'
import { encodeStateAsUpdate, type Doc } from 'yjs'
import type { Dial, RelaySocketEvents } from '../ports.js'
import { AWARENESS, SYNC, TYPE } from '../protocol/messages.js'
import { encode, writeVarUint, writeVarUint8Array } from '../protocol/wire.js'
import type { Liveness } from './liveness.js'

export interface RelayProviderOptions {
  readonly relayUrl: string
  readonly userId: string
  readonly doc: Doc
  readonly liveness: Liveness
  readonly WebSocket: typeof WebSocket
  /** Yjs' own sync is done, with whichever server. */
  readonly onSynced: () => void
}
export interface RelayProvider {
  readonly dial: Dial
  /** From now on, until the socket is lost, edits are sent as they are made; those made since it opened first (TM2). */
  flow(): void
  close(): void
}

type Handler = (encoder: Encoder, decoder: Decoder, provider: WebsocketProvider, emitSynced: boolean, type: number) => void

export function createRelayProvider({ relayUrl, userId, doc, liveness, WebSocket, onSynced }: RelayProviderOptions): RelayProvider {
  const provider = new WebsocketProvider(relayUrl, `user/${encodeURIComponent(userId)}`, doc, {
    connect: false,
    // Its own channel is keyed by URL and room, not by who signed in: a refused user read another's document through it.
    disableBc: true,
    awareness: liveness.awareness,
    WebSocketPolyfill: WebSocket,
    shouldReconnect: () => false,
  })
  // Gives up after 30 s without a message, which a hidden tab's held-back frames look like.
  clearInterval((provider as unknown as { _checkInterval: ReturnType<typeof setInterval> })._checkInterval)
  let events: RelaySocketEvents | null = null
  let isFlowing = false
  let hasHeldBack = false
  holdBackEdits()
  installHandlers()
  provider.on('status', ({ status }) => { if (status === 'connected') events?.open() })
  provider.on('sync', (isSynced) => { if (isSynced) onSynced() })
  provider.on('connection-close', (event) => end(event?.code ?? 1006))
  return { dial, flow, close: () => { events = null; provider.destroy() } }

  function dial(protocols: readonly string[], handlers: RelaySocketEvents): ReturnType<Dial> {
    events = handlers
    isFlowing = false
    hasHeldBack = false
    provider.protocols = [...protocols]
    try {
      provider.connect()
    } catch {
      // The address or the token cannot be dialled at all.
      provider.disconnect()
      queueMicrotask(() => end(1006))
    }
    return { send, close }
  }

  /** Between opening and the relay's answer our clock may be known to be wrong; the provider would send an edit at once. */
  function holdBackEdits(): void {
    const { _updateHandler: sendUpdate } = provider as unknown as { _updateHandler: (update: Uint8Array, origin: unknown) => void }
    doc.off('update', sendUpdate)
    doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (isFlowing) sendUpdate(update, origin)
      else if (origin !== provider) hasHeldBack = true
    })
  }

  function flow(): void {
    isFlowing = true
    if (!hasHeldBack) return
    send(encode(SYNC, (writer) => {
      writeVarUint(writer, messageYjsUpdate)
      writeVarUint8Array(writer, encodeStateAsUpdate(doc))
    }))
  }

  function send(frame: Uint8Array): void {
    const { ws } = provider
    if (ws && ws.readyState === ws.OPEN) ws.send(frame as Uint8Array<ArrayBuffer>)
  }

  function close(): void {
    events = null
    provider.disconnect()
  }

  function end(code: number): void {
    const ended = events
    events = null
    ended?.close(code)
  }

  /** Ours are handed on whole; the provider's own are kept from throwing at what a hostile relay may send. */
  function installHandlers(): void {
    const handlers = provider.messageHandlers as Handler[]
    for (const type of [SYNC, AWARENESS]) {
      const own = handlers[type]!
      handlers[type] = guarded((encoder, decoder, ...rest) => own(encoder, decoder, ...rest))
    }
    for (const type of Object.values(TYPE)) {
      handlers[type] = guarded((_, decoder) => {
        const frame = decoder.arr
        decoder.pos = frame.length
        events?.frame(frame)
      })
    }
  }

  function guarded(handle: Handler): Handler {
    return (encoder, ...rest) => {
      events?.heard()
      try {
        handle(encoder, ...rest)
      } catch {
        const ended = events
        close()
        ended?.close(1006)
      }
    }
  }
}
