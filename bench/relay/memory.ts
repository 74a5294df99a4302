/** Ten thousand connected devices at rest: what each costs the relay's process. */
import { TYPE } from '../../src/protocol/messages.js'
import { pause } from '../../test/support/until.js'
import { asFigure, judge, type Bench, type Finding } from '../finding.js'
import { forAll, reached } from '../load/crowd.js'
import { introductionsIn } from '../load/feed-view.js'
import { connectOurDevice, planDevice, watchNeighbours } from '../load/our-device.js'
import { addressOf, lose, openRawSocket, uncounted } from '../load/raw-socket.js'
import { startBareWs, startRelay, temporaryFolder, type ServerProcess } from '../measure/server-process.js'

const NAME = 'relay memory per connected device, 10,000 devices with 50 watches each'
const DEVICES = 10_000
const WATCHES = 50
const SETTLE_MS = 5_000

export const memory: Bench = { name: 'memory', rows: [NAME], run }

async function run(progress: (stage: string) => void): Promise<readonly Finding[]> {
  progress(`${DEVICES} idle clients on a bare server`)
  const bare = await measureBare()
  progress(`making ${DEVICES} devices`)
  const plans: Awaited<ReturnType<typeof planDevice>>[] = []
  for (let index = 0; index < DEVICES; index++) plans.push(await planDevice(index))
  const relay = await startRelay(`level:${temporaryFolder()}`)
  const before = await measure(relay)
  progress('connecting them to a relay')
  let introduced = 0
  await forAll(plans, 50, async (plan) => {
    await connectOurDevice(plan, {
      port: relay.port, traffic: uncounted, interests: watchNeighbours(plan.index, DEVICES, WATCHES),
      listener: { onClose: lose, onFrame: (type, frame) => { if (type === TYPE.feed) introduced += introductionsIn(frame) } },
    })
  })
  // And each hears of itself.
  await reached(() => introduced, DEVICES * (WATCHES + 1), 'introductions', 120_000)
  progress('letting it rest')
  const after = await measure(relay)
  const each = (of: Figures, since: Figures, figure: keyof Figures): number => (of[figure] - since[figure]) / DEVICES / 1_024
  return [judge({
    name: NAME, value: each(after, before, 'privateBytes'), unit: 'KB', atMost: 16,
    beside: `bare idle ws: ${asFigure(each(bare.after, bare.before, 'privateBytes'))} KB; JavaScript heap and buffers alone: ${asFigure(each(after, before, 'heapBytes'))} KB, bare ${asFigure(each(bare.after, bare.before, 'heapBytes'))} KB`,
    how: `Growth of the process's private memory (Private_Dirty of /proc/PID/smaps_rollup) from before the first device to ${SETTLE_MS / 1_000} s after the last, garbage collected, by ${DEVICES.toLocaleString('en')}. Each device has written its user's status, custom status, profile and its own name in this very connection. A KB is 1,024 bytes.`,
  })]
}

interface Figures {
  readonly privateBytes: number
  readonly heapBytes: number
}
async function measure(server: ServerProcess): Promise<Figures> {
  await pause(SETTLE_MS)
  await server.ask('collect')
  await pause(1_000)
  const { heapBytes = NaN } = await server.ask('memory')
  return { privateBytes: server.privateBytes(), heapBytes }
}

async function measureBare(): Promise<{ readonly before: Figures; readonly after: Figures }> {
  const server = await startBareWs()
  const before = await measure(server)
  let isOver = false
  await forAll(Array.from({ length: DEVICES }), 50, (_, index) => new Promise<void>((resolve) => {
    openRawSocket({ port: server.port, path: '/', localAddress: addressOf(index), traffic: uncounted, onOpen: resolve, onFrame: () => undefined, onClose: (code) => { if (!isOver) lose(code) } })
  }))
  const after = await measure(server)
  isOver = true
  // Else its sockets and the relay's were more than a process may have open.
  await server.kill()
  return { before, after }
}
