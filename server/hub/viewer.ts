/** One receiver of the feed: a socket, and what it has been told. */
import type { ChannelId } from '../../src/presence-service.js'
import type { HubUser } from './hub-user.js'

export interface Viewer {
  readonly send: (frame: Uint8Array) => void
  /** Users whose name this connection knows, and who it still sees. */
  readonly known: Set<HubUser>
  readonly knownChannels: Set<number>
  readonly watched: Set<HubUser>
  readonly channels: Set<Channel>
}

export interface Channel {
  readonly id: ChannelId
  readonly number: number
  readonly viewers: Set<Viewer>
  readonly members: Set<HubUser>
}

export const createViewer = (send: (frame: Uint8Array) => void): Viewer =>
  ({ send, known: new Set(), knownChannels: new Set(), watched: new Set(), channels: new Set() })

export const sees = (viewer: Viewer, user: HubUser): boolean =>
  viewer.watched.has(user) || user.owners.has(viewer) || [...viewer.channels].some((channel) => channel.members.has(user))
