/** `porchlight relay` in a process of its own, so that it can be killed; it is started again on the same port and store. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signToken, type Grant } from '../../server/relay/sign-token.js'
import { bundleForNode } from './bundle.js'
import { SECRET } from './relay.js'

export interface RelayProcess {
  readonly url: string
  readonly port: number
  /** Of the LevelDB store. */
  readonly path: string
  pid(): number
  /** Everything it has written, of all its starts. */
  said(): string
  token(userId: string, grant?: Partial<Grant>): Promise<string>
  /** SIGTERM; resolves with its exit code. */
  terminate(): Promise<number | null>
  /** SIGKILL; resolves once the process is gone. */
  kill(): Promise<void>
  restart(): Promise<void>
  close(): Promise<void>
}

/** `args` are further ones; with `--demo` there is a demo of one line. */
export async function startRelayProcess(args: readonly string[] = []): Promise<RelayProcess> {
  const bundle = await bundleForNode('server/cli.ts')
  mkdirSync(join(bundle.folder, 'dist/demo'))
  writeFileSync(join(bundle.folder, 'dist/demo/index.html'), '<h1>Demo</h1>')
  const folder = mkdtempSync(join(tmpdir(), 'porchlight-e2e-'))
  const path = join(folder, 'store')
  const port = await freePort()
  let said = ''
  let child = await start()
  return {
    url: `ws://127.0.0.1:${port}`, port, path, kill,
    pid: () => child.pid!,
    said: () => said,
    async terminate() {
      child.kill('SIGTERM')
      const [code] = await once(child, 'exit') as [number | null]
      return code
    },
    token: (userId, grant) => signToken(SECRET, { userId, channels: '*', watch: '*', ttlMs: 600_000, ...grant }),
    restart: async () => { child = await start() },
    async close() {
      await kill()
      bundle.remove()
      rmSync(folder, { recursive: true, force: true })
    },
  }

  function start(): Promise<ChildProcess> {
    return startProcess([bundle.file, 'relay', '--port', String(port), '--store', `level:${path}`, '--secret', SECRET, ...args], /listens at/, {}, (text) => { said += text })
  }
  function kill(): Promise<void> {
    return killProcess(child)
  }
}

/** Resolves once the script says `ready`. */
export async function startProcess(args: readonly string[], ready: RegExp, env: NodeJS.ProcessEnv = {}, onSaid: (text: string) => void = () => undefined): Promise<ChildProcess> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  // Not left behind where a test run ends early.
  const end = (): void => { child.kill('SIGKILL') }
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
  let said = ''
  await new Promise<void>((resolve, reject) => {
    const listen = (chunk: Buffer): void => {
      said += chunk.toString()
      onSaid(chunk.toString())
      if (ready.test(said)) resolve()
    }
    child.stdout.on('data', listen)
    child.stderr.on('data', listen)
    child.on('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}:\n${said}`)))
  })
  return child
}

export async function killProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
