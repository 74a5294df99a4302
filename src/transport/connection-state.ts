/** What becomes of a connection: a pure state machine. Sockets and timers are elsewhere. */
import type { ConnectionState } from '../presence-service.js'
import { CLOSE, refusalOf } from '../protocol/close-codes.js'

export interface Connection {
  readonly state: ConnectionState
  /** Tries since the last that was established. */
  readonly attempt: number
  /** What was mended once already since a connection last held: a fresh token, a re-based document. */
  readonly mended: ReadonlySet<number>
}
export type ConnectionNews =
  | { readonly type: 'start' | 'retry' | 'wake' | 'established' | 'stop' | 'pause' }
  /** `restMs`: the relay asked to be left alone for so long. */
  | { readonly type: 'closed'; readonly code: number; readonly isMendable: boolean; readonly restMs: number }

export const IDLE: Connection = { state: { name: 'offline' }, attempt: 0, mended: new Set() }

const FIRST_WINDOW_MS = 3_000
const LARGEST_WINDOW_MS = 30_000
/** So many tries are spread over the first window each, so that a relay's restart is no stampede (DESIGN §8). */
const TRIES_IN_FIRST_WINDOW = 3
/** A relay may answer *hello* and refuse what follows: only a connection that held this long was sound. */
export const STEADY_MS = 10_000

/** `fraction` in [0, 1) decides where in its window a try falls. */
export function nextConnection(connection: Connection, news: ConnectionNews, now: number, fraction: number): Connection {
  const { state, attempt } = connection
  if (state.name === 'closed') return connection
  switch (news.type) {
    case 'start': return state.name === 'offline' || state.name === 'refused' ? connecting(connection) : connection
    case 'retry':
    case 'wake': return state.name === 'waiting' ? connecting(connection) : connection
    case 'established': return state.name === 'connecting' ? { ...connection, state: { name: 'online', since: now }, attempt: 0 } : connection
    case 'stop': return { ...connection, state: { name: 'closed' } }
    case 'pause': return state.name === 'refused' ? connection : { ...connection, state: { name: 'offline' } }
    case 'closed': {
      if (state.name === 'refused' || state.name === 'offline') return connection
      const mended = state.name === 'online' && now - state.since >= STEADY_MS ? NOTHING : connection.mended
      const reason = refusalOf(news.code)
      if (reason === undefined) return waiting(news.restMs > 0 ? 0 : attempt, now + news.restMs, fraction, mended)
      // Ours asks for a fresh token, or re-bases its document, once; a second refusal stands.
      if (!news.isMendable || mended.has(news.code)) return { ...connection, state: { name: 'refused', reason } }
      return connecting({ ...connection, mended: new Set([...mended, news.code]) })
    }
    default: return news satisfies never
  }
}

export const isMendable = (code: number, hasTokenSource: boolean): boolean =>
  code === CLOSE.badMessage || (code === CLOSE.unauthenticated && hasTokenSource)

export function retryDelayMs(attempt: number, fraction: number): number {
  const windowMs = FIRST_WINDOW_MS * 2 ** Math.max(0, attempt - TRIES_IN_FIRST_WINDOW)
  return fraction * Math.min(windowMs, LARGEST_WINDOW_MS)
}

/** A try while the relay rests says nothing of how it will be afterwards, and is not counted. */
function waiting(attempt: number, from: number, fraction: number, mended: Connection['mended']): Connection {
  return { state: { name: 'waiting', attempt, retryAt: from + retryDelayMs(attempt, fraction) }, attempt, mended }
}

const NOTHING: ReadonlySet<number> = new Set()
const connecting = ({ attempt, mended }: Connection): Connection =>
  ({ state: { name: 'connecting', attempt: attempt + 1 }, attempt: attempt + 1, mended })
