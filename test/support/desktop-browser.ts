/** A Chromium as a person has it: pages hide behind others, are frozen and kept. What Playwright launches is always visible. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Browser, type BrowserContext } from 'playwright'
import { executablePath } from './browser.js'
import { killProcess } from './relay-process.js'
import { pause } from './until.js'

export interface DesktopBrowser {
  readonly context: BrowserContext
  close(): Promise<void>
}

export async function startDesktopBrowser(args: readonly string[] = []): Promise<DesktopBrowser> {
  const folder = mkdtempSync(join(tmpdir(), 'porchlight-browser-'))
  const child = spawn(executablePath ?? chromium.executablePath(), [
    '--headless', '--remote-debugging-port=0', `--user-data-dir=${folder}`, '--no-first-run', '--no-default-browser-check', '--disable-background-networking',
    // Chromium refuses to run its sandbox as root.
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), ...args, 'about:blank',
  ], { stdio: ['ignore', 'ignore', 'pipe'] })
  const address = await new Promise<string>((resolve, reject) => {
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      const [, found] = /DevTools listening on (ws:\S+)/.exec(said) ?? []
      if (found) resolve(found)
    })
    child.on('exit', () => reject(new Error(`Chromium ended:\n${said}`)))
  })
  const browser: Browser = await chromium.connectOverCDP(address, { noDefaults: true })
  return {
    context: browser.contexts()[0]!,
    async close() {
      // Closing what is only connected would leave the browser running, and killing it would leave its children to write on.
      const gone = once(child, 'exit')
      await (await browser.newBrowserCDPSession()).send('Browser.close').catch(() => undefined)
      await Promise.race([gone, pause(5_000)])
      await killProcess(child)
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
    },
  }
}
