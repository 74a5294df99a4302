/** The browser service in a browser: real IndexedDB, BroadcastChannel and WebSocket, and pages that come and go. */
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { userEvent } from 'vitest/browser'
import { createPresenceService } from '../../src/index.js'
import type { BrowserPresenceOptions, BuiltBrowserPresenceService } from '../../src/presence-service.js'
import { describePresenceService } from '../contract/presence-service-contract.js'
import { expectSeen, listenTo, watchUntilSeen } from '../contract/presence-service/stage.js'
import { actInBrowsers } from '../support/presence-worlds.js'

const relayUrl = inject('relayUrl')
/** Nothing listens there. */
const NOWHERE = 'ws://127.0.0.1:9'

const tokenOf = (userId: string) => async (): Promise<string> =>
  (await fetch(`${relayUrl.replace('ws', 'http')}/token/${encodeURIComponent(userId)}`)).text()

let names = 0
const unique = (name: string): string => `${name}-${Date.now().toString(36)}-${++names}`

describePresenceService('browsers in a browser', { writer: 'browser', observer: 'browser' }, async (testId) => {
  const tabs = actInBrowsers((userId, isIdle) => createPresenceService({
    userId, relayUrl, token: tokenOf(userId), storageName: unique('device'), ...(isIdle && { awayAfterMs: 1_000 }),
  }))
  return { ...tabs, observer: await tabs.open(`observer-${testId}`) }
})

/** A page of its own: another realm, which ends when it is closed without a word from us. */
async function openPage(options: BrowserPresenceOptions): Promise<{ readonly service: BuiltBrowserPresenceService; close(): void }> {
  const frame = document.createElement('iframe')
  document.body.append(frame)
  const { eval: run } = frame.contentWindow as unknown as { eval(code: string): (module: string, options: BrowserPresenceOptions) => Promise<BuiltBrowserPresenceService> }
  return { service: await run(`(${openThere})`)(new URL('/src/index.ts', location.origin).href, options), close: () => frame.remove() }
}

/** Runs in the page: plain objects are those of one's own realm. */
const openThere = `async (module, options) => {
  const own = (value) => (value !== null && typeof value === 'object' ? { ...value } : value)
  const { createPresenceService } = await import(module)
  const service = createPresenceService(Object.fromEntries(Object.entries(options).map(([name, value]) => [name, own(value)])))
  return { ...service, me: Object.fromEntries(Object.entries(service.me).map(([name, call]) => [name, (...args) => call(...args.map(own))])) }
}`

let alice: string
let device: BrowserPresenceOptions
let opened: BuiltBrowserPresenceService[]
/** A page of alice's device; closed after the test, where the test has not. */
async function openTab(options: Partial<BrowserPresenceOptions> = {}) {
  const page = await openPage({ ...device, ...options })
  opened.push(page.service)
  return {
    service: page.service,
    close() {
      // Nobody can be asked in a page that is gone: what its disk was about to answer never arrives.
      opened = opened.filter((service) => service !== page.service)
      page.close()
    },
  }
}
async function openObserver(): Promise<BuiltBrowserPresenceService> {
  const userId = unique('observer')
  const observer = createPresenceService({ userId, relayUrl, token: tokenOf(userId), storage: 'memory' })
  opened.push(observer)
  await vi.waitFor(async () => expect(await observer.me.getSyncStatus()).toMatchObject({ connection: { name: 'online' } }))
  return observer
}
const online = (service: BuiltBrowserPresenceService) =>
  vi.waitFor(async () => expect(await service.me.getSyncStatus()).toMatchObject({ connection: { name: 'online' } }), 5_000)
const databases = async (): Promise<string[]> => (await indexedDB.databases()).flatMap(({ name }) => name ?? []).filter((name) => name.includes(alice))
const channelName = (): string => ['porchlight', alice, device.storageName!].map(encodeURIComponent).join('/')

beforeEach(() => {
  alice = unique('alice')
  device = { userId: alice, relayUrl, token: tokenOf(alice), storageName: 'laptop' }
  opened = []
})
afterEach(async () => {
  await Promise.all(opened.map((service) => service.close({ forget: true }).catch(() => undefined)))
  document.querySelectorAll('iframe').forEach((frame) => frame.remove())
})

describe('tabs of one device', () => {
  it('[DV1] [TB3] count as one for the relay, and it stays while one of them does', async () => {
    const observer = await openObserver()
    const [one, two, three] = [await openTab(), await openTab(), await openTab()]
    await Promise.all([one, two, three].map(({ service }) => online(service)))
    await watchUntilSeen(observer, alice, 'online')
    const told = listenTo(observer, alice, 'statusChange')
    const ids = await Promise.all([one, two, three].map(async ({ service }) => (await service.me.getDevices()).map(({ id }) => id)))
    expect(new Set(ids.flat()).size).toBe(1)
    await one.service.close()
    two.close()
    await three.service.me.setCustomStatus('Still here')
    await expectSeen(observer, alice, { customStatus: 'Still here' })
    expect(await three.service.me.getDevices()).toMatchObject([{ id: ids[0]![0], isThisDevice: true }])
    expect([told, observer.peek(alice)]).toMatchObject([[], { status: 'online' }])
    await three.service.close()
    await vi.waitFor(() => expect(told).toEqual([['statusChange', 'online', 'offline']]), 6_000)
  })

  it.each([['with a relay', () => relayUrl], ['without one', () => undefined], ['whose relay is away', () => NOWHERE]])(
    '[TB4] show each other\'s edits through storage, %s', async (_, url) => {
      const { relayUrl: __, ...alone } = device
      const options = url() === undefined ? alone : { ...alone, relayUrl: url()! }
      const [one, two] = [await openPage(options), await openPage(options)]
      opened.push(one.service, two.service)
      const told = listenTo(two.service, alice, 'customStatusChange', 'statusChange')
      await two.service.me.getStatus()
      await one.service.me.setPresence({ status: 'dnd', customStatus: 'Focus' })
      await vi.waitFor(async () => expect(await two.service.me.getStatus()).toMatchObject({ choice: 'dnd', customStatus: 'Focus' }))
      await two.service.me.clearCustomStatus()
      await vi.waitFor(async () => expect(await one.service.me.getStatus()).toMatchObject({ choice: 'dnd', customStatus: null }))
      await vi.waitFor(() => expect(told).toEqual([['statusChange', 'online', 'dnd'], ['customStatusChange', 'Focus', null], ['customStatusChange', null, null]]))
      await one.service.me.recordActivity({ type: 'here' })
      expect(await two.service.me.getActivity()).toMatchObject([{ type: 'here' }])
    })

  it('[TB4] that write at once lose nothing', async () => {
    const [one, two] = [await openTab({ relayUrl: NOWHERE }), await openTab({ relayUrl: NOWHERE })]
    await Promise.all([
      one.service.me.setCustomStatus('one'), two.service.me.setStatus('dnd'), one.service.me.setProfile({ name: 'Alice' }), two.service.me.setPrivacy({ devices: true }),
      ...Array.from({ length: 5 }, (_, number) => (number % 2 ? one : two).service.me.recordActivity({ type: `n${number}` })),
    ])
    for (const { service } of [one, two]) {
      await vi.waitFor(async () => expect(await service.me.getStatus()).toMatchObject({ customStatus: 'one', choice: 'dnd', name: 'Alice', privacy: { devices: true } }))
      expect(new Set((await service.me.getActivity()).map(({ id }) => id.split(':')[1]))).toEqual(new Set(['1', '2', '3', '4', '5']))
    }
  })

  it('[TB4] believe no edit that another script of the origin forges, nor that they are to forget', async () => {
    const { service } = await openTab()
    await service.me.setPresence({ status: 'dnd', customStatus: 'Mine' })
    const before = await service.me.getStatus()
    const channel = new BroadcastChannel(channelName())
    const heard = new Promise((resolve) => { channel.onmessage = resolve })
    const forged = [
      null, 5, 'stored', [], { type: 'stored', registers: { status: 'offline' } }, { type: 'edit', name: 'custom', value: null }, { type: 'document', bytes: new Uint8Array(9) },
      { type: 'input', sinceInputMs: Number.NaN }, { type: 'input', sinceInputMs: -1 }, { type: 'forget' }, { type: 'forget', forget: true }, { type: '__proto__' },
    ]
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has no target
    for (const message of forged) channel.postMessage(message)
    await service.me.recordActivity({ type: 'afterwards' })
    await service.me.setStatus('dnd')
    await heard
    expect(await service.me.getStatus()).toMatchObject({ choice: 'dnd', customStatus: 'Mine' })
    expect({ ...await service.me.getStatus(), asOf: 0, freshness: '' }).toEqual({ ...before, asOf: 0, freshness: '' })
    expect(await databases()).toHaveLength(1)
    channel.close()
  })
})

describe('a device', () => {
  it('[DV1] keeps its id over visits, and another storageName is another device', async () => {
    const first = await openTab()
    await online(first.service)
    const { id } = (await first.service.me.getDevices())[0]!
    first.close()
    const again = await openTab()
    expect(await again.service.me.getDevices()).toMatchObject([{ id, isThisDevice: true }])
    const other = await openTab({ storageName: 'phone', device: { name: 'Phone', kind: 'phone' } })
    await vi.waitFor(async () => {
      const devices = await again.service.me.getDevices()
      expect(devices).toHaveLength(2)
      expect(devices).toContainEqual(expect.objectContaining({ id, isThisDevice: true }))
      expect(devices).toContainEqual(expect.objectContaining({ name: 'Phone', kind: 'phone', status: 'online', isThisDevice: false }))
    }, 5_000)
    await other.service.me.setCustomStatus('From the phone')
    await vi.waitFor(async () => expect(await again.service.me.getStatus()).toMatchObject({ customStatus: 'From the phone' }), 5_000)
  })

  it('[SY1] [PR9] has all its edits after a reload, while no relay can be reached, and brings them there later', async () => {
    const first = await openTab({ relayUrl: NOWHERE })
    await first.service.me.setStatus('dnd', { expiresInMs: 3_600_000 })
    await first.service.me.setCustomStatus('On a plane', { emoji: '✈️' })
    await first.service.me.setProfile({ name: 'Alice' })
    await first.service.me.recordActivity({ type: 'boarding' })
    // Nothing is flushed: the page is gone the moment after the promise resolved.
    first.close()
    const second = await openTab({ relayUrl: NOWHERE })
    const kept = { choice: 'dnd', choiceExpiresAt: expect.any(Number), customStatus: 'On a plane', emoji: '✈️', name: 'Alice', freshness: 'stale' }
    expect(await second.service.me.getStatus()).toMatchObject(kept)
    expect(await second.service.me.getActivity()).toMatchObject([{ type: 'boarding' }])
    expect(await second.service.me.getSyncStatus()).toMatchObject({ pending: 3, storage: 'durable', relay: 'none', lastSync: null })
    await expect(second.service.me.sync()).rejects.toMatchObject({ code: 'offline' })
    second.close()
    const observer = await openObserver()
    const third = await openTab()
    await online(third.service)
    await third.service.me.sync()
    expect(await third.service.me.getSyncStatus()).toMatchObject({ pending: 0, lastSync: expect.any(Number), synced: 1, total: 1 })
    await expectSeen(observer, alice, { status: 'dnd', customStatus: 'On a plane', emoji: '✈️', name: 'Alice' })
  })

  it('[LV2] shows those who watch nothing when its page is reloaded', async () => {
    const observer = await openObserver()
    const first = await openTab()
    await online(first.service)
    await watchUntilSeen(observer, alice, 'online')
    const told = listenTo(observer, alice, 'statusChange', 'online', 'offline', 'customStatusChange')
    first.close()
    const second = await openTab()
    await online(second.service)
    await second.service.me.setCustomStatus('Reloaded')
    await expectSeen(observer, alice, { customStatus: 'Reloaded' })
    expect(told).toEqual([['customStatusChange', 'Reloaded', null]])
  })

  it('[PR5] is in use when a hand touches it, and away when none does', async () => {
    const { userId, token } = { userId: unique('hands'), token: tokenOf }
    const service = createPresenceService({ userId, relayUrl, token: token(userId), storage: 'memory', awayAfterMs: 1_000 })
    opened.push(service)
    await vi.waitFor(async () => expect(await service.me.getStatus()).toMatchObject({ status: 'away' }), 3_000)
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'a', bubbles: true }))
    expect(await service.me.getStatus()).toMatchObject({ status: 'away' })
    await userEvent.keyboard('a')
    await vi.waitFor(async () => expect(await service.me.getStatus()).toMatchObject({ status: 'online' }), { timeout: 900, interval: 5 })
    await vi.waitFor(async () => expect(await service.me.getStatus()).toMatchObject({ status: 'away' }), 3_000)
  })
})

describe('forgetting', () => {
  it('[T28] deletes the database, in every tab', async () => {
    const [one, two] = [await openTab(), await openTab()]
    await one.service.me.setCustomStatus('Secret')
    await vi.waitFor(async () => expect(await two.service.me.getStatus()).toMatchObject({ customStatus: 'Secret' }))
    expect(await databases()).toHaveLength(1)
    await one.service.close({ forget: true })
    await vi.waitFor(async () => {
      await expect(two.service.me.getStatus()).rejects.toMatchObject({ code: 'closed' })
      expect(await databases()).toEqual([])
    }, 5_000)
    const { service } = await openTab({ relayUrl: NOWHERE })
    expect(await service.me.getStatus()).toMatchObject({ customStatus: null, choice: 'auto' })
  })

  it('[T28] [O5] also when it is asked before anything was opened', async () => {
    const { service } = await openTab()
    await service.close({ forget: true })
    expect(await databases()).toEqual([])
  })

  it('is not done by closing alone', async () => {
    const { service } = await openTab()
    await service.me.setCustomStatus('Kept')
    await service.close()
    expect(await databases()).toHaveLength(1)
  })
})

describe('a browser without a relay', () => {
  it('works for itself alone', async () => {
    const { relayUrl: _, token: __, ...alone } = device
    const page = await openPage(alone)
    opened.push(page.service)
    const { me } = page.service
    await me.setPresence({ status: 'away', customStatus: 'Alone' })
    expect(await me.getStatus()).toMatchObject({ status: 'away', customStatus: 'Alone', freshness: 'live' })
    expect(await me.getSyncStatus()).toMatchObject({ connection: { name: 'local' }, relay: 'none', storage: 'durable', pending: 0 })
    const leave = page.service.join('room')
    await vi.waitFor(() => expect(page.service.peekChannel('room')).toMatchObject({ users: [{ userId: alice, status: 'away' }], freshness: 'live' }))
    leave()
    expect(await page.service.getStatus('bob')).toMatchObject({ status: 'offline', freshness: 'unknown' })
    await expect(me.sync()).rejects.toMatchObject({ code: 'offline' })
  })
})
