/** What waits to be written: one write per socket and tick, and none to a socket that does not take what it was given before. */
import type { Clock } from '../../src/ports.js'
import { emptyBatch, piecesOf, withPiece } from './batch.js'
import type { Batch, Piece, Viewer } from './hub-user.js'
import type { Meter } from './meter.js'

export interface Outbox {
  /** Goes out with the next tick. */
  add(viewer: Viewer, piece: Piece): void
  /** What this viewer has to be told goes out at the end of this turn, others' with the tick. */
  hurry(viewer: Viewer): void
  /** Nothing that waits is written to this viewer; it is to be told the latest instead. */
  miss(viewer: Viewer): void
  /** The tick: writes everything. */
  write(): void
  hasWaiting(): boolean
  stop(): void
}
export interface OutboxOptions {
  readonly clock: Clock
  readonly meter: Meter
  /** A slow socket has taken all it was given: it is to be told the latest of what it missed. */
  readonly onDrained: (viewer: Viewer) => void
}

export function createOutbox({ clock, meter, onDrained }: OutboxOptions): Outbox {
  const waiting = new Set<Viewer>()
  const hurried = new Set<Viewer>()
  let root = emptyBatch()
  let stopHurrying = (): void => undefined
  return {
    add, hurry, miss, write: () => writeTo(waiting), hasWaiting: () => waiting.size > 0,
    stop() {
      stopHurrying()
      waiting.clear()
      hurried.clear()
    },
  }

  function add(viewer: Viewer, piece: Piece): void {
    if (!viewer.batch) waiting.add(viewer)
    viewer.batch = withPiece(viewer.batch ?? root, piece)
  }

  function hurry(viewer: Viewer): void {
    hurried.add(viewer)
    if (hurried.size === 1) stopHurrying = clock.at(clock.now(), () => writeTo(hurried))
  }

  function writeTo(viewers: Set<Viewer>): void {
    let writes = 0
    let bytes = 0
    let changes = 0
    for (const viewer of viewers) {
      const batch = viewer.batch
      viewer.batch = null
      const told = batch && withoutMissed(viewer, batch)
      if (!told) continue
      writes++
      bytes += viewer.socket.deliver(told)
      changes += told.length
    }
    if (viewers !== waiting) for (const viewer of viewers) waiting.delete(viewer)
    viewers.clear()
    // The tree of what was told has served; whoever waits still keeps their branch.
    root = emptyBatch()
    if (writes > 0) meter.told(writes, bytes, changes)
  }

  /** Null: nothing of it can be written now. */
  function withoutMissed(viewer: Viewer, batch: Batch): Batch | null {
    if (!viewer.missed && !viewer.socket.isSlow()) return batch
    if (!viewer.missed) viewer.socket.onceDrained(() => onDrained(viewer))
    return missedOf(viewer, batch)
  }

  function miss(viewer: Viewer): void {
    if (viewer.batch) viewer.batch = missedOf(viewer, viewer.batch)
  }

  /** What is left of it. */
  function missedOf(viewer: Viewer, batch: Batch): Batch | null {
    viewer.missed ??= new Set()
    let left = emptyBatch()
    for (const piece of piecesOf(batch)) {
      if (piece.about) viewer.missed.add(piece.about)
      else left = withPiece(left, piece)
    }
    return left.length > 0 ? left : null
  }
}
