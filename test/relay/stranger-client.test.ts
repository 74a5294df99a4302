/** A client that was written from docs/PROTOCOL.md alone, at a real relay, beside people who use ours. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { BuiltBrowserPresenceService } from '../../src/presence-service.js'
import { openClient } from '../support/hostile-client.js'
import { openNodeTab } from '../support/node-tab.js'
import { protocolPage, readVectors } from '../support/protocol-page.js'
import { startRelay } from '../support/relay.js'
import { startRelayProcess, type RelayProcess } from '../support/relay-process.js'
import { startStranger, type Stranger } from '../support/stranger.js'
import { closeAll, until } from '../support/until.js'

let relay: RelayProcess
const strangers: Stranger[] = []
const tabs: BuiltBrowserPresenceService[] = []
beforeAll(async () => { relay = await startRelayProcess() })
afterEach(async () => {
  await Promise.all(strangers.splice(0).map((stranger) => stranger.stop()))
  await closeAll(...tabs.splice(0))
})
afterAll(() => relay?.close())

async function openTab(userId: string, channel: string): Promise<BuiltBrowserPresenceService> {
  const tab = openNodeTab({ userId, relayUrl: relay.url, token: await relay.token(userId), channels: [channel] })
  tabs.push(tab)
  await until(() => tab.getSnapshot().sync.connection.name === 'online', `${userId} is online`)
  return tab
}

async function startEve(channel: string, ...watched: readonly string[]): Promise<Stranger> {
  const eve = startStranger(relay.url, 'eve', await relay.token('eve'), channel, ...watched)
  strangers.push(eve)
  return eve
}

/** Until the line about somebody fits; null: there is none. */
const untilShown = (stranger: Stranger, userId: string, wanted: RegExp | null): Promise<unknown> => until(() => {
  const line = stranger.people.get(userId)
  return wanted === null ? line === undefined : line !== undefined && wanted.test(line)
}, `${userId} is shown as ${wanted}`).catch((error: unknown) => { throw new Error(`${String(error)}\n${stranger.printed}\n${stranger.complaints}`) })

describe('a stranger\'s client', () => {
  it('shows a roster, follows a status, and is seen itself', async () => {
    const [bob, grace] = [await openTab('bob', 'team'), await openTab('grace', 'team')]
    await grace.me.setProfile({ name: 'Grace Hopper' })
    const eve = await startEve('team')

    await untilShown(eve, 'bob', /^bob · online · since \d\d:\d\d$/)
    await untilShown(eve, 'grace', /^Grace Hopper \(grace\) · online/)
    await untilShown(eve, 'eve', /^eve · online/)
    expect([...eve.people.keys()]).toEqual(['bob', 'eve', 'grace'])
    await until(() => eve.title === 'team · 3 here · live', 'the roster is settled')
    await until(() => bob.peekChannel('team')?.users.find(({ userId }) => userId === 'eve')?.status === 'online', 'bob sees eve')

    await bob.me.setStatus('dnd')
    await untilShown(eve, 'bob', /^bob · dnd/)
    await bob.me.setStatus('online')
    await untilShown(eve, 'bob', /^bob · online/)

    expect(await eve.stop()).toBe(0)
    await until(() => bob.peekChannel('team')?.users.every(({ userId }) => userId !== 'eve'), 'bob sees her go')
    expect(eve.complaints).toBe('')
  })

  it('[VS2] shows who hides as one who left, and who leaves the channel as elsewhere', async () => {
    const [heidi, ivan] = [await openTab('heidi', 'hall'), await openTab('ivan', 'garden')]
    const leave = ivan.join('hall')
    const eve = await startEve('hall', 'ivan')
    await untilShown(eve, 'heidi', /^heidi · online/)
    await untilShown(eve, 'ivan', /^ivan · online · since/)

    await heidi.me.setStatus('offline')
    await untilShown(eve, 'heidi', null)
    await heidi.me.setStatus('online')
    await untilShown(eve, 'heidi', /^heidi · online/)

    leave()
    await untilShown(eve, 'ivan', /^ivan · online · not here · since/)
    await ivan.me.setStatus('away')
    await untilShown(eve, 'ivan', /^ivan · away · not here · since/)
    await ivan.close()
    await untilShown(eve, 'ivan', /^ivan · offline · not here · since/)
  })

  it('[CS2] [LV5] [LV7] lets a custom status expire while the relay is dead, keeps who may still come back, and is right again in the end', async () => {
    const [judy, ken] = [await openTab('judy', 'team'), await openTab('ken', 'team')]
    const eve = await startEve('team', 'dave')
    await untilShown(eve, 'ken', /^ken · online/)
    await until(() => eve.title === 'team · 3 here · live', 'the roster is settled')
    await judy.me.setStatus('dnd')
    await judy.me.setCustomStatus('Lunch', { emoji: '🍜', expiresInMs: 6_000 })
    await judy.me.sync()
    await untilShown(eve, 'judy', /^judy · dnd · since \d\d:\d\d · 🍜 Lunch · until \d\d:\d\d$/)

    await relay.kill()
    await ken.close()
    await untilShown(eve, 'judy', /Lunch · until .* · stale · as of \d\d:\d\d$/)
    await untilShown(eve, 'judy', /^judy · dnd · since \d\d:\d\d · stale · as of \d\d:\d\d$/)
    const before = eve.printed.length

    await relay.restart()
    await until(() => eve.title === 'team · 2 here · live', 'the roster is settled', 30_000)
    await untilShown(eve, 'judy', /^judy · dnd · since \d\d:\d\d$/)
    await untilShown(eve, 'ken', null)
    await untilShown(eve, 'dave', /^dave · offline · not here/)
    const unsettled = eve.printed.slice(before).split('\n\n').filter((roster) => roster.includes('· stale\n'))
    expect(unsettled.filter((roster) => !/^  judy · dnd/m.test(roster) || !/^  ken · online .*stale/m.test(roster)), 'nobody was seen to leave before it was').toEqual([])
  }, 60_000)

  it.each([['4401', 'eve', 'no.to.ken'], ['4403', 'mallory', null]])('stays away after %s', async (code, userId, token) => {
    const eve = startStranger(relay.url, userId, token ?? await relay.token('eve'), 'team')
    expect(await eve.ended()).toBe(1)
    expect(eve.complaints).toContain(`Refused with ${code}`)
  })

  it('only looks, in the room for that, and is seen by nobody', async () => {
    const nina = await openTab('nina', 'pier')
    const visitor = startStranger(relay.url, '-', await relay.token('otto'), 'pier', 'nina')
    strangers.push(visitor)
    await untilShown(visitor, 'nina', /^nina · online/)
    await nina.me.setStatus('away')
    await untilShown(visitor, 'nina', /^nina · away/)
    expect([...visitor.people.keys()]).toEqual(['nina'])
    expect(nina.peekChannel('pier')?.users.map(({ userId }) => userId)).toEqual(['nina'])
    expect(visitor.complaints).toBe('')
  })

  it('counts a channel too large to be told whole, and shows a page of it', async () => {
    const small = await startRelay({}, { channelFeedLimit: 2 })
    try {
      for (const userId of ['kim', 'lou', 'mia']) tabs.push(openNodeTab({ userId, relayUrl: small.url, token: await small.token(userId), channels: ['plaza'] }))
      const eve = startStranger(small.url, 'eve', await small.token('eve'), 'plaza', 'lou')
      strangers.push(eve)
      await until(() => eve.title === 'plaza · 4 here · live', 'all are counted')
      await until(() => [...eve.people.keys()].join() === 'eve,kim,lou,mia', 'all are shown')
      await tabs.at(-1)!.me.setStatus('dnd')
      await untilShown(eve, 'mia', /^mia · dnd/)
    } finally {
      await closeAll(...tabs.splice(0), small)
    }
  })

  it('shows a status that was written by hand, byte by byte, as the page has it', async () => {
    const vectors = readVectors(protocolPage)
    const alice = openClient(`${relay.url}/user/alice`, await relay.token('alice'))
    alice.send(...['hello', 'liveness', 'watch', 'sync step2 empty', 'update first'].map((name) => vectors.get(name)!))
    const eve = await startEve('team')
    await untilShown(eve, 'alice', /^alice · dnd/)
    alice.send(vectors.get('update second')!)
    await untilShown(eve, 'alice', /^alice · online/)
    alice.send(vectors.get('leave gone')!)
    await untilShown(eve, 'alice', null)
    alice.close()
  })
})
