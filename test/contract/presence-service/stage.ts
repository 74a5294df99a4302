/** What the parts of the contract share: who acts, who looks on, and how a test waits. Runs in Node and in a browser. */
import { expect, vi } from 'vitest'
import type { BuiltServerPresenceService, PresenceEvents, PresenceStatus, UserId, UserPresence } from '../../../src/presence-service.js'

/** What both services have in common. */
export type Service = Omit<BuiltServerPresenceService, 'revoke'>

export interface World {
  /** Who may write this user, who is here through it; in a browser, every time another device. */
  asUser(userId: UserId): Promise<Service>
  /** The same for somebody who does nothing: away in a browser, in Node not even here. */
  asIdleUser(userId: UserId): Promise<Service>
  /** Every device of the user says goodbye. */
  leave(userId: UserId): Promise<void>
  /** Sees the others. Each user's service does too, in Node. */
  readonly observer: Service
  close(): Promise<void>
}

export interface Traits {
  readonly writer: 'browser' | 'node'
  readonly observer: 'browser' | 'node'
}

export interface Stage extends Traits {
  world(): World
  /** An id that no other test uses. */
  id(name: string): string
}

export const eventually = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 5_000, interval: 10 })

export function expectSeen(observer: Service, userId: UserId, expected: Partial<UserPresence>): Promise<void> {
  return eventually(async () => expect(await observer.getStatus(userId)).toMatchObject(expected))
}

/** Watches, and comes back once there is something to see. */
export async function watchUntilSeen(observer: Service, userId: UserId, status?: PresenceStatus): Promise<() => void> {
  const stop = observer.watch([userId])
  await eventually(() => expect(observer.peek(userId)).toMatchObject({ freshness: 'live', ...(status && { status }) }))
  return stop
}

type Told = [event: keyof PresenceEvents, ...unknown[]]
/** What is said of one user from now on. */
export function listenTo(service: Service, userId: UserId, ...events: (keyof PresenceEvents)[]): Told[] {
  const told: Told[] = []
  for (const event of events) {
    service.on(event, (...args: unknown[]) => {
      if (args[0] === userId) told.push([event, ...args.slice(1)])
    })
  }
  return told
}

/** One change more, so that whatever was to come before it has come. */
export async function settle(writer: Service, observer: Service, userId: UserId): Promise<void> {
  const text = `settled ${settled++}`
  await writer.setCustomStatus(userId, text)
  await expectSeen(observer, userId, { customStatus: text })
}
let settled = 0
