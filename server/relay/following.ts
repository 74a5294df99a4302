/** Whom and what one session follows: its watch operations, as far as its token allows. */
import { parseId } from '../../src/model/arguments.js'
import type { ChannelId, Principal, UserId } from '../../src/presence-service.js'
import { WIRE } from '../../src/protocol/limits.js'
import type { Notice, WatchOperation } from '../../src/protocol/messages.js'
import type { Hub } from '../hub/hub.js'
import { sizeOf } from '../hub/small-set.js'
import type { Viewer } from '../hub/hub-user.js'
import { canJoin, canWatch } from './permissions.js'

export interface FollowingOptions {
  readonly hub: Hub
  readonly viewer: Viewer
  readonly principal: () => Principal
  /** `joined` has changed. */
  readonly onJoined: () => void
  readonly notice: (code: Notice['code'], subject: string, message: string) => void
  readonly count: (what: string) => void
}
export interface Following {
  /** Channels the device is in; kept here, since a join may come before the device has told of itself. */
  readonly joined: Set<ChannelId>
  apply(operation: WatchOperation): void
  end(): void
}

export function createFollowing({ hub, viewer, principal, onJoined, notice, count }: FollowingOptions): Following {
  const joined = new Set<ChannelId>()
  const wanted = new Set<UserId>()
  let hasEnded = false
  return { joined, apply, end }

  function apply({ verb, id }: WatchOperation): void {
    if (!parseId('id', id).ok) return notice('invalid-argument', id, 'That is no id.')
    switch (verb) {
      case 'watch': return void look(id, true)
      case 'ask': return void look(id, false)
      case 'unwatch': return unwatch(id)
      case 'join':
      case 'watch-channel': return enter(id, verb === 'join')
      case 'leave':
        if (joined.delete(id)) onJoined()
        return
      case 'unwatch-channel': return hub.teller.closeChannel(viewer, id)
      default: verb satisfies never
    }
  }

  async function look(id: UserId, isLasting: boolean): Promise<void> {
    if (!canWatch(principal(), id) && !isCompanion(id)) return notice('forbidden', id, 'The token does not allow watching this user.')
    if (isLasting && !wanted.has(id) && wanted.size >= WIRE.watchedUsers) return notice('quota', id, `At most ${WIRE.watchedUsers} users at once.`)
    if (isLasting) wanted.add(id)
    const seen = await hub.open(id).catch(() => null)
    if (!seen) {
      wanted.delete(id)
      return count('user-not-loaded')
    }
    if (!hasEnded && !isLasting) hub.teller.answer(viewer, seen, hub.clock.now())
    if (!hasEnded && isLasting && wanted.has(id)) hub.teller.watch(viewer, seen, hub.clock.now())
    hub.release(seen)
  }

  /** A visible member of a channel that this device is in: seen anyway. */
  function isCompanion(id: UserId): boolean {
    const user = hub.find(id)
    return user !== undefined && [...joined].some((channelId) => hub.teller.channel(channelId)?.members.has(user))
  }

  function unwatch(id: UserId): void {
    wanted.delete(id)
    const watched = [...viewer.watched].find(({ userId }) => userId === id)
    if (!watched) return
    hub.teller.unwatch(viewer, watched)
    hub.dropIfUnused(watched)
  }

  function enter(id: ChannelId, isJoining: boolean): void {
    if (!canJoin(principal(), id)) return notice('forbidden', id, 'The token does not allow this channel.')
    const isNew = ![...viewer.channels].some((channel) => channel.id === id)
    // Who sees a channel no longer may still be in it.
    const isFull = (isNew && sizeOf(viewer.channels) >= WIRE.channels) || (isJoining && !joined.has(id) && joined.size >= WIRE.channels)
    if (isFull) return notice('quota', id, `At most ${WIRE.channels} channels at once.`)
    hub.teller.openChannel(viewer, id, hub.clock.now())
    if (!isJoining) return
    joined.add(id)
    onJoined()
  }

  function end(): void {
    hasEnded = true
    hub.teller.drop(viewer).forEach(hub.dropIfUnused)
  }
}
