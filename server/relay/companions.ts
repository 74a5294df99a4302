import type { ChannelId, UserId } from '../../src/presence-service.js'
import type { Hub } from '../hub/hub.js'
import type { HubUser } from '../hub/hub-user.js'

/** Whether others see the user in any of these channels. */
export function isSeenInAny(user: HubUser, channelIds: Iterable<ChannelId>): boolean {
  for (const channelId of channelIds) if (user.channels.has(channelId)) return true
  return false
}

/** Whether the user is a visible member of a channel that a device of the viewer is in: they see each other there anyway. */
export function isCompanion(hub: Hub, viewerId: UserId, userId: UserId): boolean {
  const [viewer, user] = [hub.find(viewerId), hub.find(userId)]
  if (!viewer || !user) return false
  const connections = [...viewer.devices.values()].flatMap((device) => [...device.connections])
  return connections.some(({ joined }) => isSeenInAny(user, joined))
}
