/** What a token lets its bearer see and be in (DESIGN §7, claims). */
import type { ChannelId, Principal, UserId } from '../../src/presence-service.js'

export const canWatch = (viewer: Principal, userId: UserId): boolean =>
  userId === viewer.userId || viewer.watch === '*' || viewer.watch.includes(userId)

export const canJoin = (member: Principal, channelId: ChannelId): boolean =>
  member.channels === '*' || member.channels.includes(channelId)
