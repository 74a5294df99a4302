/** Somebody's own server, in a process of its own: a relay that believes the tokens of an issuer with public keys. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { attachRelay, createPresenceService } from '../../server/index.js'

const [jwksUrl = '', issuer = '', audience = ''] = process.argv.slice(2)
const server = createServer()
attachRelay(server, createPresenceService(), { auth: { jwksUrl, issuer, audience } })
server.listen(0, '127.0.0.1', () => process.stdout.write(`listens at ${(server.address() as AddressInfo).port}\n`))
