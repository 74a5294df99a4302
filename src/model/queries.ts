/** Calls that browser and server answer alike, from what each sees. */
import type { ChannelId, Freshness, PresenceStatus, Roster, Stop, UserPresence } from '../presence-service.js'
import type { UsersQuery } from './arguments.js'

export function countByStatus(users: Iterable<Pick<UserPresence, 'status'>>): Record<PresenceStatus, number> {
  const counts: Record<PresenceStatus, number> = { online: 0, away: 0, dnd: 0, offline: 0 }
  for (const { status } of users) counts[status]++
  return counts
}

/** Those with a status asked for, by id. */
export function selectUsers(users: Iterable<UserPresence>, { statuses }: UsersQuery): UserPresence[] {
  const wanted = new Set(statuses)
  return [...users].filter(({ status }) => wanted.has(status)).sort((a, b) => (a.userId < b.userId ? -1 : 1))
}

/** How many have a status asked for. */
export const countOf = (counts: Readonly<Record<PresenceStatus, number>>, { statuses }: Pick<UsersQuery, 'statuses'>): number =>
  [...new Set(statuses)].reduce((sum, status) => sum + counts[status], 0)

/** Of a channel in which nobody is, or of which nothing is known. */
export const emptyRoster = (channelId: ChannelId, freshness: Freshness): Roster => ({ channelId, users: [], counts: countByStatus([]), isComplete: true, freshness })

export function pageOf(users: readonly UserPresence[], { limit, after }: UsersQuery): UserPresence[] {
  return users.filter(({ userId }) => after === null || userId > after).slice(0, limit)
}

/** Resolves with the first presence that is online for certain; rejects with a signal's reason. */
export function whenAvailable(
  subscribeTo: (listener: (presence: UserPresence) => void) => Stop, ...signals: readonly (AbortSignal | undefined)[]
): Promise<UserPresence> {
  return new Promise((resolve, reject) => {
    signals.forEach((signal) => signal?.throwIfAborted())
    let stop: Stop | null = null
    let hasEnded = false
    const end = (): void => {
      hasEnded = true
      signals.forEach((signal) => signal?.removeEventListener('abort', abort))
      stop?.()
    }
    const abort = (): void => {
      end()
      reject(signals.find((signal) => signal?.aborted)?.reason as Error)
    }
    signals.forEach((signal) => signal?.addEventListener('abort', abort))
    stop = subscribeTo((presence) => {
      if (presence.status !== 'online' || presence.freshness !== 'live') return
      end()
      resolve(presence)
    })
    // The listener may have been called at once.
    if (hasEnded) stop()
  })
}
