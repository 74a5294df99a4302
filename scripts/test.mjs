/** `npm test`: every check of the project; see `npm test -- --help`. */
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build, buildIfStale } from './build.mjs'
import { cache, dim, green, red, run, runNode, seconds, yellow } from './run.mjs'
import { ensurePackages, ensureTools } from './setup.mjs'

const HELP = `npm test                 types, lint, build, packaging, dead code, then all tests
npm test -- FILTER …     only the tests; the arguments go to vitest (file names, -t NAME, --project unit …)
npm test -- --help       this text

Installs what is missing: packages, a Chromium, a redis-server, strace. CHROMIUM_PATH and REDIS_SERVER_PATH name others.
With CI set, a missing redis-server is a failure, and on Linux a missing strace; otherwise the tests that need it are skipped.
The last line counts the tests, and every other check as one: N passed, N failed[, N skipped].`

const counts = { passed: 0, failed: 0, skipped: 0 }
const summary = []
const args = process.argv.slice(2)

if (args.includes('--help')) {
  console.log(HELP)
} else {
  await (args.length > 0 ? testOnly(args) : testAll())
  report()
}

async function testAll() {
  const [packages, tools] = await setup()
  if (!packages) return
  // Tests measure time: nothing else runs beside them.
  await Promise.all([
    step('build', () => timed(build)),
    checks([
      ['types', () => runNode(['node_modules/typescript-native/bin/tsc', '--noEmit'], { quiet: true })],
      ['lint', () => runNode(['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings'], { quiet: true })],
    ]),
  ])
  await Promise.all([
    step('package', checkPackage),
    step('dead code', () => runNode(['node_modules/knip/bin/knip.js', '--no-progress'], { quiet: true })),
  ])
  await tests([], tools)
}

async function testOnly(filter) {
  const [packages, tools] = await setup()
  if (!packages) return
  if (!(await buildIfStale())) console.error(yellow('Going on with dist/ as it is: the end-to-end tests may be out of date.'))
  await tests(filter, tools)
}

async function setup() {
  const installing = ensurePackages()
  const [packages, tools] = await Promise.all([installing, ensureTools(installing)])
  if (!packages) count('packages', { ok: false, ms: 0, output: 'npm ci failed: see above.' })
  const isWholeRun = args.length === 0
  if (!tools.chromium) missing('chromium', 'No Chromium was found or installed. Install one, or set CHROMIUM_PATH.', isWholeRun)
  if (!tools.redisServer) missing('redis', 'No redis-server was found or installed. Install one, or set REDIS_SERVER_PATH.', Boolean(process.env.CI))
  if (!tools.strace) missing('strace', 'No strace was found or installed. It is for Linux alone.', Boolean(process.env.CI) && process.platform === 'linux')
  return [packages, tools]
}

function missing(name, message, isFailure) {
  if (isFailure) count(name, { ok: false, ms: 0, output: message })
  else console.log(yellow(message))
}

/** One after the other. */
async function checks(list) {
  for (const [name, check] of list) await step(name, check)
}

async function step(name, check) {
  count(name, await check())
}

function count(name, { ok, ms, output = '' }) {
  counts[ok ? 'passed' : 'failed'] += 1
  summary.push({ name, ok, ms })
  console.log(`${ok ? green('✓') : red('✗')} ${name} ${dim(seconds(ms))}`)
  if (!ok && output) console.log(output.trimEnd())
}

/** What would be published: are its entry points there, and do their types resolve? */
async function checkPackage() {
  const startedAt = performance.now()
  const folder = join(cache, `package-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  const results = [await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], { quiet: true })]
  const [tarball] = readdirSync(folder).map((name) => join(folder, name))
  if (tarball) {
    results.push(await runNode(['node_modules/publint/src/cli.js', tarball, '--strict'], { quiet: true }))
    results.push(await runNode(['node_modules/@arethetypeswrong/cli/dist/index.js', tarball, '--profile', 'esm-only'], { quiet: true }))
  }
  rmSync(folder, { recursive: true, force: true })
  const output = results.filter(({ ok }) => !ok).map((result) => result.output).join('\n')
  return { ok: results.every(({ ok }) => ok), ms: performance.now() - startedAt, output }
}

async function timed(action) {
  const startedAt = performance.now()
  const ok = await action()
  return { ok, ms: performance.now() - startedAt }
}

async function tests(filter, { chromium, redisServer }) {
  const results = join(cache, `vitest-${process.pid}.json`)
  // Without a Chromium, which has been reported as a failure, the rest is still worth knowing.
  const projects = chromium || filter.length > 0 ? [] : ['--project', 'unit', '--project', 'relay', '--project', 'hostile']
  const env = { ...(chromium && { CHROMIUM_PATH: chromium }), ...(redisServer && { REDIS_SERVER_PATH: redisServer }) }
  const { ok, ms } = await runNode(
    ['node_modules/vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${results}`, ...projects, ...filter],
    { env },
  )
  const told = readResults(results)
  rmSync(results, { force: true })
  counts.passed += told.passed
  counts.skipped += told.skipped
  // A file that does not load, or an error outside any test, fails the run without a failed test.
  counts.failed += Math.max(told.failed, ok ? 0 : 1)
  summary.push({ name: 'tests', ok, ms })
}

function readResults(path) {
  try {
    const results = JSON.parse(readFileSync(path, 'utf8'))
    const brokenFiles = results.testResults.filter(({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'))
    return {
      passed: results.numPassedTests,
      failed: results.numFailedTests + brokenFiles.length,
      skipped: results.numPendingTests + results.numTodoTests,
    }
  } catch {
    return { passed: 0, failed: 0, skipped: 0 }
  }
}

function report() {
  console.log('')
  for (const { name, ok, ms } of summary) console.log(`${ok ? green('✓') : red('✗')} ${name.padEnd(14)}${seconds(ms).padStart(8)}`)
  const failed = summary.filter(({ ok }) => !ok).map(({ name }) => name)
  if (failed.length > 0) console.log(red(`\nFailed: ${failed.join(', ')}.`))
  process.exitCode = failed.length > 0 ? 1 : 0
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  console.log(`\n${counts.passed} passed, ${counts.failed} failed${skipped}`)
}
