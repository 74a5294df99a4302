/** `createPresenceService` for Node: the whole API for any user, on the hub, without sockets. */
import { PresenceError, checked } from '../../src/errors.js'
import {
  DEFAULT_POLICY, parseActivity, parseActivityQuery, parseChannelId, parseCustomStatus, parseDeviceId, parseDeviceName, parseOptions, parsePolicy,
  parsePresenceChange, parsePrivacy, parseProfile, parseReason, parseStatus, parseStatusChange, parseUserId, parseUserIds, parseUsersQuery, type UsersQuery,
} from '../../src/model/arguments.js'
import { onlyNew } from '../../src/model/emitter.js'
import { isWriterId } from '../../src/model/hybrid-clock.js'
import { pageOf, selectUsers, whenAvailable } from '../../src/model/queries.js'
import { deviceRegister, readCustom, readPrivacy, readProfile } from '../../src/model/registers.js'
import type { Log } from '../../src/ports.js'
import type { BuiltServerPresenceService, ServerPresenceOptions, UserPresence } from '../../src/presence-service.js'
import type { Hub } from '../hub/hub.js'
import { deviceRows, type HubUser } from '../hub/hub-user.js'
import { NO_METER } from '../hub/meter.js'
import { withEntry, withoutEntry } from '../hub/small-set.js'
import type { UserStore } from '../hub/user-store.js'
import { createLog } from '../log.js'
import { newestActivity } from '../store/apply-changes.js'
import { openLevelStore } from '../store/level-store.js'
import { createMemoryStore } from '../store/memory-store.js'
import { createServerCore, type ServerPorts } from './core.js'
import { keepBackstage } from './hubs.js'
import { createNodeClock } from './node-clock.js'
import { devicesOf, syncStatusOf } from './node-values.js'

export function createPresenceService(options: ServerPresenceOptions = {}): BuiltServerPresenceService {
  const given = checked(parseOptions(options, ['storage', 'path', ...Object.keys(DEFAULT_POLICY)]))
  const policy = checked(parsePolicy(given))
  return createServerPresenceService({ openStore: storeOpener(given, logToConsole), policy, clock: createNodeClock(), log: logToConsole, meter: NO_METER })
}

export function storeOpener({ storage = 'memory', path }: Readonly<Record<string, unknown>>, log: Log): () => Promise<UserStore> {
  if (storage === 'memory') return async () => createMemoryStore()
  if (storage === 'level' && typeof path === 'string' && path !== '') return () => openLevelStore(path, { log })
  throw storage === 'level'
    ? new PresenceError('invalid-argument', { subject: 'path', message: 'The folder of the level store is missing.', remedy: "Pass path: 'some/folder'." })
    : new PresenceError('invalid-argument', { subject: 'storage', message: 'The storage is unknown.', remedy: "Pass 'memory' or 'level'." })
}

const logToConsole: Log = createLog({ level: 'warn', write: (line, level) => console[level](line) })

export function createServerPresenceService(ports: ServerPorts): BuiltServerPresenceService {
  const { clock } = ports
  const core = createServerCore(ports)
  const { emitter, listeners, opening, withUser, whileOpen, edit } = core

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
        // Events tell what others may see.
        if (readPrivacy(user.registers).activity) emitter.emit('activity', user.userId, event)
        await saved
      })
    },
    async getActivity(userId, options) {
      const { limit, since } = checked(parseActivityQuery(options))
      return withUser(userId, (_, user) => [...user.activity].filter(({ timestamp }) => timestamp >= since)
        .sort((a, b) => b.timestamp - a.timestamp).slice(0, limit))
    },

    async getDevices(userId) {
      return withUser(userId, (_, user) => devicesOf(user, clock.now()))
    },
    async setDeviceStatus(userId, deviceId, status) {
      const id = checked(parseDeviceId(deviceId))
      const wanted = checked(parseStatus(status))
      await withUser(userId, ({ devices }, user) => devices.setStatus(user, id, wanted))
    },
    async renameDevice(userId, deviceId, name) {
      const id = checked(parseDeviceId(deviceId))
      const value = { name: checked(parseDeviceName(name)) }
      return edit(userId, (user) => {
        // Ids of server-run devices are the app's own words, and need not fit the name of a register.
        if (!isWriterId(id) || !deviceRows(user, clock.now()).some((row) => row.id === id)) {
          throw new PresenceError('invalid-argument', { subject: 'deviceId', message: 'There is no such device with a name to change.', remedy: 'Pass the id of a device of getDevices().' })
        }
        return { [deviceRegister(id)]: value }
      })
    },
    holdActive(userId, reason) {
      const id = checked(parseUserId(userId))
      const why = checked(parseReason(reason))
      return whileOpen(id, ({ devices }, user) => devices.hold(user, why))
    },

    async getOnlineUsers(query) {
      const wanted = checked(parseUsersQuery(query))
      return pageOf(await matching(wanted), wanted)
    },
    async countOnlineUsers(query) {
      return (await matching(checked(parseUsersQuery(query)))).length
    },
    watch(userIds) {
      const stops = checked(parseUserIds(userIds)).map((userId) => whileOpen(userId, () => undefined))
      return () => stops.forEach((stop) => stop())
    },
    join(channelId, { userId } = {}) {
      const id = checked(parseChannelId(channelId))
      return whileOpen(checked(parseUserId(userId)), ({ hub }, user) => {
        user.serverJoins = withEntry(user.serverJoins, id, (user.serverJoins.get(id) ?? 0) + 1)
        hub.refresh(user)
        return () => {
          const count = (user.serverJoins.get(id) ?? 1) - 1
          user.serverJoins = count > 0 ? withEntry(user.serverJoins, id, count) : withoutEntry(user.serverJoins, id)
          hub.refresh(user)
        }
      })
    },
    // Everyone is seen here anyway; a channel needs no watching.
    watchChannel(channelId) {
      core.refuseClosed()
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
      return withUser(userId, (_, user) => syncStatusOf(user, clock.now()))
    },
    async whenAvailable(userId, { signal } = {}) {
      return whenAvailable((listener) => service.subscribeTo(userId, listener), signal, core.ending)
    },

    subscribe: (listener) => listeners.subscribe(listener),
    getSnapshot: () => listeners.snapshot(),
    peek: (userId) => core.opened()?.seen.peek(userId),
    subscribeTo(userId, listener) {
      const id = checked(parseUserId(userId))
      // Told of the present state once the user is in memory, and of changes from then on.
      return whileOpen(id, ({ seen }, user) => {
        emitter.call(listener, seen.presenceOf(user))
        return listeners.onUser(id, listener)
      })
    },
    peekChannel: (channelId) => core.opened()?.seen.roster(channelId),
    subscribeToChannel(channelId, listener) {
      core.refuseClosed()
      const id = checked(parseChannelId(channelId))
      const tell = onlyNew(listener)
      const roster = service.peekChannel(id)
      if (roster) emitter.call(tell, roster)
      return listeners.onChannel(id, tell)
    },

    async revoke(what) {
      core.refuseClosed()
      await (await opening).revocations.revoke(what)
    },

    close: () => core.close(),
    [Symbol.asyncDispose]: () => service.close(),
  }
  keepBackstage(service, { opening, log: ports.log, meter: ports.meter })
  return service

  async function matching(query: UsersQuery): Promise<UserPresence[]> {
    core.refuseClosed()
    const { channelId, statuses } = query
    const { hub, seen } = await opening
    const loaded = channelId === null && statuses.includes('offline') ? await loadEveryone(hub) : []
    const users = channelId === null ? [...hub.users()] : seen.members(channelId)
    loaded.forEach(hub.release)
    return selectUsers(users.map(seen.presenceOf), query)
  }

  async function loadEveryone(hub: Hub): Promise<HubUser[]> {
    const loaded: HubUser[] = []
    for await (const userId of hub.storedUserIds()) loaded.push(await hub.open(userId))
    return loaded
  }
}
