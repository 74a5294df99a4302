/** The browser service: composes what stands in this folder. Every side effect comes in through the ports. */
import { PresenceError, checked } from '../errors.js'
import {
  parseActivity, parseChannelId, parseCustomStatus, parseDeviceId, parseDeviceName, parsePresenceChange, parsePrivacy, parseProfile, parseReason,
  parseStatus, parseStatusChange, parseUserId, parseUserIds,
} from '../model/arguments.js'
import { createEmitter } from '../model/emitter.js'
import { deviceRegister, readCustom, readPrivacy, readProfile, type Registers } from '../model/registers.js'
import { devicesSeen } from '../model/sync-count.js'
import type { Clock, Log, PageActivity, PageLifecycle, Random, Storage, TabChannel } from '../ports.js'
import type {
  BuiltBrowserPresenceService, ConnectionState, Device, JsonValue, OnlineUsersQuery, OwnPresence, PresenceErrorLike, PresenceEvents, PresenceProblem,
  PresenceSnapshot, PresenceStatus, Stop, SyncStatus, UserId, UserPresence,
} from '../presence-service.js'
import { openOwnData, type OwnData } from './own-data.js'
import { createOwnPresence } from './own-presence.js'
import type { ResolvedOptions } from './options.js'
import { createPeople } from './people.js'
import { createRelayLink, type RelayLink } from './relay-link.js'
import { createRelayTime, type RelayTime } from './relay-time.js'

export interface BrowserPorts {
  readonly clock: Clock
  readonly random: Random
  readonly storage: Storage
  readonly tabs: TabChannel | null
  readonly activity: PageActivity
  readonly lifecycle: PageLifecycle
  readonly WebSocket: typeof WebSocket
  readonly device: { readonly name: string; readonly kind: Device['kind'] }
  readonly log: Log
}

const NO_REGISTERS: Registers = new Map()
const SYNC_TIMEOUT_MS = 10_000

export function createPresenceService(options: ResolvedOptions, ports: BrowserPorts): BuiltBrowserPresenceService {
  const { userId, policy } = options
  const { clock, storage, activity: page } = ports
  const emitter = createEmitter<PresenceEvents>((error) => reportFailure(error))
  const snapshotListeners = new Set<(snapshot: PresenceSnapshot) => void>()
  const problems = new Map<string, PresenceProblem>()
  /** Calls that wait for something to become true. */
  const waiting = new Set<() => void>()
  let time: RelayTime = createRelayTime(clock, null)
  let data: OwnData | null = null
  let link: RelayLink | null = null
  let snapshot: PresenceSnapshot | null = null
  let isTelling = false
  let closing: Promise<void> | null = null
  let lastConnection = JSON.stringify(connection())
  let lastSync = ''
  let lastDigest = ''

  const later: Clock = { now: () => time.now(), at: (at, callback) => time.at(at, callback) }
  const own = createOwnPresence({
    userId, time: later, policy, isHidden: !page.isVisible(),
    deviceKind: options.deviceKind ?? ports.device.kind, deviceName: options.deviceName ?? ports.device.name,
    deviceId: () => data?.deviceId ?? null, registers: () => data?.registers() ?? NO_REGISTERS,
    plainDevices: () => link?.plainDevices() ?? [],
    honesty: () => isLive() ? { freshness: 'live', asOf: null } : { freshness: 'stale', asOf: link?.lastContactAt() ?? data?.contact.lastContactAt ?? null },
    tell: () => link?.tellLiveness(), onChange: changed,
  })
  const people = createPeople({
    time: later, emitter, call, ownUserId: userId, onChange: changed, onOwnDevices: own.toldDevices,
    ask: (operations) => link?.watch(operations), isConnected: () => link?.relay() === 'porchlight',
  })
  const stops: Stop[] = [
    page.start((news) => {
      own.news(news === 'input' ? { type: 'input', sinceInputMs: 0 } : { type: news })
      if (news === 'input') ports.tabs?.send({ type: 'input', sinceInputMs: 0 })
    }),
    ports.lifecycle.onHide(() => {
      link?.leave('leaving')
      link?.pause()
    }),
    ports.lifecycle.onReturn(() => {
      if (!closing) link?.start()
    }),
    ports.lifecycle.onWake(() => {
      link?.wake()
      void data?.readAgain()
    }),
    ports.tabs?.subscribe((message) => {
      if (message.type === 'stored') void data?.readAgain()
      if (message.type === 'input') own.news(message)
      if (message.type === 'forget') void service.close({ forget: true })
    }) ?? (() => undefined),
    storage.onProblem((problem) => noteProblem('storage', problem)),
  ]
  const opening = open()
  opening.catch(reportFailure)

  const service: BuiltBrowserPresenceService = {
    async getStatus(of) {
      const id = checked(parseUserId(of))
      await ready()
      return id === userId ? own.read().me : people.get(id)
    },
    async getStatuses(ids) {
      return Promise.all(checked(parseUserIds(ids)).map((id) => service.getStatus(id)))
    },
    async setStatus(of, status, expiry) {
      const value = checked(parseStatusChange(status, expiry, time.now()))
      return edit(of, () => ({ status: value }))
    },
    async setCustomStatus(of, text, expiry) {
      const value = checked(parseCustomStatus(text, expiry, time.now()))
      return edit(of, () => ({ custom: value }))
    },
    async clearCustomStatus(of) {
      return edit(of, () => ({ custom: null }))
    },
    async setPresence(of, change) {
      return edit(of, (registers) => {
        const { status, custom } = checked(parsePresenceChange(change, readCustom(registers, time.now()), time.now()))
        return { ...(status === undefined ? {} : { status }), ...(custom === undefined ? {} : { custom }) }
      })
    },
    async setProfile(of, profile) {
      return edit(of, (registers) => ({ profile: checked(parseProfile(profile, readProfile(registers))) }))
    },
    async setPrivacy(of, privacy) {
      return edit(of, (registers) => ({ privacy: { ...checked(parsePrivacy(privacy, readPrivacy(registers))) } }))
    },

    async recordActivity(of, activity) {
      const details = checked(parseActivity(activity, time.now()))
      const event = await (await mine(of)).addActivity(details)
      own.news({ type: 'input', sinceInputMs: 0 })
      emitter.emit('activity', userId, event)
    },
    async getActivity(of, { limit = 200, since = 0 } = {}) {
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
      if (!link) throw new PresenceError('offline', { message: 'Another device\'s status is kept by a relay, and there is none.', remedy: 'Create the service with a relayUrl.' })
      await link.setDeviceStatus(id, wanted)
    },
    async renameDevice(of, deviceId, name) {
      const id = checked(parseDeviceId(deviceId))
      const value = { name: checked(parseDeviceName(name)) }
      return edit(of, () => ({ [deviceRegister(id)]: value }))
    },
    holdActive(of, reason) {
      refuseOthers(of)
      return own.hold(checked(parseReason(reason)))
    },

    async getOnlineUsers(query = {}) {
      const { limit = Number.POSITIVE_INFINITY, after = '' } = query
      return (await matching(query)).filter(({ userId: id }) => id > after).slice(0, limit)
    },
    async countOnlineUsers(query = {}) {
      return (await matching(query)).length
    },
    watch(ids) {
      refuseClosed()
      return people.watch(checked(parseUserIds(ids)))
    },
    join(channelId, { userId: of } = {}) {
      refuseOthers(of ?? userId)
      const id = checked(parseChannelId(channelId))
      if (options.relayUrl === null) joinAlone(id)
      return people.join(id)
    },
    watchChannel(channelId) {
      refuseClosed()
      return people.watchChannel(checked(parseChannelId(channelId)))
    },

    on: (event, listener) => emitter.on(event, listener),
    once: (event, listener) => emitter.once(event, listener),
    off: (event, listener) => emitter.off(event, listener),

    async sync(of, { signal } = {}) {
      await mine(of)
      signal?.throwIfAborted()
      if (link?.state().name !== 'online') throw new PresenceError('offline', { message: 'There is no connection to a relay.', remedy: 'Changes are kept here, and sent once connected.' })
      await until(() => link?.isCurrent() ?? false, signal)
    },
    async getSyncStatus(of) {
      await mine(of)
      return syncStatus()
    },
    async whenAvailable(of, { signal } = {}) {
      const id = checked(parseUserId(of))
      signal?.throwIfAborted()
      return new Promise<UserPresence>((resolve, reject) => {
        const stop = service.subscribeTo(id, (presence) => {
          if (presence.status !== 'online' || presence.freshness !== 'live') return
          end()
          resolve(presence)
        })
        const abort = (): void => {
          end()
          reject(signal!.reason as Error)
        }
        const end = (): void => {
          signal?.removeEventListener('abort', abort)
          queueMicrotask(() => stop())
        }
        signal?.addEventListener('abort', abort)
      })
    },

    subscribe(listener) {
      snapshotListeners.add(listener)
      call(listener, service.getSnapshot())
      return () => { snapshotListeners.delete(listener) }
    },
    getSnapshot: () => snapshot ??= takeSnapshot(),
    peek: (of) => people.peek(of),
    subscribeTo(of, listener) {
      refuseClosed()
      return people.onUser(checked(parseUserId(of)), listener)
    },
    peekChannel: (channelId) => people.directory.roster(channelId),
    subscribeToChannel(channelId, listener) {
      refuseClosed()
      return people.onRoster(checked(parseChannelId(channelId)), listener)
    },

    close: ({ forget = false } = {}) => closing ??= close(forget),
    [Symbol.asyncDispose]: () => service.close(),
    me: null as never,
  }
  return Object.assign(service, { me: mineOf(service, userId) })

  async function open(): Promise<void> {
    const opened = await openOwnData({ storage, random: ports.random, tabs: ports.tabs, now: () => time.now() })
    if (closing) return
    time = createRelayTime(clock, opened.contact.clockOffsetMs)
    data = opened
    opened.onChange(() => {
      if (own.digest() !== lastDigest) link?.tellLiveness()
      lastDigest = own.digest()
      changed()
    })
    options.channels.forEach((channelId) => service.join(channelId))
    if (options.relayUrl !== null) connect(opened, options.relayUrl)
    changed()
  }

  function connect(opened: OwnData, relayUrl: string): void {
    link = createRelayLink({
      relayUrl, userId, token: options.token, WebSocket: ports.WebSocket, data: opened, clock, time, random: ports.random, isVisible: page.isVisible,
      hello: () => {
        const { kind, name, digest } = own.state()
        return { ...policy, deviceId: opened.deviceId, kind, name, digest }
      },
      deviceState: own.state,
      onOpen: people.connected, onClosed: people.lost, onFrame: people.receive, onNotice: people.notice, onChange: changed,
      onProblem: (problem) => noteProblem('relay', problem),
    })
    link.start()
  }

  async function ready(): Promise<OwnData> {
    refuseClosed()
    await opening
    refuseClosed()
    return data!
  }

  function mine(of: unknown): Promise<OwnData> {
    refuseOthers(of)
    return ready()
  }

  function refuseOthers(of: unknown): void {
    refuseClosed()
    if (checked(parseUserId(of)) !== userId) {
      throw new PresenceError('forbidden', { subject: String(of), message: 'A browser may only do this for its own user.', remedy: 'Do it on a server, with porchlight/server.' })
    }
  }
  function refuseClosed(): void {
    if (closing) throw new PresenceError('closed', { message: 'The service is closed.', remedy: 'Create a new one.' })
  }

  async function edit(of: unknown, values: (registers: Registers) => Readonly<Record<string, JsonValue>>): Promise<void> {
    const opened = await mine(of)
    await opened.edit(new Map(Object.entries(values(opened.registers()))))
  }

  async function matching({ channelId, statuses = ['online', 'away', 'dnd'] }: OnlineUsersQuery): Promise<UserPresence[]> {
    const wanted = new Set<PresenceStatus>(statuses.map((status) => checked(parseStatus(status))))
    await ready()
    const users = channelId === undefined ? [...people.directory.users.values()] : await rosterOf(checked(parseChannelId(channelId)))
    return users.filter(({ status }) => wanted.has(status)).sort((a, b) => (a.userId < b.userId ? -1 : 1))
  }

  /** Looks into a channel that is not watched for as long as it takes to see it. */
  async function rosterOf(channelId: string): Promise<readonly UserPresence[]> {
    const stop = people.watchChannel(channelId)
    try {
      if (link?.relay() === 'porchlight') await until(() => people.isTold(channelId))
      return people.directory.roster(channelId)?.users ?? []
    } finally {
      stop()
    }
  }

  /** Without a relay one is alone in every channel. */
  function joinAlone(channelId: string): void {
    people.directory.join(channelId, userId)
    people.directory.complete(channelId)
  }

  async function until(isTrue: () => boolean, signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const finish = (error?: unknown): void => {
        cancel()
        stop()
        signal?.removeEventListener('abort', abort)
        error === undefined ? resolve() : reject(error as Error)
      }
      const abort = (): void => finish(signal!.reason)
      const cancel = clock.at(clock.now() + SYNC_TIMEOUT_MS, () => finish(new PresenceError('timeout', { message: 'The relay did not answer within 10 s.', remedy: 'Try again; nothing is lost.' })))
      const check = (): void => {
        if (closing) finish(new PresenceError('closed', { message: 'The service was closed.', remedy: 'Create a new one.' }))
        else if (link && link.state().name !== 'online') finish(new PresenceError('offline', { message: 'The connection was lost.', remedy: 'Changes are kept here, and sent once connected.' }))
        else if (isTrue()) finish()
      }
      waiting.add(check)
      const stop = (): void => { waiting.delete(check) }
      signal?.addEventListener('abort', abort)
      check()
    })
  }

  function isLive(): boolean {
    return options.relayUrl === null || link?.state().name === 'online'
  }
  function connection(): ConnectionState {
    if (options.relayUrl === null) return { name: 'local' }
    return closing ? { name: 'closed' } : link?.state() ?? { name: 'offline' }
  }

  function syncStatus(): SyncStatus {
    const digest = own.digest()
    const others = own.rows().filter(({ id }) => id !== data?.deviceId)
    const { synced, total } = devicesSeen([...others, { isConnected: true, seenAgoMs: 0, digest }], digest)
    return {
      synced, total, lastSync: link?.lastSync() ?? data?.contact.lastSync ?? null, pending: link?.pending() ?? 0, connection: connection(),
      relay: link?.relay() ?? 'none', storage: storage.state(), clockOffsetMs: time.offsetMs(), problems: [...problems.values()],
    }
  }

  function takeSnapshot(): PresenceSnapshot {
    const { me, devices } = own.read()
    return { me: data ? me : null, devices, users: people.directory.users, sync: syncStatus() }
  }

  /** Gathers what happens at once into one new snapshot. */
  function changed(): void {
    for (const check of [...waiting]) check()
    if (isTelling || closing) return
    isTelling = true
    queueMicrotask(() => {
      isTelling = false
      if (!closing) tell()
    })
  }

  function tell(): void {
    const before = snapshot
    snapshot = takeSnapshot()
    if (snapshot.me) people.tellOwn(asOthersSee(snapshot.me))
    const { sync, devices } = snapshot
    const state = JSON.stringify(sync.connection)
    if (state !== lastConnection) emitter.emit('connectionChange', sync.connection)
    lastConnection = state
    if (before && before.devices !== devices && data) emitter.emit('deviceChange', userId, devices)
    const syncText = JSON.stringify(sync)
    if (syncText !== lastSync) emitter.emit('syncChange', sync)
    lastSync = syncText
    for (const listener of [...snapshotListeners]) call(listener, snapshot)
  }

  function noteProblem(about: string, problem: PresenceErrorLike | null): void {
    if (!problem) problems.delete(about)
    else {
      problems.set(about, { code: problem.code, message: problem.message, since: problems.get(about)?.since ?? Math.floor(time.now()) })
      reportFailure(problem)
    }
    changed()
  }

  function call<Value>(listener: (value: Value) => void, value: Value): void {
    try {
      listener(value)
    } catch (error) {
      reportFailure(error)
    }
  }

  /** An `error` event, or a line in the log where nobody listens; never thrown. */
  function reportFailure(cause: unknown): void {
    const error = cause instanceof PresenceError ? cause : new PresenceError('invalid-argument', { message: 'A listener threw.', remedy: 'See its cause.', cause })
    if (emitter.hasListeners('error')) emitter.emit('error', error)
    else ports.log('error', error.message, { code: error.code, remedy: error.remedy, cause: error.cause })
  }

  async function close(forget: boolean): Promise<void> {
    for (const stop of stops.reverse()) stop()
    own.stop()
    await opening.catch(() => undefined)
    link?.leave('gone')
    link?.stop()
    changed()
    people.close()
    await data?.close({ forget })
    ports.tabs?.close()
    emitter.emit('connectionChange', { name: 'closed' })
    emitter.clear()
    snapshotListeners.clear()
  }
}

/** Values that are one's own alone stay out of the map of everyone. */
function asOthersSee({ choice: _, choiceExpiresAt: __, privacy: ___, quietHours: ____, ...presence }: OwnPresence): UserPresence {
  return presence
}

const MINE = [
  'getStatus', 'setStatus', 'setCustomStatus', 'clearCustomStatus', 'setPresence', 'setProfile', 'setPrivacy', 'recordActivity', 'getActivity',
  'getDevices', 'setDeviceStatus', 'renameDevice', 'holdActive', 'sync', 'getSyncStatus',
] as const

function mineOf(service: BuiltBrowserPresenceService, userId: UserId): BuiltBrowserPresenceService['me'] {
  const call = (name: (typeof MINE)[number]) => (...rest: readonly unknown[]) => (service[name] as (...args: readonly unknown[]) => unknown)(userId, ...rest)
  return Object.fromEntries(MINE.map((name) => [name, call(name)])) as unknown as BuiltBrowserPresenceService['me']
}
