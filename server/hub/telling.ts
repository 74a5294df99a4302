/**
 * When changes are told: gathered for a tick, the last of each user, with one exception: that somebody leaves or hides waits for nothing
 * (LV3), since both must look alike and neither may be late.
 */
import type { Clock } from '../../src/ports.js'
import type { ChannelId, Stop } from '../../src/presence-service.js'
import { WIRE } from '../../src/protocol/limits.js'
import type { Channels } from './channels.js'
import { changeOf, entryPiece, introducedEntry, joinedEntry, leftEntry, type Introduce } from './entries.js'
import type { Channel, HubUser, Shown, Viewer } from './hub-user.js'
import type { Outbox } from './outbox.js'
import type { Resizing } from './resizing.js'
import { isIn } from './small-set.js'
import { watches } from './viewer.js'

export interface Telling {
  /** What others see of the user, or where, may be other than before. */
  touch(user: HubUser, before: Shown, channelsBefore: ReadonlySet<ChannelId>): void
  /** Tells of what waits for the tick: whoever opens a channel now must not hear later of one who had left before. */
  settleAll(): void
  /** What waits for the tick is decided now: whoever comes to see the user is told them as they are. */
  settleNow(user: HubUser): void
  /** How often anything was told by now: as long as it is the same, what was told first to one holds for another. */
  count(): number
  stop(): void
}
export interface TellingOptions {
  readonly clock: Clock
  readonly channels: Channels
  readonly outbox: Outbox
  readonly resizing: Resizing
  readonly introduce: Introduce
}

export function createTelling({ clock, channels, outbox, resizing, introduce }: TellingOptions): Telling {
  const touched = new Set<HubUser>()
  let cancelTick: Stop | null = null
  let toldCount = 0
  return { touch, settleAll, settleNow, count: () => toldCount, stop: () => cancelTick?.() }

  function touch(user: HubUser, before: Shown, channelsBefore: ReadonlySet<ChannelId>): void {
    for (const channel of channels.move(user, before, channelsBefore)) if (resizing.note(channel)) schedule()
    if (user.told === user.shown && user.toldChannels === user.channels) return
    if (isLeaving(user)) {
      touched.delete(user)
      settle(user, clock.now(), true)
    } else {
      touched.add(user)
      schedule()
    }
  }

  function schedule(): void {
    cancelTick ??= clock.at(clock.now() + WIRE.feedTickMs, tick)
  }

  function tick(): void {
    cancelTick = null
    const now = clock.now()
    for (const user of touched) {
      if (isTooOften(user, now)) settleChannelsOf(user, now, { joins: false, leaves: false })
      else {
        touched.delete(user)
        settle(user, now, false)
      }
    }
    // After who left: a channel told anew is one in which they no longer are.
    resizing.tick(now)
    outbox.write()
    if (touched.size > 0 || resizing.isDue()) schedule()
  }

  function settleAll(): void {
    for (const user of touched) settleNow(user)
  }

  function settleNow(user: HubUser): void {
    if (!touched.has(user)) return
    const now = clock.now()
    // Who hides a moment later is gone at once from where they were seen: so are those who only left.
    settleChannelsOf(user, now, { joins: false, leaves: true })
    if (isTooOften(user, now)) return
    touched.delete(user)
    settle(user, now, false)
  }

  function settle(user: HubUser, now: number, isUrgent: boolean): void {
    const entry = changeOf(user, user.told, now)
    user.told = user.shown
    toldCount++
    if (entry) {
      user.toldBefore = user.toldAt
      user.toldAt = now
      const piece = entryPiece(entry, user)
      for (const viewer of viewersOf(user)) say(viewer, piece, isUrgent)
    }
    settleChannelsOf(user, now, { joins: isUrgent, leaves: isUrgent })
  }

  /** Those who know the user by now: a channel's new members are told of by joining. */
  function viewersOf(user: HubUser): Iterable<Viewer> {
    const seenIn = [...user.toldChannels].flatMap((id) => channels.find(id) ?? []).filter(({ isLarge }) => !isLarge)
    const [only] = seenIn
    if (!only) return user.watchers
    const hasWatchers = !user.watchers[Symbol.iterator]().next().done
    return seenIn.length === 1 && !hasWatchers ? only.viewers : new Set([...user.watchers, ...seenIn.flatMap(({ viewers }) => [...viewers])])
  }

  function settleChannelsOf(user: HubUser, now: number, isUrgent: { readonly joins: boolean; readonly leaves: boolean }): void {
    const [before, after] = [user.toldChannels, user.channels]
    if (before === after) return
    user.toldChannels = after
    toldCount++
    const knownIn = new Set(before)
    for (const id of after) {
      if (before.has(id)) continue
      tellJoined(user, channels.of(id), knownIn, now, isUrgent.joins)
      knownIn.add(id)
    }
    for (const id of before) {
      const channel = after.has(id) ? undefined : channels.find(id)
      if (channel) tellLeft(user, channel, isUrgent.leaves)
    }
  }

  function tellJoined(user: HubUser, channel: Channel, knownIn: ReadonlySet<ChannelId>, now: number, isUrgent: boolean): void {
    const [joined, joinedAsNew] = [joinedEntry(user, channel), introducedEntry(user, channel, introduce(user, now))]
    for (const viewer of toldOf(user, channel)) say(viewer, watches(viewer, user) || isToldOfAny(viewer, knownIn) ? joined : joinedAsNew, isUrgent)
  }

  function tellLeft(user: HubUser, channel: Channel, isUrgent: boolean): void {
    const left = leftEntry(user, channel)
    for (const viewer of toldOf(user, channel)) say(viewer, left, isUrgent)
  }

  function say(viewer: Viewer, piece: Parameters<Outbox['add']>[1], isUrgent: boolean): void {
    outbox.add(viewer, piece)
    if (isUrgent) outbox.hurry(viewer)
  }
}

/** From where they were seen: by a status, or in a channel. */
const isLeaving = ({ shown, told, channels, toldChannels }: HubUser): boolean =>
  shown.projection.status === 'offline' && (told.projection.status !== 'offline' || toldChannels.size > channels.size)

/** Who is told that a user comes into a channel, or leaves it. */
const toldOf = (user: HubUser, { isLarge, viewers }: Channel): Iterable<Viewer> =>
  (isLarge ? [...user.watchers].filter((viewer) => isIn(viewers, viewer)) : viewers)

function isToldOfAny(viewer: Viewer, channelIds: ReadonlySet<ChannelId>): boolean {
  for (const { id, isLarge } of viewer.channels) if (!isLarge && channelIds.has(id)) return true
  return false
}

/** T20, F25: whoever toggles is told of twice a second. */
const isTooOften = ({ toldBefore }: HubUser, now: number): boolean => now < toldBefore + WIRE.twoChangesMs
