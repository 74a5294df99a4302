/** A channel as the hub holds it: who is in it, who sees it, and how much of it is told. */
import type { ChannelId, PresenceStatus } from '../../src/presence-service.js'
import type { HubUser } from './hub-user.js'
import { emptySet, type SmallSet } from './small-set.js'
import type { Viewer } from './viewer.js'

export interface Channel {
  readonly id: ChannelId
  /** As the feed calls it, as long as this process runs. */
  readonly number: number
  viewers: SmallSet<Viewer>
  /** Who is in it and not hiding. */
  readonly members: Set<HubUser>
  /** Members by what others see of them. */
  readonly counts: Record<PresenceStatus, number>
  /** Too many to be told one by one: its viewers are told counts, and whomever they watch. */
  isLarge: boolean
  /** By id; null: to be sorted anew. */
  sorted: readonly HubUser[] | null
  /** When its counts were last told, while it is large. */
  countedAt: number
}

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
