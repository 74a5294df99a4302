/** What a person sets, and what others then see. */
import { describe, expect, it } from 'vitest'
import type { UserPresence } from '../../../src/presence-service.js'
import { eventually, expectSeen, listenTo, settle, watchUntilSeen, type Stage } from './stage.js'

export function describeChoices({ world, id, writer }: Stage): void {
  describe('reading', () => {
    it('knows nothing of somebody who never was here', async () => {
      const nobody = id('nobody')
      expect(world().observer.peek(nobody)).toBeUndefined()
      expect(await world().observer.getStatus(nobody)).toEqual({
        userId: nobody, name: null, avatarUrl: null, status: 'offline', customStatus: null, emoji: null, customStatusExpiresAt: null, lastSeen: null,
        lastSeenRoughly: null, activeDevice: null, activeDeviceId: null, idleSince: null, freshness: 'live', asOf: null,
      })
    })

    it('[PR4] shows who is here and active as online', async () => {
      const alice = id('alice')
      await world().asUser(alice)
      await expectSeen(world().observer, alice, { userId: alice, status: 'online', freshness: 'live', asOf: null, idleSince: null })
    })

    it('answers for several in the order asked, also for the same one twice', async () => {
      const [alice, bob, nobody] = [id('alice'), id('bob'), id('nobody')]
      await world().asUser(alice)
      await (await world().asUser(bob)).setStatus(bob, 'dnd')
      await eventually(async () => expect((await world().observer.getStatuses([nobody, bob, alice, bob])).map(({ userId, status }) => [userId, status]))
        .toEqual([[nobody, 'offline'], [bob, 'dnd'], [alice, 'online'], [bob, 'dnd']]))
      expect(await world().observer.getStatuses([])).toEqual([])
    })

    it('peeks at the same object until it changes', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await watchUntilSeen(world().observer, alice, 'online')
      const before = world().observer.peek(alice)
      await settle(await world().asUser(id('bob')), world().observer, id('bob'))
      expect(world().observer.peek(alice)).toBe(before)
      await service.setCustomStatus(alice, 'Lunch')
      await eventually(() => expect(world().observer.peek(alice)).toMatchObject({ customStatus: 'Lunch' }))
      expect(world().observer.peek(alice)).not.toBe(before)
      expect(before).toMatchObject({ customStatus: null })
    })
  })

  describe('a chosen status', () => {
    it.each(['away', 'dnd'] as const)('[PR3] is what others see: %s', async (status) => {
      const alice = id('alice')
      await (await world().asUser(alice)).setStatus(alice, status)
      await expectSeen(world().observer, alice, { status })
    })

    it('[PR2] of offline hides, and is known to the person', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await watchUntilSeen(world().observer, alice, 'online')
      await service.setStatus(alice, 'offline')
      await eventually(() => expect(world().observer.peek(alice)).toMatchObject({ status: 'offline', freshness: 'live' }))
      if (writer === 'browser') expect(await service.getStatus(alice)).toMatchObject({ status: 'offline', choice: 'offline', choiceExpiresAt: null })
    })

    it('[PR4] of online goes back to automatic', async () => {
      const alice = id('alice')
      const service = await world().asIdleUser(alice)
      await service.setStatus(alice, 'dnd')
      await service.setStatus(alice, 'online')
      await expectSeen(world().observer, alice, { status: writer === 'browser' ? 'away' : 'offline' })
    })

    it.each(['away', 'dnd', 'offline'] as const)('[PR7] of %s does not end by input', async (status) => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await service.setStatus(alice, status)
      await service.recordActivity(alice, { type: 'message' })
      await expectSeen(world().observer, alice, { status })
      const bob = id('bob')
      await settle(await world().asUser(bob), world().observer, bob)
      expect(await world().observer.getStatus(alice)).toMatchObject({ status })
    })

    it.each(['expiresInMs', 'expiresAt'] as const)('[PR8] uncovers automatic when it expires, given %s', async (given) => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await watchUntilSeen(world().observer, alice, 'online')
      const told = listenTo(world().observer, alice, 'statusChange')
      await service.setStatus(alice, 'dnd', given === 'expiresInMs' ? { expiresInMs: 500 } : { expiresAt: Date.now() + 500 })
      if (writer === 'browser') expect(await service.getStatus(alice)).toMatchObject({ choice: 'dnd', choiceExpiresAt: expect.any(Number) })
      await eventually(() => expect(told).toEqual([['statusChange', 'online', 'dnd'], ['statusChange', 'dnd', 'online']]))
      if (writer === 'browser') await eventually(async () => expect(await service.getStatus(alice)).toMatchObject({ choice: 'auto', choiceExpiresAt: null }))
    })

    it('[PR1] [PR9] of dnd is offline without a device, and is back with one', async () => {
      const alice = id('alice')
      await (await world().asUser(alice)).setStatus(alice, 'dnd')
      await expectSeen(world().observer, alice, { status: 'dnd' })
      const stays = await watchUntilSeen(world().observer, alice)
      await world().leave(alice)
      await expectSeen(world().observer, alice, { status: 'offline' })
      await world().asUser(alice)
      await expectSeen(world().observer, alice, { status: 'dnd' })
      stays()
    })
  })

  describe('a custom status', () => {
    it('is shown with its emoji, and without', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await service.setCustomStatus(alice, 'In a meeting', { emoji: '📅' })
      await expectSeen(world().observer, alice, { customStatus: 'In a meeting', emoji: '📅', customStatusExpiresAt: null, status: 'online' })
      await service.setCustomStatus(alice, 'Lunch')
      await expectSeen(world().observer, alice, { customStatus: 'Lunch', emoji: null })
      await service.setCustomStatus(alice, '', { emoji: '🏖️' })
      await expectSeen(world().observer, alice, { customStatus: null, emoji: '🏖️' })
    })

    it('[CS1] is replaced by the later edit, whichever device makes it, and clearing is an edit too', async () => {
      const alice = id('alice')
      const [one, two] = [await world().asUser(alice), await world().asUser(alice)]
      await one.setCustomStatus(alice, 'first', { emoji: '1️⃣' })
      await eventually(async () => expect(await two.getStatus(alice)).toMatchObject({ customStatus: 'first' }))
      await two.setCustomStatus(alice, 'second')
      await expectSeen(world().observer, alice, { customStatus: 'second', emoji: null })
      await eventually(async () => expect(await one.getStatus(alice)).toMatchObject({ customStatus: 'second' }))
      await one.clearCustomStatus(alice)
      await expectSeen(world().observer, alice, { customStatus: null, emoji: null })
      await eventually(async () => expect(await two.getStatus(alice)).toMatchObject({ customStatus: null }))
    })

    it('[CS2] ends at its expiry, for those who watch and for those who ask', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await watchUntilSeen(world().observer, alice)
      const told = listenTo(world().observer, alice, 'customStatusChange')
      await service.setCustomStatus(alice, 'Back soon', { emoji: '⏳', expiresInMs: 500 })
      await eventually(() => expect(world().observer.peek(alice)).toMatchObject({ customStatus: 'Back soon', customStatusExpiresAt: expect.any(Number) }))
      await eventually(() => expect(told).toEqual([['customStatusChange', 'Back soon', '⏳'], ['customStatusChange', null, null]]))
      for (const reader of [world().observer, service]) await expectSeen(reader, alice, { customStatus: null, emoji: null, customStatusExpiresAt: null })
    })

    it('[CS3] stays while its owner is offline', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await watchUntilSeen(world().observer, alice)
      await service.setCustomStatus(alice, 'On holiday', { emoji: '🏖️' })
      await expectSeen(world().observer, alice, { customStatus: 'On holiday' })
      await world().leave(alice)
      await eventually(() => expect(world().observer.peek(alice)).toMatchObject({ status: 'offline', customStatus: 'On holiday', emoji: '🏖️' }))
    })
  })

  describe('setPresence', () => {
    it('changes several at once: one change for those who look', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await watchUntilSeen(world().observer, alice, 'online')
      const seen: UserPresence[] = []
      const told = listenTo(world().observer, alice, 'statusChange', 'customStatusChange')
      const stop = world().observer.subscribeTo(alice, (presence) => seen.push(presence))
      await eventually(() => expect(seen).toHaveLength(1))
      await service.setPresence(alice, { status: 'dnd', customStatus: 'Focus', emoji: '🎧', expiresInMs: 60_000 })
      await eventually(() => expect(seen.at(-1)).toMatchObject({ status: 'dnd', customStatus: 'Focus', emoji: '🎧', customStatusExpiresAt: expect.any(Number) }))
      expect(seen).toHaveLength(2)
      expect(told).toEqual([['statusChange', 'online', 'dnd'], ['customStatusChange', 'Focus', '🎧']])
      stop()
    })

    it('leaves alone what it is not given', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await service.setPresence(alice, { status: 'away', customStatus: 'Thinking' })
      await service.setPresence(alice, { emoji: '🤔' })
      await expectSeen(world().observer, alice, { status: 'away', customStatus: 'Thinking', emoji: '🤔' })
      await service.setPresence(alice, { customStatus: null })
      await expectSeen(world().observer, alice, { status: 'away', customStatus: null, emoji: null })
      await service.setPresence(alice, { status: 'online' })
      await expectSeen(world().observer, alice, { status: 'online', customStatus: null })
    })
  })

  describe('profile and privacy', () => {
    it('shows name and picture, changes one alone, and takes them back', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await service.setProfile(alice, { name: 'Alice', avatarUrl: 'https://example.com/alice.png' })
      await expectSeen(world().observer, alice, { name: 'Alice', avatarUrl: 'https://example.com/alice.png' })
      await service.setProfile(alice, { name: 'Alice A.' })
      await expectSeen(world().observer, alice, { name: 'Alice A.', avatarUrl: 'https://example.com/alice.png' })
      await service.setProfile(alice, { name: null, avatarUrl: null })
      await expectSeen(world().observer, alice, { name: null, avatarUrl: null })
    })

    it('[VS2] tells others the last time in whole minutes', async () => {
      const alice = id('alice')
      await world().asUser(alice)
      await watchUntilSeen(world().observer, alice, 'online')
      await world().leave(alice)
      await expectSeen(world().observer, alice, { status: 'offline', lastSeen: expect.any(Number), lastSeenRoughly: null })
      const { lastSeen } = world().observer.peek(alice)!
      expect(lastSeen! % 60_000).toBe(0)
      expect(Math.abs(Date.now() - lastSeen!)).toBeLessThan(150_000)
    })

    it.each([
      ['roughly', 'coarse', { lastSeen: null, lastSeenRoughly: 'recently' }],
      ['not at all', 'none', { lastSeen: null, lastSeenRoughly: null }],
      ['exactly', 'exact', { lastSeen: expect.any(Number), lastSeenRoughly: null }],
    ] as const)('[VS4] shares last seen %s, on what was shown already too', async (_, lastSeen, expected) => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await service.setPrivacy(alice, { lastSeen: lastSeen === 'exact' ? 'none' : 'exact' })
      await watchUntilSeen(world().observer, alice, 'online')
      await service.setPrivacy(alice, { lastSeen })
      await eventually(() => expect(world().observer.peek(alice)).toMatchObject(expected))
      await world().leave(alice)
      await eventually(() => expect(world().observer.peek(alice)).toMatchObject({ status: 'offline', ...expected }))
    })

    it('[VS1] [VS4] names the device to others only where devices are shared', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await watchUntilSeen(world().observer, alice, 'online')
      const [device] = await eventually(async () => {
        const devices = await service.getDevices(alice)
        expect(devices).toMatchObject([{ isPrimary: true }])
        return devices
      })
      expect(world().observer.peek(alice)).toMatchObject({ activeDevice: null, activeDeviceId: null })
      await service.setPrivacy(alice, { devices: true })
      await eventually(() => expect(world().observer.peek(alice)).toMatchObject({ activeDevice: device!.name, activeDeviceId: device!.id }))
      await service.setPrivacy(alice, { devices: false })
      await eventually(() => expect(world().observer.peek(alice)).toMatchObject({ activeDevice: null, activeDeviceId: null }))
    })
  })
}
