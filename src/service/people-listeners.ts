/** Whoever listens to one person, or to one channel. */
import type { Directory } from '../model/directory.js'
import { addTo, onlyNew, type Emitter } from '../model/emitter.js'
import type { ChannelId, PresenceEvents, Roster, Stop, UserId, UserPresence } from '../presence-service.js'

export interface PeopleListeners {
  /** `present`: told at once, where there is one. */
  onUser(userId: UserId, listener: (presence: UserPresence) => void, present: UserPresence | undefined): Stop
  onRoster(channelId: ChannelId, listener: (roster: Roster) => void): Stop
  tell(presence: UserPresence): void
  tellRoster(channelId: ChannelId): void
  clear(): void
}

export function createPeopleListeners(directory: Directory, emitter: Emitter<PresenceEvents>): PeopleListeners {
  const ofUser = new Map<UserId, Set<(presence: UserPresence) => void>>()
  const ofChannel = new Map<ChannelId, Set<(roster: Roster) => void>>()
  return {
    onUser, onRoster, tell, tellRoster,
    clear() {
      ofUser.clear()
      ofChannel.clear()
    },
  }

  function onUser(userId: UserId, listener: (presence: UserPresence) => void, present: UserPresence | undefined): Stop {
    const stop = addTo(ofUser, userId, listener)
    if (present) emitter.call(listener, present)
    return stop
  }

  function onRoster(channelId: ChannelId, listener: (roster: Roster) => void): Stop {
    const tellOnce = onlyNew(listener)
    const stop = addTo(ofChannel, channelId, tellOnce)
    const present = directory.roster(channelId)
    if (present) emitter.call(tellOnce, present)
    return stop
  }

  function tell(presence: UserPresence): void {
    for (const listener of ofUser.get(presence.userId) ?? []) emitter.call(listener, presence)
    for (const channelId of ofChannel.keys()) if (directory.isIn(channelId, presence.userId)) tellRoster(channelId)
  }

  function tellRoster(channelId: ChannelId): void {
    const listeners = ofChannel.get(channelId)
    const roster = listeners && directory.roster(channelId)
    if (roster) for (const listener of listeners) emitter.call(listener, roster)
  }
}
