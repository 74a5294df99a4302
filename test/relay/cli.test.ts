import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { createAuthenticator } from '../../server/relay/authenticate.js'
import { signToken } from '../../server/relay/sign-token.js'
import { bundleForNode, type Bundle } from '../support/bundle.js'

const SECRET = 'a secret of thirty-two bytes, or so'
const folder = mkdtempSync(join(tmpdir(), 'porchlight-cli-'))
const children: ChildProcess[] = []
let bundle: Bundle
let demo: string

beforeAll(async () => {
  bundle = await bundleForNode('server/cli.ts')
  demo = join(bundle.folder, 'dist/demo')
  // As a package is laid out.
  copyFileSync('package.json', join(bundle.folder, 'package.json'))
  mkdirSync(demo)
  writeFileSync(join(demo, 'index.html'), '<h1>Demo</h1>')
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
})
afterAll(() => {
  bundle.remove()
  rmSync(folder, { recursive: true, force: true })
})

describe('porchlight', () => {
  it('says its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
    expect(await run(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' })
  })

  it.each([[['--help'], 'porchlight relay'], [['relay', '--help'], 'Examples'], [['token', '--help'], 'porchlight token alice']])('helps with %j', async (args, part) => {
    expect(await run(args)).toEqual({ code: 0, out: expect.stringContaining(part), err: '' })
  })

  it('exits with 2 where it is misused, and says what was meant', async () => {
    expect(await run(['relay', '--prot', '80'])).toEqual({
      code: 2, out: '', err: 'porchlight: "--prot" is not an option of porchlight relay.\nDid you mean "--port"?\n',
    })
  })

  it('prints a token', async () => {
    const { code, out, err } = await run(['token', 'Grace Hopper', '--channels', 'a,b', '--watch', '*', '--ttl', '1h'], { PORCHLIGHT_SECRET: SECRET })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(await createAuthenticator({ secret: SECRET }, () => Date.now())(out.trim())).toMatchObject({
      ok: true, value: { userId: 'Grace Hopper', channels: ['a', 'b'], watch: '*' },
    })
  })
})

describe('porchlight relay', () => {
  it('listens, says where, and ends with 0 at SIGTERM', async () => {
    const { child, url, line } = await startRelay([])
    expect(line).toMatch(/^Porchlight listens at http:\/\/127\.0\.0\.1:\d+$/)
    expect(await (await fetch(`${url}/healthz`)).text()).toBe('ok\n')
    expect((await fetch(url)).status).toBe(404)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  it('shows the demo, whose tokens it believes', async () => {
    const { child, url, line } = await startRelay(['--demo'])
    expect(line).toBe(`Porchlight listens at ${url}, and the demo is there`)
    expect(await (await fetch(url)).text()).toBe('<h1>Demo</h1>')
    const issued = await fetch(`${url}/demo/token`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"userId":"alice"}' })
    const { token } = await issued.json() as { token: string }
    const socket = await enter(url, 'alice', token)
    child.kill('SIGINT')
    const [[closeCode], exit] = await Promise.all([once(socket, 'close'), once(child, 'exit')])
    expect({ closeCode, exit }).toEqual({ closeCode: 1012, exit: [0, null] })
  })

  it('[J10] [T9] lets in whom its secret vouches for, and from where it is told', async () => {
    const { url } = await startRelay(['--allowed-origin', 'https://app.example.com'])
    const token = await signToken(SECRET, { userId: 'alice', ttlMs: 60_000 })
    await enter(url, 'alice', token, 'https://app.example.com')
    await expect(enter(url, 'alice', token, url)).rejects.toThrow('403')
    const stranger = connect(url, 'alice', await signToken('another secret of thirty-two bytes', { userId: 'alice', ttlMs: 60_000 }))
    expect((await once(stranger, 'close'))[0]).toBe(4401)
  })

  it('ends at once at a second signal', async () => {
    const { child, url } = await startRelay([])
    // The first lets its clients go one by one, and this one never answers.
    const sockets = await Promise.all(['alice', 'bob'].map(async (userId) => enter(url, userId, await signToken(SECRET, { userId, ttlMs: 60_000 }))))
    for (const socket of sockets) socket.pause()
    child.kill('SIGTERM')
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status, { timeout: 10_000 }).toBe(503)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([130, null])
    for (const socket of sockets) socket.terminate()
  })

  it('says so where the port is taken', async () => {
    const { url } = await startRelay([])
    const port = new URL(url).port
    const { code, err } = await run(['relay', '--port', port, '--secret', SECRET])
    expect({ code, err }).toEqual({ code: 1, err: `porchlight: Port ${port} of 127.0.0.1 is in use.\nStop what listens there, or choose another --port.\n` })
  })

  it('says so where the store is in use', async () => {
    const store = `level:${join(folder, 'store')}`
    await startRelay(['--store', store])
    const { code, err } = await run(['relay', '--port', '0', '--store', store, '--secret', SECRET])
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/^porchlight: The store ".*" is in use by another process\.\nStop the other relay/) })
  })

  it('says so where the demo is not built', async () => {
    rmSync(join(demo, 'index.html'))
    const { code, err } = await run(['relay', '--demo', '--port', '0', '--secret', SECRET])
    writeFileSync(join(demo, 'index.html'), '<h1>Demo</h1>')
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('npm run build') })
  })
})

function start(args: readonly string[], environment: Readonly<Record<string, string>> = {}): ChildProcess {
  const child = spawn(process.execPath, [bundle.file, ...args], { env: { PATH: process.env['PATH'], ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  return child
}

async function run(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const child = start(args, environment)
  const [out, err, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'exit')])
  return { code: code as number | null, out, err }
}

async function startRelay(args: readonly string[]) {
  const child = start(['relay', '--port', '0', ...args], { PORCHLIGHT_SECRET: SECRET })
  child.stderr!.pipe(process.stderr)
  const line = (await once(createInterface(child.stdout!), 'line'))[0] as string
  return { child, line, url: /http:\S+\d/.exec(line)![0] }
}

function connect(url: string, userId: string, token: string, origin?: string): WebSocket {
  return new WebSocket(`${url.replace('http', 'ws')}/user/${userId}`, ['porchlight.v1', `bearer.${token}`], origin === undefined ? {} : { origin })
}

/** Resolves once the relay has let somebody in, and has said something. */
async function enter(...args: Parameters<typeof connect>): Promise<WebSocket> {
  const socket = connect(...args)
  // A frame that makes it a stock client: Step1 of an empty document, which is answered.
  socket.on('open', () => socket.send(new Uint8Array([0, 0, 1, 0])))
  await once(socket, 'message')
  return socket
}
