import { expect, it } from 'vitest'
import { createMemoryStore } from '../../../server/store/memory-store.js'
import { createHubWorld, stored } from './hub-world.js'

/** Alice hides, or closes, while somebody looks on who then goes away; another comes long after. */
async function comeLater(ending: 'hides' | 'closes') {
  const memory = createMemoryStore({ now: () => 1 })
  let loads = 0
  const world = createHubWorld({ store: { ...memory, load: (userId) => { loads++; return memory.load(userId) } } })
  const alice = await world.open('alice')
  const laptop = world.connect(alice, 'laptop')
  world.hub.release(alice)
  const before = world.look('before')
  before.watch(alice)
  world.clock.advance(5_000)
  ending === 'hides' ? world.edit(alice, 'status', { choice: 'offline', expiresAt: null }) : laptop.end('gone')
  world.clock.advance(5_000)
  world.hub.teller.drop(before.viewer).forEach(world.hub.dropIfUnused)
  await stored()
  await world.open('somebody else')
  const loadsBefore = loads
  const late = world.look('late')
  late.watch(await world.open('alice'))
  world.clock.advance(5_000)
  return { frames: [...before.transcript(), ...late.transcript()], loads: loads - loadsBefore }
}

it('[VS2] tells one who comes later nothing either: the integer is a new one, and the answer comes from the store', async () => {
  const [hidden, closed] = [await comeLater('hides'), await comeLater('closes')]
  expect(hidden).toEqual(closed)
  expect(closed.loads).toBe(1)
  expect(closed.frames.length).toBeGreaterThan(2)
})
