import { encodeChannelName, encodeEntry, feedFrame, type FeedItem } from '../../src/protocol/feed.js'

/** A frame of the feed with all of these in it. */
export const encodeFeed = (items: readonly FeedItem[]): Uint8Array =>
  feedFrame(items.map((item) => (item.kind === 'user' ? encodeEntry(item) : encodeChannelName(item))))
