import { describe, expect, it } from 'vitest'
import { createMemoryStore } from '../../../server/store/memory-store.js'
import type { JsonValue } from '../../../src/presence-service.js'
import { WIRE } from '../../../src/protocol/limits.js'
import { createHubWorld, stored, TICK_MS } from './hub-world.js'

/** A hub that has just started, on what an earlier one stored. */
async function restarted(status: JsonValue | null = null) {
  const store = createMemoryStore({ now: () => 1 })
  const before = createHubWorld({ store, start: 1_799_999_000_000 })
  const user = await before.open('alice')
  const laptop = before.connect(user, 'laptop')
  before.edit(user, 'custom', { text: 'Lunch', emoji: null, expiresAt: null })
  if (status) before.edit(user, 'status', status)
  before.clock.advance(30_000)
  laptop.end('gone')
  before.hub.release(user)
  await stored()
  const world = createHubWorld({ store })
  world.hub.startGrace()
  return { ...world, user: await world.open('alice') }
}

describe('[LV7] a hub that has just started', () => {
  it('does not know of who has not come back, and says offline once after ten seconds', async () => {
    const { clock, look, user } = await restarted()
    const bob = look('bob')
    bob.watch(user)
    clock.advance(9_999)
    expect(bob.statuses('alice')).toEqual([[0, 'unknown']])
    clock.advance(1 + TICK_MS)
    expect(bob.statuses('alice')).toEqual([[0, 'unknown'], [expect.any(Number), 'offline']])
    const count = bob.frames.length
    clock.advance(100_000)
    expect(bob.frames).toHaveLength(count)
  })

  it('says of who comes back that they are there, and never that they were not', async () => {
    const { clock, connect, look, user } = await restarted()
    const bob = look('bob')
    bob.watch(user)
    clock.advance(5_000)
    connect(user, 'laptop')
    clock.advance(20_000)
    expect(bob.statuses('alice')).toEqual([[0, 'unknown'], [5_000 + WIRE.feedTickMs, 'online']])
  })

  it('knows who came and went', async () => {
    const { clock, connect, look, user, turn } = await restarted()
    const bob = look('bob')
    const laptop = connect(user, 'laptop')
    bob.watch(user)
    clock.advance(1_000)
    laptop.end('gone')
    turn()
    expect(bob.statuses('alice')).toEqual([[0, 'online'], [1_000, 'offline']])
  })

  it('answers later than ten seconds as one that knows', async () => {
    const { clock, look, user, turn } = await restarted()
    clock.advance(10_000 + TICK_MS)
    const bob = look('bob')
    bob.watch(user)
    turn()
    expect(bob.statuses('alice')).toEqual([[10_000 + TICK_MS, 'offline']])
  })

  it('says of who hides, there or not, exactly what it says of who has not come back', async () => {
    const transcripts = []
    for (const run of ['gone', 'hidden and gone', 'hidden and back']) {
      const { clock, connect, look, user } = await restarted(run === 'gone' ? null : { choice: 'offline', expiresAt: null })
      const bob = look('bob')
      bob.watch(user)
      bob.watchChannel('room')
      clock.advance(2_000)
      if (run === 'hidden and back') connect(user, 'laptop').join('room')
      clock.advance(20_000)
      transcripts.push(bob.transcript())
    }
    expect(transcripts[1]).toEqual(transcripts[0])
    expect(transcripts[2]).toEqual(transcripts[0])
  })

  it('calls a roster settled once everybody had the time to be back', async () => {
    const { clock, connect, look, user, turn } = await restarted()
    const bob = look('bob')
    bob.watchChannel('room')
    connect(user, 'laptop').join('room')
    turn()
    expect(bob.pages()).toEqual([{ counts: [0, 0, 0, 0], isSettled: false }])
    clock.advance(9_999)
    expect(bob.pages()).toHaveLength(1)
    clock.advance(1)
    expect(bob.pages().slice(1)).toEqual([{ counts: [1, 0, 0, 0], isSettled: true }])
    const carol = look('carol')
    carol.watchChannel('room')
    turn()
    expect(carol.pages()).toEqual([{ counts: [1, 0, 0, 0], isSettled: true }])
  })
})
