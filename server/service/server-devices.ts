/** Devices that no browser stands behind: a bot's, a job's, a phone's that runs no code of ours (DESIGN §3). */
import type { ChannelId, DeviceId, PresenceStatus, Stop } from '../../src/presence-service.js'
import { connectDevice, type DeviceLink } from '../hub/device-link.js'
import type { Hub } from '../hub/hub.js'
import type { HubUser } from '../hub/hub-user.js'
import { emptySet, isIn } from '../hub/small-set.js'

export interface ServerDevices {
  /** Input: in use for `awayAfterMs`, gone after `offlineAfterMs` without more; with a channel, in that channel. */
  use(user: HubUser, channelId: ChannelId | null): void
  /** For a connected device: instead of what it says. Else a device made so, gone when offline or when this is not repeated. */
  setStatus(user: HubUser, deviceId: DeviceId, status: PresenceStatus): void
  hold(user: HubUser, reason: string): Stop
}

export function createServerDevices(hub: Hub, ownDeviceId: DeviceId): ServerDevices {
  /** Gone with the user, once nobody needs them in memory. */
  const links = new WeakMap<HubUser, Map<DeviceId, DeviceLink>>()
  const { awayAfterMs, offlineAfterMs, heartbeatIntervalMs } = hub.policy
  return { use, setStatus, hold }

  function use(user: HubUser, channelId: ChannelId | null): void {
    const { connection } = linkOf(user, ownDeviceId)
    const now = hub.clock.now()
    connection.lastInputAt = now
    if (connection.holds.length === 0) connection.goneAt = now + offlineAfterMs
    if (channelId !== null) connection.joined = new Set(connection.joined).add(channelId)
    hub.refresh(user)
  }

  function setStatus(user: HubUser, deviceId: DeviceId, status: PresenceStatus): void {
    const present = user.devices.get(deviceId)
    if (present && [...present.connections].some(({ goneAt }) => goneAt === null)) {
      present.override = status
      hub.refresh(user)
      return
    }
    const { device, connection } = linkOf(user, deviceId)
    const now = hub.clock.now()
    device.override = status
    if (status === 'online') connection.lastInputAt = now
    connection.goneAt = status === 'offline' ? now : now + 2 * heartbeatIntervalMs
    hub.refresh(user)
  }

  function hold(user: HubUser, reason: string): Stop {
    const { connection } = linkOf(user, ownDeviceId)
    connection.holds = [...connection.holds, reason]
    connection.goneAt = null
    hub.refresh(user)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      const released = connection.holds.indexOf(reason)
      connection.holds = connection.holds.filter((_, index) => index !== released)
      if (connection.holds.length === 0) connection.goneAt = Math.max(hub.clock.now(), (connection.lastInputAt ?? 0) + offlineAfterMs)
      hub.refresh(user)
    }
  }

  function linkOf(user: HubUser, deviceId: DeviceId): DeviceLink {
    const ofUser = links.get(user) ?? new Map<DeviceId, DeviceLink>()
    links.set(user, ofUser)
    const present = ofUser.get(deviceId)
    if (present && isIn(user.devices.get(deviceId)?.connections ?? emptySet(), present.connection)) return present
    const link = connectDevice(hub, user, {
      deviceId, kind: 'server', name: deviceId === ownDeviceId ? 'Server' : deviceId, awayAfterMs, offlineAfterMs, digest: '', isRemembered: true, lastInputAt: null, joined: new Set(),
    })
    ofUser.set(deviceId, link)
    return link
  }
}
