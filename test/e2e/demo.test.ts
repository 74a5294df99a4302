/** The demo as it is served: the stage, with two people and two devices each, on a relay of its own. */
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Browser, FrameLocator, Locator, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { TEST_ID } from '../../demo/test-ids.js'
import { launchBrowser } from '../support/browser.js'
import { freePort, killProcess, startProcess } from '../support/relay-process.js'

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

let relay: ChildProcess
let browser: Browser
let address: string
let stage: Page
let complaints: string[]

beforeAll(async () => {
  const port = await freePort()
  address = `http://127.0.0.1:${port}/`
  const args = ['relay', '--demo', '--port', String(port), '--store', 'memory', '--secret', 'a secret of at least thirty-two bytes']
  ;[relay, browser] = await Promise.all([startProcess([CLI, ...args], /listens at/), launchBrowser()])
})
afterAll(async () => {
  await browser?.close()
  if (relay) await killProcess(relay)
})

beforeEach(async () => {
  stage = await (await browser.newContext()).newPage()
  complaints = []
  stage.on('pageerror', (error) => complaints.push(error.message))
  stage.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()) })
})
afterEach(async () => {
  await stage.context().close()
  if (complaints.length > 0) throw new Error(`The page complained: ${complaints.join('; ')}`)
})

/** Names of their own for each test: the relay remembers people. */
async function openStage(alice: string, bob: string): Promise<Record<'laptop' | 'phone' | 'bob', FrameLocator>> {
  await stage.goto(`${address}?left=${alice}&right=${bob}`)
  const devices = { laptop: device(alice, 'laptop'), phone: device(alice, 'phone'), bob: device(bob, 'laptop') }
  await Promise.all(Object.values(devices).map((frame) => connected(frame)))
  return devices
}

const device = (user: string, name: string): FrameLocator =>
  stage.frameLocator(`[data-testid=${TEST_ID.window}][data-user=${user}][data-device=${name}] iframe`)
const connected = (frame: FrameLocator): Promise<void> => frame.locator(`[data-testid=${TEST_ID.device}][data-connection=online]:not([data-cut])`).waitFor()
const own = (frame: FrameLocator, text: string): Locator => frame.getByTestId(TEST_ID.myCustom).filter({ hasText: text })
const person = (frame: FrameLocator, user: string, with_ = ''): Locator => frame.locator(`[data-testid=${TEST_ID.rosterRow}][data-user-id=${user}]${with_}`)
const synced = (frame: FrameLocator, pending: string): Promise<void> => frame.locator(`[data-testid=${TEST_ID.syncCounts}]${pending}`).waitFor()

async function setCustom(frame: FrameLocator, text: string, emoji = ''): Promise<void> {
  await frame.getByTestId(TEST_ID.customText).fill(text)
  await frame.getByTestId(TEST_ID.customEmoji).fill(emoji)
  await frame.getByTestId(TEST_ID.customSet).click()
  await own(frame, text).waitFor()
}

describe('the demo', () => {
  it('shows a custom status on one\'s other device and to others', async () => {
    const { laptop, phone, bob } = await openStage('alice', 'bob')
    await setCustom(laptop, 'In a meeting', '📅')
    await own(phone, '📅In a meeting').waitFor()
    await person(bob, 'alice', '[data-custom="In a meeting"]').waitFor()

    await phone.getByTestId(TEST_ID.customClear).click()
    await own(laptop, '').waitFor({ state: 'hidden' })
    await person(bob, 'alice', ':not([data-custom])').waitFor()
  })

  it('ends a custom status when its time has come, and counts it down', async () => {
    const { laptop, bob } = await openStage('ann', 'ben')
    await laptop.getByTestId(TEST_ID.customExpiry).selectOption('custom')
    await laptop.getByTestId(`${TEST_ID.customExpiry}-minutes`).fill('0.1')
    await setCustom(laptop, 'Back in a moment')
    expect(await own(laptop, 'Back in a moment').textContent()).toMatch(/for \d more seconds?$/)
    await person(bob, 'ann', '[data-custom="Back in a moment"]').waitFor()
    await person(bob, 'ann', ':not([data-custom])').waitFor({ timeout: 10_000 })
    await own(laptop, '').waitFor({ state: 'hidden' })
  })

  it('lets the later of two edits win that were made while both devices were cut off', async () => {
    const { laptop, phone, bob } = await openStage('amy', 'bert')
    for (const frame of [laptop, phone]) {
      await frame.getByTestId(TEST_ID.airplane).click()
      await frame.locator(`[data-testid=${TEST_ID.device}][data-cut]`).waitFor()
    }
    await setCustom(laptop, 'Earlier')
    await setCustom(phone, 'Later')
    await synced(laptop, ':not([data-pending="0"])')
    expect(await own(laptop, 'Earlier').isVisible()).toBe(true)
    expect(await person(bob, 'amy', '[data-custom]').count()).toBe(0)

    // The later edit arrives first, so that the order of arrival would decide otherwise.
    await phone.getByTestId(TEST_ID.airplane).click()
    await person(bob, 'amy', '[data-custom="Later"]').waitFor()
    await laptop.getByTestId(TEST_ID.airplane).click()
    await own(laptop, 'Later').waitFor()
    for (const frame of [laptop, phone]) await synced(frame, '[data-synced="2"][data-total="2"][data-pending="0"]')
    expect(await own(phone, 'Later').isVisible()).toBe(true)
    expect(await person(bob, 'amy', '[data-custom="Later"]').count()).toBe(1)
  })

  it('keeps what was set while cut off, over a reload', async () => {
    const { laptop, phone } = await openStage('abe', 'bill')
    await laptop.getByTestId(TEST_ID.airplane).click()
    await setCustom(laptop, 'On the plane')
    await stage.reload()
    await connected(phone)
    await laptop.locator(`[data-testid=${TEST_ID.device}][data-cut]`).waitFor()
    await own(laptop, 'On the plane').waitFor()
    await laptop.getByTestId(TEST_ID.airplane).click()
    await own(phone, 'On the plane').waitFor()
  })

  it('shows others a chosen status, and one who appears offline as gone', async () => {
    const { laptop, phone, bob } = await openStage('ada', 'bea')
    await person(bob, 'ada', '[data-status=online]').waitFor()
    await phone.getByTestId('status-dnd').click()
    await person(bob, 'ada', '[data-status=dnd]').waitFor()
    await laptop.locator(`[data-testid=${TEST_ID.myStatus}][data-choice=dnd]`).waitFor()

    await laptop.getByTestId('status-offline').click()
    await person(bob, 'ada', '[data-status=offline]').waitFor()
    await phone.locator(`[data-testid=${TEST_ID.myStatus}][data-choice=offline]`).waitFor()

    await laptop.getByTestId('status-online').click()
    await person(bob, 'ada', '[data-status=online]').waitFor()
  })

  it('says what is wrong with an emoji, and what to do', async () => {
    const { laptop } = await openStage('al', 'bo')
    await laptop.getByTestId(TEST_ID.customText).fill('Lunch')
    await laptop.getByTestId(TEST_ID.customEmoji).fill('🍲🍲')
    await laptop.getByTestId(TEST_ID.customSet).click()
    await laptop.locator(`[data-testid=${TEST_ID.notice}][data-code=invalid-argument]`).waitFor()
    expect(await laptop.getByTestId(TEST_ID.customText).inputValue()).toBe('Lunch')
  })

  it('takes a device off the list of those connected when its window is closed', async () => {
    const { laptop, bob } = await openStage('ari', 'bud')
    await laptop.getByTestId(TEST_ID.recordActivity).click()
    await laptop.locator(`[data-testid=${TEST_ID.activityRow}][data-type=typed]`).waitFor()
    for (const name of ['phone', 'laptop']) {
      await stage.locator(`[data-testid=${TEST_ID.window}][data-user=ari][data-device=${name}]`).getByTestId(TEST_ID.windowClose).click()
      if (name === 'laptop') await person(bob, 'ari', '[data-status=offline]').waitFor({ timeout: 6_000 })
      else await laptop.locator(`[data-testid=${TEST_ID.deviceRow}][data-device-name=Phone][data-status=offline]`).waitFor({ timeout: 6_000 })
    }
  })
})
