import { createServer, STATUS_CODES, type IncomingMessage, type OutgoingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Answers, and says true; or says false, and has touched nothing. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse, path: string) => boolean | Promise<boolean>

/** With the look every tenth of it, one who dawdles is cut off within ten seconds. */
const REQUEST_TIMEOUT_MS = 9_000

export interface HttpServerOptions {
  readonly requestTimeoutMs?: number
}

/** The first handler that wants a request answers it. Sockets that were upgraded are no longer its business. */
export function createHttpServer(handlers: readonly HttpHandler[], { requestTimeoutMs = REQUEST_TIMEOUT_MS }: HttpServerOptions = {}): Server {
  const timeouts = {
    headersTimeout: requestTimeoutMs, requestTimeout: requestTimeoutMs, keepAliveTimeout: requestTimeoutMs / 2,
    connectionsCheckingInterval: requestTimeoutMs / 10,
  }
  const server = createServer({ ...timeouts, maxHeaderSize: HEADER_BYTES }, (request, response) => {
    answer(handlers, request, response).catch(() => {
      if (!response.headersSent) sendProblem(response, 500, 'Something went wrong here.')
      else response.destroy()
    })
  })
  server.on('clientError', ({ code }: NodeJS.ErrnoException, socket) => answerUnreadable(code, socket as Socket))
  return server
}

const HEADER_BYTES = 16_384
/** To read the answer in; closed at once, a client that is still sending would never see it. Who dawdled has had their time. */
const LINGER_MS = 1_000

/** What is no request that can be read to its end: a list of ten thousand users, for one. */
function answerUnreadable(code: string | undefined, socket: Socket): void {
  // It has had its answer, and is still sending.
  if (!socket.writable) return
  // Half of an earlier answer may be on its way.
  if (socket.bytesWritten > 0) return void socket.destroy()
  const [status, detail] = code === 'ERR_HTTP_REQUEST_TIMEOUT' ? [408, 'That took too long.'] as const
    : code === 'HPE_HEADER_OVERFLOW' ? [400, `Address and headers are over ${HEADER_BYTES} bytes: ask for less at once.`] as const
      : [400, 'That is no request.'] as const
  const problem = problemOf(status, detail)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/problem+json\r\nContent-Length: ${problem.length}\r\n\r\n${problem}`)
  setTimeout(() => socket.destroy(), status === 408 ? 0 : LINGER_MS).unref()
}

async function answer(handlers: readonly HttpHandler[], request: IncomingMessage, response: ServerResponse): Promise<void> {
  // Not a URL parser: nothing here is decoded, so that nothing can be decoded twice.
  const path = (request.url ?? '').split('?', 1)[0]!
  for (const handler of handlers) if (await handler(request, response, path)) return
  sendProblem(response, 404, 'There is nothing here.')
}

/** True where the method will do; else it has been answered. */
export function isMethod(request: IncomingMessage, response: ServerResponse, ...methods: readonly string[]): boolean {
  if (methods.includes(request.method ?? '')) return true
  sendProblem(response, 405, `Only ${methods.join(' and ')} will do.`, { Allow: methods.join(', ') })
  return false
}

export function sendJson(response: ServerResponse, value: unknown): void {
  send(response, 200, 'application/json', JSON.stringify(value), { 'Cache-Control': 'no-store' })
}

/** RFC 9457. Nothing of the request is repeated in it. */
export function sendProblem(response: ServerResponse, status: number, detail: string, headers: OutgoingHttpHeaders = {}): void {
  send(response, status, 'application/problem+json', problemOf(status, detail), { 'Cache-Control': 'no-store', ...headers })
}

const problemOf = (status: number, detail: string): string => JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail })

export function send(response: ServerResponse, status: number, type: string, body: string | Uint8Array, headers: OutgoingHttpHeaders): void {
  response.writeHead(status, {
    'Content-Type': type, 'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer', 'X-Frame-Options': 'SAMEORIGIN', ...headers,
  })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}
