/** Pages that are hidden, frozen, put away and brought back, or that crash; a second person's device in Node hears of it. */
import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BrowserPresenceOptions, BuiltBrowserPresenceService, PresenceStatus } from '../../src/presence-service.js'
import { launchBrowser, openTab, untilOnline, type Tab } from '../support/browser.js'
import { startDesktopBrowser, type DesktopBrowser } from '../support/desktop-browser.js'
import { openNodeTab } from '../support/node-tab.js'
import { startPageServer, type PageServer } from '../support/page-server.js'
import { startRelayProcess, type RelayProcess } from '../support/relay-process.js'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { closeAll, pause, until } from '../support/until.js'

let relay: RelayProcess
let pages: PageServer
let browser: Browser
let desktop: DesktopBrowser
let network: TcpProxy
let witness: BuiltBrowserPresenceService
const heard: { at: number; userId: string; before: PresenceStatus; status: PresenceStatus }[] = []

beforeAll(async () => {
  [relay, pages, browser, desktop] = await Promise.all([
    startRelayProcess(), startPageServer(), launchBrowser(),
    // Hidden for 10 s instead of 5 min: then timers run once a minute.
    startDesktopBrowser(['--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/10']),
  ])
  witness = openNodeTab({ userId: 'witness', relayUrl: relay.url, token: await relay.token('witness') })
  witness.on('statusChange', (userId, before, status) => heard.push({ at: Date.now(), userId, before, status }))
})
afterAll(async () => {
  await closeAll(witness, browser, desktop, network, relay, pages)
})

const optionsOf = async (userId: string, options: Partial<BrowserPresenceOptions> = {}): Promise<BrowserPresenceOptions> =>
  ({ userId, relayUrl: relay.url, token: await relay.token(userId), ...options })
async function watchOnline(userId: string): Promise<void> {
  witness.watch([userId])
  await until(() => witness.peek(userId)?.status === 'online', `${userId} is seen online`)
}
const changesOf = (userId: string): PresenceStatus[] => heard.filter((change) => change.userId === userId).map(({ status }) => status)
const untilSeen = (userId: string, status: PresenceStatus): Promise<{ at: number }> =>
  until(() => heard.find((change) => change.userId === userId && change.status === status), `${userId} is seen ${status}`, 30_000)
const thisDevice = (tab: Tab): Promise<string> => tab.run(async (service) => (await service.me.getDevices()).find(({ isThisDevice }) => isThisDevice)!.id)

describe.concurrent('a page', () => {
  it('[PR5] [LV1] [F4] that is hidden stays connected, is away when its user is, and does not flap', async () => {
    const tab = await openTab(desktop.context, pages, await optionsOf('hidden', { awayAfterMs: 15_000 }))
    await untilOnline(tab)
    const inputAt = Date.now()
    await tab.page.mouse.move(50, 50)
    await watchOnline('hidden')
    const front = await desktop.context.newPage()
    await front.bringToFront()
    await tab.until(() => document.visibilityState === 'hidden')
    const hiddenAt = Date.now()
    const { at: awayAt } = await untilSeen('hidden', 'away')
    expect(awayAt - inputAt).toBeGreaterThanOrEqual(14_000)
    expect(awayAt - inputAt).toBeLessThanOrEqual(20_000)
    // Longer than y-websocket's own 30 s, with timers that run once a minute.
    await pause(hiddenAt + 36_000 - Date.now())
    expect(changesOf('hidden')).toEqual(['away'])
    expect(witness.peek('hidden')).toMatchObject({ status: 'away', freshness: 'live' })
    const losses = (await tab.heard('connectionChange')).filter(({ at }) => at > hiddenAt)
    expect(losses).toEqual([])
    const shownAt = Date.now()
    await tab.page.bringToFront()
    const { at: backAt } = await untilSeen('hidden', 'online')
    expect(backAt - shownAt).toBeLessThanOrEqual(1_000)
    await front.close()
  })

  it('[SY1] [F1] that crashes is gone within 10 s, and its last edit is there when it is opened again', async () => {
    network = await startTcpProxy(relay.port)
    const profile = await browser.newContext()
    const options = await optionsOf('crasher', { relayUrl: network.url })
    const tab = await openTab(profile, pages, options)
    await untilOnline(tab)
    await watchOnline('crasher')
    const deviceId = await thisDevice(tab)
    await tab.run((service) => service.me.setCustomStatus('Just before'))
    const cdp = await profile.newCDPSession(tab.page)
    const crashedAt = Date.now()
    // Never answered: the page is gone.
    cdp.send('Page.crash').catch(() => undefined)
    const { at } = await untilSeen('crasher', 'offline')
    expect(at - crashedAt).toBeLessThanOrEqual(10_000)

    // From its own disk, before any relay could help.
    network.cut()
    const again = await openTab(profile, pages, options)
    expect(await again.run((service) => service.me.getStatus())).toMatchObject({ customStatus: 'Just before', freshness: 'stale' })
    expect(await thisDevice(again)).toBe(deviceId)
    network.up()
    await again.tellNetworkIsBack()
    await untilOnline(again)
    await untilSeen('crasher', 'online')
    expect(await again.run(async (service) => (await service.me.getDevices()).length), 'no ghost').toBe(1)
    expect(changesOf('crasher')).toEqual(['offline', 'online'])
  })
})

describe('a page that is put away', () => {
  it('[F5] comes back from the back/forward cache within a second, as the same device', async () => {
    const tab = await openTab(desktop.context, pages, await optionsOf('returner'))
    await untilOnline(tab)
    await watchOnline('returner')
    const deviceId = await thisDevice(tab)
    await tab.page.evaluate(() => {
      window.addEventListener('pageshow', ({ persisted }) => window.heard.push({ at: Date.now(), event: 'seen', args: [persisted ? 'restored' : 'loaded'] }))
    })
    await tab.page.goto('about:blank')
    await untilSeen('returner', 'offline')
    // A page from the cache does not load.
    await tab.page.goBack({ waitUntil: 'commit' })
    await untilOnline(tab)
    expect(await backAfterMs(tab, 'restored')).toBeLessThanOrEqual(1_000)
    await untilSeen('returner', 'online')
    expect(await tab.run(async (service) => (await service.me.getDevices()).map(({ id }) => id))).toEqual([deviceId])
    await tab.page.close()
  })

  it('[F3] [LV4] is away at its time when frozen, never offline, and live again within a second of being thawed', async () => {
    const tab = await openTab(desktop.context, pages, await optionsOf('frozen', { awayAfterMs: 8_000 }))
    await untilOnline(tab)
    await watchOnline('frozen')
    const deviceId = await thisDevice(tab)
    await tab.page.evaluate(() => { document.addEventListener('resume', () => window.heard.push({ at: Date.now(), event: 'seen', args: ['thawed'] })) })
    const front = await desktop.context.newPage()
    await front.bringToFront()
    await tab.until(() => document.visibilityState === 'hidden')
    const cdp = await desktop.context.newCDPSession(tab.page)
    await cdp.send('Page.setWebLifecycleState', { state: 'frozen' })
    await untilSeen('frozen', 'away')
    // Longer than a page that is gone would be kept.
    await pause(6_000)
    expect(changesOf('frozen')).toEqual(['away'])
    await cdp.send('Page.setWebLifecycleState', { state: 'active' })
    await tab.until(() => window.heard.some(({ args }) => args[0] === 'thawed'))
    await untilOnline(tab)
    expect(await backAfterMs(tab, 'thawed')).toBeLessThanOrEqual(1_000)
    expect(await tab.run(async (service) => (await service.me.getDevices()).map(({ id }) => id))).toEqual([deviceId])
  })
})

/** From the browser's event until the relay had answered. */
async function backAfterMs(tab: Tab, event: 'restored' | 'thawed'): Promise<number> {
  const all = await tab.heard()
  const returnedAt = all.find(({ args }) => args[0] === event)!.at
  return all.findLast((each) => each.event === 'connectionChange' && (each.args[0] as { name: string }).name === 'online')!.at - returnedAt
}
