/** The feed's sending side: who is told what of a change. Encoded once per audience; a name is told once per connection. */
import { countByStatus } from '../../src/model/queries.js'
import type { ChannelId, JsonValue } from '../../src/presence-service.js'
import { STATUSES, encodePage } from '../../src/protocol/messages.js'
import { difference, encodeFeed, introduce, type UserEntry } from '../../src/protocol/feed.js'
import type { Channel, HubUser, Shown, Viewer } from './hub-user.js'
import { sees } from './viewer.js'

export interface Teller {
  /** The channel, where anybody is in it or sees it. */
  channel(channelId: ChannelId): Channel | undefined
  /** Tells everybody who sees the user what changed against what they were told. */
  tell(user: HubUser, before: Shown, channelsBefore: ReadonlySet<ChannelId>, now: number): void
  tellOwners(user: HubUser, rows: JsonValue): void
  /** Starts telling: the present state first. */
  watch(viewer: Viewer, user: HubUser, now: number): void
  unwatch(viewer: Viewer, user: HubUser): void
  /** The present state, once. */
  answer(viewer: Viewer, user: HubUser, now: number): void
  own(viewer: Viewer, user: HubUser, rows: JsonValue, now: number): void
  openChannel(viewer: Viewer, channelId: ChannelId, now: number): void
  /** LV7: from now on, whoever is not named in a channel is not in it. */
  settle(isSettled: boolean): void
  closeChannel(viewer: Viewer, channelId: ChannelId): void
  /** Forgets a connection, and returns whom it was the last to watch, perhaps. */
  drop(viewer: Viewer): HubUser[]
}

export function createTeller(): Teller {
  const channels = new Map<ChannelId, Channel>()
  let lastChannelNumber = 0
  let isSettled = true
  return { channel: (channelId) => channels.get(channelId), tell, tellOwners, watch, unwatch, answer, own, openChannel, settle, closeChannel, drop }

  function tell(user: HubUser, before: Shown, channelsBefore: ReadonlySet<ChannelId>, now: number): void {
    const joined = [...user.channels].filter((id) => !channelsBefore.has(id)).map(channelOf)
    const left = [...channelsBefore].filter((id) => !user.channels.has(id)).flatMap((id) => channels.get(id) ?? [])
    const entry = changeOf(user, before, now)
    if (entry) {
      const frame = encodeFeed([{ kind: 'user', ...entry }])
      for (const viewer of viewersOf(user, channelsBefore)) viewer.send(frame)
    }
    for (const channel of joined) tellJoined(user, channel, now)
    for (const channel of left) tellLeft(user, channel)
  }

  /** Those who know the user by now: a channel's new members are told of them by joining. */
  function viewersOf(user: HubUser, channelIds: ReadonlySet<ChannelId>): Iterable<Viewer> {
    const [only] = channelIds
    if (channelIds.size === 0) return user.watchers
    if (channelIds.size === 1 && user.watchers.size === 0) return channels.get(only!)?.viewers ?? []
    return new Set([...user.watchers, ...[...channelIds].flatMap((id) => [...(channels.get(id)?.viewers ?? [])])])
  }

  function tellJoined(user: HubUser, channel: Channel, now: number): void {
    channel.members.add(user)
    const frame = encodeFeed([{ kind: 'user', number: user.number, joined: [channel.number] }])
    for (const viewer of channel.viewers) {
      introduceTo(viewer, user, now)
      viewer.send(frame)
    }
  }

  function tellLeft(user: HubUser, channel: Channel): void {
    channel.members.delete(user)
    const frame = encodeFeed([{ kind: 'user', number: user.number, left: [channel.number] }])
    for (const viewer of channel.viewers) {
      viewer.send(frame)
      if (!sees(viewer, user)) viewer.known.delete(user)
    }
    dropIfEmpty(channel)
  }

  function tellOwners(user: HubUser, devices: JsonValue): void {
    const frame = encodeFeed([{ kind: 'user', number: user.number, devices }])
    for (const viewer of user.owners) viewer.send(frame)
  }

  function watch(viewer: Viewer, user: HubUser, now: number): void {
    viewer.watched.add(user)
    user.watchers.add(viewer)
    introduceTo(viewer, user, now)
  }

  function unwatch(viewer: Viewer, user: HubUser): void {
    viewer.watched.delete(user)
    user.watchers.delete(viewer)
    if (!sees(viewer, user)) viewer.known.delete(user)
  }

  function answer(viewer: Viewer, user: HubUser, now: number): void {
    viewer.send(encodeFeed([{ kind: 'user', ...entryOf(user, now) }]))
  }

  /** Told the name, but not as one who sees what others see: of that an owner hears only when watching. */
  function own(viewer: Viewer, user: HubUser, rows: JsonValue, now: number): void {
    user.owners.add(viewer)
    answer(viewer, user, now)
    viewer.send(encodeFeed([{ kind: 'user', number: user.number, devices: rows }]))
  }

  function openChannel(viewer: Viewer, channelId: ChannelId, now: number): void {
    const channel = channelOf(channelId)
    if (!channel.viewers.has(viewer)) {
      channel.viewers.add(viewer)
      viewer.channels.add(channel)
      if (!viewer.knownChannels.has(channel.number)) viewer.send(encodeFeed([{ kind: 'channel', channelNumber: channel.number, channelId }]))
      viewer.knownChannels.add(channel.number)
      for (const user of channel.members) introduceTo(viewer, user, now)
      if (channel.members.size > 0) {
        viewer.send(encodeFeed([...channel.members].map((user) => ({ kind: 'user', number: user.number, joined: [channel.number] }))))
      }
    }
    viewer.send(pageOf(channel))
  }

  function settle(settled: boolean): void {
    isSettled = settled
    for (const channel of channels.values()) {
      const page = pageOf(channel)
      for (const viewer of channel.viewers) viewer.send(page)
    }
  }

  function pageOf(channel: Channel): Uint8Array {
    return encodePage({ kind: 'counts', page: { channelNumber: channel.number, counts: countsOf(channel), isComplete: true, isSettled } })
  }

  function closeChannel(viewer: Viewer, channelId: ChannelId): void {
    const channel = channels.get(channelId)
    if (!channel) return
    channel.viewers.delete(viewer)
    viewer.channels.delete(channel)
    for (const user of channel.members) if (!sees(viewer, user)) viewer.known.delete(user)
    dropIfEmpty(channel)
  }

  function drop(viewer: Viewer): HubUser[] {
    const watched = [...viewer.watched]
    for (const user of watched) user.watchers.delete(viewer)
    for (const channel of [...viewer.channels]) {
      channel.viewers.delete(viewer)
      dropIfEmpty(channel)
    }
    viewer.known.clear()
    viewer.watched.clear()
    viewer.channels.clear()
    return watched
  }

  function introduceTo(viewer: Viewer, user: HubUser, now: number): void {
    if (viewer.known.has(user)) return
    viewer.known.add(user)
    viewer.send(encodeFeed([{ kind: 'user', ...entryOf(user, now) }]))
  }

  function channelOf(id: ChannelId): Channel {
    const channel = channels.get(id) ?? { id, number: ++lastChannelNumber, viewers: new Set(), members: new Set() }
    channels.set(id, channel)
    return channel
  }

  function dropIfEmpty(channel: Channel): void {
    if (channel.viewers.size === 0 && channel.members.size === 0) channels.delete(channel.id)
  }
}

/** Everything, for those who are told the name; a roughly shared or frozen value included. */
function entryOf(user: HubUser, now: number): UserEntry {
  const { projection, isUnknown, devices } = user.shown
  return {
    ...introduce(user.number, projection, now),
    ...(isUnknown ? { isUnknown } : {}),
    ...(devices === '' ? {} : { devices: JSON.parse(devices) as JsonValue }),
  }
}

function changeOf(user: HubUser, before: Shown, now: number): UserEntry | null {
  const { shown } = user
  const entry = difference(user.number, before.projection, shown.projection, now)
  const isNewlyKnown = before.isUnknown !== shown.isUnknown
  const hasNewDevices = before.devices !== shown.devices
  if (!entry && !isNewlyKnown && !hasNewDevices) return null
  return {
    ...(entry ?? { number: user.number }),
    ...(isNewlyKnown ? { status: shown.projection.status, isUnknown: shown.isUnknown } : {}),
    ...(hasNewDevices ? { devices: shown.devices === '' ? [] : JSON.parse(shown.devices) as JsonValue } : {}),
  }
}

function countsOf(channel: Channel): number[] {
  const counts = countByStatus([...channel.members].map(({ shown }) => shown.projection))
  return STATUSES.map((status) => counts[status])
}
