import { NO_METER } from '../../../server/hub/meter.js'
import { describe, expect, it } from 'vitest'
import type { HubUser } from '../../../server/hub/hub-user.js'
import { createSaver } from '../../../server/hub/saver.js'
import type { UserChanges, UserStore } from '../../../server/hub/user-store.js'
import { nobody } from '../../../src/protocol/feed.js'
import type { Stamp } from '../../../src/model/hybrid-clock.js'
import type { ActivityEvent, JsonValue } from '../../../src/presence-service.js'
import { createManualClock } from '../../../testing/manual-clock.js'

const WRITER = 'w'.repeat(22)
const START = 1_700_000_000_000

/** A store whose every save ends when the test says so. */
function setUp() {
  const clock = createManualClock(START)
  const saves: { readonly userId: string; readonly changes: UserChanges; readonly succeed: () => void; readonly fail: () => void }[] = []
  const stored: [userId: string, stamps: Record<string, number>][] = []
  const logged: string[] = []
  const idle: string[] = []
  const store = {
    save: (userId: string, changes: UserChanges) => new Promise<void>((resolve, reject) => {
      saves.push({ userId, changes, succeed: resolve, fail: () => reject(new Error('the disk is full')) })
    }),
  } as unknown as UserStore
  const saver = createSaver({
    store, clock, meter: NO_METER, log: (level, message) => { logged.push(`${level} ${message}`) },
    onIdle: ({ userId }) => { idle.push(userId) },
    onStored: (user, stamps) => { stored.push([user.userId, Object.fromEntries([...stamps].map(([name, [ms]]) => [name, ms]))]) },
  })
  return { clock, saver, saves, stored, logged, idle }
}
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

function userWith(userId: string, registers: Record<string, [ms: number, value: JsonValue]> = {}): HubUser {
  const user: Partial<HubUser> = { userId, registers: new Map(), records: new Map(), frozen: null, lastChangeAt: null }
  write(user as HubUser, registers)
  return user as HubUser
}
function write(user: HubUser, registers: Record<string, [ms: number, value: JsonValue]>): void {
  user.registers = new Map([...user.registers, ...Object.entries(registers).map(([name, [ms, value]]) => [name, { at: [ms, 0, WRITER] as Stamp, value }] as const)])
}
const record = (lastSeenAt: number) => ({ name: 'Laptop', kind: 'laptop' as const, lastSeenAt, lastInputAt: null, digest: '' })
const activity = (id: string): ActivityEvent => ({ id, type: 'click', channelId: null, timestamp: START, deviceId: WRITER, data: null })
const outcome = (promise: Promise<void>): { of: string } => {
  const outcome_ = { of: 'open' }
  promise.then(() => { outcome_.of = 'saved' }, (error: { code: string }) => { outcome_.of = error.code })
  return outcome_
}

describe('a save', () => {
  it('[SY2] is called stored when the store has it, and not before', async () => {
    const { saver, saves, stored } = setUp()
    const alice = userWith('alice', { status: [1, null] })
    const saved = outcome(saver.save(alice, { registers: ['status'] }))
    await settle()
    expect([saved.of, stored, saver.isSaving(alice)]).toEqual(['open', [], true])
    saves[0]!.succeed()
    await settle()
    expect([saved.of, stored, saver.isSaving(alice)]).toEqual(['saved', [['alice', { status: 1 }]], false])
  })

  it('waits for the one before, and takes what came meanwhile along, as it is by then', async () => {
    const { saver, saves, stored } = setUp()
    const alice = userWith('alice', { status: [1, 'first'] })
    const first = outcome(saver.save(alice, { registers: ['status'] }))
    write(alice, { status: [2, 'second'], custom: [2, 'hi'] })
    const second = outcome(saver.save(alice, { registers: ['status'] }))
    const third = outcome(saver.save(alice, { registers: ['custom'] }))
    write(alice, { status: [3, 'third'] })
    expect(saves.length).toBe(1)
    saves[0]!.succeed()
    await settle()
    expect([first.of, second.of, third.of, stored]).toEqual(['saved', 'open', 'open', [['alice', { status: 1 }]]])
    expect(saves[0]!.changes.registers?.get('status')).toMatchObject({ value: 'first' })
    expect([...saves[1]!.changes.registers!]).toEqual([...alice.registers])
    saves[1]!.succeed()
    await settle()
    expect([saves.length, second.of, third.of, stored.at(-1)]).toEqual([2, 'saved', 'saved', ['alice', { status: 3, custom: 2 }]])
  })

  it('says when there is nothing left to save', async () => {
    const { saver, saves, idle } = setUp()
    const alice = userWith('alice')
    void saver.save(alice, { records: ['laptop'] })
    void saver.save(alice, { records: ['phone'] })
    saves[0]!.succeed()
    await settle()
    expect(idle).toEqual([])
    saves[1]!.succeed()
    await settle()
    expect([idle, saver.isSaving(alice)]).toEqual([['alice'], false])
  })

  it('of one person does not wait for another\'s', () => {
    const { saver, saves } = setUp()
    void saver.save(userWith('alice', { status: [1, null] }), { registers: ['status'] })
    void saver.save(userWith('bob', { status: [1, null] }), { registers: ['status'] })
    expect(saves.map(({ userId }) => userId)).toEqual(['alice', 'bob'])
  })

  it('holds all there is to be kept, and only that', async () => {
    const { saver, saves } = setUp()
    const alice = userWith('alice', { status: [1, null], custom: [1, null] })
    alice.records.set('laptop', record(START))
    alice.frozen = nobody('alice')
    void saver.save(alice, { registers: ['status', 'gone'], records: ['laptop', 'phone'], frozen: true, activity: [activity('a:1')] })
    saves[0]!.succeed()
    await settle()
    expect([...saves[0]!.changes.registers!.keys()]).toEqual(['status'])
    expect(saves[0]!.changes.records).toEqual(new Map([['laptop', record(START)], ['phone', null]]))
    expect(saves[0]!.changes).toMatchObject({ frozen: { at: null, projection: { userId: 'alice' } }, activity: [{ id: 'a:1' }] })
    alice.frozen = null
    void saver.save(alice, { frozen: true })
    expect(saves[1]!.changes).toEqual({ frozen: null })
  })
})

describe('[F13] a save that fails', () => {
  it('[SY2] rejects, is tried again, and nothing is called stored before it is', async () => {
    const { saver, saves, stored, clock, logged } = setUp()
    const alice = userWith('alice', { status: [1, null] })
    const saved = outcome(saver.save(alice, { registers: ['status'], activity: [activity('a:1')] }))
    saves[0]!.fail()
    await settle()
    expect([saved.of, stored, logged.length]).toEqual(['storage-unavailable', [], 1])
    clock.advance(999)
    expect(saves.length).toBe(1)
    clock.advance(1)
    expect(saves.length).toBe(2)
    saves[1]!.fail()
    await settle()
    clock.advance(1_000)
    expect(saves[2]!.changes).toMatchObject({ activity: [{ id: 'a:1' }] })
    saves[2]!.succeed()
    await settle()
    expect(stored).toEqual([['alice', { status: 1 }]])
    clock.advance(60_000)
    expect(saves.length).toBe(3)
  })

  it('keeps its person in memory until it has succeeded', async () => {
    const { saver, saves, clock, idle } = setUp()
    const alice = userWith('alice')
    alice.records.set('laptop', record(START))
    void saver.save(alice, { records: ['laptop'] })
    saves[0]!.fail()
    await settle()
    expect([saver.isSaving(alice), idle]).toEqual([true, []])
    clock.advance(1_000)
    saves[1]!.succeed()
    await settle()
    expect([saver.isSaving(alice), idle]).toEqual([false, ['alice']])
  })

  it('is not overtaken: what comes meanwhile waits for its turn, and goes with it', async () => {
    const { saver, saves, clock } = setUp()
    const alice = userWith('alice', { status: [1, 'first'] })
    void saver.save(alice, { registers: ['status'], activity: [activity('a:1')] })
    saves[0]!.fail()
    await settle()
    write(alice, { status: [2, 'second'] })
    const later = outcome(saver.save(alice, { registers: ['status'], activity: [activity('a:2')] }))
    clock.advance(1_000)
    expect(saves.length).toBe(2)
    expect(saves[1]!.changes).toMatchObject({ activity: [{ id: 'a:1' }, { id: 'a:2' }] })
    expect(saves[1]!.changes.registers?.get('status')).toMatchObject({ value: 'second' })
    saves[1]!.succeed()
    await settle()
    expect(later.of).toBe('saved')
  })

  it('puts what came while it ran after it', async () => {
    const { saver, saves, clock } = setUp()
    const alice = userWith('alice')
    void saver.save(alice, { activity: [activity('a:1')] })
    void saver.save(alice, { activity: [activity('a:2')] })
    saves[0]!.fail()
    await settle()
    clock.advance(1_000)
    expect(saves[1]!.changes.activity?.map(({ id }) => id)).toEqual(['a:1', 'a:2'])
  })

  it('keeps no more activity than anybody would be shown', async () => {
    const { saver, saves, clock } = setUp()
    const alice = userWith('alice')
    void saver.save(alice, { activity: [activity('a:0')] })
    for (let index = 1; index <= 250; index++) void saver.save(alice, { activity: [activity(`a:${index}`)] })
    saves[0]!.fail()
    await settle()
    clock.advance(1_000)
    expect(saves[1]!.changes.activity?.map(({ id }) => id)).toEqual(Array.from({ length: 200 }, (_, index) => `a:${index + 51}`))
  })

  it('hurts nobody else', async () => {
    const { saver, saves } = setUp()
    void saver.save(userWith('alice'), { activity: [activity('a:1')] })
    saves[0]!.fail()
    await settle()
    const bob = outcome(saver.save(userWith('bob'), { activity: [activity('b:1')] }))
    saves[1]!.succeed()
    await settle()
    expect(bob.of).toBe('saved')
  })
})

describe('the end', () => {
  it('waits for what is under way, and for what was waiting behind it', async () => {
    const { saver, saves } = setUp()
    const alice = userWith('alice', { status: [1, null] })
    void saver.save(alice, { registers: ['status'] })
    const behind = outcome(saver.save(alice, { activity: [activity('a:1')] }))
    const ended = outcome(saver.close())
    saves[0]!.succeed()
    await settle()
    expect(ended.of).toBe('open')
    saves[1]!.succeed()
    await settle()
    expect([behind.of, ended.of]).toEqual(['saved', 'saved'])
  })

  it('tries once more what had failed, and then no more', async () => {
    const { saver, saves, stored, clock } = setUp()
    const [alice, bob] = [userWith('alice', { status: [1, null] }), userWith('bob', { status: [1, null] })]
    void saver.save(alice, { registers: ['status'] })
    void saver.save(bob, { registers: ['status'] })
    saves.forEach(({ fail }) => fail())
    await settle()
    const ended = outcome(saver.close())
    expect(saves.length).toBe(4)
    saves[2]!.succeed()
    saves[3]!.fail()
    await settle()
    clock.advance(60_000)
    expect([ended.of, stored, saves.length]).toEqual(['saved', [['alice', { status: 1 }]], 4])
  })
})
