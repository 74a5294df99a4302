/** Numbers for whoever operates a relay. Names come from our own code, never from a stranger, so that there are few of them. */
export interface Meter {
  /** Something was refused, dropped or odd. */
  refused(reason: string): void
  /** One tick of the feed: so many writes to sockets, bytes in them, and changes told (one change to ten viewers is ten). */
  told(writes: number, bytes: number, changes: number): void
  /** One save of the store, whether it took it, and how long that took. */
  saved(isStored: boolean, tookMs: number): void
  /** What must never be was seen to be: an id of FAULTS' invariants, `I4`. */
  violated(invariant: string): void
}

export const NO_METER: Meter = { refused: () => undefined, told: () => undefined, saved: () => undefined, violated: () => undefined }
