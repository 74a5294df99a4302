/** The browser service's calls. Every side effect comes in through the ports. */
import { PresenceError, checked } from '../errors.js'
import {
  parseActivity, parseActivityQuery, parseChannelId, parseCustomStatus, parseDeviceId, parseDeviceName, parsePresenceChange, parsePrivacy, parseProfile,
  parseReason, parseStatus, parseStatusChange, parseUserId, parseUserIds, parseUsersQuery,
} from '../model/arguments.js'
import { countOf, emptyRoster, pageOf, selectUsers, whenAvailable } from '../model/queries.js'
import { deviceRegister, readCustom, readPrivacy, readProfile } from '../model/registers.js'
import type { BuiltBrowserPresenceService, ChannelId, Roster, UserId } from '../presence-service.js'
import { createCore, type BrowserPorts } from './core.js'
import type { ResolvedOptions } from './options.js'

export function createPresenceService(options: ResolvedOptions, ports: BrowserPorts): BuiltBrowserPresenceService {
  const { userId, relayUrl } = options
  const core = createCore(options, ports)
  const { emitter, own, people, snapshots, now, edit, mine } = core

  const service: Omit<BuiltBrowserPresenceService, 'me'> = {
    async getStatus(of) {
      const id = checked(parseUserId(of))
      await core.ready()
      return id === userId ? own.read().me : people.get(id)
    },
    async getStatuses(ids) {
      return Promise.all(checked(parseUserIds(ids)).map((id) => service.getStatus(id)))
    },
    async setStatus(of, status, expiry) {
      const value = checked(parseStatusChange(status, expiry, now()))
      return edit(of, () => ({ status: value }))
    },
    async setCustomStatus(of, text, expiry) {
      const value = checked(parseCustomStatus(text, expiry, now()))
      return edit(of, () => ({ custom: value }))
    },
    async clearCustomStatus(of) {
      return edit(of, () => ({ custom: null }))
    },
    async setPresence(of, change) {
      return edit(of, (registers) => ({ ...checked(parsePresenceChange(change, readCustom(registers, now()), now())) }))
    },
    async setProfile(of, profile) {
      return edit(of, (registers) => ({ profile: checked(parseProfile(profile, readProfile(registers))) }))
    },
    async setPrivacy(of, privacy) {
      return edit(of, (registers) => ({ privacy: { ...checked(parsePrivacy(privacy, readPrivacy(registers))) } }))
    },

    async recordActivity(of, activity) {
      const details = checked(parseActivity(activity, now()))
      const event = await (await mine(of)).addActivity(details)
      own.news({ type: 'input', sinceInputMs: 0 })
      emitter.emit('activity', userId, event)
    },
    async getActivity(of, options) {
      const { limit, since } = checked(parseActivityQuery(options))
      const rows = await (await mine(of)).activity()
      return rows.filter(({ timestamp }) => timestamp >= since).sort((a, b) => b.timestamp - a.timestamp).slice(0, limit)
    },

    async getDevices(of) {
      await mine(of)
      return own.read().devices
    },
    async setDeviceStatus(of, deviceId, status) {
      const id = checked(parseDeviceId(deviceId))
      const wanted = checked(parseStatus(status))
      const { deviceId: thisId } = await mine(of)
      if (id === thisId) return own.override(wanted)
      const link = core.link()
      if (!link) throw new PresenceError('offline', { message: 'Another device\'s status is kept by a relay, and there is none.', remedy: 'Create the service with a relayUrl.' })
      await link.setDeviceStatus(id, wanted)
    },
    async renameDevice(of, deviceId, name) {
      const id = checked(parseDeviceId(deviceId))
      const value = { name: checked(parseDeviceName(name)) }
      return edit(of, () => {
        if (!own.read().devices.some((device) => device.id === id)) throw unknownDevice()
        return { [deviceRegister(id)]: value }
      })
    },
    holdActive(of, reason) {
      core.refuseOthers(of)
      return own.hold(checked(parseReason(reason)))
    },

    async getOnlineUsers(query) {
      const wanted = checked(parseUsersQuery(query))
      await core.ready()
      if (wanted.channelId === null) return pageOf(selectUsers(people.directory.users.values(), wanted), wanted)
      return inChannel(wanted.channelId, (roster) => (roster.isComplete ? pageOf(selectUsers(roster.users, wanted), wanted) : people.page(roster.channelId, wanted)))
    },
    async countOnlineUsers(query) {
      const wanted = checked(parseUsersQuery(query))
      await core.ready()
      if (wanted.channelId === null) return selectUsers(people.directory.users.values(), wanted).length
      return inChannel(wanted.channelId, ({ counts }) => countOf(counts, wanted))
    },
    watch(ids) {
      core.refuseClosed()
      return people.watch(checked(parseUserIds(ids)))
    },
    join(channelId, { userId: of } = {}) {
      core.refuseOthers(of ?? userId)
      return people.join(checked(parseChannelId(channelId)))
    },
    watchChannel(channelId) {
      core.refuseClosed()
      return people.watchChannel(checked(parseChannelId(channelId)))
    },

    on: (event, listener) => emitter.on(event, listener),
    once: (event, listener) => emitter.once(event, listener),
    off: (event, listener) => emitter.off(event, listener),

    async sync(of, { signal } = {}) {
      await mine(of)
      signal?.throwIfAborted()
      await core.until(() => core.link()?.isCurrent() ?? false, signal)
    },
    async getSyncStatus(of) {
      await mine(of)
      return core.syncStatus()
    },
    async whenAvailable(of, { signal } = {}) {
      // A refusal is an answer too.
      await service.getStatus(of)
      return whenAvailable((listener) => service.subscribeTo(of, listener), signal, core.ending)
    },

    subscribe: (listener) => snapshots.subscribe(listener),
    getSnapshot: () => snapshots.get(),
    peek: (of) => people.peek(of),
    subscribeTo(of, listener) {
      core.refuseClosed()
      return people.onUser(checked(parseUserId(of)), listener)
    },
    peekChannel: (channelId) => people.directory.roster(channelId),
    subscribeToChannel(channelId, listener) {
      core.refuseClosed()
      return people.onRoster(checked(parseChannelId(channelId)), listener)
    },

    close: ({ forget = false } = {}) => core.close(forget),
    [Symbol.asyncDispose]: () => core.close(false),
  }
  return { ...service, me: mineOf(service, userId) }

  /** Looks into a channel that is not watched for as long as it takes to see it. */
  async function inChannel<T>(channelId: ChannelId, look: (roster: Roster) => T | Promise<T>): Promise<T> {
    const stop = people.watchChannel(channelId)
    try {
      if (relayUrl !== null && core.link()?.relay() === 'porchlight') await core.until(() => people.isTold(channelId))
      return await look(people.directory.roster(channelId) ?? emptyRoster(channelId, 'unknown'))
    } finally {
      stop()
    }
  }
}

const unknownDevice = (): PresenceError =>
  new PresenceError('invalid-argument', { subject: 'deviceId', message: 'There is no such device.', remedy: 'Pass the id of a device of getDevices().' })

const MINE = [
  'getStatus', 'setStatus', 'setCustomStatus', 'clearCustomStatus', 'setPresence', 'setProfile', 'setPrivacy', 'recordActivity', 'getActivity',
  'getDevices', 'setDeviceStatus', 'renameDevice', 'holdActive', 'sync', 'getSyncStatus',
] as const

/** The same calls without their first argument. */
function mineOf(service: Omit<BuiltBrowserPresenceService, 'me'>, userId: UserId): BuiltBrowserPresenceService['me'] {
  const bound = (name: (typeof MINE)[number]) => (...rest: readonly unknown[]): unknown =>
    (service[name] as (...args: readonly unknown[]) => unknown)(userId, ...rest)
  return Object.fromEntries(MINE.map((name) => [name, bound(name)])) as unknown as BuiltBrowserPresenceService['me']
}
