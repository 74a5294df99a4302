/** How one hears of changes: events, snapshots, subscriptions. */
import { describe, expect, it, vi } from 'vitest'
import type { PresenceErrorLike, PresenceSnapshot, SyncStatus, UserPresence } from '../../../src/presence-service.js'
import { eventually, expectSeen, listenTo, settle, watchUntilSeen, type Service, type Stage } from './stage.js'

export function describeEvents({ world, id, writer, observer: observerKind }: Stage): void {
  async function watched(name: string): Promise<{ userId: string; service: Service; observer: Service }> {
    const userId = id(name)
    const service = await world().asUser(userId)
    await watchUntilSeen(world().observer, userId, 'online')
    return { userId, service, observer: world().observer }
  }

  describe('events', () => {
    it('tell of each visible change once, in its order', async () => {
      const { userId, service, observer } = await watched('alice')
      const told = listenTo(observer, userId, 'statusChange', 'online', 'offline', 'customStatusChange')
      await service.setStatus(userId, 'dnd')
      await eventually(() => expect(told).toHaveLength(1))
      await service.setStatus(userId, 'dnd')
      await service.setCustomStatus(userId, 'Focus', { emoji: '🎧' })
      await eventually(() => expect(told).toHaveLength(2))
      await service.setStatus(userId, 'offline')
      await eventually(() => expect(told).toHaveLength(4))
      await service.setStatus(userId, 'online')
      await eventually(() => expect(told).toHaveLength(6))
      await settle(service, observer, userId)
      expect(told).toEqual([
        ['statusChange', 'online', 'dnd'], ['customStatusChange', 'Focus', '🎧'], ['statusChange', 'dnd', 'offline'], ['offline'],
        ['statusChange', 'offline', 'online'], ['online'], ['customStatusChange', expect.stringContaining('settled'), null],
      ])
    })

    it('do not tell of what is there at first sight', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await service.setPresence(alice, { status: 'dnd', customStatus: 'Focus' })
      await expectSeen(world().observer, alice, { status: 'dnd', customStatus: 'Focus' })
      const told = listenTo(world().observer, alice, 'statusChange', 'online', 'offline', 'customStatusChange')
      await watchUntilSeen(world().observer, alice, 'dnd')
      await settle(service, world().observer, alice)
      expect(told).toEqual([['customStatusChange', expect.stringContaining('settled'), null]])
    })

    it('tell a listener that is gone nothing, and one for once only once', async () => {
      const { userId, service, observer } = await watched('alice')
      const [stopped, removed, single, stays] = [vi.fn(), vi.fn(), vi.fn(), vi.fn()]
      const stop = observer.on('customStatusChange', stopped)
      observer.on('customStatusChange', removed)
      observer.once('customStatusChange', single)
      observer.on('customStatusChange', stays)
      await settle(service, observer, userId)
      await eventually(() => expect(stays).toHaveBeenCalledTimes(1))
      stop()
      stop()
      observer.off('customStatusChange', removed)
      await settle(service, observer, userId)
      await eventually(() => expect(stays).toHaveBeenCalledTimes(2))
      expect([stopped, removed, single].map(({ mock }) => mock.calls.length)).toEqual([1, 1, 1])
    })

    it('[O6] go on to the others when a listener throws, which becomes an error event', async () => {
      const { userId, service, observer } = await watched('alice')
      const errors: PresenceErrorLike[] = []
      const cause = new Error('a fault in the app')
      const after = vi.fn()
      observer.on('error', (error) => errors.push(error))
      observer.on('customStatusChange', () => { throw cause })
      observer.on('customStatusChange', after)
      observer.subscribeTo(userId, ({ customStatus }) => { if (customStatus !== null) throw cause })
      observer.subscribe(({ users }) => { if (users.get(userId)?.customStatus) throw cause })
      await service.setCustomStatus(userId, 'Focus')
      await eventually(() => expect(errors.length).toBeGreaterThanOrEqual(3))
      expect(after).toHaveBeenCalledTimes(1)
      expect(errors[0]).toMatchObject({ name: 'PresenceError', code: 'invalid-argument', cause, remedy: expect.any(String) })
      expect(observer.peek(userId)).toMatchObject({ customStatus: 'Focus' })
    })

    it('[O6] reach nobody who left while they were told', async () => {
      const { userId, service, observer } = await watched('alice')
      const second = vi.fn()
      observer.on('customStatusChange', () => stopSecond())
      const stopSecond = observer.on('customStatusChange', second)
      const last = vi.fn()
      observer.on('customStatusChange', last)
      await settle(service, observer, userId)
      await eventually(() => expect(last).toHaveBeenCalled())
      expect(second).not.toHaveBeenCalled()
    })

    it('[O6] may call a setter, and all hear of both in their order', async () => {
      const { userId, service, observer } = await watched('alice')
      const [here, there]: [unknown[], unknown[]] = [[], []]
      service.on('customStatusChange', (of, text) => { if (of === userId && text === 'one') void service.setCustomStatus(userId, 'two') })
      service.on('customStatusChange', (of, text) => { if (of === userId) here.push(text) })
      observer.on('customStatusChange', (of, text) => { if (of === userId) there.push(text) })
      await service.setCustomStatus(userId, 'one')
      await eventually(() => expect([here, there.at(-1)]).toEqual([['one', 'two'], 'two']))
      // What lasted no longer than a tick need not have reached the others (DESIGN, the feed).
      expect([['two'], ['one', 'two']]).toContainEqual(there)
    })

    it('[O6] may end what keeps somebody here, and all hear of both in their order', async () => {
      const alice = id('alice')
      const service = await world().asIdleUser(alice)
      const idleStatus = writer === 'browser' ? 'away' : 'offline'
      await watchUntilSeen(world().observer, alice, idleStatus)
      const heard: string[] = []
      service.on('statusChange', (userId, _, status) => { if (userId === alice && status === 'online') release() })
      service.on('statusChange', (userId, _, status) => { if (userId === alice) heard.push(status) })
      const told = listenTo(world().observer, alice, 'statusChange')
      const release = service.holdActive(alice, 'call')
      await eventually(() => expect(heard).toEqual(['online', idleStatus]))
      await settle(service, world().observer, alice)
      expect(world().observer.peek(alice)).toMatchObject({ status: idleStatus })
      // What lasted no longer than its telling may not have reached the others.
      expect([[], ['online', idleStatus]]).toContainEqual(told.map(([, , status]) => status))
    })
  })

  describe('a change within a change', () => {
    it('[O6] is told to all after the first one', async () => {
      const alice = id('alice')
      const service = await world().asIdleUser(alice)
      const release = service.holdActive(alice, 'call')
      await watchUntilSeen(service, alice, 'online')
      const heard: unknown[] = []
      service.on('customStatusChange', (userId, text) => { if (userId === alice && text === 'go') release() })
      service.on('statusChange', (userId, _, status) => { if (userId === alice) heard.push(status) })
      service.on('customStatusChange', (userId, text) => { if (userId === alice) heard.push(text) })
      await service.setCustomStatus(alice, 'go')
      await eventually(() => expect(heard).toEqual(['go', writer === 'browser' ? 'away' : 'offline']))
    })
  })

  describe('subscriptions', () => {
    it('call for their user only, at once and after each change', async () => {
      const alice = await watched('alice')
      const bob = await watched('bob')
      const seen: UserPresence[] = []
      const stop = alice.observer.subscribeTo(alice.userId, (presence) => seen.push(presence))
      await eventually(() => expect(seen).toMatchObject([{ userId: alice.userId, status: 'online' }]))
      await settle(bob.service, bob.observer, bob.userId)
      await alice.service.setStatus(alice.userId, 'dnd')
      await eventually(() => expect(seen).toHaveLength(2))
      expect(seen[1]).toMatchObject({ userId: alice.userId, status: 'dnd' })
      expect(seen[1]).toBe(alice.observer.peek(alice.userId))
      stop()
      stop()
      await settle(alice.service, alice.observer, alice.userId)
      expect(seen).toHaveLength(2)
    })

    it('watch their user by themselves', async () => {
      const alice = id('alice')
      await world().asUser(alice)
      const seen: UserPresence[] = []
      world().observer.subscribeTo(alice, (presence) => seen.push(presence))
      await eventually(() => expect(seen.at(-1)).toMatchObject({ userId: alice, status: 'online', freshness: 'live' }))
    })

    it('get a snapshot at once, which keeps its identity until something changes', async () => {
      const { userId, service, observer } = await watched('alice')
      const snapshots: PresenceSnapshot[] = []
      const { subscribe, getSnapshot } = observer
      const stop = subscribe((snapshot) => snapshots.push(snapshot))
      expect(snapshots).toEqual([getSnapshot()])
      expect(getSnapshot()).toBe(getSnapshot())
      expect(getSnapshot().users.get(userId)).toBe(observer.peek(userId))
      if (observerKind === 'node') expect(getSnapshot()).toMatchObject({ me: null, devices: [] })
      else expect(getSnapshot()).toMatchObject({ me: { status: 'online' }, devices: [{ isThisDevice: true }] })
      await service.setStatus(userId, 'dnd')
      await eventually(() => expect(snapshots.at(-1)!.users.get(userId)).toMatchObject({ status: 'dnd' }))
      expect(snapshots.at(-1)).toBe(getSnapshot())
      expect(snapshots.at(-1)).not.toBe(snapshots[0])
      stop()
      const count = snapshots.length
      await settle(service, observer, userId)
      expect(snapshots).toHaveLength(count)
    })
  })

  describe('waiting for somebody', () => {
    it('ends when they are online, and at once when they are', async () => {
      const alice = id('alice')
      const waiting = world().observer.whenAvailable(alice)
      await world().asUser(alice)
      expect(await waiting).toMatchObject({ userId: alice, status: 'online' })
      await watchUntilSeen(world().observer, alice, 'online')
      expect(await world().observer.whenAvailable(alice)).toMatchObject({ userId: alice, status: 'online' })
    })

    it('can be given up', async () => {
      const reason = new Error('enough')
      const controller = new AbortController()
      const waiting = world().observer.whenAvailable(id('nobody'), { signal: controller.signal })
      controller.abort(reason)
      await expect(waiting).rejects.toBe(reason)
      await expect(world().observer.whenAvailable(id('nobody'), { signal: controller.signal })).rejects.toBe(reason)
    })
  })

  describe('sync', () => {
    it('[SY5] [SY2] ends with everything stored, and says so', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await service.setCustomStatus(alice, 'Stored')
      await service.sync(alice)
      expect(await service.getSyncStatus(alice)).toMatchObject({ pending: 0, problems: [], storage: expect.any(String) })
    })
  })

  if (writer === 'browser') describeCounts({ world, id })
}

function describeCounts({ world, id }: Pick<Stage, 'world' | 'id'>): void {
  describe('devices in sync', () => {
    it('[SY3] counts this device among those in sync', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await service.setCustomStatus(alice, 'Counted')
      await service.sync(alice)
      await eventually(async () => expect(await service.getSyncStatus(alice)).toMatchObject({ synced: 1, total: 1 }))
    })

    it('[SY3] tells how many devices have what this one has, as it changes', async () => {
      const alice = id('alice')
      const [one, two] = [await world().asUser(alice), await world().asUser(alice)]
      const told: SyncStatus[] = []
      await eventually(async () => expect(await one.getSyncStatus(alice)).toMatchObject({ synced: 2, total: 2 }))
      one.on('syncChange', (status) => told.push(status))
      await two.setCustomStatus(alice, 'Everywhere')
      await eventually(async () => expect(await one.getStatus(alice)).toMatchObject({ customStatus: 'Everywhere' }))
      await eventually(async () => expect(await one.getSyncStatus(alice)).toMatchObject({ synced: 2, total: 2, pending: 0, relay: 'porchlight', connection: { name: 'online' } }))
      expect(told.at(-1)).toEqual(await one.getSyncStatus(alice))
      expect(told.filter((status, index) => JSON.stringify(status) === JSON.stringify(told[index - 1]))).toEqual([])
    })
  })
}
