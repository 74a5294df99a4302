import { NO_METER } from '../../../server/hub/meter.js'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createServerPresenceService } from '../../../server/service/create-presence-service.js'
import { createMemoryStore } from '../../../server/store/memory-store.js'
import { DEFAULT_POLICY } from '../../../src/model/arguments.js'
import { createManualClock } from '../../../testing/manual-clock.js'

const START = 1_800_000_000_000
/** A deadline of the hub is met at most this late. */
const TICK_MS = 100
const PHONE = 'phone00000000000000000'

function setUp() {
  const clock = createManualClock(START)
  const service = createServerPresenceService({ openStore: async () => createMemoryStore({ now: () => 1 }), policy: DEFAULT_POLICY, clock, log: () => undefined, meter: NO_METER })
  onTestFinished(() => service.close())
  const told: [atMs: number, status: string][] = []
  service.on('statusChange', (_, __, status) => told.push([clock.now() - START, status]))
  return { clock, service, told }
}
const about = (ms: number) => expect.toSatisfy((at: number) => at >= ms && at <= ms + TICK_MS, `a time from ${ms} to ${ms + TICK_MS}`)

describe('a device that a server runs', () => {
  it('[AC2] [LV4] is in use while activity is recent, then away, then gone', async () => {
    const { clock, service, told } = setUp()
    await service.recordActivity('alice', { type: 'message' })
    clock.advance(200_000)
    await service.recordActivity('alice', { type: 'message' })
    clock.advance(4_000_000)
    expect(told).toEqual([[0, 'online'], [about(500_000), 'away'], [about(3_800_000), 'offline']])
    expect(await service.getDevices('alice')).toMatchObject([{ kind: 'server', status: 'offline', lastSeen: about(START + 3_800_000) }])
  })

  it('[AC2] is in the channel of its activity, until it is gone', async () => {
    const { clock, service } = setUp()
    await service.recordActivity('alice', { type: 'message', channelId: 'room' })
    await service.recordActivity('bob', { type: 'message' })
    expect(await service.getOnlineUsers({ channelId: 'room' })).toMatchObject([{ userId: 'alice', status: 'online' }])
    clock.advance(3_600_100)
    expect(await service.getOnlineUsers({ channelId: 'room', statuses: ['online', 'away', 'dnd', 'offline'] })).toEqual([])
  })

  it('[PR10] comes when its status is set, and goes when that is not repeated within two heartbeats', async () => {
    const { clock, service, told } = setUp()
    await service.setDeviceStatus('alice', PHONE, 'dnd')
    clock.advance(59_000)
    await service.setDeviceStatus('alice', PHONE, 'away')
    clock.advance(59_900)
    expect(await service.getDevices('alice')).toMatchObject([{ id: PHONE, kind: 'server', status: 'away' }])
    clock.advance(1_000)
    expect(told).toEqual([[0, 'dnd'], [59_000, 'away'], [about(119_000), 'offline']])
  })

  it('[PR10] goes at once when it is set offline', async () => {
    const { clock, service, told } = setUp()
    await service.setDeviceStatus('alice', PHONE, 'online')
    clock.advance(1_000)
    await service.setDeviceStatus('alice', PHONE, 'offline')
    expect(told).toEqual([[0, 'online'], [1_000, 'offline']])
  })

  it('[PR10] [PR6] counts beside others, the highest first', async () => {
    const { service, told } = setUp()
    await service.setDeviceStatus('alice', PHONE, 'away')
    await service.setDeviceStatus('alice', 'tablet0000000000000000', 'dnd')
    await service.recordActivity('alice', { type: 'message' })
    await service.setStatus('alice', 'away')
    expect(told.map(([, status]) => status)).toEqual(['away', 'dnd', 'online', 'away'])
  })

  it('[PR11] is in use while held, however long, and afterwards as long as its activity says', async () => {
    const { clock, service, told } = setUp()
    await service.recordActivity('alice', { type: 'message' })
    const release = service.holdActive('alice', 'call')
    await service.getStatus('alice')
    clock.advance(3_000_000)
    release()
    clock.advance(700_000)
    expect(told).toEqual([[0, 'online'], [3_000_000, 'away'], [about(3_600_000), 'offline']])
  })

  it('[PR8] [CS2] lets what was set expire on time, also for those who ask in the very millisecond', async () => {
    const { clock, service, told } = setUp()
    service.holdActive('alice', 'here')
    await service.setPresence('alice', { status: 'dnd', customStatus: 'Focus', expiresInMs: 3_600_050 })
    clock.advance(3_600_049)
    expect(await service.getStatus('alice')).toMatchObject({ status: 'dnd', customStatus: 'Focus' })
    clock.advance(1)
    expect(await service.getStatus('alice')).toMatchObject({ customStatus: null, customStatusExpiresAt: null })
    clock.advance(TICK_MS)
    expect(told.at(-1)).toEqual([about(3_600_050), 'online'])
  })
})
