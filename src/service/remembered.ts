/** People who were seen and are not told of any more: their last known value, as of when it was. */
import type { UserId, UserPresence } from '../presence-service.js'

export interface Remembered {
  get(userId: UserId): UserPresence | undefined
  keep(presence: UserPresence, now: number): void
  drop(userId: UserId): void
}

/** The longest kept go first. */
const MOST = 1_000

export function createRemembered(): Remembered {
  const values = new Map<UserId, UserPresence>()
  return { get: (userId) => values.get(userId), keep, drop: (userId) => { values.delete(userId) } }

  function keep(presence: UserPresence, now: number): void {
    values.delete(presence.userId)
    if (presence.freshness === 'unknown') return
    values.set(presence.userId, { ...presence, freshness: 'stale', asOf: presence.asOf ?? now })
    const [oldest] = values.keys()
    if (values.size > MOST && oldest !== undefined) values.delete(oldest)
  }
}
