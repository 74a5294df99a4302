import { existsSync } from 'node:fs'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'
import type { ViteUserConfig } from 'vitest/config'

/** A distribution's Chromium where there is one; else the one Playwright downloads. */
const executablePath = process.env['CHROMIUM_PATH'] ?? ['/usr/bin/chromium'].find((path) => existsSync(path))
/** Chromium refuses to run its sandbox as root. */
const chromiumSandbox = process.getuid?.() !== 0

const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', testTimeout: 30_000, include: ['test/unit/**/*.test.ts', 'test/architecture.test.ts', 'test/spec.test.ts'] } },
      { test: { name: 'relay', include: ['test/contract/*.test.ts', 'test/relay/**/*.test.ts', 'test/simulation/**/*.test.ts'], exclude: ['test/relay/hostile.test.ts'], testTimeout: 30_000 } },
      // By itself: it measures how long honest people wait meanwhile.
      { test: { name: 'hostile', include: ['test/relay/hostile.test.ts'], testTimeout: 30_000, fileParallelism: false, sequence: { groupOrder: 1 } } },
      {
        // Found while tests run, a dependency reloads the page under them.
        optimizeDeps: { include: ['idb-keyval', 'yjs', 'y-websocket', 'y-protocols/awareness', 'y-protocols/sync', 'lib0/encoding', 'lib0/decoding'] },
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          globalSetup: ['test/support/browser-global-setup.ts'],
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { chromiumSandbox, ...(executablePath && { executablePath }) } }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000, fileParallelism: false, sequence: { groupOrder: 2 } } },
    ],
  },
})

export default config
