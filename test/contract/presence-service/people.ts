/** Several at once: who is online, who is in a channel. */
import { describe, expect, it } from 'vitest'
import type { Roster } from '../../../src/presence-service.js'
import { eventually, expectSeen, settle, watchUntilSeen, type Service, type Stage } from './stage.js'

export function describePeople({ world, id, observer: observerKind }: Stage): void {
  /** Somebody who is in a channel. */
  async function member(name: string, room: string): Promise<{ userId: string; service: Service; leave: () => void }> {
    const userId = id(name)
    const service = await world().asUser(userId)
    return { userId, service, leave: service.join(room, { userId }) }
  }
  const rosterIs = (room: string, statuses: Readonly<Record<string, string>>): Promise<void> => eventually(() => {
    const roster = world().observer.peekChannel(room)
    expect(Object.fromEntries((roster?.users ?? []).map(({ userId, status }) => [userId, status]))).toEqual(statuses)
  })

  describe('who is online', () => {
    it('are those of a channel who are not offline, by id, with pages and a choice of statuses', async () => {
      const room = id('room')
      const [alice, bob, carol, dave] = [await member('alice', room), await member('bob', room), await member('carol', room), await member('dave', room)]
      await bob.service.setStatus(bob.userId, 'dnd')
      await carol.service.setStatus(carol.userId, 'away')
      await dave.service.setStatus(dave.userId, 'offline')
      const idsOf = async (query: Parameters<Service['getOnlineUsers']>[0]): Promise<string[]> =>
        (await world().observer.getOnlineUsers({ channelId: room, ...query })).map(({ userId }) => userId)
      await eventually(async () => expect(await world().observer.getOnlineUsers({ channelId: room }))
        .toMatchObject([{ userId: alice.userId, status: 'online' }, { userId: bob.userId, status: 'dnd' }, { userId: carol.userId, status: 'away' }]))
      expect(await idsOf({ limit: 2 })).toEqual([alice.userId, bob.userId])
      expect(await idsOf({ limit: 2, after: alice.userId })).toEqual([bob.userId, carol.userId])
      expect(await idsOf({ after: carol.userId })).toEqual([])
      expect(await idsOf({ limit: 0 })).toEqual([])
      expect(await idsOf({ statuses: ['away', 'dnd'] })).toEqual([bob.userId, carol.userId])
      expect(await idsOf({ statuses: ['offline'] })).toEqual([])
      expect(await idsOf({ statuses: [] })).toEqual([])
      expect(await world().observer.countOnlineUsers({ channelId: room })).toBe(3)
      expect(await world().observer.countOnlineUsers({ channelId: room, statuses: ['online'] })).toBe(1)
      expect(await world().observer.getOnlineUsers({ channelId: id('empty') })).toEqual([])
    })

    it('are those one sees, without a channel', async () => {
      const [alice, bob, carol] = [id('alice'), id('bob'), id('carol')]
      const inThisTest = async (): Promise<string[]> => (await world().observer.getOnlineUsers()).map(({ userId }) => userId).filter((userId) => [alice, bob, carol].includes(userId))
      for (const userId of [carol, bob, alice]) await world().asUser(userId)
      if (observerKind === 'browser') expect(await inThisTest()).toEqual([])
      world().observer.watch([alice, bob, carol])
      await eventually(async () => expect(await inThisTest()).toEqual([alice, bob, carol]))
      await world().leave(bob)
      await eventually(async () => expect(await inThisTest()).toEqual([alice, carol]))
    })
  })

  describe('watching', () => {
    it('ends with its last stop, and a stop counts once', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      const [first, second] = [await watchUntilSeen(world().observer, alice, 'online'), await watchUntilSeen(world().observer, alice)]
      first()
      first()
      await service.setStatus(alice, 'dnd')
      await eventually(() => expect(world().observer.peek(alice)).toMatchObject({ status: 'dnd', freshness: 'live' }))
      second()
      if (observerKind === 'browser') expect(world().observer.peek(alice)).toMatchObject({ status: 'dnd', freshness: 'stale', asOf: expect.any(Number) })
      // Who is not watched is asked for.
      await service.setStatus(alice, 'away')
      await expectSeen(world().observer, alice, { status: 'away', freshness: 'live' })
    })
  })

  describe('a channel', () => {
    it('shows who joined, by id, with counts, and who left no more', async () => {
      const room = id('room')
      world().observer.watchChannel(room)
      const bob = await member('bob', room)
      const alice = await member('alice', room)
      await alice.service.setStatus(alice.userId, 'dnd')
      await rosterIs(room, { [alice.userId]: 'dnd', [bob.userId]: 'online' })
      expect(world().observer.peekChannel(room)).toEqual({
        channelId: room, users: [alice.userId, bob.userId].map((userId) => world().observer.peek(userId)),
        counts: { online: 1, away: 0, dnd: 1, offline: 0 }, isComplete: true, freshness: 'live',
      })
      bob.leave()
      await rosterIs(room, { [alice.userId]: 'dnd' })
      await world().leave(alice.userId)
      await rosterIs(room, {})
      expect(world().observer.peekChannel(room)?.counts ?? {}).not.toMatchObject({ dnd: 1 })
    })

    it('keeps who joined twice until both left it, each once', async () => {
      const room = id('room')
      world().observer.watchChannel(room)
      const alice = await member('alice', room)
      const second = alice.service.join(room, { userId: alice.userId })
      await rosterIs(room, { [alice.userId]: 'online' })
      alice.leave()
      alice.leave()
      await settle(alice.service, world().observer, alice.userId)
      await rosterIs(room, { [alice.userId]: 'online' })
      second()
      await rosterIs(room, {})
    })

    it('does not show who only looks on', async () => {
      const room = id('room')
      const alice = await member('alice', room)
      world().observer.watchChannel(room)
      const bob = id('bob')
      ;(await world().asUser(bob)).watchChannel(room)
      await rosterIs(room, { [alice.userId]: 'online' })
      await settle(alice.service, world().observer, alice.userId)
      expect(world().observer.peekChannel(room)!.users.map(({ userId }) => userId)).toEqual([alice.userId])
    })

    it('[VS2] does not show who hides, until they show themselves', async () => {
      const room = id('room')
      world().observer.watchChannel(room)
      const [alice, bob] = [await member('alice', room), await member('bob', room)]
      await rosterIs(room, { [alice.userId]: 'online', [bob.userId]: 'online' })
      await alice.service.setStatus(alice.userId, 'offline')
      await rosterIs(room, { [bob.userId]: 'online' })
      expect(world().observer.peekChannel(room)!.counts).toEqual({ online: 1, away: 0, dnd: 0, offline: 0 })
      expect(await world().observer.countOnlineUsers({ channelId: room })).toBe(1)
      await alice.service.setStatus(alice.userId, 'online')
      await rosterIs(room, { [alice.userId]: 'online', [bob.userId]: 'online' })
    })

    it('keeps its object until it changes, and calls with each that is new, the empty one too', async () => {
      const room = id('room')
      const told: Roster[] = []
      const stop = world().observer.subscribeToChannel(room, (roster) => told.push(roster))
      const alice = await member('alice', room)
      await rosterIs(room, { [alice.userId]: 'online' })
      const before = world().observer.peekChannel(room)
      await settle(await world().asUser(id('bob')), world().observer, id('bob'))
      expect(world().observer.peekChannel(room)).toBe(before)
      expect(told.at(-1)).toBe(before)
      alice.leave()
      await eventually(() => expect(told.at(-1)).toMatchObject({ channelId: room, users: [], counts: { online: 0 } }))
      expect(told.filter((roster, index) => roster === told[index - 1])).toEqual([])
      stop()
      stop()
      const count = told.length
      alice.service.join(room, { userId: alice.userId })
      await eventually(async () => expect(await world().observer.countOnlineUsers({ channelId: room })).toBe(1))
      expect(told).toHaveLength(count)
    })
  })
}
