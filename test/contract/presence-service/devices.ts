/** A person's devices and what is done on them. */
import { describe, expect, it } from 'vitest'
import type { Device } from '../../../src/presence-service.js'
import { eventually, expectSeen, listenTo, settle, watchUntilSeen, type Service, type Stage } from './stage.js'

export function describeDevices({ world, id, writer }: Stage): void {
  const idleStatus = writer === 'browser' ? 'away' : 'offline'

  async function onlyDevice(service: Service, userId: string): Promise<Device> {
    return eventually(async () => {
      const devices = await service.getDevices(userId)
      expect(devices).toHaveLength(1)
      return devices[0]!
    })
  }

  describe('activity', () => {
    it('is listed newest first, with what was said of it', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      const start = Date.now() - 10_000
      await service.recordActivity(alice, { type: 'b', timestamp: start + 2, data: { to: ['bob'], size: 3 } })
      await service.recordActivity(alice, { type: 'c', timestamp: start + 3, channelId: id('room') })
      await service.recordActivity(alice, { type: 'a', timestamp: start + 1 })
      const rows = await service.getActivity(alice)
      const { id: deviceId } = await onlyDevice(service, alice)
      expect(rows.map(({ id: _, ...row }) => row)).toEqual([
        { type: 'c', timestamp: start + 3, channelId: id('room'), deviceId, data: null },
        { type: 'b', timestamp: start + 2, channelId: null, deviceId, data: { to: ['bob'], size: 3 } },
        { type: 'a', timestamp: start + 1, channelId: null, deviceId, data: null },
      ])
      expect(rows.map((row) => row.id)).toEqual([2, 1, 3].map((sequence) => `${deviceId}:${sequence}`))
      expect((await service.getActivity(alice, { limit: 2 })).map(({ type }) => type)).toEqual(['c', 'b'])
      expect((await service.getActivity(alice, { since: start + 2 })).map(({ type }) => type)).toEqual(['c', 'b'])
      expect((await service.getActivity(alice, { since: start + 1, limit: 1 })).map(({ type }) => type)).toEqual(['c'])
      expect(await service.getActivity(alice, { limit: 0 })).toEqual([])
    })

    it('[AC1] keeps the newest 200', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      for (let number = 1; number <= 205; number++) await service.recordActivity(alice, { type: `n${number}` })
      const rows = await service.getActivity(alice)
      expect(rows).toHaveLength(200)
      expect(new Set(rows.map(({ type }) => type))).toEqual(new Set(Array.from({ length: 200 }, (_, index) => `n${index + 6}`)))
    })

    it('[AC2] is input', async () => {
      const alice = id('alice')
      const service = await world().asIdleUser(alice)
      await watchUntilSeen(world().observer, alice, idleStatus)
      const told = listenTo(world().observer, alice, 'statusChange')
      await service.recordActivity(alice, { type: 'message' })
      await eventually(() => expect(world().observer.peek(alice)).toMatchObject({ status: 'online' }))
      expect(told).toEqual([['statusChange', idleStatus, 'online']])
    })

    it('[AC3] cannot be in the future', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await service.recordActivity(alice, { type: 'prophecy', timestamp: Date.now() + 3_600_000 })
      const [row] = await service.getActivity(alice)
      expect(Math.abs(Date.now() - row!.timestamp)).toBeLessThan(60_000)
    })

    it('is told to those who listen where it was recorded', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await service.setPrivacy(alice, { activity: true })
      const told = listenTo(service, alice, 'activity')
      await service.recordActivity(alice, { type: 'message' })
      expect(told).toEqual([['activity', (await service.getActivity(alice))[0]]])
    })

    it('[VS1] is told to nobody else unless it is shared', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      const told = listenTo(service, alice, 'activity')
      await service.recordActivity(alice, { type: 'message' })
      expect(await service.getActivity(alice)).toHaveLength(1)
      expect(told).toHaveLength(writer === 'browser' ? 1 : 0)
    })
  })

  describe('devices', () => {
    it('lists the one in use as primary and active', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      const device = await onlyDevice(service, alice)
      expect(device).toEqual({
        id: expect.stringMatching(/^[\w-]{22}$/), name: expect.stringMatching(/./), kind: expect.any(String), status: 'online', lastSeen: expect.any(Number),
        isPrimary: true, isActive: true, isThisDevice: writer === 'browser',
      })
    })

    it('[PR10] takes for a device what was set for it, until it is set again', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      const device = await onlyDevice(service, alice)
      for (const status of ['dnd', 'away', 'offline', 'online'] as const) {
        await service.setDeviceStatus(alice, device.id, status)
        await expectSeen(world().observer, alice, { status })
        await eventually(async () => expect(await service.getDevices(alice)).toMatchObject([{ id: device.id, status }]))
      }
    })

    it('renames one, for the person and for those it is shared with', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      const device = await onlyDevice(service, alice)
      await service.setPrivacy(alice, { devices: true })
      await watchUntilSeen(world().observer, alice, 'online')
      await eventually(() => expect(world().observer.peek(alice)).toMatchObject({ activeDevice: device.name }))
      await service.renameDevice(alice, device.id, 'Kitchen')
      expect(await service.getDevices(alice)).toMatchObject([{ id: device.id, name: 'Kitchen' }])
      await eventually(() => expect(world().observer.peek(alice)).toMatchObject({ activeDevice: 'Kitchen', activeDeviceId: device.id }))
    })

    it('refuses to rename a device that nobody knows', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await onlyDevice(service, alice)
      for (const unknown of ['unknown', 'unknown000000000000000']) {
        await expect(service.renameDevice(alice, unknown, 'Kitchen')).rejects.toMatchObject({ code: 'invalid-argument', subject: 'deviceId' })
      }
      expect(await service.getDevices(alice)).toHaveLength(1)
    })

    it('[PR11] are in use while held, for as many stops as holds', async () => {
      const alice = id('alice')
      const service = await world().asIdleUser(alice)
      await watchUntilSeen(world().observer, alice, idleStatus)
      const told = listenTo(world().observer, alice, 'statusChange')
      const [first, second] = [service.holdActive(alice, 'call'), service.holdActive(alice, 'call')]
      await eventually(() => expect(world().observer.peek(alice)).toMatchObject({ status: 'online' }))
      first()
      first()
      await settle(service, world().observer, alice)
      expect(world().observer.peek(alice)).toMatchObject({ status: 'online' })
      second()
      await eventually(() => expect(world().observer.peek(alice)).toMatchObject({ status: idleStatus }))
      expect(told).toEqual([['statusChange', idleStatus, 'online'], ['statusChange', 'online', idleStatus]])
    })

    it('[PR11] are not held by a hold that was stopped at once', async () => {
      const alice = id('alice')
      const service = await world().asIdleUser(alice)
      await watchUntilSeen(world().observer, alice, idleStatus)
      service.holdActive(alice, 'call')()
      await settle(service, world().observer, alice)
      expect(world().observer.peek(alice)).toMatchObject({ status: idleStatus })
    })

    it('are told to the person when they change', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      const device = await onlyDevice(service, alice)
      // In Node, events tell what others may see.
      await service.setPrivacy(alice, { devices: true })
      const told = listenTo(service, alice, 'deviceChange')
      await service.renameDevice(alice, device.id, 'Kitchen')
      await eventually(() => expect(told.at(-1)).toEqual(['deviceChange', [expect.objectContaining({ id: device.id, name: 'Kitchen' })]]))
    })

    it('are no news at first sight', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      const device = await onlyDevice(service, alice)
      await service.setPrivacy(alice, { devices: true })
      await expectSeen(world().observer, alice, { activeDevice: device.name })
      const told = listenTo(world().observer, alice, 'deviceChange')
      await watchUntilSeen(world().observer, alice, 'online')
      await service.renameDevice(alice, device.id, 'Kitchen')
      await eventually(() => expect(told.map(([, devices]) => devices)).toEqual([[expect.objectContaining({ name: 'Kitchen' })]]))
    })

    it('[VS1] are told to others when they change, where they are shared, and never before', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      const device = await onlyDevice(service, alice)
      const told = listenTo(world().observer, alice, 'deviceChange')
      await watchUntilSeen(world().observer, alice, 'online')
      await service.renameDevice(alice, device.id, 'Secret')
      await settle(service, world().observer, alice)
      expect(told).toEqual([])
      await service.setPrivacy(alice, { devices: true })
      await eventually(() => expect(told).toEqual([['deviceChange', [expect.objectContaining({ id: device.id, name: 'Secret', isThisDevice: false })]]]))
      await service.setPrivacy(alice, { devices: false })
      await eventually(() => expect(told.slice(1)).toEqual([['deviceChange', []]]))
    })
  })
}
