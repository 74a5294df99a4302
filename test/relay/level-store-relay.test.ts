/** A whole relay on a level store whose disk is slow, fails, or is full; and what its people are told meanwhile. */
import { type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { signToken } from '../../server/relay/sign-token.js'
import type { BuiltBrowserPresenceService } from '../../src/presence-service.js'
import { TYPE, decodeStored, typeOf } from '../../src/protocol/messages.js'
import { bundleForNode, type Bundle } from '../support/bundle.js'
import { openNodeTab } from '../support/node-tab.js'
import { SECRET } from '../support/relay.js'
import { freePort, killProcess } from '../support/relay-process.js'
import { sentFrames } from '../support/sent-frames.js'
import { canTrace, spawnTraced, type SystemCall, type TracedProcess } from '../support/system-calls.js'
import { until } from '../support/until.js'

const folder = mkdtempSync(join(tmpdir(), 'porchlight-relay-store-'))
const stops: (() => Promise<unknown>)[] = []
let bundle: Bundle
beforeAll(async () => { bundle = await bundleForNode('server/cli.ts') })
afterEach(async () => { for (const stop of stops.splice(0).reverse()) await stop() })
afterAll(() => {
  bundle.remove()
  rmSync(folder, { recursive: true, force: true })
})

describe.skipIf(!canTrace)('by its system calls, a relay', () => {
  it.each<[what: string, inject: readonly string[]]>([
    ['on a slow disk', ['fdatasync:delay_enter=8000']],
    ['whose syncs fail now and then', ['fdatasync:error=EIO:when=4..5']],
  ])('[SY2] [F13] %s sends no *stored* before the sync that covers it has returned, and each in the end', async (_, inject) => {
    const relay = await startTracedRelay(inject)
    const users = ['alice', 'bob', 'carol']
    const tabs = (await Promise.all(users.map(async (userId) => [await openTab(relay.url, userId), await openTab(relay.url, userId)]))).flat()
    for (let edit = 1; edit <= 12; edit++) {
      await Promise.all(tabs.map((tab, index) => tab.me.setCustomStatus(`Edit ${edit} of tab ${index}`)))
      // Each waits for its own, so that some share a commit and some do not.
      await Promise.all(tabs.map((tab) => tab.me.sync()))
    }
    await Promise.all(tabs.map((tab) => tab.close()))
    await killProcess(relay.traced.child)

    const calls = await relay.traced.calls()
    const covered = createCoverage(calls, relay.path)
    const stored = sentFrames(calls).filter(({ payload }) => typeOf(payload) === TYPE.stored)
    expect(stored.length).toBeGreaterThan(12 * users.length)
    for (const { payload, sentAt } of stored) {
      const stamps = decodeStored(payload)
      if (!stamps.ok) return expect.unreachable(stamps.reason)
      for (const at of stamps.value.values()) expect(covered(JSON.stringify(at), sentAt), `${at.join()} at line ${sentAt}`).toBe(true)
    }
    const failed = calls.filter(({ name, result }) => name === 'fdatasync' && result < 0)
    expect(failed.length > 0).toBe(inject[0]!.includes('EIO'))
  }, 120_000)
})

async function startTracedRelay(inject: readonly string[]): Promise<{ readonly url: string; readonly path: string; readonly traced: TracedProcess }> {
  const path = join(folder, `store ${stops.length} ${inject.join()}`)
  mkdirSync(path)
  const port = await freePort()
  const traced = spawnTraced([process.execPath, bundle.file, 'relay', '--port', `${port}`, '--store', `level:${path}`, '--secret', SECRET], join(folder, 'trace'), inject)
  stops.push(() => killProcess(traced.child))
  await listening(traced.child)
  return { url: `ws://127.0.0.1:${port}`, path, traced }
}

function listening(child: ChildProcess): Promise<unknown> {
  let said = ''
  child.stdout!.on('data', (chunk) => { said += String(chunk) })
  return until(() => said.includes('listens at'), 'the relay listens')
}

async function openTab(relayUrl: string, userId: string): Promise<BuiltBrowserPresenceService> {
  const tab = openNodeTab({ userId, relayUrl, token: await signToken(SECRET, { userId, channels: '*', watch: '*', ttlMs: 600_000 }) })
  stops.push(() => tab.close())
  await until(() => tab.getSnapshot().sync.connection.name === 'online', `${userId} is online`)
  return tab
}

/** Whether a text was written to a log of the store, and synced, before a line of the trace. */
function createCoverage(calls: readonly SystemCall[], path: string): (text: string, before: number) => boolean {
  const onLogs = calls.filter(({ on }) => on.startsWith(`${path}/`) && on.endsWith('.log'))
  const writes = onLogs.filter(({ name, result }) => name === 'write' && result > 0)
  const syncs = onLogs.filter(({ name, result }) => name === 'fdatasync' && result === 0)
  return (text, before) => syncs.some((sync) => sync.returnedAt < before
    && Buffer.concat(writes.filter((write) => write.on === sync.on && write.returnedAt < sync.enteredAt).map(({ texts }) => texts[0]!)).includes(text))
}
