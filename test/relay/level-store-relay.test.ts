/** A relay in a process of its own, on a real disk that is slow, fails, is full, or has a bit flipped. */
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { signToken } from '../../server/relay/sign-token.js'
import type { BuiltBrowserPresenceService } from '../../src/presence-service.js'
import { TYPE, decodeStored, typeOf } from '../../src/protocol/messages.js'
import { bundleForNode, type Bundle } from '../support/bundle.js'
import { openNodeTab } from '../support/node-tab.js'
import { SECRET } from '../support/relay.js'
import { freePort, killProcess, startProcess } from '../support/relay-process.js'
import { sentFrames } from '../support/sent-frames.js'
import { canMount, mountSmallDisk } from '../support/small-disk.js'
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

describe.skipIf(!canTrace)('by its system calls (where strace may look at them), a relay', () => {
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

describe('a relay', () => {
  it.skipIf(!canMount)('[F13] [SY2] whose disk is full (where one may be mounted) acknowledges nothing, goes on serving, and stores what waited once there is room', async () => {
    const disk = mountSmallDisk(12_000_000)!
    stops.push(async () => disk.unmount())
    const relay = await startRelay(join(disk.path, 'store'))
    const [alice, bob] = [await openTab(relay.url, 'alice'), await openTab(relay.url, 'bob')]
    await Promise.all([alice, bob].map((tab) => tab.me.setCustomStatus('Before')))
    await Promise.all([alice, bob].map((tab) => tab.me.sync()))
    await bob.close()

    disk.fill()
    // What is left of the log's last page takes some.
    let edits = 0
    await until(async () => {
      await alice.me.setCustomStatus(`Edit ${++edits} on a full disk`)
      return relay.said().includes('could not be written')
    }, 'the disk is found full')
    await alice.me.setCustomStatus('The last')
    let isStored = false
    const syncing = alice.me.sync().then(() => { isStored = true })
    const [bobAgain, otherAlice] = [await openTab(relay.url, 'bob'), await openTab(relay.url, 'alice')]
    await until(() => bobAgain.getSnapshot().me?.customStatus === 'Before', 'what was stored is read')
    await until(() => otherAlice.getSnapshot().me?.customStatus === 'The last', 'what waits is passed on')
    const triesBefore = failuresIn(relay.said())
    await until(() => failuresIn(relay.said()) >= triesBefore + 2, 'it was tried again')
    expect(isStored).toBe(false)
    expect(alice.getSnapshot().sync.pending).toBeGreaterThan(0)

    disk.free()
    await syncing
    expect(alice.getSnapshot().sync).toMatchObject({ pending: 0, connection: { name: 'online' } })
    await Promise.all([alice.close(), otherAlice.close()])
    await relay.kill()
    await relay.start()
    const afterwards = await openTab(relay.url, 'alice')
    await until(() => afterwards.getSnapshot().me?.customStatus === 'The last', 'it was stored')
    expect(relay.said()).not.toContain('lost')
  }, 120_000)

  it('[F14] whose log has a bit flipped in its middle says from where to where it lost commits, and is told again by the devices', async () => {
    const path = join(folder, 'flipped')
    const relay = await startRelay(path)
    const [alice, bob] = [await openTab(relay.url, 'alice'), await openTab(relay.url, 'bob')]
    await alice.me.setCustomStatus('Lost on the disk')
    await alice.me.sync()
    // Beyond the block of the log that alice's edit is in; a damaged one is dropped to its end.
    for (let edit = 1; edit <= 250; edit++) {
      await bob.me.setCustomStatus(`Edit ${edit}, ${'which is long, '.repeat(5)}`)
      await bob.me.sync()
    }
    await relay.kill()
    flipBit(path, 'Lost on the disk')
    await relay.start()
    const [, from, to, count] = /lost commits.*"from":(\d+),"to":(\d+),"count":(\d+)/.exec(relay.said()) ?? []
    expect(Number(count)).toBe(Number(to) - Number(from) + 1)
    expect(relay.said()).not.toMatch(/alice|bob/)

    await until(() => alice.getSnapshot().sync.connection.name === 'online' && alice.getSnapshot().sync.pending === 0, 'alice is back')
    await alice.close()
    const otherAlice = await openTab(relay.url, 'alice')
    await until(() => otherAlice.getSnapshot().me?.customStatus === 'Lost on the disk', 'her edit is there again')
    await otherAlice.close()
    await relay.kill()
    await relay.start()
    expect(relay.said().match(/lost commits/g)).toHaveLength(1)
    const afterwards = await openTab(relay.url, 'alice')
    await until(() => afterwards.getSnapshot().me?.customStatus === 'Lost on the disk', 'and it is on the disk')
  }, 120_000)
})

const failuresIn = (said: string): number => said.split('could not be written').length

function flipBit(path: string, near: string) {
  const log = join(path, readdirSync(path).filter((name) => name.endsWith('.log')).sort().at(-1)!)
  const bytes = readFileSync(log)
  const at = bytes.indexOf(near)
  expect(at).toBeGreaterThan(0)
  expect(at).toBeLessThan(bytes.length - 40_000)
  bytes[at]! ^= 1
  writeFileSync(log, bytes)
}

/** Ended and started again on its port and folder. */
async function startRelay(path: string) {
  const port = await freePort()
  let said = ''
  let child = await start()
  stops.push(() => killProcess(child))
  return {
    url: `ws://127.0.0.1:${port}`,
    said: () => said,
    kill: () => killProcess(child),
    start: async () => { child = await start() },
  }

  function start(): Promise<ChildProcess> {
    return startProcess([bundle.file, 'relay', '--port', `${port}`, '--store', `level:${path}`, '--secret', SECRET], /listens at/, {}, (text) => { said += text })
  }
}

async function startTracedRelay(inject: readonly string[]): Promise<{ readonly url: string; readonly path: string; readonly traced: TracedProcess }> {
  const path = join(folder, `store ${stops.length} ${inject.join()}`)
  mkdirSync(path)
  const port = await freePort()
  const traced = spawnTraced([process.execPath, bundle.file, 'relay', '--port', `${port}`, '--store', `level:${path}`, '--secret', SECRET], join(folder, 'trace'), inject)
  stops.push(() => killProcess(traced.child))
  let said = ''
  traced.child.stdout!.on('data', (chunk) => { said += String(chunk) })
  await until(() => said.includes('listens at'), 'the relay listens')
  return { url: `ws://127.0.0.1:${port}`, path, traced }
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
