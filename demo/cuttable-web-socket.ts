/** A WebSocket on a line that can be cut: open ones end and new ones fail, as they do when the network is gone. */
export interface Line {
  isCut(): boolean
  /** Returns what stops it. */
  onCut(listener: () => void): () => void
}

const EVENTS = ['open', 'message', 'error', 'close'] as const
type Handler = ((event: never) => void) | null

export function createCuttableWebSocket(line: Line): typeof WebSocket {
  class CuttableWebSocket extends EventTarget {
    static readonly CONNECTING = 0
    static readonly OPEN = 1
    static readonly CLOSING = 2
    static readonly CLOSED = 3
    readonly CONNECTING = 0
    readonly OPEN = 1
    readonly CLOSING = 2
    readonly CLOSED = 3
    readonly url: string
    onopen: Handler = null
    onmessage: Handler = null
    onerror: Handler = null
    onclose: Handler = null
    #socket: WebSocket | null = null
    #binaryType: BinaryType = 'blob'
    #hasEnded = false
    readonly #stopListening: () => void

    constructor(url: string | URL, protocols?: string | string[]) {
      super()
      this.url = String(url)
      this.#stopListening = line.onCut(() => this.#lose())
      if (line.isCut()) {
        setTimeout(() => this.#lose(), 0)
        return
      }
      this.#socket = new WebSocket(url, protocols)
      for (const type of EVENTS) this.#socket.addEventListener(type, (event) => this.#pass(event))
    }

    get readyState(): number {
      return this.#hasEnded ? 3 : (this.#socket?.readyState ?? 0)
    }

    get protocol(): string {
      return this.#socket?.protocol ?? ''
    }

    get extensions(): string {
      return this.#socket?.extensions ?? ''
    }

    get bufferedAmount(): number {
      return this.#socket?.bufferedAmount ?? 0
    }

    get binaryType(): BinaryType {
      return this.#binaryType
    }

    set binaryType(type: BinaryType) {
      this.#binaryType = type
      if (this.#socket) this.#socket.binaryType = type
    }

    send(data: Parameters<WebSocket['send']>[0]): void {
      if (!this.#hasEnded) this.#socket?.send(data)
    }

    close(code?: number, reason?: string): void {
      if (this.#socket) this.#socket.close(code, reason)
      else setTimeout(() => this.#lose(), 0)
    }

    /** The page is told at once and without a reason; the relay, by the socket's own end. */
    #lose(): void {
      if (this.#hasEnded) return
      this.#end()
      this.#socket?.close()
      this.#emit(new Event('error'))
      this.#emit(new CloseEvent('close', { code: 1006, wasClean: false }))
    }

    #pass(event: Event): void {
      if (this.#hasEnded) return
      if (event.type === 'close') this.#end()
      this.#emit(copyOf(event))
    }

    #end(): void {
      this.#hasEnded = true
      this.#stopListening()
    }

    #emit(event: Event): void {
      const handler = this[`on${event.type}` as `on${(typeof EVENTS)[number]}`]
      handler?.call(this, event as never)
      this.dispatchEvent(event)
    }
  }
  return CuttableWebSocket as unknown as typeof WebSocket
}

/** An event that is being dispatched cannot be dispatched again. */
function copyOf(event: Event): Event {
  if (event instanceof MessageEvent) return new MessageEvent('message', { data: event.data as unknown, origin: event.origin })
  if (event instanceof CloseEvent) return new CloseEvent('close', { code: event.code, reason: event.reason, wasClean: event.wasClean })
  return new Event(event.type)
}
