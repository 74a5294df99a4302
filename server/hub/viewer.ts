/** Questions asked of one receiver of the feed. */
import type { HubUser, Viewer, ViewerSocket } from './hub-user.js'
import { emptySet, isIn } from './small-set.js'

export const createViewer = (socket: ViewerSocket): Viewer => ({ socket, watched: emptySet(), channels: emptySet(), batch: null, missed: null })

export const watches = (viewer: Viewer, user: HubUser): boolean => isIn(viewer.watched, user)

/** Is told of every change of the user. */
export function sees(viewer: Viewer, user: HubUser): boolean {
  if (watches(viewer, user)) return true
  for (const { isLarge, members } of viewer.channels) if (!isLarge && members.has(user)) return true
  return false
}
