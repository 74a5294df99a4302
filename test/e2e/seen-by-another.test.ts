/** What a second person sees of the first, and how long after: real pages, a real relay, real time. Times are those of the witness's page. */
import type { Browser, BrowserContext } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BrowserPresenceOptions, PresenceStatus } from '../../src/presence-service.js'
import { launchBrowser, openTab, untilCutOff, untilOnline, type Tab } from '../support/browser.js'
import { startPageServer, type PageServer } from '../support/page-server.js'
import { startRelayProcess, type RelayProcess } from '../support/relay-process.js'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { closeAll, pause } from '../support/until.js'

let relay: RelayProcess
let pages: PageServer
let browser: Browser
let witness: Tab
const networks: TcpProxy[] = []

beforeAll(async () => {
  [relay, pages, browser] = await Promise.all([startRelayProcess(), startPageServer(), launchBrowser()])
  witness = await openTab(await browser.newContext(), pages, { userId: 'witness', relayUrl: relay.url, token: await relay.token('witness') })
  await untilOnline(witness)
})
afterAll(async () => {
  await closeAll(browser, ...networks, relay, pages)
})

async function openDevice(userId: string, options: Partial<BrowserPresenceOptions> = {}, profile?: BrowserContext): Promise<Tab> {
  const tab = await openTab(profile ?? await browser.newContext(), pages, { userId, relayUrl: relay.url, token: await relay.token(userId), ...options })
  await untilOnline(tab)
  return tab
}
async function openNetwork(): Promise<TcpProxy> {
  const network = await startTcpProxy(relay.port)
  networks.push(network)
  return network
}

/** The witness watches the user, who is there by now. */
async function watchOnline(userId: string): Promise<void> {
  await witness.watch([userId])
  await witness.until((service, id) => service.peek(id)?.status === 'online', 20_000, userId)
}
/** When the witness heard of the change. */
async function heardAt(userId: string, status: PresenceStatus): Promise<number> {
  await witness.until((_, [id, wanted]) => window.heard.some(({ event, args }) => event === 'statusChange' && args[0] === id && args[2] === wanted), 30_000, [userId, status] as const)
  return (await witness.heard('statusChange', userId)).find(({ args }) => args[2] === status)!.at
}
const changesOf = async (userId: string): Promise<unknown[]> => (await witness.heard('statusChange', userId)).map(({ args: [, before, after] }) => `${String(before)} → ${String(after)}`)
/** Everything that another could notice: events, and values that are no event. */
const noticed = async (userId: string): Promise<unknown[]> => (await witness.heard(undefined, userId)).map(({ event, args }) => [event, ...args])

function expectWithin(durationMs: number, leastMs: number, mostMs: number): void {
  expect(durationMs).toBeGreaterThanOrEqual(leastMs)
  expect(durationMs).toBeLessThanOrEqual(mostMs)
}

describe.concurrent('a second person', () => {
  it('[PR4] [PR5] sees somebody come online, go away by idling, and come back by a key', async () => {
    await witness.watch(['idler'])
    // Just started, the relay does not know yet who is offline (LV7).
    await witness.until((service) => service.peek('idler')?.freshness === 'live')
    const tab = await openDevice('idler', { awayAfterMs: 3_000 })
    const onlineAt = await heardAt('idler', 'online')
    const awayAt = await heardAt('idler', 'away')
    expect(awayAt - onlineAt).toBeLessThanOrEqual(3_500)

    await witness.forgetHeardOf('idler')
    const pressedAt = Date.now()
    await tab.page.keyboard.press('a')
    const backAt = await heardAt('idler', 'online')
    expect(backAt - pressedAt).toBeLessThanOrEqual(1_000)
    expectWithin(await heardAt('idler', 'away') - pressedAt, 3_000, 5_000)
    expect(await changesOf('idler')).toEqual(['away → online', 'online → away'])
  })

  it('[PR3] [PR7] sees dnd until it is taken back', async () => {
    const tab = await openDevice('busy')
    await watchOnline('busy')
    await tab.run((service) => service.me.setStatus('dnd'))
    await heardAt('busy', 'dnd')
    await tab.page.keyboard.press('a')
    await tab.run((service) => service.me.setStatus('online'))
    await heardAt('busy', 'online')
    expect(await changesOf('busy')).toEqual(['online → dnd', 'dnd → online'])
  })

  it('[CS2] sees a custom status until it expires', async () => {
    const tab = await openDevice('eater')
    await watchOnline('eater')
    const setAt = await tab.run(async (service) => {
      const at = Date.now()
      await service.me.setCustomStatus('Lunch', { emoji: '🍜', expiresInMs: 3_000 })
      return at
    })
    await witness.until(() => window.heard.filter(({ event, args }) => event === 'customStatusChange' && args[0] === 'eater').length === 2)
    const [shown, ended] = await witness.heard('customStatusChange', 'eater')
    expect(shown!.args).toEqual(['eater', 'Lunch', '🍜'])
    expect(ended!.args).toEqual(['eater', null, null])
    expectWithin(ended!.at - setAt, 2_950, 3_500)
    expect(await tab.run((service) => service.me.getStatus())).toMatchObject({ customStatus: null, emoji: null })
  })

  it('[LV2] [LV3] sees somebody gone 5 s after the window was closed, and not before it could be a reload', async () => {
    const tab = await openDevice('leaver')
    await watchOnline('leaver')
    const closedAt = Date.now()
    await tab.page.close({ runBeforeUnload: true })
    expectWithin(await heardAt('leaver', 'offline') - closedAt, 3_900, 5_000)
    expect(await changesOf('leaver')).toEqual(['online → offline'])
  })

  it('[LV3] sees somebody gone 10 s after their link was cut, and not while they may come back', async () => {
    const network = await openNetwork()
    await openDevice('cut', { relayUrl: network.url })
    await watchOnline('cut')
    const cutAt = Date.now()
    network.cut()
    expectWithin(await heardAt('cut', 'offline') - cutAt, 7_900, 10_000)
    expect(await changesOf('cut')).toEqual(['online → offline'])
  })

  it('[LV2] sees nothing of a link that was cut for a moment', async () => {
    const network = await openNetwork()
    const tab = await openDevice('hopper', { relayUrl: network.url })
    await watchOnline('hopper')
    await witness.forgetHeardOf('hopper')
    network.cut()
    await untilCutOff(tab)
    network.up()
    await tab.tellNetworkIsBack()
    await untilOnline(tab)
    await pause(9_000)
    expect(await noticed('hopper')).toEqual([])
  })

  it('[LV1] [LV3] sees somebody gone 20 s after their link fell silent, who notices it as well', async () => {
    const network = await openNetwork()
    const tab = await openDevice('silent', { relayUrl: network.url })
    await watchOnline('silent')
    const silentAt = Date.now()
    network.blackhole()
    expectWithin(await heardAt('silent', 'offline') - silentAt, 8_000, 20_000)
    await untilCutOff(tab)
    const [lost] = (await tab.heard('connectionChange')).filter(({ at, args }) => at > silentAt && (args[0] as { name: string }).name !== 'online')
    expectWithin(lost!.at - silentAt, 8_000, 20_000)
    expect(await changesOf('silent')).toEqual(['online → offline'])
  })

  it('[TB3] [LV2] sees nothing while one of several tabs and devices is left', async () => {
    const laptop = await browser.newContext()
    const first = await openDevice('owner', {}, laptop)
    const second = await openDevice('owner', {}, laptop)
    const phone = await openDevice('owner')
    await watchOnline('owner')
    expect(await first.run(async (service) => (await service.me.getDevices()).length)).toBe(2)
    await witness.forgetHeardOf('owner')
    await first.page.close({ runBeforeUnload: true })
    await pause(6_000)
    expect(await noticed('owner'), 'after one of two tabs was closed').toEqual([])
    await phone.page.close({ runBeforeUnload: true })
    await pause(6_000)
    expect(await noticed('owner'), 'after one of two devices was closed').toEqual([])
    const closedAt = Date.now()
    await second.page.close({ runBeforeUnload: true })
    expectWithin(await heardAt('owner', 'offline') - closedAt, 3_900, 5_000)
  })

  it('[LV5] that loses the network itself keeps what was seen, as stale, and hears on return of what changed by then', async () => {
    const network = await openNetwork()
    const actor = await openDevice('actor')
    const bystander = await openDevice('bystander')
    const traveller = await openDevice('traveller', { relayUrl: network.url })
    await traveller.watch(['actor', 'bystander'])
    await traveller.until((service) => ['actor', 'bystander'].every((id) => service.peek(id)?.status === 'online'))
    await traveller.forgetHeard()
    network.cut()
    await untilCutOff(traveller)
    await traveller.until((service) => service.peek('actor')?.freshness === 'stale')
    expect(await traveller.peek('actor')).toMatchObject({ status: 'online', freshness: 'stale', asOf: expect.any(Number) as number })
    await actor.run((service) => service.me.setStatus('away'))
    await bystander.run((service) => service.me.setStatus('away'))
    await bystander.run((service) => service.me.setStatus('online'))
    await actor.run((service) => service.me.setStatus('dnd'))
    await actor.run((service) => service.me.sync())
    network.up()
    await traveller.tellNetworkIsBack()
    await traveller.until((service) => ['actor', 'bystander'].every((id) => service.peek(id)?.freshness === 'live'))
    expect((await traveller.heard('statusChange')).map(({ args }) => args).filter(([id]) => id !== 'traveller')).toEqual([['actor', 'online', 'dnd']])
    expect(await traveller.heard('offline', 'actor')).toEqual([])
    await bystander.page.close()
    await actor.page.close()
  })
})

/** Alone: so short a time would be that of the other tests' pages. A median, since the machine may be busy for a moment. */
describe('a second person, with nobody else about,', () => {
  it('[LV2] sees nothing at all of a reload', async () => {
    const tab = await openDevice('reloader')
    await tab.run((service) => service.me.setCustomStatus('Reading'))
    await watchOnline('reloader')
    await witness.until((service) => service.peek('reloader')?.customStatus === 'Reading')
    await witness.forgetHeardOf('reloader')
    let reloadedAt = Date.now()
    for (let reload = 0; reload < 3; reload++) {
      reloadedAt = Date.now()
      await tab.page.reload()
      await untilOnline(tab)
      expect(Date.now() - reloadedAt, 'this machine is too slow for the test: a page that is away for 4 s is gone').toBeLessThan(4_000)
    }
    // Longer than a page that does not come back is kept.
    await pause(reloadedAt + 5_000 - Date.now())
    expect(await noticed('reloader')).toEqual([])
    expect(await witness.peek('reloader')).toMatchObject({ status: 'online', freshness: 'live' })
  })

  it('[PR2] [LV3] sees somebody who appears offline within 0.3 s', async () => {
    const tab = await openDevice('hider')
    await watchOnline('hider')
    const durations: number[] = []
    for (let trial = 0; trial < 5; trial++) {
      await witness.forgetHeardOf('hider')
      const hiddenAt = await tab.run(async (service) => {
        const at = Date.now()
        await service.me.setStatus('offline')
        return at
      })
      durations.push(await heardAt('hider', 'offline') - hiddenAt)
      expect(await tab.run((service) => service.me.getStatus())).toMatchObject({ status: 'offline', choice: 'offline', freshness: 'live' })
      await tab.run((service) => service.me.setStatus('online'))
      await heardAt('hider', 'online')
    }
    expectWithin(median(durations), 0, 300)
  })

  it('[LV2] [LV3] sees somebody gone within 0.3 s of close()', async () => {
    const durations: number[] = []
    for (const userId of ['closer-1', 'closer-2', 'closer-3']) {
      const tab = await openDevice(userId)
      await watchOnline(userId)
      const closedAt = await tab.run((service) => {
        const at = Date.now()
        void service.close()
        return at
      })
      durations.push(await heardAt(userId, 'offline') - closedAt)
    }
    expectWithin(median(durations), 0, 300)
  })
})

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
