import { access } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { PresenceError } from '../src/errors.js'
import { DEFAULT_POLICY } from '../src/model/arguments.js'
import type { RelayCommand } from './config.js'
import { createDemo } from './http/demo.js'
import { createReadiness, health, type Readiness } from './http/health.js'
import { createHttpServer, type HttpHandler } from './http/http-server.js'
import { createMetrics } from './http/metrics.js'
import { createPresenceEndpoint } from './http/presence.js'
import { createPrometheus, type Prometheus } from './http/prometheus.js'
import type { Meter } from './hub/meter.js'
import type { UserStore } from './hub/user-store.js'
import { createLog } from './log.js'
import { attachRelay } from './relay/attach-relay.js'
import { createAuthenticator } from './relay/authenticate.js'
import { isCompanion } from './relay/companions.js'
import { createPermissions } from './relay/permissions.js'
import { createSignIn } from './relay/sign-in.js'
import type { BuiltServerPresenceService } from '../src/presence-service.js'
import { createServerPresenceService, storeOpener } from './service/create-presence-service.js'
import { backstageOf } from './service/hubs.js'
import { createNodeClock } from './service/node-clock.js'

export interface RelaySurroundings {
  /** Of the built demo. */
  readonly demoFolder: string
  /** Takes one line of the log. */
  readonly writeLog: (line: string) => void
  /** Instead of the one the command names. */
  readonly openStore?: () => Promise<UserStore>
}
export interface RunningRelay {
  /** Where it listens: `http://127.0.0.1:8787`. */
  readonly url: string
  /** What nobody has caught (I8): counted and logged, and the relay goes on. */
  uncaught(error: unknown): void
  /** Tells clients to move, flushes, and closes. Rejects where the store did not; that has been logged. */
  stop(): Promise<void>
}

/** A store that takes longer is not waited for: whoever runs the relay would end it by force, and nobody would know why. */
const FLUSH_MS = 5_000

/** A Node HTTP server, the service, and a relay between them. */
export async function startRelay(command: RelayCommand, { demoFolder, writeLog, openStore }: RelaySurroundings): Promise<RunningRelay> {
  const { host, port, secret, isDemo, drainMs, allowedOrigins, channelFeedLimit } = command
  if (isDemo) await access(join(demoFolder, 'index.html')).catch((cause: unknown) => { throw demoMissing(demoFolder, cause) })
  const log = createLog({ level: command.logLevel, write: writeLog })
  const readiness = createReadiness()
  const prometheus = createPrometheus()
  const meter = meterOf(prometheus, readiness)
  const service = createServerPresenceService({ openStore: openStore ?? storeOpener(command.store, log), policy: DEFAULT_POLICY, clock: createNodeClock(), log, meter })
  try {
    // Before anybody is let in: a store that cannot be opened is told here, and once.
    const stopListening = service.on('error', () => {})
    const { hub } = await backstageOf(service)!.opening
    stopListening()
    const server = createHttpServer([
      health, readiness.answer, createMetrics({ contentType: prometheus.contentType, text: () => prometheus.text(hub.users()) }), await presenceOf(service, secret),
      ...(isDemo ? [createDemo({ folder: demoFolder, secret })] : []),
    ])
    const url = await listen(server, host, port)
    // In the same turn: nobody has come in yet.
    const relay = attachRelay(server, service, {
      auth: { secret }, ...(allowedOrigins && { allowedOrigins }), ...(channelFeedLimit !== undefined && { channelFeedLimit }),
    })
    return {
      url,
      uncaught(error) {
        meter.violated('I8')
        log('error', 'An error was caught by nobody.', { error })
      },
      async stop() {
        readiness.drain()
        // It goes on listening meanwhile: a load balancer asks whether it is ready, and clients that come back are told to wait.
        await relay.drain({ withinMs: drainMs })
        server.close()
        server.closeAllConnections()
        await within(FLUSH_MS, service.close()).catch((error: unknown) => {
          log('error', 'The store was not closed properly.', { error })
          throw error
        })
      },
    }
  } catch (error) {
    await service.close()
    throw error
  }
}

const meterOf = ({ meter }: Prometheus, readiness: Readiness): Meter => ({
  ...meter,
  saved(isStored, tookMs) {
    readiness.saved(isStored)
    meter.saved(isStored, tookMs)
  },
})

/** Who may see whom here is what the sockets have it. */
async function presenceOf(service: BuiltServerPresenceService, secret: string): Promise<HttpHandler> {
  const { opening, log, meter: { refused: count } } = backstageOf(service)!
  const { hub, revocations, budgets } = await opening
  const { mayWatch } = createPermissions({ hooks: {}, clock: hub.clock, log, count })
  return createPresenceEndpoint({
    signIn: createSignIn(createAuthenticator({ secret }, hub.clock.now), async () => revocations), budgets, mayWatch,
    isCompanion: (viewerId, userId) => isCompanion(hub, viewerId, userId), getStatuses: service.getStatuses, now: hub.clock.now, count,
  })
}

function within(ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(notFlushed()), ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

function listen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(notListening(host, port, cause)))
    server.listen(port, host, () => resolve(urlOf(server.address() as AddressInfo)))
  })
}

const urlOf = ({ address, port }: AddressInfo): string => `http://${address.includes(':') ? `[${address}]` : address}:${port}`

const notListening = (host: string, port: number, cause: NodeJS.ErrnoException): PresenceError => new PresenceError('relay-unavailable', {
  message: cause.code === 'EADDRINUSE' ? `Port ${port} of ${host} is in use.` : `The relay cannot listen at ${host}, port ${port}: ${cause.message}.`,
  remedy: cause.code === 'EADDRINUSE' ? 'Stop what listens there, or choose another --port.' : 'Choose another --host or --port.',
  cause,
})

const demoMissing = (folder: string, cause: unknown): PresenceError => new PresenceError('unsupported', {
  message: `The built demo is not at ${folder}.`, remedy: 'Run npm run build, or leave out --demo.', cause,
})

const notFlushed = (): PresenceError => new PresenceError('storage-unavailable', {
  message: `The store has not taken everything within ${FLUSH_MS / 1_000} s.`, remedy: 'Check its disk; devices bring their own changes again.',
})
