/** The parts of the Node service and how they hang together; the calls stand in `create-presence-service`. */
import { PresenceError, asPresenceError, checked, serviceClosed } from '../../src/errors.js'
import { parseUserId } from '../../src/model/arguments.js'
import { createEmitter, once, type Emitter } from '../../src/model/emitter.js'
import { nextStamp } from '../../src/model/hybrid-clock.js'
import { greatestStamp, type Register } from '../../src/model/registers.js'
import type { Clock, Log } from '../../src/ports.js'
import type { JsonValue, Policy, PresenceEvents, Stop, UserId } from '../../src/presence-service.js'
import { createHub, type Hub } from '../hub/hub.js'
import type { HubUser } from '../hub/hub-user.js'
import type { Meter } from '../hub/meter.js'
import type { UserStore } from '../hub/user-store.js'
import { createBudgets, type Budgets } from '../relay/budgets.js'
import { createRevocations, type Revocations } from './revocations.js'
import { createListeners, type Listeners } from './listeners.js'
import { createSeenUsers, type SeenUsers } from './seen-users.js'
import { createServerDevices, type ServerDevices } from './server-devices.js'

export interface ServerPorts {
  readonly openStore: () => Promise<UserStore>
  readonly policy: Required<Policy>
  readonly clock: Clock
  readonly log: Log
  readonly meter: Meter
}
export interface Opened {
  readonly hub: Hub
  readonly store: UserStore
  readonly seen: SeenUsers
  readonly devices: ServerDevices
  readonly revocations: Revocations
  /** Of every relay of this service together. */
  readonly budgets: Budgets
}
export interface ServerCore {
  readonly emitter: Emitter<PresenceEvents>
  readonly listeners: Listeners
  /** Undefined while the store is opening. */
  readonly opened: () => Opened | undefined
  readonly opening: Promise<Opened>
  refuseClosed(): void
  withUser<T>(userId: unknown, use: (opened: Opened, user: HubUser) => T | Promise<T>): Promise<T>
  edit(userId: unknown, values: (user: HubUser) => Readonly<Record<string, JsonValue>>): Promise<void>
  /** Keeps a user in memory, and what `start` began, until stopped; also when the store is still opening. */
  whileOpen(userId: UserId, start: (opened: Opened, user: HubUser) => Stop | void): Stop
  /** Aborts with `closed` when the service closes. */
  readonly ending: AbortSignal
  close(): Promise<void>
}

export function createServerCore({ openStore, policy, clock, log, meter }: ServerPorts): ServerCore {
  const emitter = createEmitter<PresenceEvents>(reportFailure)
  let opened: Opened | undefined
  let closing: Promise<void> | null = null
  const ending = new AbortController()
  const listeners = createListeners(emitter, () => opened?.seen)
  const opening = openStore().then(async (store) => {
    const revocations = createRevocations({ clock, store, known: await store.revocations() })
    const hub = createHub({ clock, store, policy, log, meter })
    hub.onChange(listeners.tell)
    opened = { hub, store, seen: createSeenUsers(hub), devices: createServerDevices(hub, store.writerId), revocations, budgets: createBudgets(clock.now) }
    return opened
  })
  opening.catch(reportFailure)
  return { emitter, listeners, opened: () => opened, opening, refuseClosed, withUser, edit, whileOpen, ending: ending.signal, close: () => closing ??= close() }

  function refuseClosed(): void {
    if (closing) throw serviceClosed()
  }

  async function withUser<T>(userId: unknown, use: (parts: Opened, user: HubUser) => T | Promise<T>): Promise<T> {
    refuseClosed()
    const id = checked(parseUserId(userId))
    const parts = await opening
    const user = await parts.hub.open(id)
    try {
      return await use(parts, user)
    } finally {
      parts.hub.release(user)
    }
  }

  async function edit(userId: unknown, values: (user: HubUser) => Readonly<Record<string, JsonValue>>): Promise<void> {
    await withUser(userId, async ({ hub, store }, user) => {
      const at = nextStamp(clock.now(), greatestStamp(user.registers), store.writerId)
      const registers = new Map<string, Register>(Object.entries(values(user)).map(([name, value]) => [name, { at, value }]))
      const { saved, refused } = hub.merge(user, registers)
      await saved
      const [subject] = refused
      if (subject !== undefined) {
        throw new PresenceError('quota', { subject, message: 'It does not fit among this user\'s registers.', remedy: 'Remove devices that are no longer used.' })
      }
    })
  }

  function whileOpen(userId: UserId, start: (parts: Opened, user: HubUser) => Stop | void): Stop {
    refuseClosed()
    let isWanted = true
    let stop: Stop = () => undefined
    opening.then(async (parts) => {
      const user = await parts.hub.open(userId)
      if (!isWanted || closing) return parts.hub.release(user)
      const ended = start(parts, user)
      stop = () => {
        ended?.()
        parts.hub.release(user)
      }
      // A listener to what was started may have stopped it.
      if (!isWanted) stop()
    }).catch(reportFailure)
    return once(() => {
      isWanted = false
      stop()
    })
  }

  /** An `error` event, or a line in the log where nobody listens; never thrown. */
  function reportFailure(cause: unknown): void {
    const error = asPresenceError(cause)
    if (emitter.hasListeners('error')) emitter.emit('error', error)
    else log('error', error.message, { code: error.code, remedy: error.remedy })
  }

  async function close(): Promise<void> {
    ending.abort(serviceClosed())
    emitter.clear()
    listeners.clear()
    const parts = await opening.catch(() => null)
    await parts?.hub.close()
  }
}
