/** Sessions on a hub, a memory store and a manual clock; the sockets are lists of frames. */
import * as Y from 'yjs'
import type { Authenticated } from '../../../server/relay/authenticate.js'
import { createAwarenessRooms } from '../../../server/relay/awareness-room.js'
import { createBudgets, type Budgets } from '../../../server/relay/budgets.js'
import { createPermissions } from '../../../server/relay/permissions.js'
import type { Session, SessionPorts } from '../../../server/relay/session-core.js'
import { openWatchSession } from '../../../server/relay/session-watch.js'
import { openSession } from '../../../server/relay/session.js'
import { createSignIn } from '../../../server/relay/sign-in.js'
import type { Bearer } from '../../../server/relay/token-claims.js'
import { messagesOf } from '../../../server/hub/batch.js'
import { createHub, type Hub } from '../../../server/hub/hub.js'
import { NO_METER } from '../../../server/hub/meter.js'
import type { UserStore } from '../../../server/hub/user-store.js'
import { createRevocations, type Revocations } from '../../../server/service/revocations.js'
import { createMemoryStore } from '../../../server/store/memory-store.js'
import { DEFAULT_POLICY } from '../../../src/model/arguments.js'
import type { JsonObject } from '../../../src/model/json.js'
import type { PresenceStatus, RelayOptions } from '../../../src/presence-service.js'
import { encodeAwareness } from '../../../src/protocol/awareness-frames.js'
import { createFeedReader, type FeedNews } from '../../../src/protocol/feed-reader.js'
import { WIRE } from '../../../src/protocol/limits.js'
import { SYNC, TYPE, decodeNotice, encodeHello, encodeWatch, typeOf, type Hello, type WatchOperation } from '../../../src/protocol/messages.js'
import { encode, writeVarUint, writeVarUint8Array } from '../../../src/protocol/wire.js'
import { createManualClock, type ManualClock } from '../../../testing/manual-clock.js'

export const START = 1_700_000_000_000
export const LAPTOP: string = 'laptop'.padEnd(22, '-')
export const PHONE: string = 'phone'.padEnd(22, '-')
export const person = (userId: string, over: Partial<Bearer> = {}): Bearer =>
  ({ userId, deviceId: null, tokenId: null, issuedAt: START - 1_000, expiresAt: START + 86_400_000, channels: '*', watch: '*', ...over })
export const hello = (deviceId: string = LAPTOP, over: Partial<Hello> = {}): Uint8Array => encodeHello({
  version: 1, deviceId, kind: 'laptop', name: 'A laptop', heartbeatIntervalMs: 30_000, awayAfterMs: 300_000, offlineAfterMs: 3_600_000, digest: '', ...over,
})
export const state = (deviceId: string = LAPTOP, over: JsonObject = {}): JsonObject => ({ deviceId, kind: 'laptop', name: 'A laptop', sinceInputMs: 0, locked: false, hidden: false, holds: [], override: null, digest: '', ...over })
export const liveness = (...states: readonly (JsonObject | null)[]): Uint8Array => encodeAwareness(states.map((one, index) => ({ clientId: index + 1, clock: 1, state: one })))
export const sync = (subtype: number, bytes: Uint8Array): Uint8Array => encode(SYNC, (writer) => {
  writeVarUint(writer, subtype)
  writeVarUint8Array(writer, bytes)
})
export const STEP1: Uint8Array = sync(0, Uint8Array.of(0))
export const watching = (...operations: readonly [verb: WatchOperation['verb'], id: string][]): Uint8Array => encodeWatch(operations.map(([verb, id]) => ({ verb, id })))
export const each = (verb: WatchOperation['verb'], count: number, name: string): [WatchOperation['verb'], string][] => Array.from({ length: count }, (_, index) => [verb, `${name}${index}`])
/** As a device writes it. */
export function written(registers: Record<string, unknown>, writerId: string = LAPTOP): Uint8Array {
  const doc = new Y.Doc()
  doc.transact(() => Object.entries(registers).forEach(([name, value]) => doc.getMap('registers').set(`${name}/${writerId}`, { at: [START, 0, writerId], value })))
  return Y.encodeStateAsUpdate(doc)
}
export const refused = (isTemporary = false): Authenticated => ({ ok: false, reason: 'it is bad', isTemporary })

export interface ConnectOptions {
  readonly principal?: Bearer
  readonly authenticate?: (token: string | null) => Promise<Authenticated>
}
export interface Connection {
  readonly session: Session
  readonly frames: readonly Uint8Array[]
  types(): (number | null)[]
  ofType(type: number): Uint8Array[]
  code(): number | undefined
  closings(): number
  notices(): [code: string, subject: string][]
  /** All news since the connection began. */
  news(): FeedNews[]
  send(...sent: readonly Uint8Array[]): void
  /** Says hello, and how it is. */
  ours(deviceId?: string): Promise<Connection>
}

export interface SessionWorld {
  readonly clock: ManualClock
  readonly hub: Hub
  readonly counts: ReadonlyMap<string, number>
  readonly logged: readonly string[]
  readonly revocations: Revocations
  readonly budgets: Budgets
  status(userId: string): PresenceStatus | undefined
  connect(userId: string, options?: ConnectOptions): Promise<Connection>
  /** In the room `watch`. */
  visit(userId: string, options?: ConnectOptions): Connection
  /** What waits for the store or a hook is there, and what waits for nothing else is told. */
  settle(): Promise<void>
  tick(): void
}

export function createSessionWorld({ store = createMemoryStore({ now: () => START }), hooks = {} }: { readonly store?: UserStore; readonly hooks?: Pick<RelayOptions, 'authorizeWatch' | 'authorizeJoin'> } = {}): SessionWorld {
  const clock = createManualClock(START)
  const hub = createHub({ clock, store, policy: DEFAULT_POLICY, log: () => undefined, meter: NO_METER })
  const counts = new Map<string, number>()
  const logged: string[] = []
  const count = (what: string): void => { counts.set(what, (counts.get(what) ?? 0) + 1) }
  const shared = {
    hub, relayNumber: 7, count, budgets: createBudgets(clock.now), revocations: createRevocations({ clock, store, known: [] }),
    permissions: createPermissions({ hooks, clock, log: (_, message, details) => { logged.push(JSON.stringify({ message, ...details })) }, count }),
  }
  const rooms = createAwarenessRooms(clock.now)
  let devices = 0
  return {
    clock, hub, counts, logged, revocations: shared.revocations, budgets: shared.budgets, status: (userId: string) => hub.find(userId)?.shown.projection.status,
    connect, visit, settle, tick: () => clock.advance(WIRE.feedTickMs),
  }

  async function settle(): Promise<void> {
    for (let turn = 0; turn < 50; turn++) await Promise.resolve()
    clock.advance(0)
  }

  async function connect(userId: string, options: ConnectOptions = {}): Promise<Connection> {
    const user = await hub.open(userId)
    const random = { deviceId: () => `stock${++devices}`.padEnd(22, '-'), yjsClientId: () => 1_000 + devices }
    return openWith(userId, options, (ports) => openSession({ ...ports, user, room: rooms.of(userId), random, policy: DEFAULT_POLICY }))
  }

  function visit(userId: string, options: ConnectOptions = {}): Connection {
    return openWith(userId, options, openWatchSession)
  }

  function openWith(userId: string, { principal = person(userId), authenticate = async () => refused() }: ConnectOptions, open: (ports: SessionPorts) => Session): Connection {
    const frames: Uint8Array[] = []
    const closed: { code: number; reason: string }[] = []
    const session = open({
      ...shared, bearer: principal, signIn: createSignIn(authenticate, async () => shared.revocations),
      send: (frame) => { frames.push(frame.slice()) }, close: (code, reason) => { closed.push({ code, reason }) },
      feed: {
        deliver(batch) {
          frames.push(...messagesOf(batch))
          return 0
        },
        isSlow: () => false, onceDrained: () => undefined,
      },
    })
    return connectionOf(session, frames, closed)
  }

  function connectionOf(session: Session, frames: Uint8Array[], closed: { code: number; reason: string }[]): Connection {
    const ofType = (type: number): Uint8Array[] => frames.filter((frame) => typeOf(frame) === type)
    const connection: Connection = {
      session, frames, types: () => frames.map(typeOf), ofType, code: () => closed[0]?.code, closings: () => closed.length,
      notices: () => ofType(TYPE.notice).map((frame) => decodeNotice(frame)).flatMap((notice) => (notice.ok ? [[notice.value.code, notice.value.subject]] : [])),
      news() {
        const reader = createFeedReader()
        return ofType(TYPE.feed).flatMap((frame) => {
          const read = reader.read(frame, clock.now())
          if (!read.ok) throw new Error(read.reason)
          return read.value
        })
      },
      send: (...sent) => sent.forEach((frame) => session.receive(frame)),
      async ours(deviceId = LAPTOP) {
        session.receive(hello(deviceId))
        session.receive(liveness(state(deviceId)))
        await settle()
        return connection
      },
    }
    return connection
  }
}
