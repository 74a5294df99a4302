/** What the store asks of the folder it lies in. A test has one that forgets what was not synced, and fails when it is told to. */
import type { KeyRange } from './user-keys.js'

export interface Disk {
  /** For messages. */
  readonly path: string
  readonly level: Level
  /** Makes the folder where it is missing; its name is durable then, and those above it. */
  create(): Promise<void>
  /** Rejects while the folder takes no bytes. */
  probe(): Promise<void>
  /** The names of the database's logs, durable by then: a synced file can be lost for want of its name. */
  syncLogNames(): Promise<readonly string[]>
  /** Null where there is none. */
  readHead(): Promise<string | null>
  /** Always of the same length. Resolves once it is durable. */
  writeHead(text: string): Promise<void>
}

/** The slice of `ClassicLevel` that we call. */
export interface Level {
  readonly status: string
  open(): Promise<void>
  close(): Promise<void>
  get(key: string): Promise<string | undefined>
  getSync(key: string): string | undefined
  /** Atomic. Durable when it resolves, if it was asked to sync. */
  batch(operations: LevelOperation[], options: { readonly sync: boolean }): Promise<void>
  iterator(range: KeyRange): { all(): Promise<[key: string, value: string][]> }
  keys(range: KeyRange & { readonly limit: number }): { all(): Promise<string[]> }
}

export type LevelOperation =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'del'; readonly key: string }
