import { expect, it } from 'vitest'
import { takeCensus } from '../../../server/http/census.js'
import { createHubWorld } from '../hub/hub-world.js'

it('counts connections, devices, watches, and users by what others are shown', async () => {
  const { hub, open, connect, edit, look, clock } = createHubWorld()
  const [alice, bob, carol] = [await open('alice'), await open('bob'), await open('carol')]
  connect(alice, 'laptop')
  connect(alice, 'phone')
  const tab = connect(alice, 'phone')
  connect(bob, 'laptop')
  edit(bob, 'status', { choice: 'dnd', expiresAt: null })
  for (const viewer of [look('one'), look('two')]) viewer.watch(alice)
  expect(takeCensus(hub.users())).toEqual({ connections: 4, devices: 3, watches: 2, users: { online: 1, away: 0, dnd: 1, offline: 1, unknown: 0 } })
  tab.end('lost')
  connect(carol, 'laptop').end('lost')
  expect(takeCensus(hub.users()), 'within the grace').toMatchObject({ connections: 3, devices: 4, users: { online: 2, dnd: 1 } })
  clock.advance(8_200)
  expect(takeCensus(hub.users()), 'after it').toMatchObject({ connections: 3, devices: 3, users: { online: 1, dnd: 1, offline: 1 } })
})

it('[VS2] counts who hides as offline', async () => {
  const { hub, open, connect, edit } = createHubWorld()
  const alice = await open('alice')
  connect(alice, 'laptop')
  edit(alice, 'status', { choice: 'offline', expiresAt: null })
  expect(takeCensus(hub.users()).users).toEqual({ online: 0, away: 0, dnd: 0, offline: 1, unknown: 0 })
})

it('[LV7] counts whoever was not heard of just after a start as unknown', async () => {
  const { hub, open, connect } = createHubWorld()
  hub.startGrace()
  await open('absent')
  connect(await open('alice'), 'laptop')
  expect(takeCensus(hub.users()).users).toMatchObject({ online: 1, offline: 0, unknown: 1 })
})
