/** Who acts and who looks on, put together from real parts. */
import type { BuiltBrowserPresenceService, BuiltServerPresenceService, Stop, UserId } from '../../src/presence-service.js'
import { expect } from 'vitest'
import { eventually, type Service, type World } from '../contract/presence-service/stage.js'

/** The Node service as one that acts: it holds users active who are to be here. */
export function actInNode(service: BuiltServerPresenceService): Pick<World, 'asUser' | 'asIdleUser' | 'leave'> {
  const holds = new Map<UserId, Stop>()
  return {
    async asUser(userId) {
      if (!holds.has(userId)) holds.set(userId, service.holdActive(userId, 'here'))
      await eventually(async () => expect(await service.getStatus(userId)).not.toMatchObject({ freshness: 'unknown' }))
      await eventually(async () => expect(await service.getDevices(userId)).not.toEqual([]))
      return service
    },
    asIdleUser: async () => service,
    async leave(userId) {
      holds.get(userId)?.()
      holds.delete(userId)
    },
  }
}

export interface BrowserActors extends Pick<World, 'asUser' | 'asIdleUser' | 'leave'> {
  /** A service of somebody who only looks on. */
  open(userId: UserId): Promise<BuiltBrowserPresenceService>
  close(): Promise<void>
}

/** Browser services as those who act; `openService` opens another device of a user each time. */
export function actInBrowsers(openService: (userId: UserId, isIdle: boolean) => BuiltBrowserPresenceService | Promise<BuiltBrowserPresenceService>): BrowserActors {
  const opened: { readonly userId: UserId; readonly service: Service }[] = []
  async function open(userId: UserId, isIdle = false): Promise<BuiltBrowserPresenceService> {
    const service = await openService(userId, isIdle)
    opened.push({ userId, service })
    await eventually(async () => expect(await service.getSyncStatus(userId)).toMatchObject({ connection: { name: 'online' } }))
    return service
  }
  return {
    open, asUser: open,
    async asIdleUser(userId) {
      const service = await open(userId, true)
      await eventually(() => expect(service.peek(userId)).toMatchObject({ status: 'away' }))
      return service
    },
    async leave(userId) {
      await Promise.all(opened.filter((each) => each.userId === userId).map(({ service }) => service.close()))
    },
    async close() {
      await Promise.all(opened.splice(0).map(({ service }) => service.close()))
    },
  }
}
