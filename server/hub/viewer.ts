/** One receiver of the feed: a socket, whom and what it sees, and what it has yet to be told. */
import type { Batch } from './batch.js'
import type { Channel } from './channel.js'
import type { HubUser } from './hub-user.js'
import { emptySet, isIn, type SmallSet } from './small-set.js'

/** The socket, as far as the feed needs it. */
export interface ViewerSocket {
  /** Writes all of a batch at once; returns how many bytes that was. */
  deliver(batch: Batch): number
  /** So much is waiting to be taken that more would only grow old there. */
  isSlow(): boolean
  /** Calls back once all of it was taken. */
  onceDrained(callback: () => void): void
}

export interface Viewer {
  readonly socket: ViewerSocket
  watched: SmallSet<HubUser>
  channels: SmallSet<Channel>
  /** To be told with the next write. */
  batch: Batch | null
  /** What has changed since its socket became slow: the latest of each is told once it has drained. */
  missed: Set<HubUser | Channel> | null
}

export const createViewer = (socket: ViewerSocket): Viewer => ({ socket, watched: emptySet(), channels: emptySet(), batch: null, missed: null })

export const watches = (viewer: Viewer, user: HubUser): boolean => isIn(viewer.watched, user)

/** Is told of every change of the user. */
export function sees(viewer: Viewer, user: HubUser): boolean {
  if (watches(viewer, user)) return true
  for (const { isLarge, members } of viewer.channels) if (!isLarge && members.has(user)) return true
  return false
}
