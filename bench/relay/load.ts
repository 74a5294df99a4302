/** Ten thousand connected devices, two hundred status changes a second, each seen by fifty. */
import { TYPE } from '../../src/protocol/messages.js'
import { WIRE } from '../../src/protocol/limits.js'
import { pause } from '../../test/support/until.js'
import { judge, type Bench, type Finding } from '../finding.js'
import { itemsOf } from '../load/feed-view.js'
import { atPace, forAll, reached } from '../load/crowd.js'
import { connectOurDevice, planDevice, watchNeighbours, type DevicePlan, type OurDevice } from '../load/our-device.js'
import { indexOf } from '../load/people.js'
import { lose, uncounted } from '../load/raw-socket.js'
import { percentile } from '../measure/percentile.js'
import { startRelay, temporaryFolder } from '../measure/server-process.js'

const NAMES = {
  delivery: 'delivery with 10,000 devices, 200 status changes/s × 50 watchers, p99',
  loop: 'event-loop delay of the relay under that load, p99',
  cores: 'CPU of the relay under that load',
}
const DEVICES = 10_000
const WATCHERS = 50
const INTERVAL_MS = 5
const WARM_UP = 1_000
const CHANGES = 8_000

export const load: Bench = { name: 'load', rows: Object.values(NAMES), run }

async function run(progress: (stage: string) => void): Promise<readonly Finding[]> {
  progress(`making ${DEVICES} devices`)
  const plans: DevicePlan[] = []
  for (let index = 0; index < DEVICES; index++) plans.push(await planDevice(index, { changes: 1 }))
  const relay = await startRelay(`level:${temporaryFolder()}`)
  progress('connecting them')
  /** By the relay's number of a user; the same on every connection. */
  const userOf = new Map<number, number>()
  const sentAt = new Float64Array(DEVICES)
  const latenciesMs: number[] = []
  let introduced = 0
  const devices: OurDevice[] = []
  await forAll(plans, 50, async (plan) => {
    devices[plan.index] = await connectOurDevice(plan, {
      port: relay.port, traffic: uncounted, interests: watchNeighbours(plan.index, DEVICES, WATCHERS),
      listener: { onClose: lose, onFrame: (type, frame) => { if (type === TYPE.feed) hear(frame) } },
    })
  })
  await reached(() => introduced, DEVICES * (WATCHERS + 1), 'introductions', 180_000)
  await pause(Math.max(2_000, relay.startedAt + WIRE.startGraceMs + 1_000 - performance.now()))
  progress('warming up')
  await change(0, WARM_UP)
  progress(`${1_000 / INTERVAL_MS} changes a second for ${(CHANGES * INTERVAL_MS) / 1_000} s`)
  await relay.ask('watch-loop')
  const [before, beganAt] = [relay.cpuMs(), performance.now()]
  await change(WARM_UP, CHANGES)
  const cores = (relay.cpuMs() - before) / (performance.now() - beganAt)
  const { loopDelayMs = NaN } = await relay.ask('loop-delay')
  const how = `Each device has its user's registers and watches ${WATCHERS} others; users take turns, one change every ${INTERVAL_MS} ms for ${(CHANGES * INTERVAL_MS) / 1_000} s. Devices are silent otherwise: one that is in use says so every 30 s. The store is LevelDB; relay and clients are one process each.`
  return [
    judge({
      name: NAMES.delivery, value: percentile(latenciesMs, 0.99), unit: 'ms', atMost: 75,
      beside: `median ${percentile(latenciesMs, 0.5).toFixed(0)} ms, longest ${percentile(latenciesMs, 1).toFixed(0)} ms`,
      how: `From the edit written on a socket to its entry read from another's, the feed's tick of ${WIRE.feedTickMs} ms included; all ${(CHANGES * WATCHERS).toLocaleString('en')} arrived. ${how}`,
    }),
    judge({ name: NAMES.loop, value: loopDelayMs, unit: 'ms', atMost: 15, how: `By perf_hooks inside the relay's process. ${how}` }),
    judge({ name: NAMES.cores, value: cores, unit: 'cores', atMost: 0.5, how }),
  ]

  async function change(from: number, count: number): Promise<void> {
    latenciesMs.length = 0
    await atPace(count, INTERVAL_MS, (number) => {
      const device = devices[from + number]!
      sentAt[from + number] = performance.now()
      device.write(device.plan.changes[0]!)
    })
    await reached(() => latenciesMs.length, count * WATCHERS, 'deliveries')
  }

  function hear(frame: Uint8Array): void {
    const now = performance.now()
    for (const item of itemsOf(frame)) {
      if (item.kind !== 'user') continue
      if (item.userId !== undefined) {
        introduced++
        userOf.set(item.number, indexOf(item.userId))
      } else if (item.status !== undefined) {
        const changedAt = sentAt[userOf.get(item.number) ?? -1] ?? 0
        if (changedAt > 0) latenciesMs.push(now - changedAt)
      }
    }
  }
}
