/** A channel as a whole: what a viewer is told on coming in, and pages of one that is too large for that. */
import { STATUSES, encodePage, type PageRequest } from '../../src/protocol/messages.js'
import { encodeChannelName, encodeMembers, feedFrame } from '../../src/protocol/feed.js'
import { WIRE } from '../../src/protocol/limits.js'
import { sortedMembers } from './channel.js'
import type { Introduce } from './entries.js'
import type { Channel, HubUser, Piece } from './hub-user.js'

export const channelName = ({ number, id }: Channel): Piece =>
  ({ isFrame: false, bytes: encodeChannelName({ channelNumber: number, channelId: id }), about: null })

/** Everybody in it, introduced and joined: a few big pieces, since what is told to one is not told to another. */
export function* snapshotOf(channel: Channel, introduce: Introduce, now: number): Generator<Piece> {
  let members: Parameters<typeof encodeMembers>[0][number][] = []
  let sizeBytes = 0
  for (const user of channel.members) {
    const introduction = introduce(user, now).bytes
    members.push({ number: user.number, introduction })
    sizeBytes += introduction.length
    if (sizeBytes < WIRE.feedFrameBytes) continue
    yield { isFrame: false, bytes: encodeMembers(members, channel.number), about: channel }
    members = []
    sizeBytes = 0
  }
  if (members.length > 0) yield { isFrame: false, bytes: encodeMembers(members, channel.number), about: channel }
}

/** Begins a snapshot, ends it, and tells the counts of a channel that has none. */
export const countsPage = (channel: Channel, { isSettled, isBeginning = false }: { readonly isSettled: boolean; readonly isBeginning?: boolean }): Piece => {
  const counts = STATUSES.map((status) => channel.counts[status])
  return { isFrame: true, about: channel, bytes: encodePage({ kind: 'counts', page: { channelNumber: channel.number, counts, isComplete: !channel.isLarge, isSettled, isBeginning } }) }
}

/** The members asked for, by id. */
export function rowsPage(channel: Channel | undefined, { requestId, statuses, limit, after }: PageRequest, introduce: Introduce, now: number): Piece {
  const rows = channel ? pageOf(sortedMembers(channel), statuses, Math.min(limit, WIRE.pageRows), after) : []
  const entries = feedFrame(rows.map((user) => introduce(user, now).bytes))
  return { isFrame: true, bytes: encodePage({ kind: 'rows', requestId, entries }), about: null }
}

function pageOf(members: readonly HubUser[], statuses: PageRequest['statuses'], limit: number, after: string | null): HubUser[] {
  const rows: HubUser[] = []
  for (let index = after === null ? 0 : firstAfter(members, after); index < members.length && rows.length < limit; index++) {
    const user = members[index]!
    if (statuses.includes(user.shown.projection.status)) rows.push(user)
  }
  return rows
}

function firstAfter(members: readonly HubUser[], after: string): number {
  let [low, high] = [0, members.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (members[middle]!.userId > after) high = middle
    else low = middle + 1
  }
  return low
}
