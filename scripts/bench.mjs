/** `npm run bench`: sets itself up, then runs bench/main.ts; see `npm run bench -- --help`. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildIfStale } from './build.mjs'
import { cache, red, root } from './run.mjs'
import { ensurePackages } from './setup.mjs'

const args = process.argv.slice(2)
const wantsHelp = args.includes('--help') || args.includes('-h')

if (!(await ensurePackages())) fail('The packages could not be installed: see above.')
else if (!wantsHelp && !(await buildIfStale())) fail('The build failed: see above.')
else await bench()

async function bench() {
  const folder = join(cache, `bench-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  // In the project's folder, so that packages are found; what is measured keeps its stores there too.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1))
  await bundle(folder)
  // It ends when its channel to this process does, and so does what it has started.
  const [code] = await once(fork(join(folder, 'main.js'), args, { cwd: root }), 'exit')
  process.exitCode = code ?? 1
}

async function bundle(folder) {
  const { rolldown } = await import('rolldown')
  const input = { main: 'bench/main.ts', 'bare-ws': 'bench/peers/bare-ws.ts', 'report-on-itself': 'bench/peers/report-on-itself.ts' }
  const bundled = await rolldown({ cwd: root, input, platform: 'node', external: /^[^./]/ })
  await bundled.write({ dir: folder, format: 'esm' })
  await bundled.close()
}

function fail(message) {
  console.error(red(message))
  process.exitCode = 1
}
