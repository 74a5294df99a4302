/** `createPresenceService` for Node: the whole API for any user, on the hub, without sockets. */
import { PresenceError, checked } from '../../src/errors.js'
import {
  DEFAULT_POLICY, parseActivity, parseChannelId, parseCustomStatus, parseDeviceId, parseDeviceName, parseOptions, parsePolicy, parsePresenceChange,
  parsePrivacy, parseProfile, parseReason, parseStatus, parseStatusChange, parseUserId, parseUserIds,
} from '../../src/model/arguments.js'
import { eventsOf } from '../../src/model/directory.js'
import { addTo, createEmitter, stopAll } from '../../src/model/emitter.js'
import { DEFAULT_STATUSES, pageOf, selectUsers, whenAvailable } from '../../src/model/queries.js'
import { nextStamp } from '../../src/model/hybrid-clock.js'
import { deviceRegister, digestOf, greatestStamp, readCustom, readPrivacy, readProfile, type Register } from '../../src/model/registers.js'
import { devicesSeen } from '../../src/model/sync-count.js'
import type { Clock, Log } from '../../src/ports.js'
import type {
  BuiltServerPresenceService, ChannelId, Device, JsonValue, OnlineUsersQuery, PresenceEvents, PresenceSnapshot, PresenceStatus, Roster, ServerPresenceOptions, Stop,
  SyncStatus, UserId, UserPresence,
} from '../../src/presence-service.js'
import { parseDeviceRows, toDevice } from '../../src/protocol/device-rows.js'
import { createHub, type Hub, type HubChange } from '../hub/hub.js'
import { deviceRows, type HubUser } from '../hub/hub-user.js'
import type { UserStore } from '../hub/user-store.js'
import { newestActivity } from '../store/apply-changes.js'
import { openLevelStore } from '../store/level-store.js'
import { createMemoryStore } from '../store/memory-store.js'
import { keepBackstage } from './hubs.js'
import { createNodeClock } from './node-clock.js'
import { createSeenUsers, type SeenUsers } from './seen-users.js'
import { createServerDevices, type ServerDevices } from './server-devices.js'

interface Parts {
  readonly hub: Hub
  readonly seen: SeenUsers
  readonly devices: ServerDevices
  readonly store: UserStore
}

export function createPresenceService(options: ServerPresenceOptions = {}): BuiltServerPresenceService {
  const given = checked(parseOptions(options, ['storage', 'path', ...Object.keys(DEFAULT_POLICY)]))
  const policy = checked(parsePolicy(given))
  return createServerPresenceService({ openStore: storeOpener(given), policy, clock: createNodeClock(), log: logToConsole })
}

function storeOpener({ storage = 'memory', path }: Readonly<Record<string, unknown>>): () => Promise<UserStore> {
  if (storage === 'memory') return async () => createMemoryStore()
  if (storage === 'level' && typeof path === 'string' && path !== '') return () => openLevelStore(path, { log: logToConsole })
  throw storage === 'level'
    ? new PresenceError('invalid-argument', { subject: 'path', message: 'The folder of the level store is missing.', remedy: "Pass path: 'some/folder'." })
    : new PresenceError('invalid-argument', { subject: 'storage', message: 'The storage is unknown.', remedy: "Pass 'memory' or 'level'." })
}

const logToConsole: Log = (level, message, details) => {
  if (level !== 'debug') console[level](JSON.stringify({ level, message, ...details }))
}

export interface ServerServiceParts {
  readonly openStore: () => Promise<UserStore>
  readonly policy: Required<typeof DEFAULT_POLICY>
  readonly clock: Clock
  readonly log: Log
}

export function createServerPresenceService({ openStore, policy, clock, log }: ServerServiceParts): BuiltServerPresenceService {
  const emitter = createEmitter<PresenceEvents>((error) => reportFailure(error))
  const snapshotListeners = new Set<(snapshot: PresenceSnapshot) => void>()
  const userListeners = new Map<UserId, Set<(presence: UserPresence) => void>>()
  const channelListeners = new Map<ChannelId, Set<(roster: Roster) => void>>()
  let parts: Parts | null = null
  let closing: Promise<void> | null = null
  let snapshot: PresenceSnapshot | null = null

  const opening = openStore().then((store): Parts => {
    const hub = createHub({ clock, store, policy, log })
    hub.onChange(onChange)
    parts = { hub, store, seen: createSeenUsers(hub), devices: createServerDevices(hub, store.writerId) }
    return parts
  })
  opening.catch((error: unknown) => reportFailure(error))

  const service: BuiltServerPresenceService = {
    async getStatus(userId) {
      return withUser(userId, ({ seen }, user) => seen.presenceOf(user))
    },
    async getStatuses(userIds) {
      return Promise.all(checked(parseUserIds(userIds)).map((userId) => service.getStatus(userId)))
    },
    async setStatus(userId, status, choice) {
      const value = checked(parseStatusChange(status, choice, clock.now()))
      return edit(userId, () => ({ status: value }))
    },
    async setCustomStatus(userId, text, custom) {
      const value = checked(parseCustomStatus(text, custom, clock.now()))
      return edit(userId, () => ({ custom: value }))
    },
    async clearCustomStatus(userId) {
      return edit(userId, () => ({ custom: null }))
    },
    async setPresence(userId, change) {
      return edit(userId, (user) => ({ ...checked(parsePresenceChange(change, readCustom(user.registers, clock.now()), clock.now())) }))
    },
    async setProfile(userId, profile) {
      return edit(userId, (user) => ({ profile: checked(parseProfile(profile, readProfile(user.registers))) }))
    },
    async setPrivacy(userId, privacy) {
      return edit(userId, (user) => ({ privacy: { ...checked(parsePrivacy(privacy, readPrivacy(user.registers))) } }))
    },

    async recordActivity(userId, activity) {
      const details = checked(parseActivity(activity, clock.now()))
      await withUser(userId, async ({ hub, devices, store }, user) => {
        const deviceId = store.writerId
        const sequence = Math.max(0, ...user.activity.filter((row) => row.deviceId === deviceId).map((row) => Number(row.id.split(':')[1]))) + 1
        const event = { ...details, id: `${deviceId}:${sequence}`, deviceId }
        user.activity = newestActivity([...user.activity, event])
        const saved = hub.saver.save(user, { activity: [event] })
        devices.use(user, details.channelId)
        emitter.emit('activity', user.userId, event)
        await saved
      })
    },
    async getActivity(userId, { limit, since = 0 } = {}) {
      return withUser(userId, (_, user) => [...user.activity].filter(({ timestamp }) => timestamp >= since)
        .sort((a, b) => b.timestamp - a.timestamp).slice(0, limit))
    },

    async getDevices(userId) {
      return withUser(userId, (_, user) => devicesOf(user))
    },
    async setDeviceStatus(userId, deviceId, status) {
      const id = checked(parseDeviceId(deviceId))
      const wanted = checked(parseStatus(status))
      await withUser(userId, ({ devices }, user) => devices.setStatus(user, id, wanted))
    },
    async renameDevice(userId, deviceId, name) {
      const id = checked(parseDeviceId(deviceId))
      const value = { name: checked(parseDeviceName(name)) }
      return edit(userId, () => ({ [deviceRegister(id)]: value }))
    },
    holdActive(userId, reason) {
      const id = checked(parseUserId(userId))
      const why = checked(parseReason(reason))
      return whileOpen(id, ({ devices }, user) => devices.hold(user, why))
    },

    async getOnlineUsers(query = {}) {
      return pageOf(await matching(query), query)
    },
    async countOnlineUsers(query = {}) {
      return (await matching(query)).length
    },
    watch(userIds) {
      const stops = checked(parseUserIds(userIds)).map((userId) => whileOpen(userId, () => undefined))
      return () => stops.forEach((stop) => stop())
    },
    join(channelId, { userId } = {}) {
      const id = checked(parseChannelId(channelId))
      return whileOpen(checked(parseUserId(userId)), ({ hub }, user) => {
        user.serverJoins.set(id, (user.serverJoins.get(id) ?? 0) + 1)
        hub.refresh(user)
        return () => {
          const count = (user.serverJoins.get(id) ?? 1) - 1
          count > 0 ? user.serverJoins.set(id, count) : user.serverJoins.delete(id)
          hub.refresh(user)
        }
      })
    },
    // Everyone is seen here anyway; a channel needs no watching.
    watchChannel(channelId) {
      checked(parseChannelId(channelId))
      return () => undefined
    },

    on: (event, listener) => emitter.on(event, listener),
    once: (event, listener) => emitter.once(event, listener),
    off: (event, listener) => emitter.off(event, listener),

    async sync(userId) {
      await withUser(userId, ({ hub }, user) => hub.saver.save(user, {}))
    },
    async getSyncStatus(userId) {
      return withUser(userId, (_, user) => syncStatusOf(user))
    },
    async whenAvailable(userId, { signal } = {}) {
      return whenAvailable((listener) => service.subscribeTo(userId, listener), signal)
    },

    subscribe(listener) {
      snapshotListeners.add(listener)
      emitter.call(listener, service.getSnapshot())
      return () => { snapshotListeners.delete(listener) }
    },
    getSnapshot() {
      return snapshot ??= { me: null, devices: [], users: everyone(), sync: LOCAL_SYNC }
    },
    peek: (userId) => parts?.seen.peek(userId),
    subscribeTo(userId, listener) {
      const id = checked(parseUserId(userId))
      const stopWatching = whileOpen(id, ({ seen }, user) => { emitter.call(listener, seen.presenceOf(user)) })
      return stopAll([stopWatching, addTo(userListeners, id, listener)])
    },
    peekChannel: (channelId) => parts?.seen.roster(channelId),
    subscribeToChannel(channelId, listener) {
      const id = checked(parseChannelId(channelId))
      const roster = service.peekChannel(id)
      if (roster) emitter.call(listener, roster)
      return addTo(channelListeners, id, listener)
    },

    close: () => closing ??= close(),
    [Symbol.asyncDispose]: () => service.close(),
  }
  keepBackstage(service, { hub: opening.then(({ hub }) => hub), relayNumber: opening.then(({ store }) => store.relayNumber), log })
  return service

  async function close(): Promise<void> {
    emitter.clear()
    snapshotListeners.clear()
    userListeners.clear()
    channelListeners.clear()
    const opened = await opening.catch(() => null)
    await opened?.hub.close()
  }

  async function withUser<T>(userId: unknown, use: (parts: Parts, user: HubUser) => T | Promise<T>): Promise<T> {
    const id = checked(parseUserId(userId))
    if (closing) throw closed()
    const opened = await opening
    const user = await opened.hub.open(id)
    try {
      return await use(opened, user)
    } finally {
      opened.hub.release(user)
    }
  }

  async function edit(userId: unknown, values: (user: HubUser) => Readonly<Record<string, JsonValue>>): Promise<void> {
    await withUser(userId, async ({ hub, store }, user) => {
      const at = nextStamp(clock.now(), greatestStamp(user.registers), store.writerId)
      const registers = new Map<string, Register>(Object.entries(values(user)).map(([name, value]) => [name, { at, value }]))
      const { saved, refused } = hub.merge(user, registers)
      await saved
      if (refused.length > 0) throw new PresenceError('quota', { subject: refused[0]!, message: 'It does not fit among this user\'s registers.', remedy: 'Remove devices that are no longer used.' })
    })
  }

  /** Keeps a user in memory, and what `start` began, until stopped; also when the store is still opening. */
  function whileOpen(userId: UserId, start: (parts: Parts, user: HubUser) => Stop | void): Stop {
    if (closing) throw closed()
    let isWanted = true
    let stop: Stop = () => undefined
    void opening.then(async (opened) => {
      const user = await opened.hub.open(userId)
      if (!isWanted || closing) return opened.hub.release(user)
      const ended = start(opened, user)
      stop = () => {
        ended?.()
        opened.hub.release(user)
      }
    }).catch(reportFailure)
    return () => {
      if (isWanted) stop()
      isWanted = false
    }
  }

  async function matching(query: OnlineUsersQuery): Promise<UserPresence[]> {
    if (closing) throw closed()
    const statuses = (query.statuses ?? DEFAULT_STATUSES).map((status): PresenceStatus => checked(parseStatus(status)))
    const channelId = query.channelId === undefined ? null : checked(parseChannelId(query.channelId))
    const { hub, seen } = await opening
    const loaded = channelId === null && statuses.includes('offline') ? await loadEveryone(hub) : []
    const users = channelId === null ? [...hub.users()] : seen.members(channelId)
    loaded.forEach(hub.release)
    return selectUsers(users.map(seen.presenceOf), { statuses })
  }

  async function loadEveryone(hub: Hub): Promise<HubUser[]> {
    const loaded: HubUser[] = []
    for await (const userId of hub.storedUserIds()) loaded.push(await hub.open(userId))
    return loaded
  }

  function onChange({ user, before }: HubChange): void {
    const { seen } = parts!
    const after = seen.presenceOf(user)
    const changes = eventsOf({ userId: user.userId, before: seen.presenceFrom(before), after })
    for (const [event, ...args] of changes) emitter.emit(event, ...args as never)
    if (before.devices !== user.shown.devices) emitter.emit('deviceChange', user.userId, sharedDevicesOf(user))
    if (seen.presenceFrom(before) !== after) {
      for (const listener of userListeners.get(user.userId) ?? []) emitter.call(listener, after)
      snapshot = null
      for (const listener of snapshotListeners) emitter.call(listener, service.getSnapshot())
    }
    for (const channelId of channelListeners.keys()) tellChannel(channelId)
  }

  function tellChannel(channelId: ChannelId): void {
    const roster = parts!.seen.roster(channelId)
    if (roster) for (const listener of channelListeners.get(channelId) ?? []) emitter.call(listener, roster)
  }

  function everyone(): ReadonlyMap<UserId, UserPresence> {
    return new Map([...(parts?.hub.users() ?? [])].map((user) => [user.userId, parts!.seen.presenceOf(user)]))
  }

  function devicesOf(user: HubUser): readonly Device[] {
    const now = clock.now()
    return deviceRows(user, now).map((row) => toDevice(row, now, null))
  }
  function sharedDevicesOf(user: HubUser): readonly Device[] {
    const now = clock.now()
    return user.shown.devices === '' ? [] : parseDeviceRows(JSON.parse(user.shown.devices) as JsonValue).map((row) => toDevice(row, now, null))
  }

  function syncStatusOf(user: HubUser): SyncStatus {
    return { ...LOCAL_SYNC, ...devicesSeen(deviceRows(user, clock.now()), digestOf(user.registers, clock.now())), pending: user.unsaved.size }
  }

  /** An `error` event, or a line in the log where nobody listens. */
  function reportFailure(cause: unknown): void {
    const error = cause instanceof PresenceError ? cause
      : new PresenceError('invalid-argument', { message: 'A listener threw.', remedy: 'See its cause.', cause })
    if (emitter.hasListeners('error')) emitter.emit('error', error)
    else log('error', error.message, { code: error.code, remedy: error.remedy })
  }
}

const LOCAL_SYNC: SyncStatus = {
  synced: 0, total: 0, lastSync: null, pending: 0, connection: { name: 'local' }, relay: 'none', storage: 'durable', clockOffsetMs: 0, problems: [],
}

const closed = (): PresenceError => new PresenceError('closed', { message: 'The service is closed.', remedy: 'Create a new one.' })
