import type { AddressInfo } from 'node:net'
import { createDecoder } from 'lib0/decoding'
import { createEncoder } from 'lib0/encoding'
import { afterEach, expect, it, vi } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { readSyncMessage } from 'y-protocols/sync'
import * as Y from 'yjs'
import { SYNC, TYPE, encodeWelcome, typeOf } from '../../src/protocol/messages.js'
import { WIRE } from '../../src/protocol/limits.js'
import { readRegisterMap, registerMap } from '../../src/replica/register-map.js'
import { createNodeClock } from '../../server/service/node-clock.js'
import { createFakePage, openNodeTab } from '../support/node-tab.js'
import { startRelay } from '../support/relay.js'

const stops: (() => unknown)[] = []
afterEach(async () => { for (const stop of stops.splice(0).reverse()) await stop() })

/** A relay that says only what the test has it say. */
async function startScriptedRelay() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => WIRE.subprotocol })
  await new Promise((resolve) => server.once('listening', resolve))
  stops.push(() => new Promise((resolve) => {
    for (const client of server.clients) client.terminate()
    server.close(resolve)
  }))
  const frames: Uint8Array[] = []
  let client: WebSocket | null = null
  server.on('connection', (socket) => {
    client = socket
    socket.on('message', (data) => frames.push(new Uint8Array(data as Buffer)))
  })
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    types: () => frames.map((frame) => typeOf(frame)),
    updates: () => frames.filter((frame) => frame[0] === SYNC && frame[1] === 2),
    welcome: (relayTime: number) => client!.send(encodeWelcome({ version: 1, relayTime, relayNumber: 1, sessionNumber: 1, stored: new Map() })),
  }
}

function documentOf(frame: Uint8Array): Y.Doc {
  const decoder = createDecoder(frame)
  decoder.pos = 1
  const doc = new Y.Doc()
  readSyncMessage(decoder, createEncoder(), doc, null)
  return doc
}

it('[TM2] sends no edit before it knows by how much its clock is wrong, and then with a corrected stamp', async () => {
  const relay = await startScriptedRelay()
  const alice = openNodeTab({ userId: 'alice', relayUrl: relay.url })
  stops.push(() => alice.close())
  await vi.waitFor(() => expect(relay.types()).toContain(TYPE.hello))

  await alice.me.setStatus('dnd')
  const hourLater = Date.now() + 3_600_000
  relay.welcome(hourLater)

  await vi.waitFor(() => expect(relay.updates().length).toBeGreaterThan(0))
  const { winners } = readRegisterMap(registerMap(documentOf(relay.updates()[0]!)))
  expect(winners.get('status')?.value).toMatchObject({ choice: 'dnd' })
  expect(winners.get('status')!.at[0]).toBeGreaterThan(hourLater - 60_000)
  expect(relay.updates()).toHaveLength(1)
})

it('[SY1] sends an edit at once from then on', async () => {
  const relay = await startScriptedRelay()
  const alice = openNodeTab({ userId: 'alice', relayUrl: relay.url })
  stops.push(() => alice.close())
  await vi.waitFor(() => expect(relay.types()).toContain(TYPE.hello))
  relay.welcome(Date.now())
  await vi.waitFor(async () => expect((await alice.me.getSyncStatus()).connection.name).toBe('online'))
  expect(relay.updates()).toHaveLength(0)

  await alice.me.setStatus('dnd')

  await vi.waitFor(() => expect(relay.updates()).toHaveLength(1))
})

it('[SY4] takes nobody who says nothing for a server, and tries again', async () => {
  const relay = await startScriptedRelay()
  const alice = openNodeTab({ userId: 'alice', relayUrl: relay.url })
  stops.push(() => alice.close())
  const states: string[] = []
  alice.on('connectionChange', ({ name }) => states.push(name))

  await vi.waitFor(() => expect(states).toContain('waiting'), { timeout: 20_000 })

  expect(states).not.toContain('online')
  expect((await alice.me.getSyncStatus()).relay).toBe('none')
})

it.each([['behind', -3_600_000], ['ahead', 3_600_000]])('[TM3] [F9] takes nobody for idle whose clock is an hour %s', async (_, skewMs) => {
  const relay = await startRelay()
  stops.push(() => relay.close())
  const clock = createNodeClock()
  const page = createFakePage()
  const alice = openNodeTab({
    userId: 'alice', relayUrl: relay.url, token: () => relay.token('alice'), page,
    clock: { now: () => clock.now() + skewMs, at: (time, callback) => clock.at(time - skewMs, callback) },
  })
  stops.push(() => alice.close())
  const seen: string[] = []
  alice.on('statusChange', (_userId, _before, after) => seen.push(after))
  await vi.waitFor(async () => expect(await relay.service.getStatus('alice')).toMatchObject({ status: 'online' }))
  await vi.waitFor(async () => expect((await alice.me.getSyncStatus()).connection.name).toBe('online'))

  // It says anew when it was last used, and by when the relay has stored the edit, the relay has heard that.
  page.hide()
  await alice.me.setCustomStatus('here')
  await alice.me.sync()

  expect(await relay.service.getStatus('alice')).toMatchObject({ status: 'online' })
  expect(await alice.me.getStatus()).toMatchObject({ status: 'online' })
  expect(seen).toEqual([])
})
