/** All channels: who is in them, and how many of which status. */
import type { ChannelId } from '../../src/presence-service.js'
import { createChannel } from './channel.js'
import type { Channel, HubUser, Shown } from './hub-user.js'
import { sizeOf } from './small-set.js'

export interface Channels {
  /** Where anybody is in it or sees it. */
  find(id: ChannelId): Channel | undefined
  /** Made where there is none. */
  of(id: ChannelId): Channel
  all(): Iterable<Channel>
  /** Counts a user where they are now, and no longer where they were; returns the channels with other counts than before. */
  move(user: HubUser, before: Shown, channelsBefore: ReadonlySet<ChannelId>): Channel[]
  dropIfEmpty(channel: Channel): void
}

export function createChannels(): Channels {
  const channels = new Map<ChannelId, Channel>()
  let lastNumber = 0
  return { find: (id) => channels.get(id), of, all: () => channels.values(), move, dropIfEmpty }

  function of(id: ChannelId): Channel {
    const channel = channels.get(id) ?? createChannel(id, ++lastNumber)
    channels.set(id, channel)
    return channel
  }

  function move(user: HubUser, before: Shown, channelsBefore: ReadonlySet<ChannelId>): Channel[] {
    const [was, is] = [before.projection.status, user.shown.projection.status]
    if (was === is && channelsBefore === user.channels) return []
    const moved: Channel[] = []
    for (const id of channelsBefore) {
      const channel = channels.get(id)
      const isStaying = user.channels.has(id)
      if (!channel || (isStaying && was === is)) continue
      channel.counts[was]--
      if (isStaying) channel.counts[is]++
      else leave(channel, user)
      moved.push(channel)
    }
    for (const id of user.channels) {
      if (channelsBefore.has(id)) continue
      const channel = of(id)
      channel.members.add(user)
      channel.sorted = null
      channel.counts[is]++
      moved.push(channel)
    }
    return moved
  }

  function leave(channel: Channel, user: HubUser): void {
    channel.members.delete(user)
    channel.sorted = null
    dropIfEmpty(channel)
  }

  function dropIfEmpty(channel: Channel): void {
    if (sizeOf(channel.viewers) === 0 && channel.members.size === 0) channels.delete(channel.id)
  }
}
