import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CLOSE, refusalOf } from '../../../src/protocol/close-codes.js'
import { IDLE, STEADY_MS, isMendable, nextConnection, retryDelayMs, type Connection, type ConnectionNews } from '../../../src/transport/connection-state.js'

const NOW = 1_700_000_000_000
const closed = (code: number, mendable = false, restMs = 0): ConnectionNews => ({ type: 'closed', code, isMendable: mendable, restMs })
const after = (...news: readonly (ConnectionNews | ConnectionNews['type'])[]): Connection =>
  news.reduce<Connection>((connection, one) => nextConnection(connection, (typeof one === 'string' ? { type: one } : one) as ConnectionNews, NOW, 0.5), IDLE)

describe('a connection', () => {
  it.each<[what: string, news: readonly (ConnectionNews | ConnectionNews['type'])[], state: object]>([
    ['is offline before it starts', [], { name: 'offline' }],
    ['connects when started', ['start'], { name: 'connecting', attempt: 1 }],
    ['does not start twice', ['start', 'start'], { name: 'connecting', attempt: 1 }],
    ['is online once the relay has answered', ['start', 'established'], { name: 'online', since: NOW }],
    ['waits after it was lost', ['start', 'established', closed(1_006)], { name: 'waiting', attempt: 0, retryAt: NOW + 1_500 }],
    ['[F16] waits for as long as a relay that drains has asked, and then in its window', ['start', 'established', closed(CLOSE.draining, false, 8_000)], { name: 'waiting', attempt: 0, retryAt: NOW + 9_500 }],
    ['[F16] counts no try while the relay rests', ['start', 'established', closed(CLOSE.draining, false, 8_000), 'wake', closed(1_006, false, 7_000), 'wake', closed(1_006, false, 6_000)], { name: 'waiting', attempt: 0, retryAt: NOW + 7_500 }],
    ['waits after a try that failed', ['start', closed(1_006)], { name: 'waiting', attempt: 1, retryAt: NOW + 1_500 }],
    ['counts its tries', ['start', closed(1_006), 'retry', closed(1_006), 'retry'], { name: 'connecting', attempt: 3 }],
    ['tries at once when it is woken', ['start', closed(1_006), 'wake'], { name: 'connecting', attempt: 2 }],
    ['is not woken while it connects', ['start', 'wake'], { name: 'connecting', attempt: 1 }],
    ['is not woken while it is online', ['start', 'established', 'wake'], { name: 'online' }],
    ['is not woken before it starts', ['wake'], { name: 'offline' }],
    ['is not woken when it was refused', ['start', closed(4_403), 'wake'], { name: 'refused', reason: 'forbidden' }],
    ['counts from one again once it was online', ['start', closed(1_006), 'retry', 'established', closed(1_006), 'retry'], { name: 'connecting', attempt: 1 }],
    ['pauses', ['start', 'established', 'pause'], { name: 'offline' }],
    ['pauses while it waits', ['start', closed(1_006), 'pause'], { name: 'offline' }],
    ['starts after a pause', ['start', 'pause', 'start'], { name: 'connecting' }],
    ['stays refused over a pause', ['start', closed(4_403), 'pause'], { name: 'refused' }],
    ['is asked anew after a refusal', ['start', closed(4_403), 'start'], { name: 'connecting' }],
    ['is not lost while it pauses', ['start', 'pause', closed(1_006)], { name: 'offline' }],
    ['is not lost once refused', ['start', closed(4_403), closed(1_006)], { name: 'refused' }],
    ['is not established while it waits', ['start', closed(1_006), 'established'], { name: 'waiting' }],
    ['is not established in a pause', ['start', 'pause', 'established'], { name: 'offline' }],
    ['is not established after a refusal', ['start', closed(4_403), 'established'], { name: 'refused' }],
    ['is established once', ['start', 'established', 'established'], { name: 'online', since: NOW }],
    ['gets a fresh token once', ['start', closed(4_401, true)], { name: 'connecting', attempt: 2 }],
    ['is refused the second time', ['start', closed(4_401, true), closed(4_401, true)], { name: 'refused', reason: 'unauthenticated' }],
    ['is refused at once without a source of tokens', ['start', closed(4_401, false)], { name: 'refused', reason: 'unauthenticated' }],
    ['re-bases once', ['start', closed(4_400, true), closed(4_400, true)], { name: 'refused', reason: 'invalid-argument' }],
    ['mends a token and a document, each once', ['start', closed(4_401, true), closed(4_400, true)], { name: 'connecting', attempt: 3 }],
    ['is refused the second time, also when the relay answered in between', ['start', closed(4_400, true), 'established', closed(4_400, true)], { name: 'refused', reason: 'invalid-argument' }],
    ['is refused the second time, also when the network failed in between', ['start', closed(4_401, true), closed(1_006), 'retry', closed(4_401, true)], { name: 'refused', reason: 'unauthenticated' }],
    ['never opens again once stopped', ['start', 'stop', 'start', 'wake', 'retry', 'established', closed(4_401, true), 'pause'], { name: 'closed' }],
  ])('%s', (_, news, state) => {
    expect(after(...news).state).toMatchObject(state)
  })

  it('that held for a while is mended again', () => {
    const online = after('start', closed(4_401, true), 'established')
    expect(nextConnection(online, closed(4_401, true), NOW + STEADY_MS - 1, 0).state).toMatchObject({ name: 'refused' })
    expect(nextConnection(online, closed(4_401, true), NOW + STEADY_MS, 0).state).toMatchObject({ name: 'connecting' })
  })

  it('stays the same object where nothing changed', () => {
    const connection = after('start')
    expect(nextConnection(connection, { type: 'wake' }, NOW, 0)).toBe(connection)
  })
})

describe('what can be mended', () => {
  it.each<[code: number, hasTokenSource: boolean, mendable: boolean]>([
    [CLOSE.badMessage, false, true], [CLOSE.badMessage, true, true], [CLOSE.unauthenticated, true, true], [CLOSE.unauthenticated, false, false],
    [CLOSE.forbidden, true, false], [CLOSE.deviceConflict, true, false], [CLOSE.protocolTooOld, true, false], [1_006, true, false],
  ])('%i with a source of tokens %j: %j', (code, hasTokenSource, mendable) => {
    expect(isMendable(code, hasTokenSource)).toBe(mendable)
  })
})

describe('a try', () => {
  it.each<[attempt: number, windowMs: number]>([
    [0, 3_000], [1, 3_000], [2, 3_000], [3, 3_000], [4, 6_000], [5, 12_000], [6, 24_000], [7, 30_000], [8, 30_000], [1_000, 30_000], [5_000, 30_000],
  ])('after %i others falls within %i ms', (attempt, windowMs) => {
    expect(retryDelayMs(attempt, 0)).toBe(0)
    expect(retryDelayMs(attempt, 0.5)).toBe(windowMs / 2)
    expect(retryDelayMs(attempt, 1)).toBe(windowMs)
  })

  it('of the first three after a loss falls anywhere in 3 s', () => {
    let connection = after('start', 'established', closed(1_006))
    for (let tries = 0; tries < 3; tries++) {
      for (const fraction of [0, 0.25, 0.999]) {
        const { state } = nextConnection({ ...connection, state: { name: 'connecting', attempt: connection.attempt } }, closed(1_006), NOW, fraction)
        expect(state).toMatchObject({ name: 'waiting', retryAt: NOW + 3_000 * fraction })
      }
      connection = nextConnection(nextConnection(connection, { type: 'retry' }, NOW, 0), closed(1_006), NOW, 0)
    }
  })
})

const anyNews: fc.Arbitrary<ConnectionNews> = fc.oneof(
  fc.constantFrom<ConnectionNews['type']>('start', 'retry', 'wake', 'established', 'pause').map((type) => ({ type }) as ConnectionNews),
  fc.constantFrom(1_000, 1_001, 1_006, 1_012, 4_400, 4_401, 4_403, 4_409, 4_426, 4_529).chain((code) => fc.boolean().map((mendable) => closed(code, mendable && isMendable(code, true)))),
)

describe('whatever happens', () => {
  it('a retry is never in the past, nor later than 30 s', () => {
    fc.assert(fc.property(fc.array(anyNews, { maxLength: 30 }), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (news, fraction) => {
      news.reduce((connection, one) => {
        const next = nextConnection(connection, one, NOW, fraction)
        if (next.state.name === 'waiting') {
          expect(next.state.retryAt).toBeGreaterThanOrEqual(NOW)
          expect(next.state.retryAt).toBeLessThanOrEqual(NOW + 30_000)
        }
        return next
      }, IDLE)
    }))
  })

  it('a refusal that is not mendable ends the tries, until the app starts anew', () => {
    fc.assert(fc.property(fc.array(anyNews, { maxLength: 10 }), fc.constantFrom(4_403, 4_404, 4_409, 4_426, 4_499), fc.array(anyNews, { maxLength: 10 }), (before, code, later) => {
      const reached = nextConnection(before.reduce((connection, one) => nextConnection(connection, one, NOW, 0), after('start')), { type: 'start' }, NOW, 0)
      const refused = nextConnection(reached, closed(code), NOW, 0)
      if (reached.state.name === 'connecting' || reached.state.name === 'online') expect(refused.state).toEqual({ name: 'refused', reason: refusalOf(code) })
      fc.pre(refused.state.name === 'refused')
      for (const news of later.filter(({ type }) => type !== 'start')) expect(nextConnection(refused, news, NOW, 0)).toBe(refused)
    }))
  })

  it('a code that can be mended is answered by connecting at once only once, however the relay behaves, within a minute', () => {
    fc.assert(fc.property(fc.array(fc.oneof(anyNews.filter(({ type }) => type !== 'start'), fc.constant(closed(4_400, true))), { maxLength: 40 }), (news) => {
      let mended = 0
      news.reduce((connection, one) => {
        const next = nextConnection(connection, one, NOW, 0)
        if (one.type === 'closed' && one.code === 4_400 && next.state.name === 'connecting' && next !== connection) mended++
        return next
      }, after('start'))
      expect(mended).toBeLessThanOrEqual(1)
    }))
  })

  it('nothing happens after the end', () => {
    fc.assert(fc.property(fc.array(anyNews, { maxLength: 10 }), fc.array(anyNews, { minLength: 1, maxLength: 10 }), (before, later) => {
      const ended = nextConnection(before.reduce((connection, one) => nextConnection(connection, one, NOW, 0), IDLE), { type: 'stop' }, NOW, 0)
      for (const news of later) expect(nextConnection(ended, news, NOW, 0)).toBe(ended)
    }))
  })
})
