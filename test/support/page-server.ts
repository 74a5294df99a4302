/** Serves the test page, built (the development server's client has a socket of its own), from memory. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build, type Rolldown } from 'vite'
import type { PageOptions } from '../e2e/page/main.js'

export interface PageServer {
  address(page: PageOptions): string
  close(): Promise<void>
}

const TYPES: Readonly<Record<string, string>> = { html: 'text/html; charset=utf-8', js: 'text/javascript' }

export async function startPageServer(): Promise<PageServer> {
  const files = await buildPage()
  const server = createServer((request, response) => {
    const name = (request.url ?? '/').slice(1).replace(/[?#].*/, '') || 'index.html'
    const content = files.get(name)
    if (content === undefined) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': TYPES[name.split('.').at(-1)!] ?? 'application/octet-stream' }).end(content)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    address: (page) => `http://127.0.0.1:${port}/#${encodeURIComponent(JSON.stringify(page))}`,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function buildPage(): Promise<Map<string, string | Uint8Array>> {
  const root = fileURLToPath(new URL('../e2e/page', import.meta.url))
  const { output } = await build({ configFile: false, root, logLevel: 'error', build: { write: false, target: 'es2022', minify: false } }) as Rolldown.RolldownOutput
  return new Map(output.map((file) => [file.fileName, file.type === 'chunk' ? file.code : file.source]))
}
