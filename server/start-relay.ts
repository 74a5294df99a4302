import { access } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { PresenceError } from '../src/errors.js'
import type { RelayCommand } from './config.js'
import { createDemo } from './http/demo.js'
import { health } from './http/health.js'
import { createHttpServer } from './http/http-server.js'
import { attachRelay } from './relay/attach-relay.js'
import { createPresenceService } from './service/create-presence-service.js'

export interface RunningRelay {
  /** Where it listens: `http://127.0.0.1:8787`. */
  readonly url: string
  /** Tells clients to move, flushes, and closes. */
  stop(): Promise<void>
}

/** A Node HTTP server, the service, and a relay between them. */
export async function startRelay({ host, port, store, secret, isDemo, allowedOrigins, channelFeedLimit }: RelayCommand, demoFolder: string): Promise<RunningRelay> {
  if (isDemo) await access(join(demoFolder, 'index.html')).catch((cause: unknown) => { throw demoMissing(demoFolder, cause) })
  const service = createPresenceService(store)
  const server = createHttpServer([health, ...(isDemo ? [createDemo({ folder: demoFolder, secret })] : [])])
  try {
    // Before anybody is let in: a store that cannot be opened is told here, and once.
    const stopListening = service.on('error', () => {})
    await service.countOnlineUsers()
    stopListening()
    const url = await listen(server, host, port)
    // In the same turn: nobody has come in yet.
    const relay = attachRelay(server, service, {
      auth: { secret }, ...(allowedOrigins && { allowedOrigins }), ...(channelFeedLimit !== undefined && { channelFeedLimit }),
    })
    return {
      url,
      async stop() {
        server.close()
        // A herd is no danger on one's own machine, and waiting is a nuisance there.
        await relay.drain(isDemo ? { withinMs: 0 } : {})
        await service.close()
        server.closeAllConnections()
      },
    }
  } catch (error) {
    await service.close()
    throw error
  }
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
