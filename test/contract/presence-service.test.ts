import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { createPresenceService } from '../../server/index.js'
import { createManualClock } from '../../testing/manual-clock.js'
import { openNodeTab, createFakePage } from '../support/node-tab.js'
import { actInBrowsers, actInNode, type BrowserActors } from '../support/presence-worlds.js'
import type { BuiltBrowserPresenceService as BrowserService } from '../../src/presence-service.js'
import { startSettledRelay, type SettledRelay } from '../support/settled-relay.js'
import { describePresenceService } from './presence-service-contract.js'

const folder = mkdtempSync(join(tmpdir(), 'porchlight-service-'))
let relay: SettledRelay
beforeAll(async () => {
  relay = await startSettledRelay()
})
afterAll(async () => {
  await relay.close()
  rmSync(folder, { recursive: true, force: true })
})

const browsers = ({ url, token } = relay): BrowserActors => actInBrowsers((userId, isIdle) => openNodeTab({
  userId, relayUrl: url, token: () => token(userId), page: createFakePage({ isVisible: !isIdle }),
}))

describePresenceService('Node on memory', { writer: 'node', observer: 'node' }, async () => {
  const service = createPresenceService({ storage: 'memory' })
  return { ...actInNode(service), observer: service, close: () => service.close() }
})

describePresenceService('Node on level', { writer: 'node', observer: 'node' }, async (testId) => {
  const service = createPresenceService({ storage: 'level', path: join(folder, testId) })
  return { ...actInNode(service), observer: service, close: () => service.close() }
})

describePresenceService('browsers over a relay', { writer: 'browser', observer: 'browser' }, async (testId) => {
  const tabs = browsers()
  return { ...tabs, observer: await tabs.open(`observer-${testId}`) }
})

/** A service ends with its relay: each of these has its own. */
describePresenceService('browsers over a relay, seen in Node', { writer: 'browser', observer: 'node' }, async () => {
  const own = await startSettledRelay()
  const tabs = browsers(own)
  return {
    ...tabs, observer: own.service,
    async close() {
      await tabs.close()
      await own.close()
    },
  }
})

describePresenceService('Node, seen in a browser', { writer: 'node', observer: 'browser' }, async (testId) => {
  const own = await startSettledRelay()
  const tabs = browsers(own)
  return {
    ...actInNode(own.service), observer: await tabs.open(`observer-${testId}`),
    async close() {
      await tabs.close()
      await own.close()
    },
  }
})

describe('the Node service on level', () => {
  const open = (name: string) => createPresenceService({ storage: 'level', path: join(folder, name) })

  it('[SY2] [PR9] [CS3] has all that was stored when it opens again', async () => {
    const before = open('again')
    const until = Date.now() + 3_600_000
    await before.setPresence('alice', { status: 'dnd', customStatus: 'On holiday', emoji: '🏖️', expiresAt: until })
    await before.setProfile('alice', { name: 'Alice' })
    await before.setPrivacy('alice', { devices: true })
    await before.recordActivity('alice', { type: 'message', data: [1] })
    const [device] = await before.getDevices('alice')
    await before.renameDevice('alice', device!.id, 'Bot')
    const activity = await before.getActivity('alice')
    await before.close()

    const after = open('again')
    expect(await after.getStatus('alice')).toMatchObject({
      status: 'offline', name: 'Alice', customStatus: 'On holiday', emoji: '🏖️', customStatusExpiresAt: until, lastSeen: expect.any(Number),
    })
    expect(await after.getActivity('alice')).toEqual(activity)
    expect(await after.getDevices('alice')).toMatchObject([{ id: device!.id, name: 'Bot', status: 'offline', lastSeen: expect.any(Number) }])
    expect(await after.getOnlineUsers({ statuses: ['offline'] })).toMatchObject([{ userId: 'alice' }])
    const release = after.holdActive('alice', 'here')
    await vi.waitFor(async () => expect(await after.getStatus('alice')).toMatchObject({ status: 'dnd', activeDevice: 'Bot' }))
    release()
    await after.close()
  })

  it('[CS2] [PR8] shows nothing that expired while it was closed', async () => {
    const before = open('expired')
    const expiresAt = Date.now() + 400
    await before.setPresence('alice', { status: 'dnd', customStatus: 'Back soon', expiresAt })
    await before.close()
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(expiresAt + 20))
    const after = open('expired')
    expect(await after.getStatus('alice')).toMatchObject({ customStatus: null, customStatusExpiresAt: null })
    const release = after.holdActive('alice', 'here')
    await vi.waitFor(async () => expect(await after.getStatus('alice')).toMatchObject({ status: 'online' }))
    release()
    await after.close()
  })

  it('refuses a folder that another service has open', async () => {
    const first = open('shared')
    await first.setStatus('alice', 'dnd')
    const second = open('shared')
    const errors: unknown[] = []
    second.on('error', ({ code }) => errors.push(code))
    await expect(second.getStatus('alice')).rejects.toMatchObject({ code: 'storage-unavailable' })
    expect(errors).toEqual(['storage-unavailable'])
    await second.close()
    expect(await first.getStatus('alice')).toMatchObject({ userId: 'alice' })
    await first.close()
  })
})

describe('services over one relay', () => {
  it('show in the browser at once what a bot sets in Node, and in Node what the browser sets', async () => {
    const tabs = browsers()
    const [alice, bob] = [`alice-${folder.slice(-6)}`, `bob-${folder.slice(-6)}`]
    const tab = await tabs.open(alice)
    const other = await tabs.open(bob)
    other.watch([alice])
    await vi.waitFor(() => expect(other.peek(alice)).toMatchObject({ status: 'online' }))
    await relay.service.setPresence(alice, { status: 'dnd', customStatus: 'Set by a bot' })
    await vi.waitFor(async () => expect(await tab.getStatus(alice)).toMatchObject({ choice: 'dnd', customStatus: 'Set by a bot' }))
    await vi.waitFor(() => expect(other.peek(alice)).toMatchObject({ status: 'dnd', customStatus: 'Set by a bot' }))
    await tab.setPresence(alice, { status: 'online', customStatus: null })
    await tab.sync(alice)
    expect(await relay.service.getStatus(alice)).toMatchObject({ status: 'online', customStatus: null })
    await tabs.close()
  })

  it('[PR10] set the status of another device of the same person, and refuse one that is not there', async () => {
    const tabs = browsers()
    const userId = `carol-${folder.slice(-6)}`
    const [one, two] = [await tabs.open(userId), await tabs.open(userId)]
    const [own] = await one.me.getDevices()
    await vi.waitFor(async () => expect(await one.me.getDevices()).toHaveLength(2))
    const other = (await one.me.getDevices()).find(({ isThisDevice }) => !isThisDevice)!
    await one.me.setDeviceStatus(other.id, 'away')
    await vi.waitFor(async () => expect(await one.me.getDevices()).toContainEqual(expect.objectContaining({ id: other.id, status: 'away' })))
    await one.me.setDeviceStatus(own!.id, 'away')
    await vi.waitFor(async () => expect(await one.me.getStatus()).toMatchObject({ status: 'away' }))
    await vi.waitFor(async () => expect(await relay.service.getStatus(userId)).toMatchObject({ status: 'away' }))
    await expect(one.me.setDeviceStatus('unknown000000000000000', 'away')).rejects.toMatchObject({ code: 'invalid-argument', subject: 'deviceId' })
    await two.close()
    await vi.waitFor(async () => expect(await one.me.getDevices()).toContainEqual(expect.objectContaining({ id: other.id, status: 'offline' })))
    await expect(one.me.setDeviceStatus(other.id, 'away')).rejects.toMatchObject({ code: 'invalid-argument', subject: 'deviceId' })
    await tabs.close()
  })

  it('[SY3] count those in sync while one is behind', async () => {
    const tabs = browsers()
    const userId = `dave-${folder.slice(-6)}`
    const [one, two] = [await tabs.open(userId), await tabs.open(userId)]
    await vi.waitFor(async () => expect(await one.me.getSyncStatus()).toMatchObject({ synced: 2, total: 2 }))
    await two.close()
    await one.me.setCustomStatus('Since then')
    await one.me.sync()
    expect(await one.me.getSyncStatus()).toMatchObject({ synced: 1, total: 2 })
    await tabs.close()
  })

  it('[VS3] say what a token does not allow, and refuse to answer for it', async () => {
    const userId = `erin-${folder.slice(-6)}`
    const tab = openNodeTab({ userId, relayUrl: relay.url, token: () => relay.token(userId, { watch: ['friend'], channels: ['room'] }) })
    const errors: unknown[] = []
    tab.on('error', ({ code, subject }) => errors.push([code, subject]))
    await vi.waitFor(async () => expect(await tab.me.getSyncStatus()).toMatchObject({ connection: { name: 'online' } }))
    await expect(tab.getStatus('stranger')).rejects.toMatchObject({ code: 'forbidden', subject: 'stranger' })
    expect(errors).toEqual([])
    tab.watch(['stranger'])
    await vi.waitFor(() => expect(errors).toEqual([['forbidden', 'stranger']]))
    await expect(tab.getStatus('stranger')).rejects.toMatchObject({ code: 'forbidden', subject: 'stranger' })
    tab.watchChannel('elsewhere')
    await vi.waitFor(() => expect(errors.at(-1)).toEqual(['forbidden', 'elsewhere']))
    await expect(tab.getOnlineUsers({ channelId: 'elsewhere' })).rejects.toMatchObject({ code: 'forbidden', subject: 'elsewhere' })
    await expect(tab.whenAvailable('stranger')).rejects.toMatchObject({ code: 'forbidden', subject: 'stranger' })
    expect(await tab.getStatus('friend')).toMatchObject({ status: 'offline', freshness: 'live' })
    await tab.close()
  })
})

describe('a token that names nobody to watch', () => {
  it('[VS3] lets its bearer watch whoever is in a channel with them, and nobody else', async () => {
    const relay = await startSettledRelay()
    const [ann, ben] = ['ann', 'ben'].map((userId) => openNodeTab({
      userId, relayUrl: relay.url, token: () => relay.token(userId, { watch: [], channels: ['room'] }), channels: ['room'],
    })) as [BrowserService, BrowserService]
    try {
      await vi.waitFor(() => expect(ann.peekChannel('room')?.users).toHaveLength(2))
      const errors: unknown[] = []
      ann.on('error', ({ code, subject }) => errors.push([code, subject]))
      ann.watch(['ben'])
      await ben.close()
      // Told by the watch: the channel tells no more of who left it.
      await vi.waitFor(() => expect(ann.peek('ben')).toMatchObject({ status: 'offline', freshness: 'live' }))
      expect(errors).toEqual([])
      await expect(ann.getStatus('nobody')).rejects.toMatchObject({ code: 'forbidden' })
    } finally {
      await ann.close()
      await ben.close()
      await relay.close()
    }
  })
})

const codeOf = (call: Promise<void>): Promise<string> => call.then(() => 'done', ({ code }: { code: string }) => code)

describe('a service whose relay falls silent', () => {
  /** Nothing of ours gets through once `isMute`. */
  function createMuteSocket() {
    const line = { isMute: false, hangUp: (): void => undefined }
    class MuteSocket extends WebSocket {
      override send(frame: Uint8Array): void {
        line.hangUp = () => this.terminate()
        if (!line.isMute) super.send(frame)
      }
    }
    return { line, WebSocket: MuteSocket as never }
  }

  async function openMutable(name: string) {
    const userId = `${name}-${folder.slice(-6)}`
    const { line, WebSocket: socket } = createMuteSocket()
    const clock = createManualClock(Date.now())
    const tab = openNodeTab({ userId, relayUrl: relay.url, token: () => relay.token(userId), WebSocket: socket, clock })
    await vi.waitFor(async () => expect(await tab.me.getSyncStatus()).toMatchObject({ connection: { name: 'online' } }))
    return { tab, line, clock }
  }

  it('[SY5] says so to a sync after ten seconds, and at once when the connection is lost', async () => {
    const { tab, line, clock } = await openMutable('frank')
    await tab.me.setCustomStatus('Stored')
    await tab.me.sync()
    line.isMute = true
    await tab.me.setCustomStatus('Not stored')
    expect(await tab.me.getSyncStatus()).toMatchObject({ pending: 1 })
    const late = codeOf(tab.me.sync())
    await tab.me.getStatus()
    clock.advance(10_000)
    expect(await late).toBe('timeout')
    const lost = codeOf(tab.me.sync())
    await tab.me.getStatus()
    line.hangUp()
    expect(await lost).toBe('offline')
    await expect(tab.me.sync()).rejects.toMatchObject({ code: 'offline' })
    await tab.close()
  })

  it('[SY5] lets a sync be given up', async () => {
    const { tab, line } = await openMutable('grace')
    line.isMute = true
    await tab.me.setCustomStatus('Not stored')
    const reason = new Error('enough')
    const controller = new AbortController()
    const waiting = tab.me.sync({ signal: controller.signal }).catch((error: unknown) => error)
    await tab.me.getStatus()
    controller.abort(reason)
    expect(await waiting).toBe(reason)
    await expect(tab.me.sync({ signal: controller.signal })).rejects.toBe(reason)
    await tab.close()
  })

  it('[PR10] says that it is offline to who sets another device\'s status, and not that there is no such device', async () => {
    const { tab, line, clock } = await openMutable('heidi')
    line.isMute = true
    const late = codeOf(tab.me.setDeviceStatus('another000000000000000', 'away'))
    await tab.me.getStatus()
    clock.advance(10_000)
    expect(await late).toBe('offline')
    const lost = codeOf(tab.me.setDeviceStatus('another000000000000000', 'away'))
    await tab.me.getStatus()
    line.hangUp()
    expect(await lost).toBe('offline')
    await tab.close()
  })
})

describe('a service without a relay', () => {
  const openAlone = () => openNodeTab({ userId: 'alice' })

  it('works for this device alone', async () => {
    const alice = openAlone()
    const told: unknown[] = []
    alice.on('statusChange', (...args) => told.push(args))
    await alice.me.setPresence({ status: 'dnd', customStatus: 'Focus' })
    expect(await alice.me.getStatus()).toMatchObject({ status: 'dnd', customStatus: 'Focus', freshness: 'live' })
    await vi.waitFor(() => expect(told).toEqual([['alice', 'online', 'dnd']]))
    expect(await alice.getStatus('bob')).toMatchObject({ status: 'offline', freshness: 'unknown' })
    expect(await alice.me.getSyncStatus()).toMatchObject({ connection: { name: 'local' }, relay: 'none', pending: 0, synced: 1, total: 1 })
    await expect(alice.me.sync()).rejects.toMatchObject({ code: 'offline' })
    await expect(alice.me.setDeviceStatus('unknown000000000000000', 'away')).rejects.toMatchObject({ code: 'offline' })
    await alice.close()
  })

  it('is alone in its channels', async () => {
    const alice = openAlone()
    const told: unknown[] = []
    alice.subscribeToChannel('room', ({ users }) => told.push(users.map(({ userId }) => userId)))
    await alice.me.getStatus()
    const leave = alice.join('room')
    await vi.waitFor(() => expect(told).toEqual([['alice']]))
    expect(alice.peekChannel('room')).toMatchObject({ freshness: 'live', counts: { online: 1 } })
    expect(await alice.getOnlineUsers({ channelId: 'room' })).toMatchObject([{ userId: 'alice' }])
    expect(await alice.countOnlineUsers()).toBe(1)
    leave()
    await vi.waitFor(() => expect(told).toEqual([['alice'], []]))
    await alice.close()
  })
})
