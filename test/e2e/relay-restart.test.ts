/** A relay that is killed and started again on the same store and port, and what the people in a channel see of it: nothing. */
import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser, openTab, untilOnline, type Tab } from '../support/browser.js'
import { openNodeTab } from '../support/node-tab.js'
import { startPageServer, type PageServer } from '../support/page-server.js'
import { startRelayProcess, type RelayProcess } from '../support/relay-process.js'
import { closeAll, until } from '../support/until.js'

const PEOPLE = ['alice', 'bob', 'carol']
let relay: RelayProcess
let pages: PageServer
let browser: Browser
let tabs: Tab[]
/** Is there when the relay is killed, and does not come back. */
let leaver: Tab

beforeAll(async () => {
  [relay, pages, browser] = await Promise.all([startRelayProcess(), startPageServer(), launchBrowser()])
  const open = async (userId: string): Promise<Tab> => openTab(
    await browser.newContext(), pages, { userId, relayUrl: relay.url, token: await relay.token(userId) },
    { channel: 'team', watch: [...PEOPLE, 'leaver', 'absent'].filter((id) => id !== userId) },
  )
  ;[leaver, ...tabs] = await Promise.all(['leaver', ...PEOPLE].map(open)) as [Tab, ...Tab[]]
  await untilOnline(leaver, ...tabs)
})
afterAll(async () => {
  await closeAll(browser, relay, pages)
})

const statuses = (tab: Tab): Promise<Record<string, string | undefined>> =>
  tab.run((service, ids) => Object.fromEntries(ids.map((id) => [id, service.peek(id)?.status])), [...PEOPLE, 'leaver'])

describe('a relay that was killed', () => {
  it('[LV7] [LV5] [F15] is back before anybody is seen offline, and rosters do not flap', async () => {
    const [alice, bob, carol] = tabs as [Tab, Tab, Tab]
    await alice.run((service) => service.me.setStatus('dnd'))
    await bob.run((service) => service.me.setCustomStatus('Reviewing'))
    await carol.run((service) => service.me.setStatus('away'))
    const expected = { alice: 'dnd', bob: 'online', carol: 'away', leaver: 'online' }
    for (const tab of tabs) {
      await tab.until((service, wanted) => Object.entries(wanted).every(([id, status]) => service.peek(id)?.status === status) && service.peekChannel('team')?.users.length === 4
        && service.peek('bob')?.customStatus === 'Reviewing', 20_000, expected)
      await tab.page.evaluate(() => { window.rosters = [] })
      await tab.forgetHeard()
    }

    const lastEdit = 'Written at the last moment'
    await alice.run(async (service, text) => {
      await service.me.setCustomStatus(text)
      await service.me.sync()
    }, lastEdit)
    await relay.kill()
    await Promise.all([leaver.page.close(), ...tabs.map(async (tab) => {
      await tab.until((service) => service.peekChannel('team')?.freshness === 'stale')
      expect(await statuses(tab), 'last known values stay').toEqual(expected)
      expect(await tab.run((service) => service.peekChannel('team')?.users.filter(({ freshness }) => freshness !== 'stale').map(({ userId }) => userId))).toEqual([])
    })])
    const restartedAt = Date.now()
    await relay.restart()
    const listeningAt = Date.now()
    await untilOnline(...tabs)
    for (const [index, tab] of tabs.entries()) {
      await tab.until((service, ids) => ids.every((id) => service.peek(id)?.freshness === 'live'), 10_000, PEOPLE.filter((_, each) => each !== index))
    }
    expect(Date.now() - listeningAt, 'everybody is right again').toBeLessThan(10_000)
    for (const tab of tabs) {
      expect(await tab.peek('alice')).toMatchObject({ status: 'dnd', customStatus: lastEdit })
      expect(await tab.peek('bob')).toMatchObject({ status: 'online', customStatus: 'Reviewing' })
      expect(await tab.peek('carol')).toMatchObject({ status: 'away' })
    }

    // Who does not come back is called offline once the relay knows, and only then.
    for (const tab of tabs) await tab.until(() => window.heard.some(({ event, args }) => event === 'offline' && args[0] === 'leaver'), 15_000)
    for (const tab of tabs) {
      const told = (await tab.heard()).filter(({ event }) => ['statusChange', 'online', 'offline'].includes(event))
      expect(told.map(({ event, args }) => [event, ...args]), 'one net change').toEqual([['statusChange', 'leaver', 'online', 'offline'], ['offline', 'leaver']])
      expect(told[0]!.at - restartedAt).toBeGreaterThanOrEqual(10_000)
      const seen = await tab.page.evaluate(() => window.rosters)
      expect(seen.length).toBeGreaterThan(0)
      for (const { at, statuses: roster } of seen) expect(roster).toMatchObject(at < restartedAt + 10_000 ? expected : { alice: 'dnd', bob: 'online', carol: 'away' })
      await tab.until((service) => service.peekChannel('team')?.users.length === 3)
    }
  })

  it('[LV7] tells of somebody who is nowhere that they are offline, once it knows', async () => {
    await tabs[0]!.until((service) => service.peek('absent')?.freshness === 'live')
    expect(await tabs[0]!.peek('absent')).toMatchObject({ status: 'offline' })
    expect(await tabs[0]!.heard('statusChange', 'absent')).toEqual([])
  })

  it('[SY2] [F12] has lost nothing that sync() had resolved for, though no device brings it back', async () => {
    for (let trial = 0; trial < 4; trial++) {
      const userId = `writer-${trial}`
      const device = openNodeTab({ userId, relayUrl: relay.url, token: await relay.token(userId) })
      await until(() => device.getSnapshot().sync.connection.name === 'online', 'the device is online')
      await device.me.setPresence({ customStatus: `Edit ${trial}`, emoji: '✏️' })
      await device.me.setProfile({ name: 'Writer' })
      await device.me.sync()
      await relay.kill()
      await device.close({ forget: true })
      await relay.restart()
      const another = openNodeTab({ userId, relayUrl: relay.url, token: await relay.token(userId) })
      await until(() => another.getSnapshot().me?.customStatus === `Edit ${trial}`, `the edit of trial ${trial} is there`)
      expect(another.getSnapshot().me).toMatchObject({ name: 'Writer', emoji: '✏️' })
      await another.close()
    }
  })
})
