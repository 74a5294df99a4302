/** What a browser entry point gives where there is no browser: it knows nothing, does nothing, and says so (React's server snapshot). */
import { PresenceError } from '../errors.js'
import type { BuiltBrowserPresenceService, PresenceSnapshot, SyncStatus, UserId } from '../presence-service.js'
import { DEFAULT_PRIVACY } from '../model/registers.js'
import { neverHeardOf } from '../protocol/feed.js'

const IDLE_SYNC: SyncStatus = {
  synced: 0, total: 0, lastSync: null, pending: 0, connection: { name: 'offline' }, relay: 'none', storage: 'memory', clockOffsetMs: null, problems: [],
}
const SNAPSHOT: PresenceSnapshot = { me: null, devices: [], users: new Map(), sync: IDLE_SYNC }
const nothing = (): void => undefined

export function createIdleService(ownUserId: UserId): BuiltBrowserPresenceService {
  const refuse = (): Promise<never> => Promise.reject(new PresenceError('unsupported', {
    message: 'This service runs in a browser.', remedy: 'On a server use createPresenceService of porchlight/server.',
  }))
  const service: Omit<BuiltBrowserPresenceService, 'me'> = {
    getStatus: async (userId) => neverHeardOf(userId),
    getStatuses: async (userIds) => userIds.map(neverHeardOf),
    setStatus: refuse, setCustomStatus: refuse, clearCustomStatus: refuse, setPresence: refuse, setProfile: refuse, setPrivacy: refuse,
    recordActivity: refuse, getActivity: async () => [], getDevices: async () => [], setDeviceStatus: refuse, renameDevice: refuse,
    holdActive: () => nothing, getOnlineUsers: async () => [], countOnlineUsers: async () => 0,
    watch: () => nothing, join: () => nothing, watchChannel: () => nothing, on: () => nothing, once: () => nothing, off: nothing,
    sync: refuse, getSyncStatus: async () => IDLE_SYNC, whenAvailable: refuse,
    subscribe(listener) {
      listener(SNAPSHOT)
      return nothing
    },
    getSnapshot: () => SNAPSHOT, peek: () => undefined, subscribeTo: () => nothing, peekChannel: () => undefined, subscribeToChannel: () => nothing,
    close: async () => undefined, [Symbol.asyncDispose]: async () => undefined,
  }
  return { ...service, me: { ...service, getStatus: async () => ({ ...neverHeardOf(ownUserId), choice: 'auto', choiceExpiresAt: null, privacy: DEFAULT_PRIVACY, quietHours: null }) } as unknown as BuiltBrowserPresenceService['me'] }
}
