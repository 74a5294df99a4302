/** The feed's sending side: who sees whom, and what they are told first. What changes from then on is `telling`'s. */
import { wholeMinutes } from '../../src/model/project-presence.js'
import type { Clock } from '../../src/ports.js'
import type { ChannelId, JsonValue } from '../../src/presence-service.js'
import { OWN_NUMBER } from '../../src/protocol/feed.js'
import { WIRE } from '../../src/protocol/limits.js'
import type { PageRequest } from '../../src/protocol/messages.js'
import { createChannels } from './channels.js'
import { createIntroductions, entryOf, entryPiece, joinedEntry } from './entries.js'
import type { Channel, HubUser, Piece, Viewer } from './hub-user.js'
import type { Meter } from './meter.js'
import { createOutbox } from './outbox.js'
import { createResizing } from './resizing.js'
import { isIn, withItem, withoutItem } from './small-set.js'
import { channelName, countsPage, rowsPage, snapshotOf } from './snapshot.js'
import { createTelling, type Telling } from './telling.js'
import { sees, watches } from './viewer.js'

export interface Teller {
  /** The channel, where anybody is in it or sees it. */
  channel(channelId: ChannelId): Channel | undefined
  readonly touch: Telling['touch']
  tellOwners(user: HubUser, rows: JsonValue): void
  /** Starts telling: the present state first. */
  watch(viewer: Viewer, user: HubUser, now: number): void
  unwatch(viewer: Viewer, user: HubUser): void
  /** Ends a watch that the viewer did not end: the value turns unknown there. */
  revoke(viewer: Viewer, user: HubUser): void
  /** The present state, once. */
  answer(viewer: Viewer, user: HubUser, now: number): void
  own(viewer: Viewer, user: HubUser, rows: JsonValue, now: number): void
  openChannel(viewer: Viewer, channelId: ChannelId, now: number): void
  closeChannel(viewer: Viewer, channelId: ChannelId): void
  /** Some of a channel's members, by id; none of one in which nobody is. */
  page(viewer: Viewer, request: PageRequest, now: number): void
  /** Above so many members a channel is told by counts and pages. */
  limitChannels(channelFeedLimit: number): void
  /** LV7: from now on, whoever is not named in a channel is not in it. */
  settle(isSettled: boolean): void
  /** Forgets a connection, and returns whom it was the last to watch, perhaps. */
  drop(viewer: Viewer): HubUser[]
  stop(): void
}

export function createTeller({ clock, meter }: { readonly clock: Clock; readonly meter: Meter }): Teller {
  let channelFeedLimit: number = WIRE.channelFeedLimit
  let isSettled = true
  let last: { readonly channel: Channel; readonly count: number; readonly minute: number | null; readonly pieces: readonly Piece[] } | null = null
  const channels = createChannels()
  const introduce = createIntroductions()
  const outbox = createOutbox({ clock, meter, onDrained: catchUp })
  const telling = createTelling({ clock, channels, outbox, introduce, resizing: createResizing({ outbox, introduce, limit: () => channelFeedLimit, isSettled: () => isSettled }) })
  return {
    channel: channels.find, touch: telling.touch, tellOwners, watch, unwatch, revoke, answer, own, openChannel, closeChannel, page, settle, drop,
    limitChannels: (limit) => { channelFeedLimit = limit },
    stop() {
      telling.stop()
      outbox.stop()
    },
  }

  /** At the end of this turn. */
  function say(viewer: Viewer, ...pieces: readonly Piece[]): void {
    for (const piece of pieces) outbox.add(viewer, piece)
    outbox.hurry(viewer)
  }

  function tellOwners(user: HubUser, devices: JsonValue): void {
    const rows = entryPiece({ number: OWN_NUMBER, devices }, null)
    for (const viewer of user.owners) say(viewer, rows)
  }

  function watch(viewer: Viewer, user: HubUser, now: number): void {
    telling.settleNow(user)
    viewer.watched = withItem(viewer.watched, user)
    user.watchers = withItem(user.watchers, viewer)
    say(viewer, introduce(user, now))
    // Of a large channel one is told whom one watches.
    for (const channel of viewer.channels) if (channel.isLarge && channel.members.has(user)) say(viewer, joinedEntry(user, channel))
  }

  function unwatch(viewer: Viewer, user: HubUser): void {
    viewer.watched = withoutItem(viewer.watched, user)
    user.watchers = withoutItem(user.watchers, viewer)
  }

  function revoke(viewer: Viewer, user: HubUser): void {
    if (!watches(viewer, user)) return
    unwatch(viewer, user)
    const { number, userId } = user
    // By name where the socket is slow: it may not have been told it.
    say(viewer, entryPiece({ number, ...((viewer.missed ?? viewer.socket.isSlow()) && { userId }), isForgotten: true }, null))
  }

  function answer(viewer: Viewer, user: HubUser, now: number): void {
    telling.settleNow(user)
    // Who is told of every change must not be ahead of what those changes are told against.
    say(viewer, entryPiece(entryOf(user, sees(viewer, user) ? user.told : user.shown, now), null))
  }

  /** Told the name, but not as one who sees what others see: of that an owner hears only when watching. */
  function own(viewer: Viewer, user: HubUser, rows: JsonValue, now: number): void {
    user.owners = withItem(user.owners, viewer)
    say(viewer, entryPiece({ ...entryOf(user, user.shown, now), number: OWN_NUMBER }, null), entryPiece({ number: OWN_NUMBER, devices: rows }, null))
  }

  function openChannel(viewer: Viewer, channelId: ChannelId, now: number): void {
    const channel = channels.of(channelId)
    if (isIn(channel.viewers, viewer)) return say(viewer, countsPage(channel, { isSettled }))
    // Before it is among the viewers: they may be told of one who had left already.
    const pieces = channelPieces(viewer, channel, now)
    channel.viewers = withItem(channel.viewers, viewer)
    viewer.channels = withItem(viewer.channels, channel)
    say(viewer, ...pieces)
  }

  function channelPieces(viewer: Viewer, channel: Channel, now: number): Piece[] {
    const watched = channel.isLarge ? [...viewer.watched].filter((user) => channel.members.has(user)) : []
    const beginning = [channelName(channel), countsPage(channel, { isSettled, isBeginning: true })]
    return channel.isLarge
      ? [...beginning, ...watched.map((user) => joinedEntry(user, channel))]
      : [...beginning, ...wholeOf(channel, now), countsPage(channel, { isSettled })]
  }

  /** The very pieces that the one before was told, until something changes: when a channel fills up, many come within a tick. */
  function wholeOf(channel: Channel, now: number): readonly Piece[] {
    const minute = wholeMinutes(now)
    if (last?.channel === channel && last.count === telling.count() && last.minute === minute) return last.pieces
    telling.settleAll()
    const pieces = [...snapshotOf(channel, introduce, now)]
    last = { channel, count: telling.count(), minute, pieces }
    return pieces
  }

  function closeChannel(viewer: Viewer, channelId: ChannelId): void {
    const channel = channels.find(channelId)
    if (!channel) return
    channel.viewers = withoutItem(channel.viewers, viewer)
    viewer.channels = withoutItem(viewer.channels, channel)
    channels.dropIfEmpty(channel)
  }

  function page(viewer: Viewer, request: PageRequest, now: number): void {
    say(viewer, rowsPage(channels.find(request.channelId), request, introduce, now))
  }

  function settle(settled: boolean): void {
    isSettled = settled
    for (const channel of channels.all()) {
      const counts = countsPage(channel, { isSettled })
      for (const viewer of channel.viewers) say(viewer, counts)
    }
  }

  function catchUp(viewer: Viewer): void {
    // What is told now would speak of people whose coming it has missed.
    telling.settleAll()
    outbox.miss(viewer)
    const { missed } = viewer
    viewer.missed = null
    if (!missed) return
    const now = clock.now()
    // Names first: a channel speaks of whom one watches.
    for (const about of missed) if ('userId' in about && sees(viewer, about)) say(viewer, introduce(about, now))
    for (const about of missed) if (!('userId' in about) && isIn(viewer.channels, about)) say(viewer, ...channelPieces(viewer, about, now))
  }

  function drop(viewer: Viewer): HubUser[] {
    const watched = [...viewer.watched]
    for (const user of watched) unwatch(viewer, user)
    for (const channel of [...viewer.channels]) closeChannel(viewer, channel.id)
    viewer.batch = null
    viewer.missed = null
    return watched
  }
}
