/** What the Node service shows of everyone: what others may see (so that a bot which repeats it leaks nothing). */
import { countByStatus, emptyRoster } from '../../src/model/queries.js'
import type { ChannelId, Roster, UserId, UserPresence } from '../../src/presence-service.js'
import type { Hub } from '../hub/hub.js'
import type { HubUser, Shown } from '../hub/hub-user.js'

export interface SeenUsers {
  presenceOf(user: HubUser): UserPresence
  /** The same for what was shown before. */
  presenceFrom(shown: Shown): UserPresence
  peek(userId: UserId): UserPresence | undefined
  roster(channelId: ChannelId): Roster | undefined
  members(channelId: ChannelId): readonly HubUser[]
}

export function createSeenUsers(hub: Hub): SeenUsers {
  // A value keeps its identity until it changes.
  const presences = new WeakMap<Shown['projection'], UserPresence>()
  const rosters = new Map<ChannelId, Roster>()
  return { presenceOf, presenceFrom, peek, roster, members }

  function presenceOf(user: HubUser): UserPresence {
    const { customStatusExpiresAt } = user.shown.projection
    // CS2: also in the tenth of a second before the deadline's own turn.
    if (customStatusExpiresAt !== null && customStatusExpiresAt <= hub.clock.now()) hub.refresh(user)
    return presenceFrom(user.shown)
  }

  function presenceFrom({ projection, isUnknown }: Shown): UserPresence {
    const freshness = isUnknown ? 'unknown' : 'live'
    const kept = presences.get(projection)
    if (kept?.freshness === freshness) return kept
    const presence: UserPresence = { ...projection, freshness, asOf: null }
    presences.set(projection, presence)
    return presence
  }

  function peek(userId: UserId): UserPresence | undefined {
    const user = hub.find(userId)
    return user && presenceOf(user)
  }

  function members(channelId: ChannelId): readonly HubUser[] {
    return [...(hub.teller.channel(channelId)?.members ?? [])].sort((a, b) => (a.userId < b.userId ? -1 : 1))
  }

  function roster(channelId: ChannelId): Roster | undefined {
    if (!hub.teller.channel(channelId)) {
      rosters.delete(channelId)
      return undefined
    }
    const users = members(channelId).map(presenceOf)
    const kept = rosters.get(channelId)
    if (kept && kept.users.length === users.length && kept.users.every((user, index) => user === users[index])) return kept
    const fresh: Roster = { ...emptyRoster(channelId, 'live'), users, counts: countByStatus(users) }
    rosters.set(channelId, fresh)
    return fresh
  }
}

