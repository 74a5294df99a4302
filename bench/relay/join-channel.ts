/** A thousand come into one channel at once, until everybody sees everybody. */
import { WIRE } from '../../src/protocol/limits.js'
import { TYPE } from '../../src/protocol/messages.js'
import { pause } from '../../test/support/until.js'
import { asFigure, judgeBeside, type Bench, type Finding } from '../finding.js'
import { forAll, reached } from '../load/crowd.js'
import { connectOurDevice, planDevice, watchFrame } from '../load/our-device.js'
import { membersIn } from '../load/feed-view.js'
import { CHANNEL, type Detail } from '../load/people.js'
import { lose, type Traffic } from '../load/raw-socket.js'
import { RENEWAL_MS, connectYDevice, planYDevice, renewal, statesIn } from '../load/y-device.js'
import { CHANNEL_FEED_LIMIT, startRelay, startYWebsocket, type ServerProcess } from '../measure/server-process.js'

const NAMES = { bytes: 'bytes while 1,000 users join one channel', cpu: 'relay CPU while 1,000 users join one channel' }
const USERS = 1_000
/** What it costs there grows with the square; all of them would take longer than y-websocket lets a client be silent. */
const Y_USERS = 500
const Y_FACTOR = (USERS / Y_USERS) ** 2
const AT_ONCE = 100
const MB = 1_000_000

export const joinChannel: Bench = { name: 'join-channel', rows: Object.values(NAMES), run }

interface Cost {
  readonly bytes: number
  readonly cpuMs: number
}
interface YCost extends Cost {
  /** What stock clients would have sent besides: every state they hear goes back. */
  readonly echoBytes: number
  /** Slower than clients renew their states, a machine makes y-websocket pay more than its due: that is told. */
  readonly renewals: number
}

async function run(progress: (stage: string) => void): Promise<readonly Finding[]> {
  progress(`${Y_USERS} users on y-websocket's server`)
  const y = await measureY('nothing more')
  const yInDetail = await measureY('name and custom status')
  progress('a relay, once its first ten seconds are over')
  const ours = await measureOurs('nothing more')
  const oursInDetail = await measureOurs('name and custom status')
  const how = `From the first connection until each of ${USERS} has seen all, ${AT_ONCE} of them connecting at a time; everybody has an id and a status. The peer's users are ${Y_USERS}, and what they cost was multiplied by ${Y_FACTOR}, since it grows with the square${y.renewals > 0 ? `; the machine was so slow that they had to renew their states ${y.renewals} times` : ''}.`
  const limit = `Channel feed limit ${CHANNEL_FEED_LIMIT.toLocaleString('en')}.`
  const yBytes = (cost: YCost): number => cost.bytes + cost.echoBytes
  return [
    judgeBeside({
      name: NAMES.bytes, value: ours.bytes / MB, unit: 'MB', peer: { name: 'y-websocket 2.1', value: yBytes(y) / MB }, atMost: 1 / 5,
      beside: `y-websocket 2.1: ${asFigure(yBytes(y) / MB)} MB, ${asFigure(y.bytes / MB)} of them before its clients' echo; with a name and a custom status each: ours ${asFigure(oursInDetail.bytes / MB)}, y-websocket ${asFigure(yBytes(yInDetail) / MB)}`,
      how: `All bytes in both directions, handshakes included. Stock y-websocket clients send every state back that they hear: that was counted, not done. ${how} ${limit}`,
    }),
    judgeBeside({
      name: NAMES.cpu, value: ours.cpuMs / 1_000, unit: 's', peer: { name: 'y-websocket 2.1', value: y.cpuMs / 1_000 }, atMost: 1 / 10,
      beside: `y-websocket 2.1: ${asFigure(y.cpuMs / 1_000)} s; with a name and a custom status each: ours ${asFigure(oursInDetail.cpuMs / 1_000)}, y-websocket ${asFigure(yInDetail.cpuMs / 1_000)}`,
      how: `The peer is spared its clients' echo. ${how} ${limit}`,
    }),
  ]
}

const indices = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

async function measureOurs(detail: Detail): Promise<Cost> {
  const relay = await startRelay('memory')
  const plans = await Promise.all(indices(USERS).map((index) => planDevice(index, { detail })))
  const seen = createSightings()
  const interests = watchFrame([{ verb: 'join', id: CHANNEL }])
  await pause(Math.max(0, relay.startedAt + WIRE.startGraceMs + 1_000 - performance.now()))
  return measure(relay, seen, USERS, (traffic) => forAll(plans, AT_ONCE, async (plan) => {
    await connectOurDevice(plan, {
      port: relay.port, traffic, interests,
      listener: { onClose: lose, onFrame: (type, frame) => { if (type === TYPE.feed) membersIn(frame, (number) => seen.add(plan.index, number)) } },
    })
  }))
}

async function measureY(detail: Detail): Promise<YCost> {
  const server = await startYWebsocket()
  const seen = createSightings()
  const timers: NodeJS.Timeout[] = []
  let renewals = 0
  let echoBytes = 0
  const cost = await measure(server, seen, Y_USERS, (traffic) => forAll(indices(Y_USERS), AT_ONCE, async (index) => {
    const device = await connectYDevice(planYDevice(index, { detail }), {
      port: server.port, traffic, onClose: lose,
      onAwareness: (frame, wireBytes) => {
        echoBytes += wireBytes + MASK_BYTES
        statesIn(frame, (user) => seen.add(index, user))
      },
    })
    let clock = 1
    timers.push(setInterval(() => {
      renewals++
      device.write(renewal(index, ++clock, detail))
    }, RENEWAL_MS))
  }))
  timers.forEach(clearInterval)
  return { bytes: cost.bytes * Y_FACTOR, cpuMs: cost.cpuMs * Y_FACTOR, echoBytes: echoBytes * Y_FACTOR, renewals }
}
/** Of a client's frame. */
const MASK_BYTES = 4

async function measure(server: ServerProcess, seen: Sightings, users: number, connect: (traffic: Traffic) => Promise<void>): Promise<Cost> {
  const traffic: Traffic = { receivedBytes: 0, sentBytes: 0 }
  const before = server.cpuMs()
  await connect(traffic)
  await reached(seen.count, users * users, 'sightings', 180_000)
  return { bytes: traffic.receivedBytes + traffic.sentBytes, cpuMs: server.cpuMs() - before }
}

interface Sightings {
  add(viewer: number, user: number): void
  count(): number
}
/** Users' numbers stay below twice as many as there are. */
function createSightings(): Sightings {
  const seen = new Uint8Array(USERS * USERS * 2)
  let count = 0
  return {
    add(viewer, user) {
      const at = viewer * USERS * 2 + user
      if (seen[at] === 0) count++
      seen[at] = 1
    },
    count: () => count,
  }
}
