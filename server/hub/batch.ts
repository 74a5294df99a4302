/**
 * What viewers are told in one write. Those who are told the same things in the same order share one batch, so that a frame is built
 * once for a channel of thousands: batches are the nodes of a tree, and to tell one thing more is to go to a child.
 */
import { feedFrames } from '../../src/protocol/feed.js'
import type { Batch, Piece } from './hub-user.js'

export const emptyBatch = (): Batch => ({ before: null, piece: null, length: 0, next: null, others: null, messages: null })

export function withPiece(batch: Batch, piece: Piece): Batch {
  if (batch.next?.piece === piece) return batch.next
  const known = batch.others?.get(piece)
  if (known) return known
  const child: Batch = { before: batch, piece, length: batch.length + 1, next: null, others: null, messages: null }
  if (batch.next) (batch.others ??= new Map()).set(piece, child)
  else batch.next = child
  return child
}

export function piecesOf(batch: Batch): Piece[] {
  const pieces: Piece[] = []
  for (let at: Batch | null = batch; at?.piece; at = at.before) pieces.push(at.piece)
  return pieces.reverse()
}

/** The messages that say it all, in order; the same ones for everybody. */
export function messagesOf(batch: Batch): readonly Uint8Array[] {
  batch.messages ??= toMessages(piecesOf(batch))
  return batch.messages
}

function toMessages(pieces: readonly Piece[]): Uint8Array[] {
  const messages: Uint8Array[] = []
  let entries: Uint8Array[] = []
  for (const { isFrame, bytes } of pieces) {
    if (!isFrame) entries.push(bytes)
    else {
      messages.push(...feedFrames(entries), bytes)
      entries = []
    }
  }
  messages.push(...feedFrames(entries))
  return messages
}
