import { parseUserId } from '../../src/model/arguments.js'
import type { UserId } from '../../src/presence-service.js'

export type Room = { readonly room: 'user'; readonly userId: UserId } | { readonly room: 'watch' }

const USER_ROOM = '/user/'
/** An id of 256 bytes, each as `%XX`. */
const MAXIMUM_UNITS = USER_ROOM.length + 3 * 256

/**
 * The room that an upgrade's URL names: `/user/<encodeURIComponent(userId)>` or `/watch`, nothing before it. A query is ignored.
 * An id may be written in more than one way (`%61` for `a`): what counts is the id, not its spelling.
 */
export function parseRoomPath(url: string): Room | null {
  const path = url.split('?', 1)[0]!
  if (path === '/watch') return { room: 'watch' }
  if (!path.startsWith(USER_ROOM) || path.length > MAXIMUM_UNITS) return null
  const encoded = path.slice(USER_ROOM.length)
  if (!/^[\w.!~*'()%-]+$/.test(encoded)) return null
  const userId = parseUserId(decoded(encoded))
  return userId.ok ? { room: 'user', userId: userId.value } : null
}

function decoded(encoded: string): string | null {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return null
  }
}
