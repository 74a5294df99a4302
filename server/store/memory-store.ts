import { PresenceError } from '../../src/errors.js'
import type { UserId } from '../../src/presence-service.js'
import type { Revocation, StoredUser, UserStore } from '../hub/user-store.js'
import { applyChanges, NOBODY } from './apply-changes.js'
import { effectiveRevocations } from './revocations.js'
import { newWriterId } from './writer-id.js'

/** Keeps everything until it is closed. `now` makes its number greater than that of the process before (LV6). */
export function createMemoryStore({ now = () => Date.now() }: { readonly now?: () => number } = {}): UserStore {
  const users = new Map<UserId, StoredUser>()
  let revocations: Revocation[] = []
  let isClosed = false

  return {
    relayNumber: Math.floor(now()),
    writerId: newWriterId(),
    async load(userId) {
      refuseWhenClosed()
      return users.get(userId) ?? NOBODY
    },
    async save(userId, changes) {
      refuseWhenClosed()
      users.set(userId, applyChanges(users.get(userId) ?? NOBODY, changes))
    },
    async *userIds() {
      refuseWhenClosed()
      yield* [...users.keys()]
    },
    async revocations() {
      refuseWhenClosed()
      revocations = effectiveRevocations(revocations, now())
      return revocations
    },
    async revoke(revocation) {
      refuseWhenClosed()
      revocations = effectiveRevocations([...revocations, revocation], now())
    },
    async close() {
      isClosed = true
    },
  }

  function refuseWhenClosed() {
    if (isClosed) throw storeClosed()
  }
}

export const storeClosed = (): PresenceError => new PresenceError('closed', {
  message: 'The store is closed.',
  remedy: 'Create the service anew.',
})
