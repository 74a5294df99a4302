/** FAULTS S4: sync updates of chance, by a seed. `SEED=n` replays one. */
import { writeVarUint } from '../../src/protocol/wire.js'
import { goodUpdate } from './bad-sync.js'
import { anyOf, deletedRun, entry, follower, gc, item, rawUpdate, skipped, type RawClient } from './raw-yjs.js'

/** A whole number from 0 up to, not including, `limit`. */
export type Below = (limit: number) => number

export const SEED: number = Number(process.env['SEED'] ?? 4)

export function createChance(seed: number): Below {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}

const GOOD = goodUpdate()
const REGISTER = { at: [1_800_000_000_000, 0, 'AliceAliceAliceAliceAA'], value: { choice: 'dnd', expiresAt: null } }

export const RANDOM_UPDATES: Readonly<Record<'random' | 'structured' | 'mutated', (below: Below) => Uint8Array>> = {
  random: (below) => Uint8Array.from({ length: below(257) }, () => below(256)),
  structured: (below) => rawUpdate({ clients: Array.from({ length: below(3) }, () => randomClient(below)), deletes: [[below(9), [[below(5), below(4)]]]] }),
  mutated: (below) => damaged(GOOD, below),
}

function randomClient(below: Below): RawClient {
  const makers = [
    () => gc(below(4)), () => deletedRun(below(3)), () => skipped(1), () => follower(7, below(3)),
    () => entry(anyOf(below(2) ? REGISTER : below(9)), below(2) ? 'status/AliceAliceAliceAliceAA' : `x${below(3)}`),
    () => { const [kind, count, value] = [below(12), below(3), below(99)]; return item(kind, (writer) => { writeVarUint(writer, count); anyOf(value)(writer) }) },
  ]
  return { client: below(4), clock: below(3), structs: Array.from({ length: below(4) }, () => makers[below(makers.length)]!()) }
}

/** One to three bytes changed, lost or put in. */
export function damaged(bytes: Uint8Array, below: Below): Uint8Array {
  const copy = [...bytes]
  for (let times = 1 + below(3); times > 0; times--) {
    const at = below(copy.length)
    if (below(3) === 0) copy.splice(at, 1)
    else copy.splice(at, below(2), below(256))
  }
  return Uint8Array.from(copy)
}
