/** Calls that browser and server answer alike, from what each sees. */
import type { OnlineUsersQuery, PresenceStatus, Stop, UserPresence } from '../presence-service.js'

export const DEFAULT_STATUSES: readonly PresenceStatus[] = ['online', 'away', 'dnd']

/** Those with a status asked for, by id. */
export function selectUsers(users: Iterable<UserPresence>, { statuses = DEFAULT_STATUSES }: OnlineUsersQuery): UserPresence[] {
  const wanted = new Set(statuses)
  return [...users].filter(({ status }) => wanted.has(status)).sort((a, b) => (a.userId < b.userId ? -1 : 1))
}

export function pageOf(users: readonly UserPresence[], { limit = Number.POSITIVE_INFINITY, after }: OnlineUsersQuery): UserPresence[] {
  return users.filter(({ userId }) => after === undefined || userId > after).slice(0, limit)
}

/** Resolves with the first presence that is online for certain; rejects with the signal's reason. */
export function whenAvailable(
  subscribeTo: (listener: (presence: UserPresence) => void) => Stop, signal: AbortSignal | undefined,
): Promise<UserPresence> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    let stop: Stop | null = null
    let hasEnded = false
    const end = (): void => {
      hasEnded = true
      signal?.removeEventListener('abort', abort)
      stop?.()
    }
    const abort = (): void => {
      end()
      reject(signal?.reason as Error)
    }
    signal?.addEventListener('abort', abort)
    stop = subscribeTo((presence) => {
      if (presence.status !== 'online' || presence.freshness !== 'live') return
      end()
      resolve(presence)
    })
    // The listener may have been called at once.
    if (hasEnded) stop()
  })
}
