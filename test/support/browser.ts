/** A Chromium with pages that run the SDK. A profile is a browser context: its own IndexedDB, its own BroadcastChannel. */
import { existsSync } from 'node:fs'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright'
import type { BrowserPresenceOptions, UserId, UserPresence } from '../../src/presence-service.js'
import type { Heard, PageOptions } from '../e2e/page/main.js'
import type { PageServer } from './page-server.js'

/** A distribution's Chromium where there is one; else the one Playwright downloads. */
export const executablePath: string | undefined = process.env['CHROMIUM_PATH'] ?? ['/usr/bin/chromium'].find((path) => existsSync(path))

export const launchBrowser = (): Promise<Browser> => chromium.launch({
  // Chromium refuses to run its sandbox as root.
  chromiumSandbox: process.getuid?.() !== 0, ...(executablePath === undefined ? {} : { executablePath }),
})

export interface Tab {
  readonly page: Page
  /** Runs in the page. */
  run<Result>(script: (service: Window['service']) => Result): Promise<Awaited<Result>>
  run<Argument, Result>(script: (service: Window['service'], argument: Argument) => Result, argument: Argument): Promise<Awaited<Result>>
  /** Waits in the page until this is true, or has a value. */
  until(script: (service: Window['service']) => unknown, withinMs?: number): Promise<void>
  until<Argument>(script: (service: Window['service'], argument: Argument) => unknown, withinMs: number, argument: Argument): Promise<void>
  heard(event?: Heard['event'], about?: UserId): Promise<Heard[]>
  watch(userIds: readonly UserId[]): Promise<void>
  forgetHeard(): Promise<void>
  forgetHeardOf(userId: UserId): Promise<void>
  peek(userId: UserId): Promise<UserPresence | undefined>
  /** What a browser does when the system says that there is a network again. */
  tellNetworkIsBack(): Promise<unknown>
}

export async function openTab(context: BrowserContext, pages: PageServer, options: BrowserPresenceOptions, rest: Omit<PageOptions, 'options'> = {}): Promise<Tab> {
  const page = await context.newPage()
  await page.goto(pages.address({ options, ...rest }))
  return tabOf(page)
}

export function tabOf(page: Page): Tab {
  const call = (script: { toString(): string }, argument: unknown): string => `(${script.toString()})(window.service, ${JSON.stringify(argument)})`
  const tab: Tab = {
    page,
    run: <Argument, Result>(script: (service: Window['service'], argument: Argument) => Result, argument?: Argument) =>
      page.evaluate<Awaited<Result>>(call(script, argument)),
    until: async <Argument>(script: (service: Window['service'], argument: Argument) => unknown, withinMs = 20_000, argument?: Argument) => {
      await page.waitForFunction(call(script, argument), undefined, { polling: 50, timeout: withinMs })
    },
    async heard(event, about) {
      const all = await page.evaluate(() => window.heard)
      return all.filter((each) => (event === undefined || each.event === event) && (about === undefined || each.args[0] === about))
    },
    watch: (userIds) => page.evaluate((ids) => window.watch(ids), userIds),
    forgetHeard: () => page.evaluate(() => { window.heard = [] }),
    forgetHeardOf: (userId) => page.evaluate((id) => { window.heard = window.heard.filter(({ args }) => args[0] !== id) }, userId),
    peek: (userId) => tab.run((service, id) => service.peek(id), userId),
    tellNetworkIsBack: () => page.evaluate(() => window.dispatchEvent(new Event('online'))),
  }
  return tab
}

export const untilOnline = (...tabs: readonly Tab[]): Promise<unknown> =>
  Promise.all(tabs.map((tab) => tab.until((service) => service.getSnapshot().sync.connection.name === 'online')))
export const untilCutOff = (...tabs: readonly Tab[]): Promise<unknown> =>
  Promise.all(tabs.map((tab) => tab.until((service) => service.getSnapshot().sync.connection.name !== 'online')))
