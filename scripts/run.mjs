/** Child processes, as the other scripts need them. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
/** For what can be made again; the same file system as the project, so that renaming works. */
export const cache = join(root, '.porchlight/cache')

/** Runs a command in the project's folder; never rejects. `quiet` collects its output instead of showing it. */
export function run(command, args, { quiet = false, env = {} } = {}) {
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
      shell: process.platform === 'win32' && command !== process.execPath,
    })
    let output = ''
    child.stdout?.setEncoding('utf8').on('data', (text) => (output += text))
    child.stderr?.setEncoding('utf8').on('data', (text) => (output += text))
    const end = (code) => resolve({ ok: code === 0, code, output, ms: performance.now() - startedAt })
    child.on('error', (error) => {
      output += `${command}: ${error.message}\n`
      if (!quiet) console.error(`${command}: ${error.message}`)
      end(127)
    })
    child.on('close', (code) => end(code ?? 1))
  })
}

export const runNode = (args, options) => run(process.execPath, args, options)

/** Colour on a terminal only: a log should be plain. */
const paint = (code) => (text) => (process.stdout.isTTY ? `\u001b[${code}m${text}\u001b[0m` : text)
export const green = paint(32)
export const red = paint(31)
export const yellow = paint(33)
export const dim = paint(2)
export const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`
