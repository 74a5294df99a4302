/** Channels that have become too large to be told one by one, or small enough again; and the counts of those that are large. */
import { WIRE } from '../../src/protocol/limits.js'
import { shouldBeLarge } from './channel.js'
import { joinedEntry, type Introduce } from './entries.js'
import type { Outbox } from './outbox.js'
import { isIn } from './small-set.js'
import type { Channel } from './hub-user.js'
import { countsPage, snapshotOf } from './snapshot.js'

export interface Resizing {
  /** The channel's members, or what others see of them, have changed; true: `tick` has something to do. */
  note(channel: Channel): boolean
  tick(now: number): void
  /** Something is left for a later tick. */
  isDue(): boolean
}
export interface ResizingOptions {
  readonly outbox: Outbox
  readonly introduce: Introduce
  readonly limit: () => number
  readonly isSettled: () => boolean
}

export function createResizing({ outbox, introduce, limit, isSettled }: ResizingOptions): Resizing {
  const noted = new Set<Channel>()
  return { note, tick, isDue: () => noted.size > 0 }

  function note(channel: Channel): boolean {
    if (!channel.isLarge && !shouldBeLarge(channel, limit())) return false
    noted.add(channel)
    return true
  }

  function tick(now: number): void {
    for (const channel of noted) {
      const isLarge = shouldBeLarge(channel, limit())
      if (isLarge !== channel.isLarge) isLarge ? enlarge(channel, now) : shrink(channel, now)
      else if (isLarge && now < channel.countedAt + WIRE.countsIntervalMs) continue
      else if (isLarge) count(channel, now, false)
      noted.delete(channel)
    }
  }

  function count(channel: Channel, now: number, isBeginning: boolean): void {
    channel.countedAt = now
    const page = countsPage(channel, { isSettled: isSettled(), isBeginning })
    for (const viewer of channel.viewers) outbox.add(viewer, page)
  }

  /** From now on its viewers know of it whom they watch. */
  function enlarge(channel: Channel, now: number): void {
    channel.isLarge = true
    count(channel, now, true)
    for (const user of channel.members) {
      const joined = joinedEntry(user, channel)
      for (const viewer of user.watchers) if (isIn(channel.viewers, viewer)) outbox.add(viewer, joined)
    }
  }

  function shrink(channel: Channel, now: number): void {
    channel.isLarge = false
    const pieces = [countsPage(channel, { isSettled: isSettled(), isBeginning: true }), ...snapshotOf(channel, introduce, now), countsPage(channel, { isSettled: isSettled() })]
    for (const viewer of channel.viewers) for (const piece of pieces) outbox.add(viewer, piece)
  }
}
