/** Everybody this relay or service knows: their devices, what that makes of them, and whoever is to be told. No sockets, no Node. */
import { derivePresence, earliest } from '../../src/model/derive-presence.js'
import { clampRegisters } from '../../src/model/clamp-stamps.js'
import { isSame } from '../../src/model/directory.js'
import type { Stamp } from '../../src/model/hybrid-clock.js'
import { choosePrimary } from '../../src/model/primary-device.js'
import { isRemoved, mergeRegisters, readStatus, type Registers } from '../../src/model/registers.js'
import type { Clock, Log } from '../../src/ports.js'
import type { ChannelId, Policy, Stop, UserId } from '../../src/presence-service.js'
import { encodeDeviceRows } from '../../src/protocol/device-rows.js'
import { OWN_NUMBER, nobody } from '../../src/protocol/feed.js'
import { WIRE } from '../../src/protocol/limits.js'
import { createDeadlines, type Deadlines, type Due } from './deadlines.js'
import { createDepartures, nextGoneAt } from './departures.js'
import { deviceRows, factsOf, lastDepartureAt, type HubUser, type Shown } from './hub-user.js'
import { withinQuota } from './quota.js'
import type { Meter } from './meter.js'
import { createSaver, type Saver } from './saver.js'
import { emptyMap, emptySet, sizeOf, withEntry, withoutEntry } from './small-set.js'
import { parseFrozen, showToOthers, shownUntil } from './show.js'
import { createTeller, type Teller } from './teller.js'
import type { UserStore } from './user-store.js'

export interface HubOptions {
  readonly clock: Clock
  readonly store: UserStore
  readonly policy: Required<Policy>
  readonly log: Log
  readonly meter: Meter
}

/** What happened to a user, as others may see it: what they saw before. */
export interface HubChange {
  readonly user: HubUser
  readonly before: Shown
  readonly channelsBefore: ReadonlySet<ChannelId>
}

export interface Hub {
  readonly clock: Clock
  readonly policy: Required<Policy>
  readonly teller: Teller
  readonly saver: Saver
  /** For what there are thousands of: a timer each would weigh more than they do. */
  readonly timers: Deadlines<Due>
  /** From the store where not in memory; stays there until `release`. */
  open(userId: UserId): Promise<HubUser>
  release(user: HubUser): void
  /** Lets go of a user whom nobody needs any more. */
  dropIfUnused(user: HubUser): void
  /** Users in memory: everyone connected, watched, or just used. */
  users(): Iterable<HubUser>
  find(userId: UserId): HubUser | undefined
  /** Every user with anything stored. */
  storedUserIds(): AsyncIterable<UserId>
  /** Merges what somebody wrote, and has it stored; returns the names that did not fit. Tells, and writes on to devices. */
  merge(user: HubUser, incoming: Registers): { readonly saved: Promise<void>; readonly refused: readonly string[] }
  /** The stamps of registers that are on disk. */
  storedStamps(user: HubUser): Map<string, Stamp>
  /** Derives anew, tells what changed, and sets the next deadline. Call after every change of a user's devices. */
  refresh(user: HubUser): void
  onChange(listener: (change: HubChange) => void): Stop
  /** LV7: until then, nobody who has not been heard from is called offline. */
  startGrace(): void
  nextSessionNumber(): number
  close(): Promise<void>
}

export function createHub({ clock, store, policy, log, meter }: HubOptions): Hub {
  const users = new Map<UserId, HubUser>()
  const opening = new Map<UserId, Promise<HubUser>>()
  const changeListeners = new Set<(change: HubChange) => void>()
  const deadlines = createDeadlines<HubUser>(clock, refresh)
  const timers = createDeadlines<Due>(clock, (item) => item.due())
  const teller = createTeller({ clock, meter })
  const saver = createSaver({ store, clock, log, meter, onStored, onIdle: dropIfUnused })
  const departures = createDepartures(saver)
  let lastUserNumber = OWN_NUMBER
  let lastSessionNumber = 0
  let startingUntil = Number.NEGATIVE_INFINITY
  let cancelSettling: Stop = () => undefined
  return {
    clock, policy, teller, saver, timers, open, release, dropIfUnused, users: () => users.values(), find: (userId) => users.get(userId),
    storedUserIds: () => store.userIds(), merge, storedStamps, refresh, startGrace, close,
    onChange: (listener) => {
      changeListeners.add(listener)
      return () => { changeListeners.delete(listener) }
    },
    nextSessionNumber: () => ++lastSessionNumber,
  }

  async function open(userId: UserId): Promise<HubUser> {
    const present = users.get(userId)
    // Whoever asks for one who hides waits as long as for one who is not there.
    if (present && seemsNotLoaded(present)) await store.load(userId)
    const user = users.get(userId) ?? await (opening.get(userId) ?? load(userId))
    if (user.number === 0) user.number = ++lastUserNumber
    user.pins++
    return user
  }

  function load(userId: UserId): Promise<HubUser> {
    const loading = store.load(userId).then((stored) => {
      const frozen = parseFrozen(stored.frozen, userId)
      const shown: Shown = { projection: nobody(userId), isUnknown: false, devices: '' }
      const user: HubUser = {
        userId, number: 0, registers: stored.registers, unsaved: emptyMap(), records: new Map(stored.records),
        devices: new Map(), activity: stored.activity, primary: null, frozen: frozen?.frozen ?? null,
        lastChangeAt: frozen?.at ?? lastDepartureAt(stored.records), wasSeen: false,
        shown, told: shown, toldAt: Number.NEGATIVE_INFINITY, toldBefore: Number.NEGATIVE_INFINITY, ownerRows: '',
        channels: NONE, toldChannels: NONE, serverJoins: emptyMap(), watchers: emptySet(), owners: emptySet(), replicas: emptySet(), pins: 1,
      }
      // First, so that what was true before is no news; pinned meanwhile, or it would be dropped with its deadline.
      refresh(user)
      user.pins = 0
      users.set(userId, user)
      return user
    }).finally(() => opening.delete(userId))
    opening.set(userId, loading)
    return loading
  }

  function release(user: HubUser): void {
    user.pins--
    dropIfUnused(user)
  }

  function dropIfUnused(user: HubUser): void {
    if (user.pins > 0 || sizeOf(user.watchers) > 0 || user.serverJoins.size > 0 || saver.isSaving(user) || user.unsaved.size > 0) return
    if (seemsNotLoaded(user)) user.number = 0
    if (user.devices.size > 0 || sizeOf(user.owners) > 0) return
    users.delete(user.userId)
    deadlines.set(user, null)
  }

  function merge(user: HubUser, incoming: Registers): { saved: Promise<void>; refused: string[] } {
    const { merged, changed } = mergeRegisters(user.registers, clampRegisters(incoming, user.registers, clock.now()))
    if (changed.length === 0) {
      // A stamp that was clamped away still has to be written back.
      pushToDevices(user)
      return { saved: Promise.resolve(), refused: [] }
    }
    const { registers, refused } = withinQuota(user.registers, merged, changed)
    const accepted = changed.filter((name) => !refused.includes(name))
    for (const name of accepted) if (!user.unsaved.has(name)) user.unsaved = withEntry(user.unsaved, name, user.registers.get(name)?.at ?? null)
    user.registers = registers
    const saved = accepted.length > 0 ? saver.save(user, { registers: accepted }) : Promise.resolve()
    refresh(user)
    pushToDevices(user)
    return { saved, refused }
  }

  function pushToDevices(user: HubUser): void {
    for (const replica of [...user.replicas]) replica.push()
  }

  function onStored(user: HubUser, stamps: ReadonlyMap<string, Stamp>): void {
    for (const [name, at] of stamps) {
      user.unsaved = user.registers.get(name)?.at === at ? withoutEntry(user.unsaved, name) : withEntry(user.unsaved, name, at)
    }
    for (const replica of [...user.replicas]) replica.stored(stamps)
    dropIfUnused(user)
  }

  function storedStamps(user: HubUser): Map<string, Stamp> {
    return new Map([...user.registers].flatMap(([name, { at }]) => {
      const stored = user.unsaved.has(name) ? user.unsaved.get(name)! : at
      return stored ? [[name, stored] as const] : []
    }))
  }

  function refresh(user: HubUser): void {
    const now = clock.now()
    departures.dropGone(user, now)
    const facts = [...user.devices.values()].filter(({ id }) => !isRemoved(user.registers, id)).map(factsOf)
    const derived = derivePresence({ choice: readStatus(user.registers, now), devices: facts }, now)
    const { primary, validUntil: primaryUntil } = choosePrimary(facts, user.primary, now)
    user.primary = primary

    const before = user.shown
    const channelsBefore = user.channels
    const rows = deviceRows(user, now)
    const { shown, frozen, lastChangeAt } = showToOthers(user, derived, rows, now, now < startingUntil)
    const isFrozenAnew = frozen === null || user.frozen === null ? frozen !== user.frozen : !isSame(frozen, user.frozen)
    user.shown = nextShown(before, shown)
    user.frozen = frozen
    user.lastChangeAt = lastChangeAt
    user.wasSeen ||= shown.projection.status !== 'offline'
    const channels = derived.isHidden || !facts.some(({ connected }) => connected) ? NONE : channelsOf(user)
    user.channels = isSameSet(channels, channelsBefore) ? channelsBefore : channels
    if (user.number === 0 && frozen === null) user.number = ++lastUserNumber
    const isLoaded = users.get(user.userId) === user
    if (isFrozenAnew && isLoaded) void saver.save(user, { frozen: true })

    if (isLoaded) teller.touch(user, before, channelsBefore)
    else user.told = user.shown
    const ownerRows = JSON.stringify(encodeDeviceRows(rows.map((row) => ({ ...row, seenAgoMs: null, inputAgoMs: null }))))
    const hasNewDevices = ownerRows !== user.ownerRows
    user.ownerRows = ownerRows
    if (hasNewDevices) teller.tellOwners(user, encodeDeviceRows(rows))

    deadlines.set(user, earliest([
      derived.validUntil, primaryUntil, shownUntil(shown.projection, lastChangeAt, now), nextGoneAt(user), user.wasSeen || shown.projection.status !== 'offline' ? null : startingUntil,
    ], now))
    // Last: a listener may change this very user.
    if (isLoaded) for (const listener of [...changeListeners]) listener({ user, before, channelsBefore })
    dropIfUnused(user)
  }

  function startGrace(): void {
    startingUntil = clock.now() + WIRE.startGraceMs
    teller.settle(false)
    cancelSettling()
    // Users' own deadlines, in the same turn of the wheel or the one after, tell who did not come back.
    cancelSettling = clock.at(startingUntil, () => teller.settle(true))
    for (const user of [...users.values()]) refresh(user)
  }

  async function close(): Promise<void> {
    const now = clock.now()
    for (const user of [...users.values()]) for (const device of user.devices.values()) departures.record(user, device, now)
    deadlines.stop()
    timers.stop()
    cancelSettling()
    teller.stop()
    await saver.close()
    await store.close()
  }
}

/** VS2: hiding, and seen by nobody; one who had left would not be in memory. */
const seemsNotLoaded = ({ frozen, watchers }: HubUser): boolean => frozen !== null && sizeOf(watchers) === 0

const NONE: ReadonlySet<ChannelId> = new Set()

/** What did not change keeps its identity: whoever compares needs to look no further. */
function nextShown(before: Shown, { projection, isUnknown, devices }: Shown): Shown {
  const kept = isSame(before.projection, projection) ? before.projection : projection
  return kept === before.projection && isUnknown === before.isUnknown && devices === before.devices ? before : { projection: kept, isUnknown, devices }
}

const isSameSet = (a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): boolean => a.size === b.size && [...a].every((item) => b.has(item))

function channelsOf(user: HubUser): ReadonlySet<ChannelId> {
  const joined = new Set<ChannelId>(user.serverJoins.keys())
  for (const device of user.devices.values()) for (const connection of device.connections) for (const id of connection.joined) joined.add(id)
  return joined.size === 0 ? NONE : joined
}
