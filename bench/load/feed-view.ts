/** What a simulated device takes from a frame of the feed. */
import { decodeFeed, type FeedItem } from '../../src/protocol/feed.js'

/** A frame that cannot be read falsifies whatever is measured. */
export function itemsOf(frame: Uint8Array): readonly FeedItem[] {
  const items = decodeFeed(frame)
  if (!items.ok) throw new Error(`A frame of the feed cannot be read: ${items.reason}.`)
  return items.value
}

export function membersIn(frame: Uint8Array, see: (number: number) => void): void {
  for (const item of itemsOf(frame)) if (item.kind === 'user' && item.joined && item.joined.length > 0) see(item.number)
}

export const introductionsIn = (frame: Uint8Array): number =>
  itemsOf(frame).filter((item) => item.kind === 'user' && item.userId !== undefined).length
