/** Who asked to see whom, and to be where. Ref-counted: a relay is asked once, and told when nobody wants it any more. */
import { once } from '../model/emitter.js'
import type { ChannelId, Stop, UserId } from '../presence-service.js'
import type { WatchOperation } from '../protocol/messages.js'

export interface Interests {
  watch(userIds: readonly UserId[]): Stop
  join(channelId: ChannelId): Stop
  watchChannel(channelId: ChannelId): Stop
  isWatched(userId: UserId): boolean
  isOpen(channelId: ChannelId): boolean
  channels(): Iterable<ChannelId>
  /** Everything wanted, for a relay that knows nothing of it. */
  operations(): WatchOperation[]
  /** The relay ended it. */
  revoke(userId: UserId): void
}
export interface InterestsOptions {
  readonly ask: (operations: readonly WatchOperation[]) => void
  readonly onUnwatched: (userIds: readonly UserId[]) => void
  readonly onJoined: (channelId: ChannelId) => void
  readonly onLeft: (channelId: ChannelId) => void
  readonly onClosed: (channelId: ChannelId) => void
}

interface Ways {
  joins: number
  views: number
}

export function createInterests({ ask, onUnwatched, onJoined, onLeft, onClosed }: InterestsOptions): Interests {
  /** By whom: who watched somebody before that was revoked has no part in who does now. */
  const watched = new Map<UserId, Set<symbol>>()
  const channels = new Map<ChannelId, Ways>()
  return {
    watch, join: (channelId) => enter(channelId, 'joins'), watchChannel: (channelId) => enter(channelId, 'views'),
    isWatched: (userId) => watched.has(userId), isOpen: (channelId) => channels.has(channelId), channels: () => channels.keys(), operations,
    revoke: (userId) => { watched.delete(userId) },
  }

  function watch(userIds: readonly UserId[]): Stop {
    const ids = [...new Set(userIds)]
    const watcher = Symbol()
    const fresh = ids.filter((userId) => !watched.has(userId))
    for (const userId of ids) watched.set(userId, (watched.get(userId) ?? new Set()).add(watcher))
    ask(fresh.map((id) => ({ verb: 'watch', id })))
    return once(() => {
      const ended = ids.filter((userId) => {
        const watchers = watched.get(userId)
        return watchers?.delete(watcher) === true && watchers.size === 0 && watched.delete(userId)
      })
      ask(ended.map((id) => ({ verb: 'unwatch', id })))
      onUnwatched(ended)
    })
  }

  function enter(channelId: ChannelId, way: keyof Ways): Stop {
    const ways = channels.get(channelId) ?? { joins: 0, views: 0 }
    channels.set(channelId, ways)
    if (++ways[way] === 1) ask([{ verb: way === 'joins' ? 'join' : 'watch-channel', id: channelId }])
    if (way === 'joins') onJoined(channelId)
    return once(() => {
      if (--ways[way] > 0) return
      if (way === 'joins') {
        ask([{ verb: 'leave', id: channelId }])
        onLeft(channelId)
      }
      if (ways.joins + ways.views > 0) return
      channels.delete(channelId)
      ask([{ verb: 'unwatch-channel', id: channelId }])
      onClosed(channelId)
    })
  }

  function operations(): WatchOperation[] {
    return [
      ...[...watched.keys()].map((id) => ({ verb: 'watch', id }) as const),
      ...[...channels].flatMap(([id, { joins, views }]) => [
        ...(joins > 0 ? [{ verb: 'join', id } as const] : []), ...(views > 0 ? [{ verb: 'watch-channel', id } as const] : []),
      ]),
    ]
  }
}
