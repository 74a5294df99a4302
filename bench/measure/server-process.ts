/** The servers that are measured: real processes on 127.0.0.1, which end with the bench. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { freePort } from '../../test/support/relay-process.js'
import { cpuMs, privateBytes } from './process-figures.js'
import type { Answer, Ask } from './questions.js'

export const SECRET = 'a secret of at least thirty-two bytes'
/** So that whole channels are fed, whatever their size; printed with the results. */
export const CHANNEL_FEED_LIMIT = 10_000

export interface ServerProcess {
  readonly port: number
  cpuMs(): number
  privateBytes(): number
  ask(ask: Ask): Promise<Answer>
  /** SIGKILL; resolves once it is gone. */
  kill(): Promise<void>
}
export interface RelayProcess extends ServerProcess {
  /** `performance.now()` of its start. */
  readonly startedAt: number
}

/** Built scripts lie beside this one; see scripts/bench.mjs. */
const script = (name: string): string => fileURLToPath(new URL(`${name}.js`, import.meta.url))

/** `store` as `--store` takes it. */
export async function startRelay(store: string, port = 0): Promise<RelayProcess> {
  const startedAt = performance.now()
  const args = ['dist/cli.js', 'relay', '--port', String(port), '--store', store, '--secret', SECRET, '--channel-feed-limit', String(CHANNEL_FEED_LIMIT)]
  return { ...await startServer(args, {}), startedAt }
}

export async function startYWebsocket(): Promise<ServerProcess> {
  const port = await freePort()
  const server = await startServer(['node_modules/y-websocket-server-2/bin/server.cjs'], { HOST: '127.0.0.1', PORT: String(port) })
  return { ...server, port }
}

/** `ws` and a loop: what is received goes to everybody as it is. */
export const startBareWs = (): Promise<ServerProcess> => startServer([script('bare-ws')], {})

/** On the disk of the project, since the system's temporary folder may be in memory, where syncing costs nothing. scripts/bench.mjs removes it. */
export const temporaryFolder = (): string => mkdtempSync(fileURLToPath(new URL('store-', import.meta.url)))

async function startServer(args: readonly string[], env: NodeJS.ProcessEnv): Promise<ServerProcess> {
  const child = spawn(process.execPath, ['--import', pathToFileURL(script('report-on-itself')).href, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env: { ...process.env, ...env },
  })
  const gone = once(child, 'exit')
  const end = (): void => { child.kill('SIGKILL') }
  process.once('exit', end)
  void gone.then(() => process.off('exit', end))
  const port = await listeningPort(child, args)
  const pid = child.pid!
  let isWanted = true
  // Its end alone would show only as clients that are closed.
  void gone.then(([code, signal]) => { if (isWanted) console.error(`${args[0]} ended with ${code ?? signal} by itself.`) })
  let questions = 0
  return {
    port,
    cpuMs: () => cpuMs(pid),
    privateBytes: () => privateBytes(pid),
    ask: (ask) => new Promise((resolve, reject) => {
      const id = ++questions
      const listen = (answer: unknown): void => {
        if ((answer as Answer).id !== id) return
        child.off('message', listen)
        resolve(answer as Answer)
      }
      child.on('message', listen)
      child.send({ id, ask }, (error) => { if (error) reject(error) })
    }),
    async kill() {
      isWanted = false
      child.kill('SIGKILL')
      await gone
    },
  }
}

const KEPT_UNITS = 4_000

/** Each of them says where it listens: `listens at …:8787` or `on port 8787`. What else it says is shown only where it ends. */
function listeningPort(child: ChildProcess, args: readonly string[]): Promise<number> {
  let said = ''
  return new Promise((resolve, reject) => {
    const listen = (chunk: Buffer): void => {
      said = (said + chunk.toString()).slice(-KEPT_UNITS)
      const [, port] = /(?:listens at \S*:|on port )(\d+)/.exec(said) ?? []
      if (port !== undefined) resolve(Number(port))
    }
    child.stdout?.on('data', listen)
    child.stderr?.on('data', listen)
    child.once('exit', (code, signal) => reject(new Error(`${args.join(' ')} ended with ${code ?? signal}:\n${said}`)))
  })
}
