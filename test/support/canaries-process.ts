/**
 * Runs in a process of its own, so that no attacker's work delays what is measured here: two honest people who watch each other, one
 * of them on two devices. Each goes on changing; how long it took until the others heard of it goes to the parent process. A third
 * only pings, which is how long the relay takes to get to anything at all.
 */
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { WebSocket } from 'ws'
import type { BuiltBrowserPresenceService } from '../../src/presence-service.js'
import { helloOf } from './hostile-client.js'
import { openNodeTab } from './node-tab.js'
import { threadTimeOf } from './process-cost.js'
import { pause, until } from './until.js'

export interface Delivery {
  /** To somebody else, to another device of one's own, or there and back again. */
  readonly by: 'feed' | 'document' | 'ping'
  /** When the change was made, in ms since 1970. */
  readonly at: number
  /** Less what other processes took of the processors meanwhile; null: it was not heard of. */
  readonly tookMs: number | null
}

/** A person's changes may be told twice a second at most. */
const INTERVAL_MS = 600
/** Until these, what a newcomer has changed at once, by coming, delays what follows. */
const FIRST_SONGS = 2
const LOST_AFTER_MS = 5_000
const PING_INTERVAL_MS = 25

type Ear = readonly [listener: BuiltBrowserPresenceService, by: Delivery['by']]

const [relayUrl = '', relayPid = '', wrensToken = '', larksToken = '', robinsToken = ''] = process.argv.slice(2)
const wren = openNodeTab({ userId: 'wren', relayUrl, token: wrensToken })
const wrensPhone = openNodeTab({ userId: 'wren', relayUrl, token: wrensToken })
const lark = openNodeTab({ userId: 'lark', relayUrl, token: larksToken })
wren.watch(['lark'])
lark.watch(['wren'])
process.once('disconnect', () => process.exit(0))
await until(() => [wren, wrensPhone, lark].every((service) => service.getSnapshot().sync.connection.name === 'online')
  && wren.peek('lark')?.freshness === 'live' && lark.peek('wren')?.freshness === 'live', 'all are there')
void sing('wren', wren, [[lark, 'feed'], [wrensPhone, 'document']])
void sing('lark', lark, [[wren, 'feed']])
const robin = new WebSocket(`${relayUrl}/user/robin`, ['porchlight.v1', `bearer.${robinsToken}`])
robin.once('open', () => {
  robin.send(helloOf('robin'.padEnd(22, '-')))
  void ping()
})

async function sing(userId: string, singer: BuiltBrowserPresenceService, ears: readonly Ear[]): Promise<void> {
  for (let count = 1; ; count++) {
    const [song, at, readWatch] = [`song ${count}`, Date.now(), startWatch()]
    const heard = ears.map(async ([listener, by]) => {
      const isHeard = await hears(listener, userId, song)
      if (count > FIRST_SONGS) process.send?.({ by, at, tookMs: isHeard ? readWatch() : null } satisfies Delivery)
    })
    await singer.me.setCustomStatus(song)
    await Promise.all([...heard, pause(INTERVAL_MS)])
  }
}

async function ping(): Promise<void> {
  for (;;) {
    const [at, readWatch] = [Date.now(), startWatch()]
    const answered = once(robin, 'pong')
    robin.ping()
    await answered
    process.send?.({ by: 'ping', at, tookMs: readWatch() } satisfies Delivery)
    await pause(PING_INTERVAL_MS)
  }
}

/** Starts a watch that stands still while the relay, or else this process, is ready to work and has no processor; returns how to read it. */
function startWatch(): () => number {
  const look = (): readonly [now: number, relayWaited: number, waited: number] => [performance.now(), threadTimeOf(Number(relayPid)).waitedMs, threadTimeOf(process.pid).waitedMs]
  const began = look()
  return () => {
    const [now, relayWaited, waited] = look()
    // Both may have waited for the same processor: the longer is surely right, and their sum might be too much.
    return now - began[0] - Math.max(relayWaited - began[1], waited - began[2])
  }
}

function hears(listener: BuiltBrowserPresenceService, userId: string, song: string): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = listener.on('customStatusChange', (of, text) => { if (of === userId && text === song) end(true) })
    const timer = setTimeout(() => end(false), LOST_AFTER_MS)
    function end(isHeard: boolean): void {
      clearTimeout(timer)
      stop()
      resolve(isHeard)
    }
  })
}
