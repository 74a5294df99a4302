/** Clients that are not ours: unmodified y-websocket providers in their own user's room, and a signed-in stranger in another's. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as encoding from 'lib0/encoding'
import * as sync from 'y-protocols/sync'
import * as Y from 'yjs'
import { openLevelStore } from '../../server/store/level-store.js'
import type { BuiltBrowserPresenceService } from '../../src/presence-service.js'
import { encodeHello } from '../../src/protocol/messages.js'
import { openNodeTab } from '../support/node-tab.js'
import { signToken } from '../../server/relay/sign-token.js'
import { SECRET, startRelay, type TestRelay } from '../support/relay.js'
import { openStockClient, type StockClient } from '../support/stock-client.js'
import { pause, until } from '../support/until.js'

const custom = (text: string) => ({ text, emoji: null, expiresAt: null })

describe.concurrent('two unmodified y-websocket clients of one user, and a device of ours beside them', () => {
  let relay: TestRelay
  const clients: StockClient[] = []
  const tabs: BuiltBrowserPresenceService[] = []
  beforeAll(async () => { relay = await startRelay() })
  afterAll(async () => {
    clients.forEach((client) => client.close())
    await Promise.all(tabs.map((tab) => tab.close()))
    await relay?.close()
  })

  async function openThree(userId: string) {
    const token = await relay.token(userId)
    const stock = [openStockClient(relay.url, userId, token), openStockClient(relay.url, userId, token)] as const
    clients.push(...stock)
    const ours = openNodeTab({ userId, relayUrl: relay.url, token })
    tabs.push(ours)
    await until(() => stock.every(({ provider }) => provider.synced) && ours.getSnapshot().sync.connection.name === 'online', 'all are connected')
    const untilAll = (text: string | null) => until(
      () => stock.every((client) => client.read('custom') !== undefined && JSON.stringify(client.read('custom')) === JSON.stringify(text === null ? null : custom(text)))
        && ours.getSnapshot().me?.customStatus === text,
      `everyone shows ${text}`,
    )
    return { stock, ours, untilAll }
  }

  it('[SY4] converge while connected, whoever writes', async () => {
    const { stock: [first, second], ours, untilAll } = await openThree('live')
    first.write('custom', custom('from the first'))
    await untilAll('from the first')
    second.write('custom', custom('from the second'))
    await untilAll('from the second')
    await ours.me.setCustomStatus('from ours')
    await untilAll('from ours')
    first.write('custom', null)
    await untilAll(null)
  })

  it.each([['first', 0], ['second', 1]] as const)('[SY4] [CS1] converge on the later edit after both were offline, where the %s comes back first', async (_, firstBack) => {
    const { stock, ours, untilAll } = await openThree(`offline-${firstBack}`)
    stock[0].write('custom', custom('before'))
    await untilAll('before')
    for (const { provider } of stock) provider.disconnect()
    await ours.me.setCustomStatus('meanwhile')
    // Ahead of what ours may think the time is.
    const now = Date.now() + 5_000
    stock[1].write('custom', custom('the later edit'), now + 1)
    stock[0].write('custom', custom('the earlier edit'), now)
    stock[0].write('mood', 'only here')
    stock[firstBack].provider.connect()
    await until(() => ours.getSnapshot().me?.customStatus === (firstBack === 0 ? 'the earlier edit' : 'the later edit'), 'what came back is told')
    stock[1 - firstBack]!.provider.connect()
    await untilAll('the later edit')
    await until(() => stock[1].read('mood') === 'only here', 'a register that we do not know travels too')
  })

  it('[LV1] see each other\'s awareness, and that one left', async () => {
    const { stock: [first, second] } = await openThree('aware')
    first.provider.awareness.setLocalStateField('cursor', { line: 7 })
    second.provider.awareness.setLocalStateField('cursor', { line: 9 })
    await until(() => JSON.stringify(first.others()) === '[{"cursor":{"line":9}}]' && JSON.stringify(second.others()) === '[{"cursor":{"line":7}}]', 'each sees the other, and nobody else')
    first.provider.awareness.setLocalStateField('cursor', { line: 8 })
    await until(() => JSON.stringify(second.others()) === '[{"cursor":{"line":8}}]', 'a change is seen')
    first.provider.disconnect()
    await until(() => second.others().length === 0, 'one left')
    first.provider.connect()
    await until(() => JSON.stringify(second.others()) === '[{"cursor":{"line":8}}]' && JSON.stringify(first.others()) === '[{"cursor":{"line":9}}]', 'and came back')
  })

  it('[SY4] [PR4] keep their user online, each as a device', async () => {
    const { stock, ours } = await openThree('devices')
    await ours.close()
    expect(await relay.service.getStatus('devices')).toMatchObject({ status: 'online' })
    await until(async () => (await relay.service.getDevices('devices')).filter(({ status }) => status === 'online').length === 2, 'each is a device')
    for (const { provider } of stock) provider.disconnect()
    // They close with 1005, which says nothing: that is a socket lost without a word.
    await until(async () => (await relay.service.getStatus('devices')).status === 'offline', 'the user is gone with them', 10_000)
  })
})

describe('an unmodified client whose token is for one device', () => {
  it('[DV5] is that device', async () => {
    const relay = await startRelay()
    const deviceId = 'kitchenTabletOfEve000w'
    const client = openStockClient(relay.url, 'eve', await signToken(SECRET, { userId: 'eve', deviceId, ttlMs: 60_000 }))
    try {
      await until(async () => (await relay.service.getDevices('eve')).map(({ id }) => id).join() === deviceId, 'it is the device named')
    } finally {
      client.close()
      await relay.close()
    }
  })
})

describe('a signed-in stranger in another user\'s room', () => {
  it('[VS1] [T1] gets 4403 and nothing else, and changes nothing, on disk either', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'porchlight-stranger-'))
    const relay = await startRelay({ storage: 'level', path: folder })
    const alice = openNodeTab({ userId: 'alice', relayUrl: relay.url, token: await relay.token('alice') })
    try {
      await until(() => alice.getSnapshot().sync.connection.name === 'online', 'alice is online')
      await alice.me.setPresence({ status: 'dnd', customStatus: 'Hands off' })
      await alice.me.sync()
      const before = alice.getSnapshot().me

      const token = await relay.token('mallory')
      for (const room of ['user/alice', 'user/%61lice']) {
        const stranger = await intrude(`${relay.url}/${room}`, token)
        expect(stranger, `in ${room}`).toEqual({ code: 4403, heard: [] })
      }
      await expect(alice.me.sync()).resolves.toBeUndefined()
      expect(alice.getSnapshot().me).toEqual(before)
      expect(await relay.service.getStatus('mallory')).toMatchObject({ status: 'offline' })
      expect(await relay.service.getDevices('alice')).toHaveLength(1)
      await alice.close()
      await relay.close()

      const store = await openLevelStore(folder, { log: () => undefined })
      const { registers, records } = await store.load('alice')
      expect(Object.fromEntries([...registers].map(([name, { value }]) => [name, value]))).toEqual({
        custom: custom('Hands off'), status: { choice: 'dnd', expiresAt: null },
      })
      expect(records.size).toBe(1)
      expect((await store.load('mallory')).registers.size).toBe(0)
      await store.close()
    } finally {
      // Twice is fine, where all went well.
      await alice.close()
      await relay.close()
      rmSync(folder, { recursive: true, force: true })
    }
  })

  /** Says everything a device would, at once, without waiting to be let in. */
  async function intrude(url: string, token: string): Promise<{ code: number | null; heard: unknown[] }> {
    const ws = new WebSocket(url, ['porchlight.v1', `bearer.${token}`])
    const heard: unknown[] = []
    ws.on('message', (data) => heard.push(data))
    await once(ws, 'open')
    const writerId = randomBytes(16).toString('base64url')
    const doc = new Y.Doc()
    doc.getMap('registers').set(`custom/${writerId}`, { at: [Date.now() + 30_000, 0, writerId], value: custom('Hacked') })
    ws.send(encodeHello({
      version: 1, deviceId: writerId, kind: 'desktop', name: 'Evil', heartbeatIntervalMs: 30_000, awayAfterMs: 300_000, offlineAfterMs: 3_600_000, digest: '',
    }))
    for (const write of [
      (encoder: encoding.Encoder) => sync.writeSyncStep1(encoder, doc), (encoder: encoding.Encoder) => sync.writeSyncStep2(encoder, doc),
      (encoder: encoding.Encoder) => sync.writeUpdate(encoder, Y.encodeStateAsUpdate(doc)),
    ]) {
      const encoder = encoding.createEncoder()
      encoding.writeVarUint(encoder, 0)
      write(encoder)
      ws.send(encoding.toUint8Array(encoder))
    }
    // Long, for a refusal: it is let in, then.
    const ended = await Promise.race([once(ws, 'close') as Promise<[code: number]>, pause(5_000)])
    ws.terminate()
    return { code: ended?.[0] ?? null, heard }
  }
})
