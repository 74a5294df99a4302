/** A relay is killed and started again: how five thousand devices come back. */
import { TYPE } from '../../src/protocol/messages.js'
import { WIRE } from '../../src/protocol/limits.js'
import { IDLE, nextConnection, type Connection, type ConnectionNews } from '../../src/transport/connection-state.js'
import { pause } from '../../test/support/until.js'
import { freePort } from '../../test/support/relay-process.js'
import { judge, type Bench, type Finding } from '../finding.js'
import { itemsOf } from '../load/feed-view.js'
import { forAll, reached } from '../load/crowd.js'
import { connectOurDevice, neighbours, planDevice, watchNeighbours, type DevicePlan } from '../load/our-device.js'
import { indexOf } from '../load/people.js'
import { uncounted } from '../load/raw-socket.js'
import { fullestWindow } from '../measure/fullest-window.js'
import { startRelay, temporaryFolder } from '../measure/server-process.js'

const NAMES = {
  recovery: 'all right again after kill -9 and restart of the relay, 5,000 devices',
  offline: 'users seen offline meanwhile',
  herd: 'attempts to connect in the fullest 100 ms',
}
const DEVICES = 5_000
const WATCHES = 50
const HERD_MS = 100

export const restart: Bench = { name: 'restart', rows: Object.values(NAMES), run }

async function run(progress: (stage: string) => void): Promise<readonly Finding[]> {
  const port = await freePort()
  const store = `level:${temporaryFolder()}`
  const relay = await startRelay(store, port)
  progress(`connecting ${DEVICES} devices`)
  const crowd = createCrowd(port)
  await forAll(Array.from({ length: DEVICES }), 50, async (_, index) => crowd.join(await planDevice(index)))
  await reached(crowd.right, DEVICES, 'devices see everyone they watch', 120_000)
  await pause(Math.max(1_000, relay.startedAt + WIRE.startGraceMs + 1_000 - performance.now()))
  progress('kill -9, and start again')
  crowd.reset()
  const killedAt = performance.now()
  await relay.kill()
  const again = await startRelay(store, port)
  const upAfterMs = performance.now() - killedAt
  await reached(crowd.right, DEVICES, 'devices see everyone they watch again', 240_000)
  const recoveryMs = performance.now() - killedAt
  const recoveryCpuMs = again.cpuMs()
  progress('waiting for the end of its first ten seconds')
  await pause(Math.max(0, again.startedAt + WIRE.startGraceMs + 2_000 - performance.now()))
  const attempts = crowd.attemptsAt()
  return [
    judge({
      name: NAMES.recovery, value: recoveryMs / 1_000, unit: 's', atMost: 10,
      beside: `the new process listened after ${(upAfterMs / 1_000).toFixed(1)} s; CPU until then ${(recoveryCpuMs / 1_000).toFixed(1)} s, ${crowd.attemptsAt().length.toLocaleString('en')} attempts`,
      how: `From the kill until every device has been welcomed and told that each of the ${WATCHES} users it watches is online. Devices come back as our client does (transport/connection-state), with the registers the relay has on disk; the store is LevelDB.`,
    }),
    judge({ name: NAMES.offline, value: crowd.seenOffline(), unit: 'times', atMost: 0, how: 'Entries of the feed that call somebody offline, until two seconds after the relay knows who has not come back (LV7).' }),
    judge({
      name: NAMES.herd, value: (fullestWindow(attempts, HERD_MS) / attempts.length) * 100, unit: '%', atMost: 5,
      how: `Of ${attempts.length.toLocaleString('en')} attempts, those that met no relay included.`,
    }),
  ]
}

interface Crowd {
  /** Resolves once it has been welcomed. */
  join(plan: DevicePlan): Promise<void>
  /** Devices that see everyone they watch. */
  right(): number
  seenOffline(): number
  attemptsAt(): readonly number[]
  /** What was counted so far is forgotten, and nobody is right. */
  reset(): void
}

function createCrowd(port: number): Crowd {
  const attemptsAt: number[] = []
  const forgetters: (() => void)[] = []
  let right = 0
  let seenOffline = 0
  return {
    join,
    right: () => right, seenOffline: () => seenOffline, attemptsAt: () => attemptsAt,
    reset() {
      attemptsAt.length = 0
      right = seenOffline = 0
      forgetters.forEach((forget) => forget())
    },
  }

  function join(plan: DevicePlan): Promise<void> {
    const watched = new Set(neighbours(plan.index, DEVICES, WATCHES))
    const interests = watchNeighbours(plan.index, DEVICES, WATCHES)
    const online = new Set<number>()
    let userOf = new Map<number, number>()
    let connection: Connection = IDLE
    let hasBeenWelcome = false
    forgetters.push(() => online.clear())
    return new Promise((resolve) => {
      become({ type: 'start' })

      function become(news: ConnectionNews): void {
        const before = connection.state
        connection = nextConnection(connection, news, performance.now(), Math.random())
        const { state } = connection
        if (state === before) return
        if (state.name === 'connecting') {
          // When it was due: five thousand devices have not one event loop between them.
          attemptsAt.push(before.name === 'waiting' ? before.retryAt : performance.now())
          connect()
        } else if (state.name === 'waiting') setTimeout(() => become({ type: 'retry' }), state.retryAt - performance.now())
        else if (state.name === 'refused') throw new Error(`${plan.userId} was refused: ${state.reason}.`)
      }

      function connect(): void {
        userOf = new Map()
        const listener = {
          onFrame(type: number, frame: Uint8Array): void {
            if (type === TYPE.hello) become({ type: 'established' })
            else if (type === TYPE.feed) hear(frame)
          },
          onClose: (code: number): void => become({ type: 'closed', code, isMendable: false, restMs: 0 }),
        }
        connectOurDevice(plan, { port, traffic: uncounted, interests, listener, isKnown: hasBeenWelcome }).then(() => {
          hasBeenWelcome = true
          resolve()
        }, () => undefined)
      }
    })

    function hear(frame: Uint8Array): void {
      for (const item of itemsOf(frame)) {
        if (item.kind !== 'user') continue
        if (item.userId !== undefined) userOf.set(item.number, indexOf(item.userId))
        const index = userOf.get(item.number) ?? -1
        if (item.status === undefined || !watched.has(index)) continue
        if (item.status === 'offline' && !item.isUnknown) seenOffline++
        if (item.status !== 'offline' && !online.has(index)) {
          online.add(index)
          if (online.size === WATCHES) right++
        }
      }
    }
  }
}
