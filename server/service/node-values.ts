/** What the Node service answers from a user in the hub. Pure. */
import { digestOf } from '../../src/model/registers.js'
import { devicesSeen } from '../../src/model/sync-count.js'
import type { Device, JsonValue, SyncStatus } from '../../src/presence-service.js'
import { parseDeviceRows, toDevice } from '../../src/protocol/device-rows.js'
import { deviceRows, type HubUser, type Shown } from '../hub/hub-user.js'

export const LOCAL_SYNC: SyncStatus = {
  synced: 0, total: 0, lastSync: null, pending: 0, connection: { name: 'local' }, relay: 'none', storage: 'durable', clockOffsetMs: 0, problems: [],
}

export const devicesOf = (user: HubUser, now: number): readonly Device[] => deviceRows(user, now).map((row) => toDevice(row, now, null))

/** Those that others may see. */
export const sharedDevices = ({ devices }: Shown): readonly Device[] =>
  devices === '' ? [] : parseDeviceRows(JSON.parse(devices) as JsonValue).map((row) => toDevice(row, 0, null))

export const syncStatusOf = (user: HubUser, now: number): SyncStatus =>
  ({ ...LOCAL_SYNC, ...devicesSeen(deviceRows(user, now), digestOf(user.registers, now)), pending: user.unsaved.size })
