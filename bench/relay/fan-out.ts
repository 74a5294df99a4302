/** One channel, a thousand who see it, status changes: what a delivery costs the relay, and how many bytes it is. */
import { TYPE } from '../../src/protocol/messages.js'
import { WIRE } from '../../src/protocol/limits.js'
import { pause } from '../../test/support/until.js'
import { asFigure, judge, judgeBeside, type Bench, type Finding } from '../finding.js'
import { atPace, forAll, reached } from '../load/crowd.js'
import { itemsOf } from '../load/feed-view.js'
import { clientFrame } from '../load/frames.js'
import { connectOurDevice, planDevice, watchFrame } from '../load/our-device.js'
import { CHANNEL } from '../load/people.js'
import { addressOf, lose, openRawSocket, uncounted } from '../load/raw-socket.js'
import { connectYDevice, planYDevice, statesIn } from '../load/y-device.js'
import { CHANNEL_FEED_LIMIT, startBareWs, startRelay, startYWebsocket, type ServerProcess } from '../measure/server-process.js'

const NAMES = {
  bursts: 'relay CPU per delivered status change, 1,000 watchers, bursts of 20',
  singles: 'relay CPU per delivered status change, 1,000 watchers, singles 20 ms apart',
  bytes: 'bytes per delivered status change, frame included',
}
const WATCHERS = 1_000
const BURST = { size: 20, intervalMs: 400, count: 20 }
const SINGLE = { intervalMs: 20, count: 300 }
/** Servers take turns, so that what else the machine does hits all alike. */
const ROUNDS = 3
const BARE_FRAME_BYTES = 64
/** Each person changes once per `WATCHERS` changes: far below what a relay limits. */
const CHANGES_EACH = Math.ceil(((ROUNDS + 1) * (BURST.size * BURST.count + SINGLE.count)) / WATCHERS)

export const fanOut: Bench = { name: 'fan-out', rows: Object.values(NAMES), run }

interface Stage {
  readonly server: ServerProcess
  /** The next person changes. */
  change(): void
  /** So far. */
  readonly delivered: { count: number; bytes: number }
}
interface Cost {
  cpuMs: number
  deliveries: number
  bytes: number
}

async function run(progress: (stage: string) => void): Promise<readonly Finding[]> {
  progress(`starting a relay with ${WATCHERS} clients`)
  const ours = await stageOurs()
  progress('and y-websocket\'s server')
  const y = await stageY()
  progress('and a bare one')
  const bare = await stageBare()
  progress('warming up')
  for (const stage of [ours, y]) await bursts(stage)
  for (const stage of [ours, bare]) await singles(stage)
  const costs = { ours: nothing(), y: nothing(), oursSingles: nothing(), bareSingles: nothing() }
  for (let round = 1; round <= ROUNDS; round++) {
    progress(`round ${round} of ${ROUNDS}: bursts`)
    add(costs.ours, await bursts(ours))
    add(costs.y, await bursts(y))
    progress(`round ${round} of ${ROUNDS}: singles`)
    add(costs.oursSingles, await singles(ours))
    add(costs.bareSingles, await singles(bare))
  }
  return findings(costs)
}

function findings({ ours, y, oursSingles, bareSingles }: Record<'ours' | 'y' | 'oursSingles' | 'bareSingles', Cost>): readonly Finding[] {
  const [inBursts, single] = [ours.bytes / ours.deliveries, oursSingles.bytes / oursSingles.deliveries]
  return [
    judgeBeside({
      name: NAMES.bursts, value: costOf(ours), unit: 'µs', peer: { name: 'y-websocket 2.1', value: costOf(y) }, atMost: 1 / 15,
      how: `${BURST.size} people change every ${BURST.intervalMs} ms; both servers keep everything in memory; of the peer's 1,000 clients the 20 who change have a state, and none echoes what it hears, as stock ones do: both spare it work. Channel feed limit ${CHANNEL_FEED_LIMIT.toLocaleString('en')}.`,
    }),
    judgeBeside({
      name: NAMES.singles, value: costOf(oursSingles), unit: 'µs', peer: { name: 'a bare ws.send loop', value: costOf(bareSingles) }, atMost: 0.5,
      how: `The bare server passes a frame of ${BARE_FRAME_BYTES} bytes on; ours gets an edit, merges, derives and tells. Channel feed limit ${CHANNEL_FEED_LIMIT.toLocaleString('en')}.`,
    }),
    judge({
      name: NAMES.bytes, value: Math.max(inBursts, single), unit: 'B', atMost: 8, beside: `y-websocket 2.1: ${asFigure(y.bytes / y.deliveries)} B`,
      how: `Counted by the receivers: frames of the feed with their heads. In bursts ${asFigure(inBursts)}, singles ${asFigure(single)}; the greater counts.`,
    }),
  ]
}

const bursts = (stage: Stage): Promise<Cost> => measure(stage, BURST.size * BURST.count, () => atPace(BURST.count, BURST.intervalMs, () => {
  for (let change = 0; change < BURST.size; change++) stage.change()
}))
const singles = (stage: Stage): Promise<Cost> => measure(stage, SINGLE.count, () => atPace(SINGLE.count, SINGLE.intervalMs, stage.change))

async function measure({ server, delivered }: Stage, changes: number, act: () => Promise<void>): Promise<Cost> {
  const before = { cpuMs: server.cpuMs(), ...delivered }
  const expected = delivered.count + changes * WATCHERS
  await act()
  await reached(() => delivered.count, expected, 'deliveries')
  return { cpuMs: server.cpuMs() - before.cpuMs, deliveries: delivered.count - before.count, bytes: delivered.bytes - before.bytes }
}

const nothing = (): Cost => ({ cpuMs: 0, deliveries: 0, bytes: 0 })
function add(total: Cost, cost: Cost): void {
  total.cpuMs += cost.cpuMs
  total.deliveries += cost.deliveries
  total.bytes += cost.bytes
}
const costOf = ({ cpuMs, deliveries }: Cost): number => (cpuMs * 1_000) / deliveries

interface Person {
  readonly plan: { readonly changes: readonly Buffer[] }
  write(frames: Uint8Array): void
}
/** Each in turn makes the next of its prepared changes. */
function inTurn(people: readonly Person[]): () => void {
  let made = 0
  return () => {
    const person = people[made % people.length]!
    person.write(person.plan.changes[Math.floor(made++ / people.length)]!)
  }
}

const indices = Array.from({ length: WATCHERS }, (_, index) => index)

async function stageOurs(): Promise<Stage> {
  const server = await startRelay('memory')
  const plans = await Promise.all(indices.map((index) => planDevice(index, { changes: CHANGES_EACH })))
  const delivered = { count: 0, bytes: 0 }
  const joined = { count: 0 }
  const people: Person[] = []
  await forAll(plans, 50, async (plan) => {
    people.push(await connectOurDevice(plan, {
      port: server.port, traffic: uncounted, interests: watchFrame([{ verb: 'join', id: CHANNEL }]),
      listener: { onFrame: (type, frame, wireBytes) => { if (type === TYPE.feed) hear(frame, wireBytes) }, onClose: lose },
    }))
  })
  await reached(() => joined.count, WATCHERS * WATCHERS, 'members were told', 60_000)
  // What a relay says in its first seconds is not what it says ever after (LV7).
  await pause(Math.max(0, server.startedAt + WIRE.startGraceMs + 1_000 - performance.now()))
  return { server, delivered, change: inTurn(people) }

  function hear(frame: Uint8Array, wireBytes: number): void {
    let changes = 0
    for (const item of itemsOf(frame)) {
      if (item.kind !== 'user') continue
      joined.count += item.joined?.length ?? 0
      if (item.status !== undefined && item.userId === undefined) changes++
    }
    if (changes === 0) return
    delivered.count += changes
    delivered.bytes += wireBytes
  }
}

async function stageY(): Promise<Stage> {
  const server = await startYWebsocket()
  const delivered = { count: 0, bytes: 0 }
  const speakers: Person[] = []
  await forAll(indices, 50, async (index) => {
    const isListener = index >= BURST.size
    const plan = planYDevice(index, isListener ? { isListener } : { changes: (ROUNDS + 1) * BURST.count })
    const device = await connectYDevice(plan, {
      port: server.port, traffic: uncounted, onClose: lose,
      onAwareness: (frame, wireBytes) => statesIn(frame, () => {
        delivered.count++
        delivered.bytes += wireBytes
      }),
    })
    if (!isListener) speakers.push(device)
  })
  await quiet(() => delivered.count)
  return { server, delivered, change: inTurn(speakers) }
}

async function stageBare(): Promise<Stage> {
  const server = await startBareWs()
  const delivered = { count: 0, bytes: 0 }
  const change = clientFrame(new Uint8Array(BARE_FRAME_BYTES))
  const sockets = await Promise.all(indices.map((index) => new Promise<{ write(frames: Uint8Array): void }>((resolve) => {
    const socket = openRawSocket({
      port: server.port, path: '/', localAddress: addressOf(index), traffic: uncounted, onOpen: () => resolve(socket), onClose: lose,
      onFrame: (_, __, wireBytes) => {
        delivered.count++
        delivered.bytes += wireBytes
      },
    })
  })))
  let made = 0
  return { server, delivered, change: () => sockets[made++ % sockets.length]!.write(change) }
}

/** Until nothing more arrives for a second. */
async function quiet(count: () => number): Promise<void> {
  let before: number
  do {
    before = count()
    await pause(1_000)
  } while (count() > before)
}
