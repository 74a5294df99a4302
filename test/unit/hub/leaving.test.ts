import { describe, expect, it } from 'vitest'
import type { Ending } from '../../../server/hub/device-link.js'
import { deviceRows } from '../../../server/hub/hub-user.js'
import { WIRE } from '../../../src/protocol/limits.js'
import { CAME, createHubWorld, deviceId, START, stored, TICK_MS } from './hub-world.js'

async function alice(about: Parameters<ReturnType<typeof createHubWorld>['connect']>[2] = {}) {
  const world = createHubWorld()
  const user = await world.open('alice')
  const bob = world.look('bob')
  const device = world.connect(user, 'device', about)
  bob.watch(user)
  return { ...world, user, bob, device }
}

describe('a device that goes', () => {
  it.each<[what: string, ending: Ending, about: Parameters<typeof alice>[0], graceMs: number]>([
    ['says goodbye', 'gone', {}, 0],
    ['leaves its page', 'leaving', {}, 4_000],
    ['loses its socket', 'lost', {}, 8_000],
    ['loses its socket, hidden', 'lost', { hidden: true }, 8_000],
    ['is a phone and loses its socket', 'lost', { kind: 'phone' }, 8_000],
    ['is a hidden phone and loses its socket', 'lost', { kind: 'phone', hidden: true }, 60_000],
    ['is a hidden tablet and loses its socket', 'lost', { kind: 'tablet', hidden: true }, 60_000],
    ['is a hidden phone and says goodbye', 'gone', { kind: 'phone', hidden: true }, 0],
    ['is a hidden phone and leaves its page', 'leaving', { kind: 'phone', hidden: true }, 4_000],
    ['was silent, which has been its grace', 'silent', {}, 0],
    ['was silent as a hidden phone', 'silent', { kind: 'phone', hidden: true }, 42_000],
  ])('[LV2] [LV3] %s', async (_, ending, about, graceMs) => {
    const { clock, bob, device } = await alice(about)
    clock.advance(1_000)
    device.end(ending)
    clock.advance(Math.max(0, graceMs - 1))
    const isStillThere = bob.statuses('alice').length === CAME.length
    clock.advance(1 + TICK_MS)
    expect([isStillThere, bob.statuses('alice')]).toEqual([graceMs > 0, [...CAME, [expect.any(Number), 'offline']]])
    if (graceMs === 0) expect(bob.statuses('alice').at(-1)).toEqual([1_000, 'offline'])
  })

  it.each(['closes', 'opens'])('[LV2] and is back within its grace shows nothing, where the socket that %s is first', async (first) => {
    const { clock, bob, device, connect, user, tick, turn } = await alice()
    tick()
    const count = bob.frames.length
    let back = first === 'opens' ? connect(user, 'device') : null
    device.end('leaving')
    clock.advance(3_999)
    back ??= connect(user, 'device', { lastInputAt: null })
    clock.advance(60_000)
    expect(bob.frames).toHaveLength(count)
    back.end('gone')
    turn()
    expect(bob.statuses('alice').at(-1)).toEqual([WIRE.feedTickMs + 63_999, 'offline'])
  })

  it('[PR5] [TB3] was used when it was used last, though the tab where that was has closed', async () => {
    const { clock, bob, device, connect, user, tick } = await alice()
    clock.advance(10_000)
    device.say({ sinceInputMs: 0 })
    connect(user, 'device', { lastInputAt: null, hidden: true })
    device.end('gone')
    tick()
    expect(bob.statuses('alice')).toEqual(CAME)
    clock.advance(300_000)
    expect(bob.statuses('alice')).toEqual([...CAME, [310_000 + WIRE.feedTickMs, 'away']])
  })

  it('[TB3] is one while any of its tabs is there, and in use while any is', async () => {
    const { clock, bob, device, connect, user, tick, turn } = await alice()
    const second = connect(user, 'device', { lastInputAt: null })
    tick()
    const count = bob.frames.length
    expect(deviceRows(user, clock.now())).toHaveLength(1)
    clock.advance(299_000)
    second.say({ sinceInputMs: 0 })
    device.end('gone')
    clock.advance(299_000)
    expect(bob.frames).toHaveLength(count)
    second.end('gone')
    turn()
    expect(bob.statuses('alice')).toEqual([...CAME, [WIRE.feedTickMs + 598_000, 'offline']])
  })

  it.each<[first: Ending, goneMs: number]>([['gone', 0], ['leaving', 4_000]])('[LV2] ends but once: %s stays that, when its socket closes after it', async (first, goneMs) => {
    const { clock, bob, device, tick } = await alice()
    tick()
    device.end(first)
    clock.advance(1_000)
    device.end('lost')
    clock.advance(Math.max(0, goneMs + TICK_MS - 1_000))
    expect(bob.statuses('alice').map(([, status]) => status)).toEqual(['online', 'offline'])
  })

  it('[LV6] is told of by its newer connections only: what an ended one says late is ignored', async () => {
    const { clock, bob, device, connect, user, tick } = await alice()
    const newer = connect(user, 'device', { digest: 'newer' })
    expect(newer.connection.sessionNumber).toBeGreaterThan(device.connection.sessionNumber)
    device.end('leaving')
    tick()
    const count = bob.frames.length
    device.say({ locked: true, override: 'dnd', digest: 'older' })
    clock.advance(10_000)
    device.say({ override: 'dnd', digest: 'older' })
    tick()
    expect(bob.frames).toHaveLength(count)
    expect(deviceRows(user, clock.now())).toMatchObject([{ status: 'online', digest: 'newer' }])
  })

  it('[LV6] is away while no page of it is left, if its last word was that it is locked', async () => {
    const { bob, device, connect, user, tick } = await alice()
    tick()
    connect(user, 'device').end('leaving')
    device.say({ locked: true })
    tick()
    expect(bob.statuses('alice')).toEqual([...CAME, [2 * WIRE.feedTickMs, 'away']])
  })
})

describe('what is known of a device that went', () => {
  it('is recorded when it comes, every five minutes, and when it goes', async () => {
    const { clock, store, device } = await alice({ digest: 'digest', kind: 'phone' })
    const recordedAt = async () => {
      await stored()
      return (await store.load('alice')).records.get(deviceId('device'))?.lastSeenAt
    }
    expect(await recordedAt()).toBe(START)
    clock.advance(299_999)
    device.say({})
    expect(await recordedAt()).toBe(START)
    clock.advance(1)
    device.say({})
    expect(await recordedAt()).toBe(START + 300_000)
    clock.advance(10_000)
    device.end('gone')
    await stored()
    expect((await store.load('alice')).records).toEqual(new Map([[deviceId('device'), {
      name: 'device', kind: 'phone', digest: 'digest', lastSeenAt: START + 310_000, lastInputAt: START + 300_000,
    }]]))
  })

  it('outlives the relay: its devices and when it was here', async () => {
    const { clock, store, device, hub, user } = await alice()
    clock.advance(90_000)
    device.end('gone')
    hub.release(user)
    await stored()
    const later = createHubWorld({ store, start: START + 7_200_000 })
    const again = await later.open('alice')
    expect(again.shown.projection).toMatchObject({ status: 'offline', lastSeen: START + 60_000 })
    expect(deviceRows(again, later.clock.now())).toMatchObject([{ id: deviceId('device'), name: 'device', isConnected: false, status: 'offline', seenAgoMs: 7_200_000 - 90_000 }])
  })

  it('is recorded of those still there when the relay ends', async () => {
    const { clock, store, hub } = await alice()
    const saved = new Map<string, number>()
    const { save } = store
    store.save = (userId, changes) => {
      for (const [, record] of changes.records ?? []) saved.set(userId, record!.lastSeenAt)
      return save(userId, changes)
    }
    clock.advance(12_345)
    await hub.close()
    expect(saved).toEqual(new Map([['alice', START + 12_345]]))
  })

  it('[SY3] keeps what it last had, for those who count who is in sync', async () => {
    const { clock, device, user } = await alice({ digest: 'before' })
    device.say({ digest: 'after' })
    expect(deviceRows(user, clock.now())).toMatchObject([{ isConnected: true, digest: 'after', seenAgoMs: 0 }])
    device.end('gone')
    clock.advance(1_000)
    expect(deviceRows(user, clock.now())).toMatchObject([{ isConnected: false, digest: 'after', seenAgoMs: 1_000 }])
  })

  it('is nothing of a device without an id of its own', async () => {
    const { store, device, user, clock } = await alice({ isRemembered: false })
    device.end('gone')
    await stored()
    expect([(await store.load('alice')).records, deviceRows(user, clock.now())]).toEqual([new Map(), []])
  })

  it('[DV4] is kept of 32 devices, those longest unseen going first', async () => {
    const { clock, store, user, connect } = await alice()
    for (let number = 10; number < 45; number++) {
      clock.advance(1_000)
      connect(user, `d${number}`).end('gone')
    }
    await stored()
    const { records } = await store.load('alice')
    expect([...records.keys()].sort()).toEqual([...Array.from({ length: 31 }, (_, index) => deviceId(`d${index + 14}`)), deviceId('device')].sort())
  })
})
