export type Ask =
  /** Begins to measure the delay of the event loop. */
  | 'watch-loop'
  /** Its 99th percentile since then. */
  | 'loop-delay'
  /** Collects garbage. */
  | 'collect'
  | 'memory'
export interface Question {
  readonly id: number
  readonly ask: Ask
}
export interface Answer {
  readonly id: number
  readonly loopDelayMs?: number
  /** Of JavaScript objects and buffers. */
  readonly heapBytes?: number
}
