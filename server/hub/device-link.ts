/** A device's stay: what one socket of it (or the Node service for it) tells the hub. */
import { stampOf } from '../../src/model/ago.js'
import { latestOf } from '../../src/model/derive-presence.js'
import type { ChannelId, Device, DeviceId, PresenceStatus } from '../../src/presence-service.js'
import { WIRE } from '../../src/protocol/limits.js'
import type { Hub } from './hub.js'
import type { Connection, HubDevice, HubUser } from './hub-user.js'
import { emptySet, withItem } from './small-set.js'

export interface DeviceIntroduction {
  readonly deviceId: DeviceId
  readonly kind: Device['kind']
  readonly name: string
  readonly awayAfterMs: number
  readonly offlineAfterMs: number
  readonly digest: string
  /** False for a device without a stable id. */
  readonly isRemembered: boolean
  /** When it was last used, as of its connecting; null: not known to be used. */
  readonly lastInputAt: number | null
  /** Channels this socket is in; whoever changes them calls `refresh`. */
  readonly joined: ReadonlySet<ChannelId>
}
export interface DeviceReport {
  readonly sinceInputMs: number | null
  readonly locked: boolean
  readonly hidden: boolean
  readonly holds: readonly string[]
  readonly override: PresenceStatus | null
  readonly digest: string
}
/** How a socket ended: with a goodbye, by leaving the page, cut without a word, or after long silence (LV2, LV3). */
export type Ending = 'gone' | 'leaving' | 'lost' | 'silent'

export interface DeviceLink {
  readonly device: HubDevice
  readonly connection: Connection
  report(report: DeviceReport): void
  /** Only the first ending counts. */
  end(ending: Ending): void
}

/** Nobody hears of it before `report`, or before `hub.refresh`: until then it has not said what it is doing. */
export function connectDevice(hub: Hub, user: HubUser, introduction: DeviceIntroduction): DeviceLink {
  const device = deviceOf(user, introduction, hub.clock.now())
  const connection: Connection = {
    sessionNumber: hub.nextSessionNumber(), joined: introduction.joined, lastInputAt: introduction.lastInputAt,
    locked: false, hidden: false, holds: [], override: null, goneAt: null,
  }
  device.connections = withItem(device.connections, connection)
  return { device, connection, report, end }

  function report(told: DeviceReport): void {
    // Late, from a socket that has ended: a newer one may have said otherwise (LV6).
    if (connection.goneAt !== null) return
    connection.lastInputAt = latestOf([connection.lastInputAt, stampOf(told.sinceInputMs, hub.clock.now())])
    connection.locked = told.locked
    connection.hidden = told.hidden
    connection.holds = told.holds
    // What the person does at the device itself ends what was asked for it from elsewhere.
    if (told.override !== connection.override) device.override = null
    connection.override = told.override
    device.digest = told.digest
    hub.refresh(user)
  }

  function end(ending: Ending): void {
    if (connection.goneAt !== null) return
    connection.goneAt = hub.clock.now() + graceMs(ending, device.kind, connection.hidden)
    hub.refresh(user)
  }
}

/** Everything a device says about itself may be newer than what an earlier socket of it said. */
function deviceOf(user: HubUser, { deviceId, kind, name, awayAfterMs, offlineAfterMs, digest, isRemembered }: DeviceIntroduction, connectedAt: number): HubDevice {
  const present = user.devices.get(deviceId)
  if (present) return Object.assign(present, { kind, name, awayAfterMs, offlineAfterMs, digest })
  const device: HubDevice = {
    id: deviceId, connections: emptySet(), kind, name, awayAfterMs, offlineAfterMs, digest, override: null, isRemembered, connectedAt,
    recordedAt: user.records.get(deviceId)?.lastSeenAt ?? Number.NEGATIVE_INFINITY,
  }
  user.devices.set(deviceId, device)
  return device
}

export function graceMs(ending: Ending, kind: Device['kind'], isHidden: boolean): number {
  const isHiddenPhone = isHidden && (kind === 'phone' || kind === 'tablet')
  switch (ending) {
    case 'gone': return 0
    case 'leaving': return WIRE.leavingGraceMs
    case 'lost': return isHiddenPhone ? WIRE.hiddenPhoneGraceMs : WIRE.lostGraceMs
    // Silence has been its own grace.
    case 'silent': return isHiddenPhone ? WIRE.hiddenPhoneGraceMs - WIRE.silentAfterMs : 0
    default: return ending satisfies never
  }
}
