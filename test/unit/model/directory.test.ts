import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDirectory, eventsOf, type Directory, type Told } from '../../../src/model/directory.js'
import type { Projection } from '../../../src/model/project-presence.js'
import type { PresenceStatus, UserPresence } from '../../../src/presence-service.js'
import { NOW, statuses } from './arbitraries.js'

const projection = (userId: string, over: Partial<Projection> = {}): Projection => ({
  userId, name: null, avatarUrl: null, status: 'online', customStatus: null, emoji: null, customStatusExpiresAt: null,
  lastSeen: null, lastSeenRoughly: null, activeDevice: null, activeDeviceId: null, idleSince: null, ...over,
})
const told = (userId: string, over: Partial<Projection> = {}): Told => ({ projection: projection(userId, over), isUnknown: false })
const unknown = (userId: string): Told => ({ projection: projection(userId, { status: 'offline' }), isUnknown: true })
/** What telling this makes known by events. */
const eventsAt = (directory: Directory, userId: string, news: Told, now = NOW): unknown[] => {
  const change = directory.tell(userId, news, now)
  return change ? eventsOf(change) : []
}
function knowing(...userIds: readonly string[]): Directory {
  const directory = createDirectory()
  for (const userId of userIds) directory.tell(userId, told(userId), NOW)
  return directory
}

describe('what is told of somebody', () => {
  it('is live, and keeps its identity until it changes', () => {
    const directory = knowing('alice')
    const first = directory.get('alice')
    expect(first).toEqual({ ...projection('alice'), freshness: 'live', asOf: null })
    expect(directory.tell('alice', told('alice'), NOW + 1)).toBeNull()
    expect(directory.get('alice')).toBe(first)
    directory.tell('alice', told('alice', { emoji: '📅' }), NOW)
    expect(directory.get('alice')).not.toBe(first)
    expect(directory.users.get('alice')).toBe(directory.get('alice'))
  })

  it.each<[what: string, after: Partial<Projection>, events: readonly (readonly unknown[])[]]>([
    ['another status', { status: 'dnd' }, [['statusChange', 'alice', 'online', 'dnd']]],
    ['going offline', { status: 'offline' }, [['statusChange', 'alice', 'online', 'offline'], ['offline', 'alice']]],
    ['a custom status', { customStatus: 'Lunch' }, [['customStatusChange', 'alice', 'Lunch', null]]],
    ['an emoji', { emoji: '🍎' }, [['customStatusChange', 'alice', null, '🍎']]],
    ['both', { status: 'away', customStatus: 'Lunch', emoji: '🍎' }, [['statusChange', 'alice', 'online', 'away'], ['customStatusChange', 'alice', 'Lunch', '🍎']]],
    ['a later expiry', { customStatusExpiresAt: NOW + 1 }, []],
    ['another device', { activeDevice: 'Phone', activeDeviceId: 'phone' }, []],
    ['another name', { name: 'Alice' }, []],
  ])('makes events of %s', (_, after, events) => {
    expect(eventsAt(knowing('alice'), 'alice', told('alice', after))).toEqual(events)
  })

  it('makes an event of coming online', () => {
    const directory = createDirectory()
    directory.tell('alice', told('alice', { status: 'offline' }), NOW)
    expect(eventsAt(directory, 'alice', told('alice', { status: 'away' }))).toEqual([['statusChange', 'alice', 'offline', 'away'], ['online', 'alice']])
  })

  it('[LV5] makes none at first sight', () => {
    expect(eventsAt(createDirectory(), 'alice', told('alice', { status: 'dnd', customStatus: 'Lunch' }))).toEqual([])
  })

  it('makes none when somebody is forgotten', () => {
    const directory = knowing('alice')
    const change = directory.forget('alice')!
    expect(change).toMatchObject({ userId: 'alice', before: { status: 'online' }, after: undefined })
    expect(eventsOf(change)).toEqual([])
    expect([directory.get('alice'), directory.forget('alice')]).toEqual([undefined, null])
  })
})

describe('a lost connection', () => {
  it('[LV5] leaves the last known values, as of then, and makes no events', () => {
    const directory = knowing('alice', 'bob')
    const changes = directory.lose(NOW + 5)
    expect(changes.map(({ userId }) => userId)).toEqual(['alice', 'bob'])
    expect(changes.flatMap(eventsOf)).toEqual([])
    expect(directory.get('alice')).toMatchObject({ status: 'online', freshness: 'stale', asOf: NOW + 5 })
    expect(directory.lose(NOW + 9)).toEqual([])
    expect(directory.get('alice')).toMatchObject({ asOf: NOW + 5 })
  })

  it('[LV5] on return tells net changes only', () => {
    fc.assert(fc.property(fc.constantFrom(...statuses), fc.array(fc.constantFrom(...statuses), { minLength: 1, maxLength: 5 }), (before, while_) => {
      const directory = createDirectory()
      directory.tell('alice', told('alice', { status: before }), NOW)
      directory.lose(NOW)
      const after = while_.at(-1)!
      const events = eventsAt(directory, 'alice', told('alice', { status: after }))
      expect(events.filter((event) => (event as string[])[0] === 'statusChange')).toEqual(before === after ? [] : [['statusChange', 'alice', before, after]])
      expect(directory.get('alice')).toMatchObject({ status: after, freshness: 'live', asOf: null })
    }))
  })

  it('[LV7] and a relay that does not know yet keep the value, as stale since the loss', () => {
    const directory = knowing('alice')
    directory.lose(NOW + 5)
    expect(eventsAt(directory, 'alice', unknown('alice'), NOW + 9)).toEqual([])
    expect(directory.get('alice')).toMatchObject({ status: 'online', freshness: 'stale', asOf: NOW + 5 })
    expect(eventsAt(directory, 'alice', told('alice', { status: 'offline' }), NOW + 12)).toEqual([['statusChange', 'alice', 'online', 'offline'], ['offline', 'alice']])
  })
})

describe('a relay that does not know yet', () => {
  it('[LV7] of somebody never seen makes them unknown, and then no event', () => {
    const directory = createDirectory()
    expect(eventsAt(directory, 'alice', unknown('alice'))).toEqual([])
    expect(directory.get('alice')).toMatchObject({ status: 'offline', freshness: 'unknown', asOf: null })
    expect(eventsAt(directory, 'alice', { ...unknown('alice'), projection: projection('alice', { status: 'offline', name: 'Alice' }) })).toEqual([])
    expect(directory.get('alice')).toMatchObject({ name: 'Alice', freshness: 'unknown', asOf: null })
    expect(directory.lose(NOW)).toEqual([])
    expect(directory.get('alice')).toMatchObject({ freshness: 'unknown' })
    expect(eventsAt(directory, 'alice', told('alice'))).toEqual([])
    expect(directory.get('alice')).toMatchObject({ status: 'online', freshness: 'live' })
  })

  it('[LV7] without a loss in between leaves a live value as of now', () => {
    const directory = knowing('alice')
    directory.tell('alice', unknown('alice'), NOW + 9)
    expect(directory.get('alice')).toMatchObject({ status: 'online', freshness: 'stale', asOf: NOW + 9 })
    directory.tell('alice', unknown('alice'), NOW + 20)
    expect(directory.get('alice')).toMatchObject({ asOf: NOW + 9 })
  })
})

describe('a roster', () => {
  const ids = (directory: Directory): string[] => directory.roster('general')!.users.map(({ userId }) => userId)

  it('is none where nobody asked for the channel', () => {
    expect(createDirectory().roster('general')).toBeUndefined()
  })

  it('has its members by id, and counts them', () => {
    const directory = knowing('carol', 'alice', 'bob')
    for (const userId of ['carol', 'alice', 'bob']) directory.join('general', userId)
    directory.tell('bob', told('bob', { status: 'dnd' }), NOW)
    directory.complete('general')
    expect(directory.roster('general')).toEqual({
      channelId: 'general', users: ['alice', 'bob', 'carol'].map((userId) => directory.get(userId)), counts: { online: 2, away: 0, dnd: 1, offline: 0 }, isComplete: true, freshness: 'live',
    })
  })

  it('keeps its identity until a member changes', () => {
    const directory = knowing('alice', 'bob')
    directory.join('general', 'alice')
    directory.complete('general')
    const first = directory.roster('general')
    directory.tell('bob', told('bob', { status: 'dnd' }), NOW)
    directory.tell('alice', told('alice'), NOW)
    directory.leave('general', 'bob')
    directory.leave('random', 'alice')
    expect(directory.roster('general')).toBe(first)
    directory.tell('alice', told('alice', { status: 'dnd' }), NOW)
    expect(directory.roster('general')).not.toBe(first)
  })

  it.each<[what: string, change: (directory: Directory) => void, members: string[]]>([
    ['joining', (directory) => directory.join('general', 'bob'), ['alice', 'bob']],
    ['leaving', (directory) => directory.leave('general', 'alice'), []],
    ['being forgotten', (directory) => { directory.forget('alice') }, []],
    ['joining without being known', (directory) => directory.join('general', 'nobody'), ['alice']],
  ])('follows %s', (_, change, members) => {
    const directory = knowing('alice', 'bob')
    directory.join('general', 'alice')
    directory.complete('general')
    directory.roster('general')
    change(directory)
    expect(ids(directory)).toEqual(members)
  })

  it('shows somebody who is told after they joined', () => {
    const directory = createDirectory()
    directory.join('general', 'alice')
    expect(ids(directory)).toEqual([])
    directory.tell('alice', told('alice'), NOW)
    expect(ids(directory)).toEqual(['alice'])
  })

  it('[LV5] stays after a loss, as stale, and until the relay has told anew', () => {
    const directory = knowing('alice', 'bob')
    directory.join('general', 'alice')
    directory.join('general', 'bob')
    directory.complete('general')
    directory.lose(NOW)
    expect([ids(directory), directory.roster('general')!.freshness]).toEqual([['alice', 'bob'], 'stale'])
    directory.join('general', 'bob')
    expect([ids(directory), directory.roster('general')!.freshness]).toEqual([['alice', 'bob'], 'stale'])
    directory.complete('general')
    expect([ids(directory), directory.roster('general')!.freshness, directory.isIn('general', 'alice')]).toEqual([['bob'], 'live', false])
  })

  it('[LV5] loses who left while the relay told anew', () => {
    const directory = knowing('alice', 'bob')
    directory.join('general', 'alice')
    directory.complete('general')
    directory.lose(NOW)
    directory.join('general', 'bob')
    directory.leave('general', 'bob')
    directory.complete('general')
    expect(ids(directory)).toEqual([])
  })

  it('is complete twice without losing anybody', () => {
    const directory = knowing('alice')
    directory.join('general', 'alice')
    directory.complete('general')
    directory.complete('general')
    expect(ids(directory)).toEqual(['alice'])
  })

  it('is unknown before the relay has told, and live where nobody is in it', () => {
    const directory = createDirectory()
    directory.leave('general', 'alice')
    expect(directory.roster('general')).toBeUndefined()
    directory.complete('general')
    expect(directory.roster('general')).toMatchObject({ users: [], freshness: 'live' })
    directory.lose(NOW)
    expect(directory.roster('general')).toMatchObject({ users: [], freshness: 'unknown' })
  })

  it('is gone with its channel, but its members are not', () => {
    const directory = knowing('alice')
    directory.join('general', 'alice')
    expect([directory.isInAnyChannel('alice'), directory.isIn('general', 'alice')]).toEqual([true, true])
    directory.dropChannel('general')
    expect([directory.roster('general'), directory.isInAnyChannel('alice'), directory.isIn('general', 'alice'), directory.get('alice')?.status]).toEqual([undefined, false, false, 'online'])
  })

  it('counts what it shows, whatever happened', () => {
    const step = fc.tuple(fc.constantFrom('join', 'leave', 'tell', 'forget', 'lose', 'complete'), fc.constantFrom('alice', 'bob', 'carol'), fc.constantFrom<PresenceStatus>(...statuses))
    fc.assert(fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const directory = createDirectory()
      directory.join('general', 'alice')
      for (const [what, userId, status] of steps) {
        if (what === 'join') directory.join('general', userId)
        else if (what === 'leave') directory.leave('general', userId)
        else if (what === 'tell') directory.tell(userId, told(userId, { status }), NOW)
        else if (what === 'forget') directory.forget(userId)
        else if (what === 'lose') directory.lose(NOW)
        else directory.complete('general')
        const { users, counts } = directory.roster('general')!
        expect(users).toEqual([...directory.users.values()].filter((user) => directory.isIn('general', user.userId)).sort((a, b) => (a.userId < b.userId ? -1 : 1)))
        for (const one of statuses) expect(counts[one]).toBe(users.filter((user) => user.status === one).length)
      }
    }))
  })
})

describe('an expiry', () => {
  const lunch = { customStatus: 'Lunch', emoji: '🍎', customStatusExpiresAt: NOW + 1_000 }

  it.each<[what: string, at: number, isOver: boolean]>([['before it', NOW + 999, false], ['at it', NOW + 1_000, true], ['after it', NOW + 1_001, true]])('[CS2] %s ends a custom status or not', (_, at, isOver) => {
    const directory = createDirectory()
    directory.tell('alice', told('alice', lunch), NOW)
    expect(directory.expire(at).flatMap(eventsOf)).toEqual(isOver ? [['customStatusChange', 'alice', null, null]] : [])
    expect(directory.get('alice')).toMatchObject(isOver ? { customStatus: null, emoji: null, customStatusExpiresAt: null, status: 'online', freshness: 'live' } : lunch)
  })

  it('[CS2] ends also what is only remembered', () => {
    const directory = createDirectory()
    directory.tell('alice', told('alice', lunch), NOW)
    directory.lose(NOW)
    directory.expire(NOW + 1_000)
    expect(directory.get('alice')).toMatchObject({ customStatus: null, freshness: 'stale', asOf: NOW })
  })

  it('is known in advance: the next one', () => {
    const directory = knowing('carol')
    expect(directory.nextExpiryAt()).toBeNull()
    directory.tell('alice', told('alice', lunch), NOW)
    directory.tell('bob', told('bob', { ...lunch, customStatusExpiresAt: NOW + 500 }), NOW)
    expect(directory.nextExpiryAt()).toBe(NOW + 500)
    directory.expire(NOW + 500)
    expect(directory.nextExpiryAt()).toBe(NOW + 1_000)
    directory.forget('alice')
    expect(directory.nextExpiryAt()).toBeNull()
  })

  it('leaves the others as they are', () => {
    const directory = knowing('bob')
    directory.tell('alice', told('alice', lunch), NOW)
    const bob = directory.get('bob')
    directory.expire(NOW + 1_000)
    expect(directory.get('bob')).toBe(bob)
  })
})

describe('a value put as it is', () => {
  const own: UserPresence = { ...projection('alice'), freshness: 'stale', asOf: NOW }
  it('is there as it is, and is a change only once', () => {
    const directory = createDirectory()
    expect(directory.put(own)).toEqual({ userId: 'alice', before: undefined, after: own })
    expect(directory.put({ ...own })).toBeNull()
    expect(directory.get('alice')).toBe(own)
  })
})
