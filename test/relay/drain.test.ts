/** A relay that is drained and started again, as in every deploy: what fifty people who watch each other see of it is nothing. */
import { WebSocket } from 'ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RESTART_MS } from '../../server/relay/drain-plan.js'
import type { BuiltBrowserPresenceService } from '../../src/presence-service.js'
import { CLOSE } from '../../src/protocol/close-codes.js'
import { TYPE, typeOf } from '../../src/protocol/messages.js'
import { decodeFeed } from '../../src/protocol/feed.js'
import { openNodeTab } from '../support/node-tab.js'
import { startRelayProcess, type RelayProcess } from '../support/relay-process.js'
import { closeAll, until } from '../support/until.js'

const PEOPLE = Array.from({ length: 50 }, (_, index) => `person-${index}`)
const CHANNEL = 'office'
/** Longer than a lost socket's grace: the first to be let go would be seen to leave by the last. */
const DRAIN_MS = 10_000

interface Person {
  readonly userId: string
  readonly service: BuiltBrowserPresenceService
  readonly events: string[]
}
let relay: RelayProcess
let people: Person[]
/** Of every socket, also those of tries that failed. */
const closings: { readonly code: number; readonly at: number }[] = []
const leaves: string[] = []

/** The socket that the SDK is handed, which also reads along. */
class ListeningWebSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols)
    this.on('message', (data: Buffer) => readAlong(new Uint8Array(data)))
    this.on('close', (code) => closings.push({ code, at: Date.now() }))
    this.on('error', () => undefined)
  }
}

/** Whatever would show somebody offline or out of the channel; that a relay which has just started does not know is neither. */
function readAlong(frame: Uint8Array): void {
  if (typeOf(frame) !== TYPE.feed) return
  const items = decodeFeed(frame)
  if (!items.ok) return void leaves.push(items.reason)
  for (const item of items.value) {
    if (item.kind !== 'user') continue
    if (item.status === 'offline' && !item.isUnknown) leaves.push(`${item.number} is offline`)
    if ((item.left ?? []).length > 0) leaves.push(`${item.number} has left`)
  }
}

beforeAll(async () => {
  relay = await startRelayProcess(['--drain', `${DRAIN_MS / 1_000}s`])
  people = await Promise.all(PEOPLE.map(async (userId) => {
    const service = openNodeTab({ userId, relayUrl: relay.url, token: await relay.token(userId), channels: [CHANNEL], WebSocket: ListeningWebSocket as unknown as typeof globalThis.WebSocket })
    const events: string[] = []
    service.on('statusChange', (who, before, after) => events.push(`${who}: ${before} to ${after}`))
    service.on('offline', (who) => events.push(`${who} offline`))
    service.watch(PEOPLE.filter((id) => id !== userId))
    return { userId, service, events }
  }))
  await everybodySeesEverybody()
}, 60_000)
afterAll(async () => {
  await Promise.all(people.map(({ service }) => service.close()))
  await closeAll(relay)
})

function everybodySeesEverybody(): Promise<unknown> {
  return until(() => people.every(({ service }) => PEOPLE.every((id) => {
    const seen = service.peek(id)
    return seen?.status === 'online' && seen.freshness === 'live'
  }) && service.peekChannel(CHANNEL)?.users.length === PEOPLE.length), 'everybody sees everybody', 20_000)
}

describe('a relay that is drained', () => {
  it('[LV7] F16 lets its clients go one by one, is back before anybody is seen to leave, and has lost nothing', async () => {
    leaves.length = 0
    closings.length = 0
    for (const { events } of people) events.length = 0
    await people[0]!.service.me.setCustomStatus('Before the deploy')
    await people[0]!.service.me.sync()

    const drainedAt = Date.now()
    const ending = relay.terminate()
    await until(() => closings.length > 0, 'the first is let go')
    expect(await readiness()).toEqual({ status: 503, detail: 'The relay is draining.' })
    // Let go already, and without a relay: kept on the device.
    const early = people.find(({ service }) => service.getSnapshot().sync.connection.name !== 'online')!
    await early.service.me.setCustomStatus('During the deploy')
    const newcomer = new WebSocket(`${relay.url}/user/newcomer`, ['porchlight.v1', `bearer.${await relay.token('newcomer')}`])
    expect(await new Promise((resolve) => { newcomer.on('error', ({ message }) => resolve(message)) })).toContain('503')

    expect(await ending).toBe(0)
    const goneAt = Date.now()
    expect(goneAt - drainedAt).toBeLessThan(20_000)
    const letGo = closings.filter(({ code }) => code === CLOSE.draining)
    expect(letGo.length).toBe(PEOPLE.length)
    // They were told for how long nobody is let in, and do not try.
    expect(closings.filter(({ code, at }) => code !== CLOSE.draining && at < drainedAt + DRAIN_MS + RESTART_MS)).toEqual([])
    const gaps = letGo.map(({ at }) => at - drainedAt)
    expect(gaps.filter((gap) => gap < DRAIN_MS / 2).length, 'half in the first half').toBeGreaterThan(PEOPLE.length / 4)
    expect(gaps.filter((gap) => gap >= DRAIN_MS / 2).length, 'half in the second').toBeGreaterThan(PEOPLE.length / 4)

    await relay.restart()
    await everybodySeesEverybody()
    await until(async () => (await readiness()).status === 200, 'it is ready')
    // Who is not back when the grace of a start ends is told to be offline; nobody is.
    const settled = openNodeTab({ userId: 'last', relayUrl: relay.url, token: await relay.token('last') })
    settled.watch(['nobody'])
    await until(() => settled.peek('nobody')?.freshness === 'live', 'the grace of its start is over', 15_000)
    await settled.close()
    expect(leaves).toEqual([])
    expect(people.flatMap(({ events }) => events)).toEqual([])
    for (const { service } of people) {
      expect(service.peek(PEOPLE[0]!)?.customStatus).toBe(early.userId === PEOPLE[0] ? 'During the deploy' : 'Before the deploy')
      expect(service.peek(early.userId)?.customStatus).toBe('During the deploy')
    }
  }, 60_000)
})

async function readiness(): Promise<{ status: number; detail: string | undefined }> {
  const answer = await fetch(`${relay.url.replace('ws', 'http')}/readyz`)
  const { detail } = answer.status === 200 ? { detail: undefined } : await answer.json() as { detail: string }
  return { status: answer.status, detail }
}
