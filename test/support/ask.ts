import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Not `fetch`, which mends paths and hides headers. A body of null is announced, and never sent. */
export function ask(port: number, method: string, path: string, headers: Readonly<Record<string, string | readonly string[]>> = {}, body?: string | Buffer | null): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path, agent: false, headers: { host: `127.0.0.1:${port}`, ...headers } }, (response) => {
      text(response).then((received) => resolve({ status: response.statusCode!, headers: response.headers, body: received }), reject)
    })
    request.on('error', reject)
    if (body === null) request.flushHeaders()
    else request.end(body)
  })
}
