/** A real relay on a free port, in this process: the Node service and a socket server, nothing faked. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { attachRelay, createPresenceService } from '../../server/index.js'
import { signToken } from '../../server/relay/sign-token.js'
import type { BuiltServerPresenceService, RelayOptions, ServerPresenceOptions } from '../../src/presence-service.js'

export const SECRET = 'a secret of at least thirty-two bytes'

export interface TestRelay {
  readonly url: string
  readonly port: number
  readonly service: BuiltServerPresenceService
  token(userId: string, claims?: { readonly channels?: readonly string[] | '*'; readonly watch?: readonly string[] | '*' }): Promise<string>
  close(): Promise<void>
}

export async function startRelay(options: ServerPresenceOptions = {}, relayOptions: Partial<RelayOptions> = {}, port = 0): Promise<TestRelay> {
  const service = createPresenceService(options)
  const server = createServer()
  const relay = attachRelay(server, service, { auth: { secret: SECRET }, ...relayOptions })
  await listen(server, port)
  const actualPort = (server.address() as AddressInfo).port
  return {
    url: `ws://127.0.0.1:${actualPort}`, port: actualPort, service,
    token: (userId, { channels = '*', watch = '*' } = {}) => signToken(SECRET, { userId, channels, watch, ttlMs: 600_000 }),
    async close() {
      await relay.drain({ withinMs: 0 })
      await service.close()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
}
