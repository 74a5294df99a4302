import { describe, expect, it } from 'vitest'
import { createHeartbeat, type Heartbeat } from '../../../server/relay/heartbeat.js'
import { createManualClock } from '../../../testing/manual-clock.js'

const START = 1_700_000_000_000

function setUp() {
  const clock = createManualClock(START)
  let stalledMs = 0
  const timers = new Set<unknown>()
  const now = (): number => clock.now() + stalledMs
  const heartbeat = createHeartbeat({
    now,
    at(time, callback) {
      timers.add(callback)
      const stop = clock.at(time - stalledMs, () => { timers.delete(callback); callback() })
      return () => { timers.delete(callback); stop() }
    },
  })
  return {
    clock, heartbeat, timers: () => timers.size,
    /** Seconds since the start at which each thing happened. */
    add: (of: Heartbeat = heartbeat, answers = false) => {
      const log = { pings: [] as number[], keepalives: [] as number[], silent: [] as number[], stuck: [] as number[] }
      const socket = { isReceiving: false, waitingBytes: 0 }
      const seconds = (): number => (now() - START) / 1_000
      const watched = of.add({
        ping: () => {
          log.pings.push(seconds())
          if (answers) of.heard(watched)
        },
        keepalive: () => { log.keepalives.push(seconds()) },
        silent: () => { log.silent.push(seconds()) },
        isReceiving: () => socket.isReceiving, waitingBytes: () => socket.waitingBytes, stuck: () => { log.stuck.push(seconds()) },
      })
      return { ...log, socket, heard: () => of.heard(watched), received: () => of.received(watched), stop: () => of.remove(watched) }
    },
    /** Time passes, and nothing runs meanwhile. */
    stall: (ms: number) => { stalledMs += ms },
  }
}

describe('a heartbeat', () => {
  it('[LV1] pings every 9 s, and says that it is there every 8 s', () => {
    const { clock, add } = setUp()
    const { pings, keepalives, silent } = add(undefined, true)
    clock.advance(40_000)
    expect(pings).toEqual([9, 18, 27, 36])
    expect(keepalives).toEqual([8, 16, 24, 32, 40])
    expect(silent).toEqual([])
  })

  it.each([0, 1, 400, 999])('[LV1, LV3] gives up who is silent for 18 s, by 19 s: joined %i ms into a second', (offsetMs) => {
    const { clock, add } = setUp()
    clock.advance(offsetMs)
    const { silent, pings, keepalives } = add()
    clock.advance(60_000)
    expect(silent).toHaveLength(1)
    expect(silent[0]! - offsetMs / 1_000).toBeGreaterThanOrEqual(18)
    expect(silent[0]! - offsetMs / 1_000).toBeLessThanOrEqual(19)
    expect([pings.length, keepalives.length]).toEqual([1, 2])
  })

  it('[LV1] is content with anything that is heard', () => {
    const { clock, add } = setUp()
    const { heard, silent } = add()
    for (let seconds = 0; seconds < 90; seconds += 17) {
      clock.advance(17_000)
      heard()
    }
    expect(silent).toEqual([])
    clock.advance(17_999)
    expect(silent).toEqual([])
    clock.advance(1_001)
    expect(silent).toHaveLength(1)
  })

  it('gives up one and not the other', () => {
    const { clock, add } = setUp()
    const mute = add()
    const lively = add(undefined, true)
    clock.advance(60_000)
    expect([mute.silent.length, lively.silent.length]).toEqual([1, 0])
  })

  it('stops for one who left', () => {
    const { clock, add } = setUp()
    const { stop, pings, keepalives, silent } = add()
    stop()
    stop()
    clock.advance(60_000)
    expect([pings, keepalives, silent]).toEqual([[], [], []])
  })

  it('stops', () => {
    const { clock, add, heartbeat, timers } = setUp()
    const { pings, silent } = add()
    heartbeat.stop()
    heartbeat.stop()
    clock.advance(60_000)
    expect([pings, silent, timers()]).toEqual([[], [], 0])
  })

  it.each([600, 2_000, 17_000, 60_000, 3_600_000])('[LV6, F34] counts its own stall of %i ms against nobody', (stallMs) => {
    const { clock, add, stall } = setUp()
    const { heard, silent } = add()
    clock.advance(10_500)
    stall(stallMs)
    // What arrived meanwhile is read after the tick that was late.
    clock.advance(501)
    expect(silent).toEqual([])
    heard()
    clock.advance(17_000)
    expect(silent).toEqual([])
    clock.advance(2_000)
    expect(silent).toHaveLength(1)
  })

  it('[LV6] takes a stall off the silence, and not more than the stall', () => {
    const { clock, add, stall } = setUp()
    const { silent } = add()
    clock.advance(10_500)
    stall(30_000)
    clock.advance(6_500)
    expect(silent).toEqual([])
    clock.advance(2_500)
    expect(silent).toHaveLength(1)
  })

  it('[LV6] gives up the mute although it stalls for 400 ms in every second', () => {
    const { clock, add, stall } = setUp()
    const { silent } = add()
    for (let seconds = 0; seconds < 60 && silent.length === 0; seconds++) {
      clock.advance(1_000)
      stall(400)
    }
    expect(silent[0]).toBeLessThanOrEqual(20)
  })

  it.each([0, 1, 500, 999])('[W11] ends a message that has not arrived within 10 s, begun %i ms into a second', (offsetMs) => {
    const { clock, add } = setUp()
    const { socket, stuck } = add(undefined, true)
    clock.advance(2_000 + offsetMs)
    socket.isReceiving = true
    clock.advance(60_000)
    expect(stuck).toHaveLength(1)
    const tookS = stuck[0]! - 2 - offsetMs / 1_000
    expect(tookS).toBeGreaterThanOrEqual(9)
    expect(tookS).toBeLessThanOrEqual(10)
  })

  it('[W11] bears messages that are always under way, if only they arrive', () => {
    const { clock, add } = setUp()
    const { socket, stuck, received } = add(undefined, true)
    socket.isReceiving = true
    for (let seconds = 0; seconds < 60; seconds += 9) {
      clock.advance(9_000)
      received()
    }
    expect(stuck).toEqual([])
  })

  it('[W11] is not fooled by what comes between the parts of a message', () => {
    const { clock, add } = setUp()
    const { socket, stuck, heard } = add()
    socket.isReceiving = true
    for (let seconds = 0; seconds < 12; seconds++) {
      heard()
      clock.advance(1_000)
    }
    expect(stuck).toHaveLength(1)
  })

  it('[T21] ends who does not take more than a megabyte for 5 s', () => {
    const { clock, add } = setUp()
    const { socket, stuck } = add(undefined, true)
    socket.waitingBytes = 1_048_577
    clock.advance(5_999)
    expect(stuck).toEqual([])
    clock.advance(1)
    expect(stuck).toEqual([6])
    clock.advance(60_000)
    expect(stuck).toHaveLength(1)
  })

  it('[T21] bears who takes it in time, and who leaves a megabyte', () => {
    const { clock, add } = setUp()
    const [slow, full] = [add(undefined, true), add(undefined, true)]
    full.socket.waitingBytes = 1_048_576
    for (let round = 0; round < 10; round++) {
      slow.socket.waitingBytes = 5_000_000
      clock.advance(5_000)
      slow.socket.waitingBytes = 1_000
      clock.advance(1_000)
    }
    expect([slow.stuck, full.stuck]).toEqual([[], []])
  })

  it('[T21, LV6] counts its own stall against nobody', () => {
    const { clock, add, stall } = setUp()
    const { socket, stuck } = add(undefined, true)
    socket.waitingBytes = 5_000_000
    clock.advance(2_500)
    stall(30_000)
    clock.advance(1_000)
    expect(stuck).toEqual([])
  })
})
