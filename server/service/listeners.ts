/** Whoever is told by the Node service: of everyone, of one user, of a channel. */
import { eventsOf } from '../../src/model/directory.js'
import { emptyRoster } from '../../src/model/queries.js'
import { addTo, type Emitter } from '../../src/model/emitter.js'
import type { ChannelId, PresenceEvents, PresenceSnapshot, Roster, Stop, UserId, UserPresence } from '../../src/presence-service.js'
import type { HubChange } from '../hub/hub.js'
import type { Shown } from '../hub/hub-user.js'
import { sharedDevices, LOCAL_SYNC } from './node-values.js'
import type { SeenUsers } from './seen-users.js'

interface Change {
  readonly userId: UserId
  readonly before: Shown
  readonly after: Shown
  readonly channelIds: ReadonlySet<ChannelId>
}

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
  /** A listener may cause the next change: everybody hears of this one first. */
  const changes: Change[] = []
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

  function tell({ user: { userId, shown, channels }, before, channelsBefore }: HubChange): void {
    changes.push({ userId, before, after: shown, channelIds: new Set([...channelsBefore, ...channels]) })
    if (changes.length > 1) return
    for (let [next] = changes; next; [next] = changes) {
      tellOne(next)
      changes.shift()
    }
  }

  function tellOne({ userId, before, after, channelIds }: Change): void {
    const [was, is] = [seen()!.presenceFrom(before), seen()!.presenceFrom(after)]
    for (const [event, ...args] of eventsOf({ userId, before: was, after: is })) emitter.emit(event, ...args as never)
    if (before.devices !== after.devices) emitter.emit('deviceChange', userId, sharedDevices(after))
    if (was !== is) tellValue(userId, is)
    for (const channelId of channelIds) tellChannel(channelId)
  }

  function tellValue(userId: UserId, after: UserPresence): void {
    after.status === 'offline' ? users.delete(userId) : users.set(userId, after)
    current = { ...current }
    for (const listener of ofUser.get(userId) ?? []) emitter.call(listener, after)
    for (const listener of all) emitter.call(listener, current)
  }

  function tellChannel(channelId: ChannelId): void {
    const listeners = ofChannel.get(channelId)
    const roster = listeners && (seen()!.roster(channelId) ?? emptyRoster(channelId, 'live'))
    if (roster) for (const listener of listeners) emitter.call(listener, roster)
  }
}
