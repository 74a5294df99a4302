/** `npm run bench`: sets itself up, then runs bench/main.ts; see `npm run bench -- --help`. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildIfStale } from './build.mjs'
import { cache, red, root, runNode } from './run.mjs'
import { ensurePackages } from './setup.mjs'

const args = process.argv.slice(2)
const wantsHelp = args.includes('--help') || args.includes('-h')

if (!(await ensurePackages())) fail('The packages could not be installed: see above.')
else if (!wantsHelp && !(await buildIfStale())) fail('The build failed: see above.')
else await bench()

async function bench() {
  const folder = join(cache, `bench-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  // In the project's folder, so that packages are found.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1))
  await bundle(folder)
  const { code } = await runNode([join(folder, 'main.js'), ...args])
  process.exitCode = code
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
