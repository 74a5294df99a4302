import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { isMethod, send, sendProblem, type HttpHandler } from './http-server.js'

const TYPES: Readonly<Record<string, string | undefined>> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.json': 'application/json', '.map': 'application/json', '.webmanifest': 'application/manifest+json', '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml', '.png': 'image/png', '.webp': 'image/webp', '.ico': 'image/x-icon', '.woff2': 'font/woff2',
}

/** Plain names only: none begins with a dot, none holds a percent sign, so that no path leads out of the folder. */
const PLAIN_PATH = /^(\/[\w~-][\w.~-]*)*\/?$/
/** Built with a hash of their content in their names. */
const HASHED = /^\/assets\//

/** Everything in a folder, read afresh for each request: a new build is there at once. */
export function serveFolder(folder: string): HttpHandler {
  return async (request, response, path) => {
    if (!isMethod(request, response, 'GET', 'HEAD')) return true
    const name = path.endsWith('/') ? `${path}index.html` : path
    const content = PLAIN_PATH.test(path) ? await readFile(join(folder, name)).catch(() => null) : null
    if (!content) sendProblem(response, 404, 'There is nothing here.')
    else send(response, 200, TYPES[extname(name)] ?? 'application/octet-stream', content, {
      'Cache-Control': HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache',
    })
    return true
  }
}
