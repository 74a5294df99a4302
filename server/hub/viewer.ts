import type { HubUser, Viewer } from './hub-user.js'

export const createViewer = (send: (frame: Uint8Array) => void): Viewer =>
  ({ send, known: new Set(), knownChannels: new Set(), watched: new Set(), channels: new Set() })

export const sees = (viewer: Viewer, user: HubUser): boolean =>
  viewer.watched.has(user) || [...viewer.channels].some((channel) => channel.members.has(user))
