/** The person at this keyboard: what they chose, what their devices do, and what that makes of them. */
import { nextActivity, openedActivity, nextRestatementAt, reportOf, type ActivityNews, type ActivityState, type Told } from '../activity/activity-state.js'
import { derivePresence, earliest, type DerivedPresence } from '../model/derive-presence.js'
import { isSame } from '../model/directory.js'
import type { Primary } from '../model/primary-device.js'
import { projectForOwner } from '../model/project-presence.js'
import { digestOf, readCustom, readStatus, type Registers } from '../model/registers.js'
import type { Clock } from '../ports.js'
import type { Device, DeviceId, Freshness, JsonValue, OwnPresence, Policy, PresenceStatus, Stop, UserId } from '../presence-service.js'
import { parseDeviceRows, type DeviceRow, type DeviceState } from '../protocol/device-rows.js'
import { ownDevices, plainRow, thisDeviceFacts, type OwnDevices, type ThisDevice } from './own-devices.js'

export interface OwnPresenceOptions {
  readonly userId: UserId
  /** This device's own: what happened here is not moved by what a relay says of the time. */
  readonly clock: Clock
  /** Relay time, for what was chosen and for what is shown. */
  readonly time: Clock
  readonly policy: Required<Policy>
  readonly isHidden: boolean
  readonly deviceKind: Device['kind']
  readonly deviceName: string
  /** Null until storage is open. */
  readonly deviceId: () => DeviceId | null
  readonly registers: () => Registers
  readonly plainDevices: () => readonly DeviceState[]
  readonly honesty: () => { freshness: Freshness; asOf: number | null }
  /** Something about this device has to be said to the relay. */
  readonly tell: () => void
  /** Something may have changed: `read` again. */
  readonly onChange: () => void
}
export interface OwnPresencePart {
  news(news: ActivityNews): void
  override(status: PresenceStatus | null): void
  hold(reason: string): Stop
  /** Device rows as the relay told them just now. */
  toldDevices(rows: JsonValue): void
  /** What this device says of itself; counts as having said it. */
  state(): DeviceState
  digest(): string
  rows(): readonly DeviceRow[]
  /** The same objects until they change. */
  read(): { readonly me: OwnPresence; readonly devices: readonly Device[]; readonly derived: DerivedPresence }
  stop(): void
}

export function createOwnPresence(options: OwnPresenceOptions): OwnPresencePart {
  const { userId, clock, time, policy } = options
  const openedAt = clock.now()
  let activity: ActivityState = openedActivity(options.isHidden, openedAt)
  let override: PresenceStatus | null = null
  let told: Told | null = null
  let toldRows: { rows: readonly DeviceRow[]; at: number } = { rows: [], at: 0 }
  let primary: Primary | null = null
  let lastChange: { status: PresenceStatus; at: number } | null = null
  let kept: { me: OwnPresence; devices: readonly Device[] } | null = null
  let digested: { registers: Registers; digest: string } | null = null
  let cancelDeadline: Stop = () => undefined
  let cancelRestatement: Stop = () => undefined
  return {
    news, hold, state, digest, rows, read,
    override(status) {
      override = status
      options.tell()
      options.onChange()
    },
    toldDevices(json) {
      toldRows = { rows: parseDeviceRows(json), at: clock.now() }
      options.onChange()
    },
    stop() {
      cancelDeadline()
      cancelRestatement()
    },
  }

  function news(what: ActivityNews): void {
    const before = activity
    activity = nextActivity(activity, what, clock.now())
    if (activity === before) return
    restate()
    options.onChange()
  }

  function hold(reason: string): Stop {
    news({ type: 'hold', reason })
    let isHeld = true
    return () => {
      if (isHeld) news({ type: 'release', reason })
      isHeld = false
    }
  }

  /** PR12: says it now, or when it is due. */
  function restate(): void {
    cancelRestatement()
    if (!told) return
    const due = nextRestatementAt(activity, told, policy)
    if (due === null) return
    if (due <= clock.now()) options.tell()
    else cancelRestatement = clock.at(due, options.tell)
  }

  function state(): DeviceState {
    told = { at: clock.now(), state: activity }
    restate()
    const { deviceKind: kind, deviceName: name } = options
    return { ...reportOf(activity, clock.now()), deviceId: options.deviceId() ?? '', kind, name, override, digest: digest() }
  }

  function digest(): string {
    const registers = options.registers()
    if (digested?.registers !== registers) digested = { registers, digest: digestOf(registers, time.now()) }
    return digested.digest
  }

  /** Ages as of now. */
  function rows(): readonly DeviceRow[] {
    const passedMs = clock.now() - toldRows.at
    const older = (ageMs: number | null): number | null => (ageMs === null ? null : ageMs + passedMs)
    const plain = options.plainDevices().map((said) => plainRow(said, time.now(), policy))
    return [
      ...toldRows.rows.filter(({ id }) => !plain.some((row) => row.id === id))
        .map((row) => ({ ...row, seenAgoMs: row.isConnected ? 0 : older(row.seenAgoMs), inputAgoMs: older(row.inputAgoMs) })),
      ...plain,
    ]
  }

  function read(): { me: OwnPresence; devices: readonly Device[]; derived: DerivedPresence } {
    const now = time.now()
    const registers = options.registers()
    const own = devicesNow(registers, now)
    const derived = derivePresence({ choice: readStatus(registers, now), devices: own.facts }, now)
    if (lastChange?.status !== derived.status) lastChange = { status: derived.status, at: Math.floor(now) }
    const me = projectForOwner({
      userId, registers, derived, lastChangeAt: lastChange.at, primaryDeviceId: own.primary?.deviceId ?? null, devices: own.devices,
    }, now, options.honesty())
    primary = own.primary
    kept = { me: kept && isSame(kept.me, me) ? kept.me : me, devices: keptDevices(own.devices) }
    cancelDeadline()
    const next = earliest([derived.validUntil, readCustom(registers, now)?.expiresAt ?? null], now)
    if (next !== null) cancelDeadline = time.at(next, options.onChange)
    return { ...kept, derived }
  }

  function devicesNow(registers: Registers, now: number): OwnDevices {
    const id = options.deviceId()
    const aheadMs = now - clock.now()
    const self: ThisDevice = {
      id: id ?? '', name: options.deviceName, kind: options.deviceKind, override, digest: '',
      activity: { ...activity, lastInputAt: activity.lastInputAt === null ? null : activity.lastInputAt + aheadMs }, openedAt: openedAt + aheadMs,
    }
    return id === null ? { facts: [thisDeviceFacts(self, policy)], devices: [], primary: null }
      : ownDevices(self, rows(), registers, primary, policy, now)
  }

  function keptDevices(devices: readonly Device[]): readonly Device[] {
    const before = kept?.devices
    return before && before.length === devices.length && before.every((device, index) => isSameDevice(device, devices[index]!)) ? before : devices
  }
}

/** When a connected device was last seen is now, always; that alone is no news. */
const isSameDevice = (a: Device, b: Device): boolean => isSame(a.status === 'offline' ? a : { ...a, lastSeen: null }, b.status === 'offline' ? b : { ...b, lastSeen: null })
