/** How long after an edit its device hears that it is on disk. */
import { TYPE } from '../../src/protocol/messages.js'
import { judge, type Bench, type Finding } from '../finding.js'
import { atPace, forAll, reached } from '../load/crowd.js'
import { connectOurDevice, planDevice, type OurDevice } from '../load/our-device.js'
import { lose, uncounted } from '../load/raw-socket.js'
import { percentile } from '../measure/percentile.js'
import { startRelay, temporaryFolder } from '../measure/server-process.js'

const NAME = 'acknowledgement of stored, 200 edits/s, p99'
const DEVICES = 500
const INTERVAL_MS = 5
const WARM_UP = 400
const EDITS = 4_000

export const stored: Bench = { name: 'stored', rows: [NAME], run }

async function run(progress: (stage: string) => void): Promise<readonly Finding[]> {
  const relay = await startRelay(`level:${temporaryFolder()}`)
  const sentAt = new Float64Array(DEVICES)
  const latenciesMs: number[] = []
  let acknowledged = 0
  progress(`connecting ${DEVICES} devices`)
  const devices: OurDevice[] = []
  await forAll(Array.from({ length: DEVICES }), 50, async (_, index) => {
    const plan = await planDevice(index, { changes: Math.ceil((WARM_UP + EDITS) / DEVICES) })
    devices[index] = await connectOurDevice(plan, {
      port: relay.port, traffic: uncounted,
      listener: { onClose: lose, onFrame: (type) => { if (type === TYPE.stored && sentAt[index]! > 0) hear(index) } },
    })
  })
  const edit = (number: number): void => {
    const index = number % DEVICES
    sentAt[index] = performance.now()
    devices[index]!.write(devices[index]!.plan.changes[Math.floor(number / DEVICES)]!)
  }
  progress(`${1_000 / INTERVAL_MS} edits a second`)
  await atPace(WARM_UP, INTERVAL_MS, edit)
  await reached(() => acknowledged, WARM_UP, 'edits were acknowledged')
  latenciesMs.length = 0
  await atPace(EDITS, INTERVAL_MS, (number) => edit(WARM_UP + number))
  await reached(() => acknowledged, WARM_UP + EDITS, 'edits were acknowledged')
  return [judge({
    name: NAME, value: percentile(latenciesMs, 0.99), unit: 'ms', atMost: 10,
    beside: `median ${percentile(latenciesMs, 0.5).toFixed(1)} ms, longest ${percentile(latenciesMs, 1).toFixed(1)} ms`,
    how: `From the device's write on its socket until its *stored* frame, ${EDITS.toLocaleString('en')} edits of ${DEVICES} devices, each after a sync of the embedded store (LevelDB) to this disk.`,
  })]

  function hear(index: number): void {
    latenciesMs.push(performance.now() - sentAt[index]!)
    sentAt[index] = 0
    acknowledged++
  }
}
