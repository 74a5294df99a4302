/** One's own devices: this one as it knows itself, the others as the relay (or a plain server) told. Pure. */
import type { ActivityState } from '../activity/activity-state.js'
import { stampOf } from '../model/ago.js'
import { contributionOf, type DeviceFacts } from '../model/derive-presence.js'
import { choosePrimary, type Primary } from '../model/primary-device.js'
import { isRemoved, readDevice, type Registers } from '../model/registers.js'
import type { Device, DeviceId, Policy, PresenceStatus } from '../presence-service.js'
import type { DeviceRow, DeviceState } from '../protocol/device-rows.js'

export interface ThisDevice {
  readonly id: DeviceId
  readonly name: string
  readonly kind: Device['kind']
  readonly activity: ActivityState
  /** When this page opened. */
  readonly openedAt: number
  readonly override: PresenceStatus | null
  readonly digest: string
}

export function thisDeviceFacts({ id, activity, openedAt, override }: ThisDevice, { awayAfterMs, offlineAfterMs }: Required<Policy>): DeviceFacts {
  const { lastInputAt, locked, suspended, holds } = activity
  return { deviceId: id, connected: true, connectedAt: openedAt, lastInputAt, locked, suspended, holds, override, awayAfterMs, offlineAfterMs }
}

/** The relay has weighed another device's input already: what it contributes is what was told. */
export const toldDeviceFacts = (row: DeviceRow, now: number, { awayAfterMs, offlineAfterMs }: Required<Policy>): DeviceFacts => ({
  deviceId: row.id, connected: row.isConnected, lastInputAt: stampOf(row.inputAgoMs, now),
  locked: false, suspended: false, holds: [], override: row.isConnected ? row.status : null, awayAfterMs, offlineAfterMs,
})

/** A plain server passes on only what the device itself says. */
export function plainRow(state: DeviceState, now: number, { awayAfterMs, offlineAfterMs }: Required<Policy>): DeviceRow {
  const facts: DeviceFacts = {
    deviceId: state.deviceId, connected: true, lastInputAt: stampOf(state.sinceInputMs, now), locked: state.locked,
    suspended: false, holds: state.holds, override: state.override, awayAfterMs, offlineAfterMs,
  }
  return {
    id: state.deviceId, name: state.name, kind: state.kind, status: contributionOf(facts, now), isConnected: true, isPrimary: false,
    seenAgoMs: 0, inputAgoMs: state.sinceInputMs, digest: state.digest,
  }
}

export interface OwnDevices {
  readonly facts: readonly DeviceFacts[]
  readonly devices: readonly Device[]
  readonly primary: Primary | null
}

/** `rows` are as of `now`. A relay that told of them has chosen the primary; without one it is chosen here. */
export function ownDevices(self: ThisDevice, rows: readonly DeviceRow[], registers: Registers, present: Primary | null, policy: Required<Policy>, now: number): OwnDevices {
  const others = rows.filter(({ id }) => id !== self.id && !isRemoved(registers, id))
  const facts = [thisDeviceFacts(self, policy), ...others.map((row) => toldDeviceFacts(row, now, policy))]
  const told = rows.find((row) => row.isPrimary)
  const primary = told ? { deviceId: told.id, since: present?.deviceId === told.id ? present.since : now } : choosePrimary(facts, present, now).primary
  const own: DeviceRow = {
    id: self.id, name: self.name, kind: self.kind, status: contributionOf(facts[0]!, now), isConnected: true, isPrimary: false,
    seenAgoMs: 0, inputAgoMs: null, digest: self.digest,
  }
  const devices = [own, ...others].map((row): Device => {
    const isPrimary = row.id === primary?.deviceId
    const value = readDevice(registers, row.id)
    return {
      id: row.id, name: value && 'name' in value ? value.name : row.name, kind: row.kind, status: row.status,
      lastSeen: stampOf(row.seenAgoMs, now), isPrimary, isActive: isPrimary && row.status === 'online', isThisDevice: row.id === self.id,
    }
  })
  return { facts, devices, primary }
}
