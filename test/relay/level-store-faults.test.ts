/** What a relay tells people while its store can be neither written nor opened, and that it mends itself. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { NO_METER } from '../../server/hub/meter.js'
import { attachRelay } from '../../server/index.js'
import { signToken } from '../../server/relay/sign-token.js'
import { createServerPresenceService } from '../../server/service/create-presence-service.js'
import { createNodeClock } from '../../server/service/node-clock.js'
import { openStoreOn } from '../../server/store/level-store.js'
import { DEFAULT_POLICY } from '../../src/model/arguments.js'
import type { Log } from '../../src/ports.js'
import { CLOSE } from '../../src/protocol/close-codes.js'
import { TYPE, decodeStored, decodeWelcome } from '../../src/protocol/messages.js'
import { helloOf, openClient } from '../support/hostile-client.js'
import { createManualDisk, type ManualDisk } from '../support/manual-disk.js'
import { openNodeTab } from '../support/node-tab.js'
import { SECRET } from '../support/relay.js'
import { until } from '../support/until.js'

const stops: (() => unknown)[] = []
afterEach(async () => { for (const stop of stops.splice(0).reverse()) await stop() })

it('[F13] [SY2] a relay on a disk that fails acknowledges nothing and serves all it has; a user it cannot load gets 4553, and comes in by itself later', async () => {
  const disk = createManualDisk()
  const relay = await startRelayOn(disk)
  const alice = openNodeTab({ userId: 'alice', relayUrl: relay.url, token: await relay.token('alice') })
  stops.push(() => alice.close())
  await until(() => alice.getSnapshot().sync.connection.name === 'online', 'alice is online')
  await alice.me.setCustomStatus('Stored')
  await alice.me.sync()

  disk.plan = (step) => (step === 'sync' ? 'EIO' : undefined)
  await alice.me.setCustomStatus('Waiting')
  await until(() => relay.said.includes('The store could not be written.'), 'the sync has failed')
  // From now on its database is closed, and cannot be opened again.
  disk.plan = (step) => (step === 'sync' || step === 'open' ? 'EIO' : undefined)
  await until(() => relay.said.filter((message) => message.startsWith('The store did not take a change')).length >= 2, 'it was tried again')
  const otherAlice = openClient(`${relay.url}/user/alice`, await relay.token('alice'))
  otherAlice.send(helloOf('phone00000000000000000'))
  const [welcome] = await otherAlice.heard(TYPE.hello)
  const told = decodeWelcome(welcome!)
  const bob = openClient(`${relay.url}/user/bob`, await relay.token('bob'))
  expect(await bob.code()).toBe(CLOSE.storeUnavailable)
  const carol = openNodeTab({ userId: 'carol', relayUrl: relay.url, token: await relay.token('carol') })
  stops.push(() => carol.close())
  await carol.me.setCustomStatus('Patient')
  await until(() => carol.getSnapshot().sync.connection.name === 'waiting', 'carol waits')
  expect(alice.getSnapshot().sync).toMatchObject({ pending: 1, connection: { name: 'online' } })
  await expect(relay.service.getStatus('alice')).resolves.toMatchObject({ status: 'online', customStatus: 'Waiting' })
  await expect(relay.service.getStatus('dave')).rejects.toMatchObject({ code: 'storage-unavailable' })

  disk.plan = () => undefined
  await until(() => [alice, carol].every((tab) => tab.getSnapshot().sync.pending === 0 && tab.getSnapshot().sync.connection.name === 'online'), 'what waited is stored')
  const stored = (await otherAlice.heard(TYPE.stored)).map(decodeStored).at(-1)!
  expect(told.ok && stored.ok && told.value.stored.get('custom')![0] < stored.value.get('custom')![0]).toBe(true)
  otherAlice.close()
  disk.cutPower()
  const store = await openStoreOn(disk.start(), { log: (_level, message) => expect.unreachable(message) })
  expect((await store.load('alice')).registers.get('custom')?.value).toMatchObject({ text: 'Waiting' })
  expect((await store.load('carol')).registers.get('custom')?.value).toMatchObject({ text: 'Patient' })
  await store.close()
})

async function startRelayOn(disk: ManualDisk) {
  const said: string[] = []
  const log: Log = (_level, message) => { said.push(message) }
  const service = createServerPresenceService({
    openStore: () => openStoreOn(disk.start(), { log }), policy: DEFAULT_POLICY, clock: createNodeClock(), log, meter: NO_METER,
  })
  const server = createServer()
  const relay = attachRelay(server, service, { auth: { secret: SECRET } })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  stops.push(async () => {
    await relay.drain({ withinMs: 0 })
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    said, service,
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: (userId: string) => signToken(SECRET, { userId, channels: '*', watch: '*', ttlMs: 600_000 }),
  }
}
