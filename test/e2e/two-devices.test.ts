/** Two browser profiles of one person, each behind a network of its own that can be cut. */
import type { Browser, BrowserContext } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser, openTab, untilCutOff, untilOnline, type Tab } from '../support/browser.js'
import { startPageServer, type PageServer } from '../support/page-server.js'
import { startRelayProcess, type RelayProcess } from '../support/relay-process.js'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { closeAll } from '../support/until.js'

let relay: RelayProcess
let pages: PageServer
let browser: Browser
const networks: TcpProxy[] = []

beforeAll(async () => {
  [relay, pages, browser] = await Promise.all([startRelayProcess(), startPageServer(), launchBrowser()])
})
afterAll(async () => {
  await closeAll(browser, ...networks, relay, pages)
})

interface Device {
  readonly tab: Tab
  readonly network: TcpProxy
  readonly profile: BrowserContext
}
async function openDevice(userId: string): Promise<Device> {
  const network = await startTcpProxy(relay.port)
  networks.push(network)
  const profile = await browser.newContext()
  const tab = await openTab(profile, pages, { userId, relayUrl: network.url, token: await relay.token(userId) })
  return { tab, network, profile }
}
async function openTwo(userId: string): Promise<[Device, Device]> {
  const devices = await Promise.all([openDevice(userId), openDevice(userId)])
  await untilOnline(...devices.map(({ tab }) => tab))
  return devices
}

const setCustom = ({ tab }: Device, text: string): Promise<void> => tab.run((service, value) => service.me.setCustomStatus(value), text)
const clearCustom = ({ tab }: Device): Promise<void> => tab.run((service) => service.me.clearCustomStatus())
const custom = ({ tab }: Device): Promise<string | null> => tab.run(async (service) => (await service.me.getStatus()).customStatus)
const deviceId = ({ tab }: Device): Promise<string> => tab.run(async (service) => (await service.me.getDevices()).find(({ isThisDevice }) => isThisDevice)!.id)
const untilAgreed = (devices: readonly Device[], text: string | null): Promise<unknown> =>
  Promise.all(devices.map(({ tab }) => tab.until((service, wanted) => service.getSnapshot().me?.customStatus === wanted, 10_000, text)))
/** Each knows that both hold the same. */
const untilSynced = (devices: readonly Device[]): Promise<unknown> => Promise.all(devices.map(({ tab }) => tab.until((service) => service.getSnapshot().sync.synced === 2)))
async function reconnect({ tab, network }: Device): Promise<void> {
  network.up()
  await tab.tellNetworkIsBack()
  await untilOnline(tab)
}
const sync = ({ tab }: Device): Promise<void> => tab.run((service) => service.me.sync())

describe.concurrent('two devices of one person', () => {
  it('[CS1] show each other\'s edits while connected', async () => {
    const [laptop, desktop] = await openTwo('together')
    await setCustom(laptop, 'In a meeting')
    await untilAgreed([laptop, desktop], 'In a meeting')
    await setCustom(desktop, 'Lunch')
    await untilAgreed([laptop, desktop], 'Lunch')
    await clearCustom(laptop)
    await untilAgreed([laptop, desktop], null)
  })

  it.each([
    ['the earlier edit comes back first', 'earlier', 'a later text'],
    ['the later edit comes back first', 'later', 'a later text'],
    ['the earlier edit comes back before a clearing', 'earlier', null],
    ['a clearing comes back before the earlier edit', 'later', null],
  ] as const)('[CS1] that were both cut off show the later edit, also where %s', async (_, first, latest) => {
    const devices = await openTwo(`apart-${first}-${latest === null ? 'clearing' : 'edit'}`)
    // The later edit is the lesser writer's, so that it does not win by its name.
    const ids = await Promise.all(devices.map(deviceId))
    const [laptop, desktop] = ids[0]! > ids[1]! ? devices : [devices[1], devices[0]]
    await setCustom(laptop, 'before')
    await untilAgreed([laptop, desktop], 'before')
    for (const { network } of [laptop, desktop]) network.cut()
    await untilCutOff(laptop.tab, desktop.tab)

    await setCustom(laptop, 'the earlier text')
    await (latest === null ? clearCustom(desktop) : setCustom(desktop, latest))
    expect(await custom(laptop), 'apart, each shows its own').toBe('the earlier text')
    expect(await custom(desktop), 'apart, each shows its own').toBe(latest)

    const [back, backLater] = first === 'earlier' ? [laptop, desktop] : [desktop, laptop]
    await reconnect(back)
    await sync(back)
    expect(await custom(back), 'what is back knows only its own').toBe(first === 'earlier' ? 'the earlier text' : latest)
    await reconnect(backLater)
    await untilAgreed([laptop, desktop], latest)
    await untilSynced([laptop, desktop])
    expect(await Promise.all([laptop, desktop].map(custom))).toEqual([latest, latest])
  })

  it('[SY1] keep everything over a reload while the relay is unreachable', async () => {
    const device = await openDevice('reloading')
    await untilOnline(device.tab)
    const id = await deviceId(device)
    device.network.cut()
    await untilCutOff(device.tab)
    await setCustom(device, 'On a plane')
    await device.tab.run((service) => service.me.setStatus('dnd'))
    await device.tab.run((service) => service.me.setProfile({ name: 'Alice' }))
    await device.tab.run((service, thisId) => service.me.renameDevice(thisId, 'Travel laptop'), id)
    await device.tab.run((service) => service.me.recordActivity({ type: 'boarding' }))

    await device.tab.page.reload()
    const [me, devices, activity, status] = await device.tab.run(async (service) =>
      Promise.all([service.me.getStatus(), service.me.getDevices(), service.me.getActivity(), service.me.getSyncStatus()]))
    expect(me).toMatchObject({ customStatus: 'On a plane', status: 'dnd', choice: 'dnd', name: 'Alice', freshness: 'stale' })
    expect(devices.find(({ isThisDevice }) => isThisDevice)).toMatchObject({ id, name: 'Travel laptop' })
    expect(activity.map(({ type }) => type)).toEqual(['boarding'])
    expect(status).toMatchObject({ pending: 4, storage: 'durable', relay: 'none' })

    await reconnect(device)
    await sync(device)
    const newcomer = await openDevice('reloading')
    await untilOnline(newcomer.tab)
    await untilAgreed([device, newcomer], 'On a plane')
    expect(await newcomer.tab.run((service) => service.me.getStatus())).toMatchObject({ status: 'dnd', name: 'Alice', customStatus: 'On a plane' })
  })
})
