import { describe, expect, it } from 'vitest'
import { createEmitter } from '../../../src/model/emitter.js'
import type { PresenceEvents, Roster, UserPresence } from '../../../src/presence-service.js'
import { encodePage, type WatchOperation } from '../../../src/protocol/messages.js'
import { nobody } from '../../../src/protocol/feed.js'
import { createPeople } from '../../../src/service/people.js'
import { createManualClock } from '../../../testing/manual-clock.js'
import { encodeFeed } from '../../support/encode-feed.js'

const START = 1_700_000_000_000

function setUp() {
  const emitter = createEmitter<PresenceEvents>((error) => { throw error })
  const asked: WatchOperation[] = []
  const failures: string[] = []
  const events: string[] = []
  const people = createPeople({
    time: createManualClock(START), emitter, ask: (operations) => { asked.push(...operations) }, askForPage: () => undefined, isConnected: () => true,
    onOwnDevices: () => undefined, onChange: () => undefined, onFailure: ({ code, subject }) => { failures.push(`${code} ${subject}`) }, isAlone: false, ownUserId: 'alice',
  })
  for (const event of ['statusChange', 'offline', 'customStatusChange', 'deviceChange'] as const) emitter.on(event, (...[userId]: readonly unknown[]) => { events.push(`${event} ${String(userId)}`) })
  people.connected()
  return {
    people, asked, failures, events,
    introduce: (userId: string, number: number, joined: readonly number[] = []) => people.receive(encodeFeed([{ kind: 'user', number, userId, status: 'online', custom: ['here', null, null], joined }])),
    forget: (number: number) => people.receive(encodeFeed([{ kind: 'user', number, isForgotten: true }])),
    openChannel: (channelId: string, channelNumber: number) => people.receive(encodeFeed([{ kind: 'channel', channelNumber, channelId }])),
    complete: (channelNumber: number) => people.receive(encodePage({ kind: 'counts', page: { channelNumber, counts: [1, 0, 0, 0], isComplete: true, isSettled: true, isBeginning: false } })),
    refuse: (subject: string) => people.notice({ code: 'forbidden', subject, message: 'No.', retryAfterMs: 0 }),
  }
}

describe('[T8] a watch that was taken back', () => {
  it('turns the value unknown, without an event, and forgets what was known', () => {
    const { people, introduce, forget, events } = setUp()
    const seen: UserPresence[] = []
    people.onUser('bob', (presence) => { seen.push(presence) })
    introduce('bob', 1)
    forget(1)
    expect(seen.map(({ status, freshness, customStatus }) => [status, freshness, customStatus])).toEqual([['online', 'live', 'here'], ['offline', 'unknown', null]])
    expect([people.peek('bob'), people.directory.users.has('bob'), events]).toEqual([undefined, false, []])
    expect(seen.at(-1)).toEqual({ ...nobody('bob'), freshness: 'unknown', asOf: null })
  })

  it('is not asked for again by itself, and is when the app watches anew', () => {
    const { people, introduce, forget, asked } = setUp()
    const stopFirst = people.watch(['bob'])
    introduce('bob', 1)
    forget(1)
    people.connected()
    expect(asked).toEqual([{ verb: 'watch', id: 'bob' }])
    people.watch(['bob'])
    stopFirst()
    expect(asked.slice(1)).toEqual([{ verb: 'watch', id: 'bob' }])
    introduce('bob', 1)
    expect(people.peek('bob')).toMatchObject({ status: 'online', freshness: 'live' })
  })

  it('changes nothing of what a channel shows', () => {
    const { people, introduce, forget, openChannel, complete } = setUp()
    people.watch(['bob'])
    people.watchChannel('general')
    openChannel('general', 7)
    introduce('bob', 1, [7])
    complete(7)
    forget(1)
    expect(people.peek('bob')).toMatchObject({ status: 'online', freshness: 'live' })
    // From now on it is the channel's alone: who leaves it is not seen any more.
    people.receive(encodeFeed([{ kind: 'user', number: 1, left: [7] }]))
    expect(people.peek('bob')).toMatchObject({ freshness: 'stale' })
  })
})

describe('[VS3] a channel that one may not see any more', () => {
  it('is empty and unknown, and so are those who were seen there only', () => {
    const { people, introduce, openChannel, complete, refuse, failures, events } = setUp()
    const rosters: Roster[] = []
    const carol: UserPresence[] = []
    people.onRoster('general', (roster) => { rosters.push(roster) })
    people.watch(['bob'])
    openChannel('general', 7)
    introduce('bob', 1, [7])
    introduce('carol', 2, [7])
    complete(7)
    expect(people.directory.roster('general')).toMatchObject({ freshness: 'live', users: [{ userId: 'bob' }, { userId: 'carol' }] })
    const stop = people.onUser('carol', (presence) => { carol.push(presence) })
    stop()
    refuse('general')
    expect(rosters.at(-1)).toMatchObject({ users: [], freshness: 'unknown' })
    expect([people.peek('bob')?.freshness, people.peek('carol'), events, failures]).toEqual(['live', undefined, [], ['forbidden general']])
    expect(() => people.isTold('general')).toThrow(expect.objectContaining({ code: 'forbidden', subject: 'general' }))
  })

  it('is asked for again by the next connection', () => {
    const { people, introduce, openChannel, complete, refuse, asked } = setUp()
    people.watchChannel('general')
    openChannel('general', 7)
    complete(7)
    refuse('general')
    people.connected()
    openChannel('general', 3)
    introduce('bob', 1, [3])
    complete(3)
    expect(asked.filter(({ verb }) => verb === 'watch-channel')).toHaveLength(2)
    expect([people.isTold('general'), people.directory.roster('general')]).toMatchObject([true, { freshness: 'live', users: [{ userId: 'bob' }] }])
  })
})

it('[T20] a notice about no one in particular is a failure of its own', () => {
  const { people, failures } = setUp()
  people.watchChannel('messages')
  people.notice({ code: 'rate-limited', subject: '', message: 'Too many messages at once: some were dropped.', retryAfterMs: 1_000 })
  expect([failures, people.isTold('messages')]).toEqual([['rate-limited '], false])
})
