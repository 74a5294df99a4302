/** Asking the relay once for somebody who is not watched. Whoever asks meanwhile waits for the same answer. */
import { PresenceError } from '../errors.js'
import type { Clock } from '../ports.js'
import type { Stop, UserId, UserPresence } from '../presence-service.js'
import { WIRE } from '../protocol/limits.js'

export interface Questions {
  /** Null: no answer in time. Rejects with what the relay refused it with. */
  ask(userId: UserId): Promise<UserPresence | null>
  isAsked(userId: UserId): boolean
  /** Answers all who ask for this user; false where nobody does. */
  answer(userId: UserId, answer: UserPresence | PresenceError): boolean
  answerAll(answerTo: (userId: UserId) => UserPresence | PresenceError): void
}


export function createQuestions(time: Clock, send: (userId: UserId) => void): Questions {
  const asked = new Map<UserId, Set<(answer: UserPresence | PresenceError | null) => void>>()
  return {
    ask, answer, isAsked: (userId) => asked.has(userId),
    answerAll: (answerTo) => { for (const userId of [...asked.keys()]) answer(userId, answerTo(userId)) },
  }

  async function ask(userId: UserId): Promise<UserPresence | null> {
    let cancel: Stop = () => undefined
    const given = await new Promise<UserPresence | PresenceError | null>((resolve) => {
      const waiting = asked.get(userId) ?? new Set()
      asked.set(userId, waiting)
      waiting.add(resolve)
      cancel = time.at(time.now() + WIRE.answerTimeoutMs, () => {
        waiting.delete(resolve)
        if (waiting.size === 0 && asked.get(userId) === waiting) asked.delete(userId)
        resolve(null)
      })
      if (waiting.size === 1) send(userId)
    }).finally(() => cancel())
    if (given instanceof PresenceError) throw given
    return given
  }

  function answer(userId: UserId, given: UserPresence | PresenceError): boolean {
    const waiting = asked.get(userId)
    asked.delete(userId)
    waiting?.forEach((resolve) => resolve(given))
    return waiting !== undefined
  }
}
