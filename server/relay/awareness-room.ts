/** What one user's unmodified y-websocket clients hear of each other. Ids are bound to connections, clocks are the relay's own. */
import { encodeAwareness } from '../../src/protocol/awareness-frames.js'
import type { JsonObject } from '../../src/model/json.js'
import type { UserId } from '../../src/presence-service.js'

type Send = (frame: Uint8Array) => void
export interface AwarenessRoom {
  join(send: Send): void
  isTaken(clientId: number): boolean
  /** What a client says of itself; null: it is about to leave. */
  say(send: Send, clientId: number, state: JsonObject | null): void
  /** Everybody else's state, to one who asks. */
  tellAll(send: Send, exceptClientId: number | null): void
  leave(send: Send): void
  isEmpty(): boolean
}

/** `now` keeps clocks rising over restarts: a returning id with a lower clock would not be believed. */
export function createAwarenessRoom(now: () => number): AwarenessRoom {
  const clients = new Map<Send, { clientId: number; state: JsonObject } | null>()
  let clock = 0
  return { join, isTaken, say, tellAll, leave, isEmpty: () => clients.size === 0 }

  function join(send: Send): void {
    clients.set(send, null)
  }

  function isTaken(clientId: number): boolean {
    return [...clients.values()].some((client) => client?.clientId === clientId)
  }

  function say(send: Send, clientId: number, state: JsonObject | null): void {
    const isSame = JSON.stringify(clients.get(send)?.state) === JSON.stringify(state)
    clients.set(send, state && { clientId, state })
    // A renewal is absorbed: passing each on made an idle room of 100 send 40,000 messages a minute.
    if (!isSame) tellOthers(send, clientId, state)
    if (!isSame && state !== null) tellAll(send, clientId)
  }

  function tellOthers(send: Send, clientId: number, state: JsonObject | null): void {
    clock = Math.max(clock + 1, Math.floor(now()))
    const frame = encodeAwareness([{ clientId, clock, state }])
    for (const other of clients.keys()) if (other !== send) other(frame)
  }

  function tellAll(send: Send, exceptClientId: number | null): void {
    clock = Math.max(clock + 1, Math.floor(now()))
    const others = [...clients.values()].flatMap((client) => (client && client.clientId !== exceptClientId ? [{ ...client, clock }] : []))
    if (others.length > 0) send(encodeAwareness(others))
  }

  function leave(send: Send): void {
    const client = clients.get(send)
    clients.delete(send)
    if (client) tellOthers(send, client.clientId, null)
  }
}

export interface AwarenessRooms {
  of(userId: UserId): AwarenessRoom
  dropIfEmpty(userId: UserId): void
}

export function createAwarenessRooms(now: () => number): AwarenessRooms {
  const rooms = new Map<UserId, AwarenessRoom>()
  return {
    of(userId) {
      const room = rooms.get(userId) ?? createAwarenessRoom(now)
      rooms.set(userId, room)
      return room
    },
    dropIfEmpty: (userId) => { if (rooms.get(userId)?.isEmpty()) rooms.delete(userId) },
  }
}
