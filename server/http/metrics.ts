/** `GET /metrics`: for whoever operates the relay, and not for the internet. */
import { BlockList, isIP } from 'node:net'
import type { IncomingMessage } from 'node:http'
import { isMethod, send, sendProblem, type HttpHandler } from './http-server.js'

export interface Metrics {
  readonly contentType: string
  text(): Promise<string>
}

export const createMetrics = ({ contentType, text }: Metrics): HttpHandler => async (request, response, path) => {
  if (path !== '/metrics') return false
  if (!isMethod(request, response, 'GET', 'HEAD')) return true
  if (!isFromPrivateNetwork(request)) {
    sendProblem(response, 403, 'Numbers are given to this machine and private networks only, and not through a proxy.')
    return true
  }
  send(response, 200, contentType, await text(), { 'Cache-Control': 'no-store' })
  return true
}

/** Private and shared addresses (RFC 1918, 6598, 4193), this machine's and this link's. */
const PRIVATE = new BlockList()
for (const [net, bits] of [['127.0.0.0', 8], ['10.0.0.0', 8], ['172.16.0.0', 12], ['192.168.0.0', 16], ['100.64.0.0', 10], ['169.254.0.0', 16]] as const) PRIVATE.addSubnet(net, bits, 'ipv4')
for (const [net, bits] of [['::1', 128], ['fc00::', 7], ['fe80::', 10]] as const) PRIVATE.addSubnet(net, bits, 'ipv6')

/** Of a request through a proxy the address is the proxy's, and says nothing about who asks. */
const SIGNS_OF_A_PROXY = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via', 'cf-connecting-ip']

export function isFromPrivateNetwork({ socket, headers }: Pick<IncomingMessage, 'headers'> & { readonly socket: { readonly remoteAddress?: string | undefined } }): boolean {
  // Undefined once the socket is gone.
  const address = socket.remoteAddress ?? ''
  const version = isIP(address)
  return version !== 0 && PRIVATE.check(address, `ipv${version as 4 | 6}`) && SIGNS_OF_A_PROXY.every((name) => headers[name] === undefined)
}
