/** Answers of the relay to numbered requests. */
import type { Clock } from '../ports.js'
import type { Stop } from '../presence-service.js'
import { WIRE } from '../protocol/limits.js'

export interface Replies<Answer> {
  /** Null: none came in time, or the connection was lost. */
  ask(send: (requestId: number) => void): Promise<Answer | null>
  /** What nobody asked for, or not any more, is ignored. */
  answer(requestId: number, answer: Answer): void
  /** The connection is gone, and every answer with it. */
  lost(): void
}

export function createReplies<Answer>(time: Clock): Replies<Answer> {
  const waiting = new Map<number, (answer: Answer | null) => void>()
  let lastRequestId = 0
  return {
    ask, answer: (requestId, given) => waiting.get(requestId)?.(given),
    lost: () => { for (const answer of [...waiting.values()]) answer(null) },
  }

  async function ask(send: (requestId: number) => void): Promise<Answer | null> {
    const requestId = ++lastRequestId
    let cancel: Stop = () => undefined
    return new Promise<Answer | null>((resolve) => {
      waiting.set(requestId, resolve)
      cancel = time.at(time.now() + WIRE.answerTimeoutMs, () => resolve(null))
      send(requestId)
    }).finally(() => {
      cancel()
      waiting.delete(requestId)
    })
  }
}
