/**
 * FAULTS S4: a hundred thousand random, structured and mutated updates each, through the gate, the bridge and a scratch document as a relay
 * has them; some thousands more go over sockets in `hostile.test.ts`, where each that is refused costs a connection. `SEED=n` replays.
 */
import { describe, expect, it } from 'vitest'
import { parseRegister } from '../../src/model/registers.js'
import { report } from '../support/attacked-relay.js'
import { openGatedRoom } from '../support/gated-room.js'
import { UPDATE, syncFrame } from '../support/hostile-client.js'
import { RANDOM_UPDATES, SEED, createChance } from '../support/random-updates.js'

const ROUNDS = 100_000
/** One of so many is compared in all that it could have changed. */
const CLOSELY = 20
/** Of accepted ones, until the document is a new one. */
const A_WHILE = 50

// Every refusal is an exception inside: its trace would cost more than all the rest.
Error.stackTraceLimit = 0

describe(`[S4] of ${ROUNDS} updates (SEED=${SEED})`, () => {
  it.each(Object.entries(RANDOM_UPDATES))('that are %s none does half its work, and none leaves what is no register', (_, make) => {
    const below = createChance(SEED)
    let room = openGatedRoom()
    const outcomes = { refused: 0, accepted: 0 }
    for (let round = 0; round < ROUNDS; round++) {
      const update = make(below)
      const before = { truth: room.truth(), all: round % CLOSELY === 0 ? room.fingerprint() : null }
      const refusal = room.receive(syncFrame(UPDATE, update))
      const complain = (what: string): never => expect.fail(`SEED=${SEED}, round ${round}: ${what}, ${Buffer.from(update).toString('hex')}`)
      // Not `expect` itself, which would be slower than all the rest.
      if (refusal) {
        if (refusal.code !== 4_400) complain(`closed with ${refusal.code}`)
        if (room.truth() !== before.truth || (before.all !== null && room.fingerprint() !== before.all)) complain('half its work was done')
      } else if (room.truth() !== before.truth) {
        for (const [name, register] of room.truth()) if (!parseRegister(name, register).ok) complain(`${name} is no register`)
      }
      outcomes[refusal ? 'refused' : 'accepted']++
      if (!refusal && outcomes.accepted % A_WHILE === 0) room = openGatedRoom()
    }
    report(`S4: ${outcomes.refused} refused, ${outcomes.accepted} accepted`)
    expect(outcomes.refused).toBeGreaterThan(ROUNDS / 10)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  }, 120_000)
})
