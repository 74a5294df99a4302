/** Two of our devices through y-websocket's own server, unmodified, which knows nothing of us (SY4). */
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser, openTab, untilCutOff, untilOnline, type Tab } from '../support/browser.js'
import { startPageServer, type PageServer } from '../support/page-server.js'
import { freePort, killProcess, startProcess } from '../support/relay-process.js'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { closeAll } from '../support/until.js'

const SERVER = fileURLToPath(new URL('../../node_modules/y-websocket-server-2/bin/server.cjs', import.meta.url))

let server: ChildProcess
let pages: PageServer
let browser: Browser
let networks: TcpProxy[]
let tabs: [Tab, Tab]
let profiles: BrowserContext[]

beforeAll(async () => {
  const port = await freePort()
  ;[server, pages, browser] = await Promise.all([
    startProcess([SERVER], /running at/, { HOST: '127.0.0.1', PORT: String(port) }), startPageServer(), launchBrowser(),
  ])
  networks = await Promise.all([startTcpProxy(port), startTcpProxy(port)])
  profiles = await Promise.all(networks.map(() => browser.newContext()))
  tabs = await Promise.all(networks.map(({ url }, index) => openTab(profiles[index]!, pages, { userId: 'alice', relayUrl: url }))) as [Tab, Tab]
  await untilOnline(...tabs)
})
afterAll(async () => {
  await closeAll(browser, ...networks ?? [], pages, server && { close: () => killProcess(server) })
})

const untilBothShow = (text: string | null): Promise<unknown> =>
  Promise.all(tabs.map((tab) => tab.until((service, wanted) => service.getSnapshot().me?.customStatus === wanted, 10_000, text)))

describe('an unmodified y-websocket server', () => {
  it('[SY4] is called plain, and sync() resolves', async () => {
    for (const tab of tabs) {
      expect(await tab.run((service) => service.me.getSyncStatus())).toMatchObject({ relay: 'plain', connection: { name: 'online' } })
      await expect(tab.run((service) => service.me.sync())).resolves.toBeUndefined()
    }
  })

  it('[SY4] carries edits between two devices while both are connected', async () => {
    await tabs[0].run((service) => service.me.setCustomStatus('from the first'))
    await untilBothShow('from the first')
    await tabs[1].run((service) => service.me.setCustomStatus('from the second'))
    await untilBothShow('from the second')
    await tabs[0].run((service) => service.me.clearCustomStatus())
    await untilBothShow(null)
  })

  it('[SY4] shows the two devices to each other', async () => {
    for (const tab of tabs) await tab.until((service) => service.getSnapshot().devices.filter(({ status }) => status === 'online').length === 2)
  })

  it('[SY4] [CS1] gives both the later edit after both were offline', async () => {
    for (const network of networks) network.cut()
    await untilCutOff(...tabs)
    await tabs[0].run((service) => service.me.setCustomStatus('the earlier edit'))
    await tabs[1].run((service) => service.me.setCustomStatus('the later edit'))
    await tabs[0].run((service) => service.me.setStatus('dnd'))
    for (const index of [1, 0] as const) {
      networks[index]!.up()
      await tabs[index].tellNetworkIsBack()
      await untilOnline(tabs[index])
    }
    await untilBothShow('the later edit')
    for (const tab of tabs) {
      await tab.until((service) => service.getSnapshot().me?.status === 'dnd')
      await tab.run((service) => service.me.sync())
    }
  })

  it('[SY4] takes a device for gone that closed', async () => {
    await tabs[1].run((service) => service.close())
    await tabs[0].until((service) => service.getSnapshot().devices.filter(({ status }) => status !== 'offline').length === 1)
  })
})
