import { describe, expect, it } from 'vitest'
import type { RelaySocketEvents } from '../../../src/ports.js'
import type { ConnectionState, PresenceErrorLike } from '../../../src/presence-service.js'
import { createRelayTransport, type RelayTransportOptions } from '../../../src/transport/relay-transport.js'
import { createManualClock } from '../../../testing/manual-clock.js'

/** One try to connect, its end in the test's hand. */
interface ScriptedSocket {
  readonly protocols: readonly string[]
  readonly events: RelaySocketEvents
  readonly sent: Uint8Array[]
  isClosed: boolean
}

const START = 1_700_000_000_000

function setUp(over: Partial<RelayTransportOptions> = {}) {
  const clock = createManualClock(START)
  let timers = 0
  const sockets: ScriptedSocket[] = []
  const heard: string[] = []
  const states: ConnectionState[] = []
  const problems: (PresenceErrorLike | null)[] = []
  const transport = createRelayTransport({
    clock: {
      now: clock.now,
      at(time, callback) {
        timers++
        let isOver = false
        const end = (): void => {
          if (!isOver) timers--
          isOver = true
        }
        const stop = clock.at(time, () => { end(); callback() })
        return () => { end(); stop() }
      },
    },
    token: 'a.b.c', isVisible: () => true, random: { fraction: () => 0.5, bytes: (length) => new Uint8Array(length) },
    dial(protocols, events) {
      const socket: ScriptedSocket = { protocols, events, sent: [], isClosed: false }
      sockets.push(socket)
      return { send: (frame) => { socket.sent.push(frame) }, close: () => { socket.isClosed = true } }
    },
    onOpen: () => { heard.push('open') },
    onFrame: (frame) => { heard.push(`frame ${frame.join(' ')}`) },
    onClosed: (code) => { heard.push(`closed ${code}`) },
    onState: (state) => { states.push(state) },
    onProblem: (problem) => { problems.push(problem) },
    ...over,
  })
  const settle = async (): Promise<void> => { for (let turn = 0; turn < 20; turn++) await Promise.resolve() }
  return {
    clock, transport, sockets, heard, states, problems, timers: () => timers, settle,
    state: () => states.at(-1)?.name, last: () => sockets.at(-1)!,
    async pass(ms: number) {
      clock.advance(ms)
      await settle()
    },
    async connect() {
      transport.start()
      await settle()
    },
    async goOnline() {
      transport.start()
      await settle()
      sockets.at(-1)!.events.open()
      transport.established(true)
    },
  }
}
const FRAME = Uint8Array.of(102, 1)

describe('a transport', () => {
  it('dials with the token as a subprotocol, and is online once the relay has answered', async () => {
    const { transport, last, connect, states, heard, problems } = setUp()
    await connect()
    expect(last().protocols).toEqual(['porchlight.v1', 'bearer.a.b.c'])
    last().events.open()
    last().events.frame(FRAME)
    expect(heard).toEqual(['open', 'frame 102 1'])
    transport.established(true)
    expect(states).toEqual([{ name: 'connecting', attempt: 1 }, { name: 'online', since: START }])
    expect(problems).toEqual([null])
    transport.send(FRAME)
    expect(last().sent).toEqual([FRAME])
  })

  it('without a token offers the protocol alone', async () => {
    const { connect, sockets } = setUp({ token: undefined })
    await connect()
    expect(sockets[0]!.protocols).toEqual(['porchlight.v1'])
  })

  it('comes back after a loss, within its window', async () => {
    const { goOnline, last, pass, state, sockets, heard } = setUp()
    await goOnline()
    last().events.close(1_006)
    expect([state(), heard.at(-1)]).toEqual(['waiting', 'closed 1006'])
    await pass(1_499)
    expect(sockets).toHaveLength(1)
    await pass(1)
    expect([state(), sockets.length]).toEqual(['connecting', 2])
  })

  it('F16 leaves a relay that drains alone for as long as it asked, also where it tried in between', async () => {
    const { transport, goOnline, pass, sockets, last, states, settle } = setUp()
    await goOnline()
    transport.rest(8_000)
    last().events.close(1012)
    expect(states.at(-1)).toEqual({ name: 'waiting', attempt: 0, retryAt: START + 9_500 })
    await pass(2_000)
    transport.wake()
    await settle()
    expect(sockets.length).toBe(2)
    last().events.close(1006)
    expect(states.at(-1)).toMatchObject({ name: 'waiting', retryAt: START + 9_500 })
    await pass(7_500)
    expect(sockets.length).toBe(3)
  })
  it('F16 forgets what a relay asked once another lets it in', async () => {
    const { transport, goOnline, pass, last, states } = setUp()
    await goOnline()
    transport.rest(8_000)
    last().events.close(1012)
    transport.wake()
    await pass(2_000)
    last().events.open()
    transport.established(true)
    last().events.close(1006)
    expect(states.at(-1)).toMatchObject({ name: 'waiting', attempt: 0, retryAt: START + 3_500 })
  })
  it('[O9] is not sent away for longer than a minute', async () => {
    const { transport, goOnline, last, states } = setUp()
    await goOnline()
    transport.rest(Number.MAX_SAFE_INTEGER)
    last().events.close(1012)
    expect(states.at(-1)).toMatchObject({ name: 'waiting', retryAt: START + 61_500 })
  })

  it('comes back at once when it is woken', async () => {
    const { goOnline, last, transport, settle, sockets } = setUp()
    await goOnline()
    last().events.close(1_006)
    transport.wake()
    await settle()
    expect(sockets).toHaveLength(2)
  })

  it('stays away once it was refused', async () => {
    const { goOnline, last, transport, pass, state, sockets } = setUp()
    await goOnline()
    last().events.close(4_403)
    transport.wake()
    await pass(3_600_000)
    expect([state(), sockets.length]).toEqual(['refused', 1])
  })

  it('gives up a host that does not answer', async () => {
    const { connect, pass, state, sockets } = setUp()
    await connect()
    await pass(9_999)
    expect(state()).toBe('connecting')
    await pass(1)
    expect([state(), sockets[0]!.isClosed]).toEqual(['waiting', true])
  })

  it('does not give up a plain server that opened, and says no hello', async () => {
    const { connect, last, pass, state } = setUp()
    await connect()
    last().events.open()
    await pass(60_000)
    expect(state()).toBe('connecting')
  })

  it('[O9] that is restarted before it was established waits its turn', async () => {
    const { connect, last, transport, settle, pass, state, sockets } = setUp()
    await connect()
    for (let tries = 1; tries <= 6; tries++) {
      last().events.open()
      transport.restart()
      await settle()
      expect([state(), sockets.length, last().isClosed]).toEqual(['waiting', tries, true])
      await pass(30_000)
    }
  })

  it('restarts at once when it was online', async () => {
    const { goOnline, transport, settle, heard, sockets, state } = setUp()
    await goOnline()
    transport.restart()
    await settle()
    expect([state(), sockets.length, sockets[0]!.isClosed, heard.at(-1)]).toEqual(['connecting', 2, true, 'closed 1000'])
  })

  it('re-bases once, though each new document is greeted before it is refused', async () => {
    const { goOnline, transport, settle, last, state, sockets, pass } = setUp()
    await goOnline()
    last().events.close(4_400)
    await settle()
    expect(sockets).toHaveLength(2)
    last().events.open()
    transport.restart()
    await pass(3_000)
    last().events.open()
    transport.established(true)
    last().events.close(4_400)
    expect(state()).toBe('refused')
  })
})

describe('what an earlier try says late', () => {
  it('is ignored', async () => {
    const { goOnline, transport, settle, sockets, heard, states } = setUp()
    await goOnline()
    const [first] = sockets
    transport.restart()
    await settle()
    const before = [heard.length, states.length]
    first!.events.open()
    first!.events.frame(FRAME)
    first!.events.heard()
    first!.events.close(4_403)
    expect([heard.length, states.length]).toEqual(before)
  })

  it('opens no socket, when it is a token', async () => {
    const tokens: ((token: string) => void)[] = []
    const { connect, transport, settle, sockets } = setUp({ token: () => new Promise<string>((resolve) => { tokens.push(resolve) }) })
    await connect()
    transport.pause()
    transport.start()
    await settle()
    tokens[0]!('old')
    await settle()
    expect(sockets).toHaveLength(0)
    tokens[1]!('new')
    await settle()
    expect(sockets.map(({ protocols }) => protocols[1])).toEqual(['bearer.new'])
  })

  it('is not taken for an answer', async () => {
    const { goOnline, transport, last, state } = setUp()
    await goOnline()
    last().events.close(1_006)
    transport.established(true)
    expect(state()).toBe('waiting')
  })
})

describe('[O4] a token', () => {
  it.each<[what: string, token: () => string | Promise<string>]>([
    ['throws', () => { throw new Error('no network') }],
    ['rejects', () => Promise.reject(new Error('no network'))],
    ['rejects with nothing', () => Promise.reject()],
    ['is an object', () => ({ jwt: 'a.b.c' }) as unknown as string],
    ['is undefined', () => undefined as unknown as string],
    ['is null', async () => null as unknown as string],
  ])('that %s is a problem that will be tried again', async (_, token) => {
    let asked = 0
    const { connect, pass, problems, state, sockets } = setUp({ token: () => { asked++; return token() } })
    await connect()
    expect(problems).toMatchObject([{ code: 'unauthenticated' }])
    expect([state(), sockets.length, asked]).toEqual(['waiting', 0, 1])
    await pass(1_500)
    expect([problems.length, asked]).toEqual([2, 2])
    for (let tries = 0; tries < 6; tries++) await pass(15_000)
    expect(asked).toBeLessThanOrEqual(8)
  })

  it('that never comes is given up after 10 s', async () => {
    const { connect, pass, problems, state } = setUp({ token: () => new Promise<string>(() => undefined) })
    await connect()
    await pass(9_999)
    expect([state(), problems]).toEqual(['connecting', []])
    await pass(1)
    expect([state(), problems.length]).toEqual(['waiting', 1])
  })

  it('is asked for once more when it is not accepted, then never', async () => {
    let asked = 0
    const { connect, last, settle, state } = setUp({ token: () => `token${++asked}` })
    await connect()
    last().events.close(4_401)
    await settle()
    expect([asked, last().protocols[1]]).toEqual([2, 'bearer.token2'])
    last().events.close(4_401)
    await settle()
    expect([asked, state()]).toEqual([2, 'refused'])
  })

  it('that is a text is not tried again', async () => {
    const { connect, last, state } = setUp()
    await connect()
    last().events.close(4_401)
    expect(state()).toBe('refused')
  })

  it('that comes at last ends the problem', async () => {
    let isFailing = true
    const { connect, pass, problems, last, transport } = setUp({ token: () => { if (isFailing) throw new Error('not now'); return 'a.b.c' } })
    await connect()
    isFailing = false
    await pass(1_500)
    last().events.open()
    transport.established(true)
    expect(problems.at(-1)).toBeNull()
  })
})

describe('[F23] silence', () => {
  it('of 18 s ends the connection of a visible page', async () => {
    const { goOnline, pass, state, last } = setUp()
    await goOnline()
    await pass(17_999)
    expect(state()).toBe('online')
    await pass(1)
    expect([state(), last().isClosed]).toEqual(['waiting', true])
  })

  it('is counted from what was heard last', async () => {
    const { goOnline, pass, state, last } = setUp()
    await goOnline()
    for (let seconds = 0; seconds < 60; seconds += 10) {
      await pass(10_000)
      last().events.heard()
    }
    expect(state()).toBe('online')
    await pass(18_000)
    expect(state()).toBe('waiting')
  })

  it('is not broken by an earlier socket', async () => {
    const { goOnline, transport, settle, pass, state, sockets, last } = setUp()
    await goOnline()
    transport.restart()
    await settle()
    last().events.open()
    transport.established(true)
    await pass(17_000)
    sockets[0]!.events.heard()
    await pass(1_000)
    expect(state()).toBe('waiting')
  })

  it('is left alone while the page is hidden, and ends at once when it is shown', async () => {
    let isVisible = false
    const { goOnline, pass, transport, state, sockets, settle } = setUp({ isVisible: () => isVisible })
    await goOnline()
    await pass(600_000)
    expect(state()).toBe('online')
    isVisible = true
    transport.wake()
    await settle()
    expect([state(), sockets.length, sockets[0]!.isClosed]).toEqual(['connecting', 2, true])
  })

  it('does not bother a page that is shown and was heard of', async () => {
    const { goOnline, pass, transport, last, state } = setUp()
    await goOnline()
    await pass(10_000)
    last().events.heard()
    await pass(10_000)
    transport.wake()
    expect(state()).toBe('online')
  })

  it('of a plain server is what plain servers do', async () => {
    const { connect, last, transport, pass, state } = setUp()
    await connect()
    last().events.open()
    transport.established(false)
    await pass(600_000)
    transport.wake()
    expect(state()).toBe('online')
  })
})

describe('a pause', () => {
  it('drops the socket and tells nobody, until it is over', async () => {
    const { goOnline, transport, pass, state, sockets, heard, timers } = setUp()
    await goOnline()
    transport.pause()
    expect([state(), sockets[0]!.isClosed, timers()]).toEqual(['offline', true, 0])
    transport.wake()
    await pass(600_000)
    expect([sockets.length, heard]).toEqual([1, ['open']])
    transport.start()
    await pass(0)
    expect([state(), sockets.length]).toEqual(['connecting', 2])
  })
})

describe('[O5] the end', () => {
  it('may come twice, and after it nothing happens', async () => {
    const { goOnline, transport, pass, state, states, heard, sockets, timers } = setUp()
    await goOnline()
    transport.stop()
    transport.stop()
    const before = [states.length, heard.length]
    sockets[0]!.events.frame(FRAME)
    sockets[0]!.events.close(1_006)
    transport.start()
    transport.wake()
    transport.restart()
    transport.pause()
    transport.established(true)
    transport.send(FRAME)
    await pass(3_600_000)
    expect([state(), states.length, heard.length]).toEqual(['closed', ...before])
    expect([sockets.length, sockets[0]!.isClosed, sockets[0]!.sent.length, timers()]).toEqual([1, true, 0, 0])
  })

  it.each<[when: string, until: (of: ReturnType<typeof setUp>) => Promise<void>]>([
    ['before the start', async () => undefined],
    ['while a token is awaited', (of) => of.connect()],
    ['while it waits', async (of) => { await of.connect(); await of.pass(10_000) }],
  ])('leaves no timer %s', async (_, until) => {
    const of = setUp({ token: () => new Promise<string>(() => undefined) })
    await until(of)
    of.transport.stop()
    expect(of.timers()).toBe(0)
  })

  it('may come from whoever is told of a state', async () => {
    const of: ReturnType<typeof setUp> = setUp({ onState: ({ name }) => { if (name === 'waiting') of.transport.stop() } })
    await of.goOnline()
    of.last().events.close(1_006)
    expect(of.timers()).toBe(0)
    await of.pass(60_000)
    expect(of.sockets.length).toBe(1)
  })
})
