/**
 * Builds the library, the command and the demo into dist/: the JavaScript by Vite, the types by TypeScript, side by side.
 * `node scripts/build.mjs` builds; `buildIfStale()` only when a source has changed.
 */
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, readdirSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { cache, red, root, runNode, seconds } from './run.mjs'

const SOURCES = [
  'src', 'server', 'testing', 'demo', 'scripts/build.mjs', 'vite.config.ts', 'tsconfig.json', 'tsconfig.build.json', 'package.json',
  'package-lock.json',
]
const stamp = join(cache, 'build-stamp')

/** @returns {Promise<boolean>} whether all went well; what went wrong has been printed. */
export async function build() {
  const startedAt = Date.now()
  mkdirSync(cache, { recursive: true })
  const sources = digestOfSources()
  // Built aside and moved into place at once, so that a relay that is running is never without its demo.
  const fresh = join(cache, `dist-${process.pid}`)
  const steps = await Promise.all([
    viteBuild('library', fresh),
    viteBuild('demo', join(fresh, 'demo')),
    runNode(['node_modules/typescript-native/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', join(fresh, 'types')], { quiet: true }),
  ])
  const failed = steps.filter((step) => !step.ok)
  for (const { output } of failed) console.error(output)
  if (failed.length === 0) {
    chmodSync(join(fresh, 'cli.js'), 0o755)
    replaceFolder(join(root, 'dist'), fresh)
    writeFileSync(stamp, sources)
    console.log(`Built dist/ in ${seconds(Date.now() - startedAt)}.`)
  } else {
    console.error(red('The build failed; dist/ is as it was.'))
  }
  rmSync(fresh, { recursive: true, force: true })
  return failed.length === 0
}

function viteBuild(mode, folder) {
  return runNode(['node_modules/vite/bin/vite.js', 'build', '--logLevel', 'warn', '--mode', mode, '--outDir', folder], { quiet: true })
}

export async function buildIfStale() {
  return isFresh() || build()
}

function isFresh() {
  try {
    return readFileSync(stamp, 'utf8') === digestOfSources() && statSync(join(root, 'dist/cli.js')).isFile()
  } catch {
    return false
  }
}

/** Names, sizes and times are enough, and take a millisecond. */
function digestOfSources() {
  const hash = createHash('sha256')
  for (const path of SOURCES.flatMap((source) => filesIn(join(root, source)))) {
    const { size, mtimeMs } = statSync(path)
    hash.update(`${relative(root, path)} ${size} ${mtimeMs}\n`)
  }
  return hash.digest('hex')
}

function filesIn(path) {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (!stats) return []
  return stats.isDirectory() ? readdirSync(path).sort().flatMap((name) => filesIn(join(path, name))) : [path]
}

function replaceFolder(target, replacement) {
  const old = `${replacement}-old`
  if (statSync(target, { throwIfNoEntry: false })) renameSync(target, old)
  renameSync(replacement, target)
  rmSync(old, { recursive: true, force: true })
}

if (import.meta.filename === realpathSync(process.argv[1])) {
  process.exitCode = (await build()) ? 0 : 1
}
