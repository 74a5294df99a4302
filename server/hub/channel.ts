/** Questions asked of one channel. */
import type { ChannelId } from '../../src/presence-service.js'
import type { Channel, HubUser } from './hub-user.js'
import { emptySet } from './small-set.js'

export const createChannel = (id: ChannelId, number: number): Channel => ({
  id, number, viewers: emptySet(), members: new Set(), counts: { online: 0, away: 0, dnd: 0, offline: 0 }, isLarge: false, sorted: null,
  countedAt: Number.NEGATIVE_INFINITY,
})

/** It stays large until it is well below the limit, so that one who comes and goes does not turn it over each time. */
export const shouldBeLarge = ({ isLarge, members }: Channel, limit: number): boolean => members.size > (isLarge ? limit * 0.8 : limit)

export function sortedMembers(channel: Channel): readonly HubUser[] {
  channel.sorted ??= [...channel.members].sort((a, b) => (a.userId < b.userId ? -1 : 1))
  return channel.sorted
}
