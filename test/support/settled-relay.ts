import { NO_METER } from '../../server/hub/meter.js'
/** A real relay that has been up for longer than its start grace (LV7), without anybody waiting for that. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { attachRelay } from '../../server/index.js'
import { signToken, type Grant } from '../../server/relay/sign-token.js'
import { createServerPresenceService } from '../../server/service/create-presence-service.js'
import { createNodeClock } from '../../server/service/node-clock.js'
import { createMemoryStore } from '../../server/store/memory-store.js'
import { DEFAULT_POLICY } from '../../src/model/arguments.js'
import type { Clock } from '../../src/ports.js'
import type { BuiltServerPresenceService, Stop } from '../../src/presence-service.js'
import { WIRE } from '../../src/protocol/limits.js'
import { SECRET } from './relay.js'

export interface SettledRelay {
  readonly url: string
  readonly service: BuiltServerPresenceService
  token(userId: string, grant?: Partial<Grant>): Promise<string>
  close(): Promise<void>
}

/** Also serves `GET /token/USER` to any page: browsers cannot sign. */
export async function startSettledRelay(): Promise<SettledRelay> {
  const clock = createLateClock(WIRE.startGraceMs + 1_000)
  const service = createServerPresenceService({ openStore: async () => createMemoryStore(), policy: DEFAULT_POLICY, clock, log: () => undefined, meter: NO_METER })
  const token: SettledRelay['token'] = (userId, grant) => signToken(SECRET, { userId, channels: '*', watch: '*', ttlMs: 600_000, ...grant })
  const server = createServer((request, response) => {
    const [, userId] = /^\/token\/([^/?]+)$/.exec(request.url ?? '') ?? []
    if (userId === undefined) return void response.writeHead(404).end()
    void token(decodeURIComponent(userId)).then((signed) => response.writeHead(200, { 'access-control-allow-origin': '*' }).end(signed))
  })
  const relay = attachRelay(server, service, { auth: { secret: SECRET } })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  // The grace begins once the store is open.
  await service.getStatus('nobody')
  await new Promise((resolve) => setImmediate(resolve))
  clock.catchUp()
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, service, token,
    async close() {
      await relay.drain({ withinMs: 0 })
      await service.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Behind the real clock, until it catches up in one jump. */
function createLateClock(lateMs: number): Clock & { catchUp(): void } {
  const real = createNodeClock()
  const waiting = new Set<{ readonly time: number; readonly run: () => void; cancel: Stop }>()
  let behindMs = lateMs
  return {
    now: () => real.now() - behindMs,
    at(time, callback) {
      const run = (): void => {
        waiting.delete(wait)
        callback()
      }
      const wait = { time, run, cancel: real.at(time + behindMs, run) }
      waiting.add(wait)
      return () => {
        wait.cancel()
        waiting.delete(wait)
      }
    },
    catchUp() {
      behindMs = 0
      for (const wait of waiting) {
        wait.cancel()
        wait.cancel = real.at(wait.time, wait.run)
      }
    },
  }
}
