/** Whoever is told by the Node service: of everyone, of one user, of a channel. */
import { eventsOf } from '../../src/model/directory.js'
import { addTo, type Emitter } from '../../src/model/emitter.js'
import type { ChannelId, PresenceEvents, PresenceSnapshot, Roster, Stop, UserId, UserPresence } from '../../src/presence-service.js'
import type { HubChange } from '../hub/hub.js'
import { sharedDevices, LOCAL_SYNC } from './node-values.js'
import type { SeenUsers } from './seen-users.js'

export interface Listeners {
  tell(change: HubChange): void
  snapshot(): PresenceSnapshot
  subscribe(listener: (snapshot: PresenceSnapshot) => void): Stop
  onUser(userId: UserId, listener: (presence: UserPresence) => void): Stop
  onChannel(channelId: ChannelId, listener: (roster: Roster) => void): Stop
  clear(): void
}

export function createListeners(emitter: Emitter<PresenceEvents>, seen: () => SeenUsers | undefined): Listeners {
  const all = new Set<(snapshot: PresenceSnapshot) => void>()
  const ofUser = new Map<UserId, Set<(presence: UserPresence) => void>>()
  const ofChannel = new Map<ChannelId, Set<(roster: Roster) => void>>()
  /** Everyone who is not offline. */
  const users = new Map<UserId, UserPresence>()
  let current: PresenceSnapshot = { me: null, devices: [], users, sync: LOCAL_SYNC }
  return {
    tell,
    snapshot: () => current,
    subscribe(listener) {
      all.add(listener)
      emitter.call(listener, current)
      return () => { all.delete(listener) }
    },
    onUser: (userId, listener) => addTo(ofUser, userId, listener),
    onChannel: (channelId, listener) => addTo(ofChannel, channelId, listener),
    clear() {
      all.clear()
      ofUser.clear()
      ofChannel.clear()
    },
  }

  function tell({ user, before, channelsBefore }: HubChange): void {
    const { userId, shown } = user
    const after = seen()!.presenceOf(user)
    const was = seen()!.presenceFrom(before)
    for (const [event, ...args] of eventsOf({ userId, before: was, after })) emitter.emit(event, ...args as never)
    if (before.devices !== shown.devices) emitter.emit('deviceChange', userId, sharedDevices(shown))
    if (was !== after) tellValue(userId, after)
    for (const channelId of new Set([...channelsBefore, ...user.channels])) tellChannel(channelId)
  }

  function tellValue(userId: UserId, after: UserPresence): void {
    after.status === 'offline' ? users.delete(userId) : users.set(userId, after)
    current = { ...current }
    for (const listener of ofUser.get(userId) ?? []) emitter.call(listener, after)
    for (const listener of all) emitter.call(listener, current)
  }

  function tellChannel(channelId: ChannelId): void {
    const listeners = ofChannel.get(channelId)
    const roster = listeners && seen()!.roster(channelId)
    if (roster) for (const listener of listeners) emitter.call(listener, roster)
  }
}
