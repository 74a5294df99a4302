/** `npm start`: the relay with its embedded store, and the demo, at one address. PORT chooses the port (8787). */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { buildIfStale } from './build.mjs'
import { red, root } from './run.mjs'
import { ensurePackages } from './setup.mjs'

if (!(await ensurePackages())) fail('The packages could not be installed: see above. A network is needed the first time.')
else if (!(await buildIfStale())) fail('The build failed: see above.')
else startRelay()

function startRelay() {
  mkdirSync(join(root, '.porchlight'), { recursive: true })
  const args = ['relay', '--demo', '--port', process.env.PORT || '8787', '--store', 'level:.porchlight/store', '--secret', secret()]
  // In a process group of its own: a Ctrl-C then reaches it once, from here, and not also from the terminal and from npm.
  const relay = spawn(process.execPath, ['dist/cli.js', ...args], { cwd: root, stdio: 'inherit', detached: true })
  let signalledAt = -Infinity
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      const now = performance.now()
      if (now - signalledAt > 1_000) relay.kill(signal)
      signalledAt = now
    })
  }
  relay.on('error', (error) => fail(`The relay did not start: ${error.message}`))
  relay.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}

/** Generated once, so that tokens outlive a restart. */
function secret() {
  const path = join(root, '.porchlight/secret')
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    const generated = randomBytes(32).toString('base64url')
    writeFileSync(path, `${generated}\n`, { mode: 0o600 })
    return generated
  }
}

function fail(message) {
  console.error(red(message))
  process.exitCode = 1
}
