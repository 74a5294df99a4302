/** The parts of a browser service and how they hang together; the calls stand in `create-presence-service`. */
import { PresenceError, asPresenceError, checked, serviceClosed } from '../errors.js'
import { parseUserId } from '../model/arguments.js'
import { createEmitter, stopAll, type Emitter } from '../model/emitter.js'
import type { Registers } from '../model/registers.js'
import { devicesSeen } from '../model/sync-count.js'
import type { Clock, Log, PageActivity, PageLifecycle, Random, Storage, TabChannel } from '../ports.js'
import type {
  ConnectionState, Device, JsonValue, OwnPresence, PresenceErrorLike, PresenceEvents, PresenceSnapshot, SyncStatus, UserPresence,
} from '../presence-service.js'
import { openOwnData, type OwnData } from './own-data.js'
import { createOwnPresence, type OwnPresencePart } from './own-presence.js'
import type { ResolvedOptions } from './options.js'
import { createPeople, type People } from './people.js'
import { createProblems } from './problems.js'
import { createRelayLink, type RelayLink } from './relay-link.js'
import { createRelayTime, type RelayTime } from './relay-time.js'
import { createSnapshots, type Snapshots } from './snapshots.js'
import { WIRE } from '../protocol/limits.js'

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

export interface Core {
  readonly emitter: Emitter<PresenceEvents>
  readonly own: OwnPresencePart
  readonly people: People
  readonly snapshots: Snapshots
  /** Relay time. */
  readonly now: () => number
  readonly link: () => RelayLink | null
  /** Once storage is open. Rejects with `closed` after `close`. */
  ready(): Promise<OwnData>
  /** The same for a call that only its own user may make; throws `forbidden` for another's id. */
  mine(userId: unknown): Promise<OwnData>
  refuseOthers(userId: unknown): void
  refuseClosed(): void
  edit(userId: unknown, values: (registers: Registers) => Readonly<Record<string, JsonValue>>): Promise<void>
  /** Waits while connected, for 10 s at most. */
  until(check: () => boolean, signal?: AbortSignal): Promise<void>
  syncStatus(): SyncStatus
  /** Aborts with `closed` when the service closes. */
  readonly ending: AbortSignal
  close(forget: boolean): Promise<void>
}

const NO_REGISTERS: Registers = new Map()

export function createCore(options: ResolvedOptions, ports: BrowserPorts): Core {
  const { userId, policy, relayUrl } = options
  const { clock, storage, tabs, activity: page } = ports
  const emitter = createEmitter<PresenceEvents>(reportFailure)
  let time: RelayTime = createRelayTime(clock, null)
  let data: OwnData | null = null
  let link: RelayLink | null = null
  let closing: Promise<void> | null = null
  let toldDigest = ''
  const ending = new AbortController()
  /** The offset becomes known only with storage. */
  const relayTime: Clock = { now: () => time.now(), at: (at, callback) => time.at(at, callback) }
  const problems = createProblems(relayTime.now)
  const snapshots = createSnapshots(emitter, takeSnapshot)
  const own = createOwnPresence({
    userId, clock, time: relayTime, policy, isHidden: !page.isVisible(),
    deviceKind: options.deviceKind ?? ports.device.kind, deviceName: options.deviceName ?? ports.device.name,
    deviceId: () => data?.deviceId ?? null, registers: () => data?.registers() ?? NO_REGISTERS, plainDevices: () => link?.plainDevices() ?? [],
    honesty: () => isLive() ? { freshness: 'live', asOf: null } : { freshness: 'stale', asOf: link?.lastContactAt() ?? data?.contact.lastContactAt ?? null },
    tell: () => link?.tellLiveness(), onChange: snapshots.changed,
  })
  const people = createPeople({
    time: relayTime, emitter, ownUserId: userId, isAlone: relayUrl === null, onChange: snapshots.changed, onFailure: reportFailure, onOwnDevices: own.toldDevices,
    ask: (operations) => link?.watch(operations), askForPage: (frame) => link?.request(frame), isConnected: () => link?.relay() === 'porchlight',
  })
  const stopListening = listen()
  const opening = open()
  opening.catch(reportFailure)
  return {
    emitter, own, people, snapshots, now: relayTime.now, link: () => link, ready, mine, refuseOthers, refuseClosed, edit, until, syncStatus, ending: ending.signal,
    close: (forget) => closing ??= close(forget),
  }

  async function open(): Promise<void> {
    const opened = await openOwnData({ storage, random: ports.random, tabs, now: relayTime.now })
    data = opened
    if (closing) return
    time = createRelayTime(clock, opened.contact.clockOffsetMs)
    opened.onChange(() => {
      // What this device has is part of what it says of itself (SY3).
      if (own.digest() !== toldDigest) link?.tellLiveness()
      toldDigest = own.digest()
      snapshots.changed()
    })
    options.channels.forEach((channelId) => people.join(channelId))
    if (relayUrl !== null) connect(opened, relayUrl)
    snapshots.changed()
  }

  function connect(opened: OwnData, url: string): void {
    link = createRelayLink({
      relayUrl: url, userId, token: options.token, WebSocket: ports.WebSocket, data: opened, clock, time, random: ports.random, isVisible: page.isVisible,
      hello: () => {
        const { kind, name, digest } = own.state()
        return { ...policy, deviceId: opened.deviceId, kind, name, digest }
      },
      deviceState: own.state,
      onOpen: people.connected, onClosed: people.lost, onFrame: people.receive, onNotice: people.notice, onChange: snapshots.changed,
      onProblem: (problem) => noteProblem('relay', problem),
    })
    link.start()
  }

  function listen() {
    return stopAll([
      storage.onProblem((problem) => {
        noteProblem('storage', problem)
        if (!problem) data?.storageIsBack().catch(reportFailure)
      }),
      page.start((news) => {
        own.news(news === 'input' ? { type: 'input', sinceInputMs: 0 } : { type: news })
        if (news === 'input') tabs?.send({ type: 'input', sinceInputMs: 0 })
      }),
      ports.lifecycle.onHide(() => {
        link?.leave('leaving')
        link?.pause()
      }),
      ports.lifecycle.onReturn(() => {
        link?.start()
        // A frozen page's socket is dead, whatever it says of itself.
        link?.restart()
        link?.wake()
      }),
      ports.lifecycle.onWake(() => {
        link?.wake()
        void data?.readAgain()
      }),
      tabs?.subscribe((message) => {
        if (message.type === 'stored') void data?.readAgain()
        if (message.type === 'input') own.news(message)
        if (message.type === 'forget') forgetToo().catch(() => undefined)
      }) ?? (() => undefined),
    ])
  }

  /** Any code of this origin may say so (TB4): it is believed where the data is gone. */
  async function forgetToo(): Promise<void> {
    if (await data?.isForgotten()) await (closing ??= close(true))
  }

  async function ready(): Promise<OwnData> {
    refuseClosed()
    await opening
    refuseClosed()
    return data!
  }

  async function mine(of: unknown): Promise<OwnData> {
    refuseOthers(of)
    return ready()
  }

  function refuseOthers(of: unknown): void {
    refuseClosed()
    const id = checked(parseUserId(of))
    if (id !== userId) {
      throw new PresenceError('forbidden', { subject: id, message: 'A browser may only do this for its own user.', remedy: 'Do it on a server, with porchlight/server.' })
    }
  }
  function refuseClosed(): void {
    if (closing) throw serviceClosed()
  }

  async function edit(of: unknown, values: (registers: Registers) => Readonly<Record<string, JsonValue>>): Promise<void> {
    const opened = await mine(of)
    await opened.edit(new Map(Object.entries(values(opened.registers()))))
  }

  async function until(check: () => boolean, signal?: AbortSignal): Promise<void> {
    const { reached, stop } = snapshots.until(() => {
      refuseClosed()
      if (link?.state().name !== 'online') throw offline()
      return check()
    })
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => reject(signal?.reason as Error)
      const cancel = clock.at(clock.now() + WIRE.answerTimeoutMs, () => reject(timeout()))
      signal?.addEventListener('abort', abort)
      reached.then(resolve, reject).finally(() => {
        cancel()
        signal?.removeEventListener('abort', abort)
      })
    }).finally(stop)
  }

  function isLive(): boolean {
    return relayUrl === null || link?.state().name === 'online'
  }
  function connection(): ConnectionState {
    if (closing) return { name: 'closed' }
    return relayUrl === null ? { name: 'local' } : link?.state() ?? { name: 'offline' }
  }

  function syncStatus(): SyncStatus {
    const digest = own.digest()
    const others = own.rows().filter(({ id }) => id !== data?.deviceId)
    const { synced, total } = devicesSeen([...others, { isConnected: true, seenAgoMs: 0, digest }], digest)
    return {
      synced, total, lastSync: link?.lastSync() ?? data?.contact.lastSync ?? null, pending: link?.pending() ?? 0, connection: connection(),
      relay: link?.relay() ?? 'none', storage: storage.state(), clockOffsetMs: time.offsetMs(), problems: problems.list(),
    }
  }

  function takeSnapshot(): PresenceSnapshot {
    const { me, devices } = own.read()
    if (data) people.tellOwn(asOthersSee(me))
    return { me: data ? me : null, devices, users: people.directory.users, sync: syncStatus() }
  }

  function noteProblem(about: 'storage' | 'relay', problem: PresenceErrorLike | null): void {
    if (!problems.note(about, problem)) return
    if (problem) reportFailure(problem)
    snapshots.changed()
  }

  /** An `error` event, or a line in the log where nobody listens; never thrown. */
  function reportFailure(cause: unknown): void {
    const error = asPresenceError(cause)
    if (emitter.hasListeners('error')) emitter.emit('error', error)
    else ports.log('error', error.message, { code: error.code, remedy: error.remedy, cause: error.cause })
  }

  async function close(forget: boolean): Promise<void> {
    ending.abort(serviceClosed())
    stopListening()
    own.stop()
    await opening.catch(() => undefined)
    link?.leave('gone')
    link?.stop()
    people.close()
    snapshots.close()
    await data?.close({ forget })
    tabs?.close()
    emitter.clear()
  }
}

/** What is one's own alone stays out of the map of everyone. */
function asOthersSee({ choice: _, choiceExpiresAt: __, privacy: ___, quietHours: ____, ...presence }: OwnPresence): UserPresence {
  return presence
}

const timeout = (): PresenceError => new PresenceError('timeout', { message: 'The relay did not answer within 10 s.', remedy: 'Try again; nothing is lost.' })
const offline = (): PresenceError => new PresenceError('offline', { message: 'There is no connection to a relay.', remedy: 'Changes are kept here, and sent once connected.' })
