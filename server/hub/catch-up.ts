import { entryOf, entryPiece } from './entries.js'
import type { HubUser, Piece, Viewer } from './hub-user.js'
import { sees, watches } from './viewer.js'

/** Everything that a viewer who missed changes of a user has to know now; of one whom they see no longer, only that. */
export function catchUpOf(viewer: Viewer, user: HubUser, now: number): Piece {
  const { number, userId } = user
  const isWatched = watches(viewer, user)
  const numbers = [...viewer.channels].map((channel) => ({ number: channel.number, isMember: channel.members.has(user) && (isWatched || !channel.isLarge) }))
  const left = numbers.filter(({ isMember }) => !isMember).map((channel) => channel.number)
  return sees(viewer, user)
    ? entryPiece({ ...entryOf(user, user.told, now), joined: numbers.filter(({ isMember }) => isMember).map((channel) => channel.number), left }, user)
    : entryPiece({ number, userId, left, isForgotten: true }, user)
}
