/** The receiving end of the feed on one connection: integers become names again, and changes whole values. */
import type { Told } from '../model/directory.js'
import { parsed, unreadable, type Parsed } from '../model/json.js'
import type { Projection } from '../model/project-presence.js'
import type { ChannelId, JsonValue, UserId } from '../presence-service.js'
import { OWN_NUMBER, applyEntry, decodeFeed, type FeedItem, type UserEntry } from './feed.js'

export interface FeedNews {
  readonly userId: UserId
  readonly told: Told
  /** Undefined: unchanged. */
  readonly devices: JsonValue | undefined
  /** Told to the person's own device, which sees more than others do. */
  readonly isToOwner: boolean
  readonly joined: readonly ChannelId[]
  readonly left: readonly ChannelId[]
  readonly isForgotten: boolean
}
export interface FeedReader {
  /** `now` is relay time. A frame that cannot be read changes nothing. */
  read(frame: Uint8Array, now: number): Parsed<FeedNews[]>
  channelId(channelNumber: number): ChannelId | undefined
}

interface Known {
  readonly userId: UserId
  readonly projection: Projection
  readonly isUnknown: boolean
}

/** Integers are of one connection to one relay: make a new reader for each. */
export function createFeedReader(): FeedReader {
  const users = new Map<number, Known>()
  const channels = new Map<number, ChannelId>()
  return { read, channelId: (channelNumber) => channels.get(channelNumber) }

  function read(frame: Uint8Array, now: number): Parsed<FeedNews[]> {
    const items = decodeFeed(frame)
    if (!items.ok) return items
    return hasStranger(items.value) ? unreadable('a user was not introduced') : parsed(items.value.flatMap((item) => newsOf(item, now)))
  }

  /** Somebody spoken of before they are introduced. */
  function hasStranger(items: readonly FeedItem[]): boolean {
    const introduced = new Set<number>()
    return items.some((item) => {
      if (item.kind === 'channel') return false
      if (item.userId !== undefined) introduced.add(item.number)
      return !introduced.has(item.number) && !users.has(item.number)
    })
  }

  function newsOf(item: FeedItem, now: number): FeedNews[] {
    if (item.kind === 'channel') {
      channels.set(item.channelNumber, item.channelId)
      return []
    }
    const before = users.get(item.number)
    const userId = item.userId ?? before?.userId
    if (userId === undefined) return []
    const known: Known = {
      userId, projection: applyEntry(before?.projection, item, userId, now),
      isUnknown: item.status === undefined ? before?.isUnknown ?? false : item.isUnknown ?? false,
    }
    users.set(item.number, known)
    return [{
      userId, told: known, devices: devicesOf(item), isToOwner: item.number === OWN_NUMBER, joined: named(item.joined), left: named(item.left), isForgotten: item.isForgotten ?? false,
    }]
  }

  function named(numbers: readonly number[] | undefined): ChannelId[] {
    return (numbers ?? []).flatMap((number) => channels.get(number) ?? [])
  }
}

/** Who is introduced without devices shares none; an owner is told of theirs by themselves. */
const devicesOf = ({ number, userId, devices }: UserEntry): JsonValue | undefined => devices ?? (userId !== undefined && number !== OWN_NUMBER ? [] : undefined)
