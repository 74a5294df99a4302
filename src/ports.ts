/** Every side effect of the SDK on one page. The browser's implementations stand in `service/index.ts`. */
import type { PresenceErrorLike, Stop } from './presence-service.js'

/**
 * A steady clock: the wall clock when it was made, and monotonic since. Whole epoch milliseconds; it never goes back, and a
 * system clock that is set while it runs does not move it (TM3).
 */
export interface Clock {
  now(): number
  /** Runs `callback` once `now()` reaches `time`. */
  at(time: number, callback: () => void): Stop
}

export interface Random {
  /** In [0, 1). */
  fraction(): number
  /** Cryptographically strong; for ids and nonces. */
  bytes(length: number): Uint8Array
}

/**
 * Small named blobs that survive the page. How two writers' values become one is handed in: `change` runs inside one
 * transaction, sees what is stored at that moment, and must be synchronous.
 */
export interface Storage {
  /** Undefined where nothing, or nothing readable, is stored. A damaged value is set aside under another key first (ST3). */
  read(key: string): Promise<Uint8Array | undefined>
  /** Resolves with what is stored once it is durable; `change` may return its argument to leave things as they are. */
  update(key: string, change: (stored: Uint8Array | undefined) => Uint8Array): Promise<Uint8Array>
  /** `durable`: on disk; `memory`: never was; `degraded`: should be on disk, is in memory for now. */
  state(): 'durable' | 'memory' | 'degraded'
  /** Told of blobs set aside and of changes of `state()`. */
  onProblem(listener: (problem: PresenceErrorLike | null) => void): Stop
  close(options?: { readonly forget?: boolean }): Promise<void>
}

/** What the person does in this page. */
export interface PageActivity {
  /** Called at input (sampled) and when the page is shown or hidden. */
  start(listener: (news: 'input' | 'visible' | 'hidden') => void): Stop
  isVisible(): boolean
}

/** This device's other tabs. Carries hints only: nothing that arrives here is ever believed as an edit (TB4). */
export interface TabChannel {
  send(message: TabMessage): void
  subscribe(listener: (message: TabMessage) => void): Stop
  close(): void
}
export type TabMessage =
  /** Something was written to storage: read again. */
  | { readonly type: 'stored' }
  | { readonly type: 'input'; readonly sinceInputMs: number }
  /** This device's data is to be forgotten by every tab. */
  | { readonly type: 'forget' }

/** Lifecycle of the page: what it hears of its own end and return. */
export interface PageLifecycle {
  /** The page is being left, reloaded or put away (`pagehide`). */
  onHide(listener: () => void): Stop
  /** The page is back from the back/forward cache or from being frozen: every socket is dead. */
  onReturn(listener: () => void): Stop
  /** The network may be back, or the page became visible: a lone retry is welcome. */
  onWake(listener: () => void): Stop
}

/** One connection to a relay, whatever carries it. */
export interface RelaySocket {
  send(frame: Uint8Array): void
  /** No event follows. */
  close(): void
}
export interface RelaySocketEvents {
  open(): void
  /** A frame of one of our own types (100 and up). */
  frame(bytes: Uint8Array): void
  /** Anything arrived. */
  heard(): void
  /** Exactly once, whether or not it opened; 1006 where no code was given. */
  close(code: number): void
}
/** Tries to connect, once. */
export type Dial = (protocols: readonly string[], events: RelaySocketEvents) => RelaySocket

export type LogLevel = 'debug' | 'warn' | 'error'
export type Log = (level: LogLevel, message: string, details?: Readonly<Record<string, unknown>>) => void
