/** Runs the benches one after another, each in a process of its own, so that none inherits another's memory. */
import { fork } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { BENCHES } from './benches.js'
import { unmeasured, type Bench, type Finding } from './finding.js'
import { describeMachine } from './machine.js'
import { helpOf, readOptions, type Options } from './options.js'
import { toLine, toMarkdown, toRow } from './report.js'

/** Of a process that runs one bench for its parent. */
const RUN = '--run-bench'
/** On a machine of two cores the longest takes four minutes. */
const TIMEOUT_MS = 1_200_000
const STILL_MS = 15_000

// Whoever started this is gone.
process.on('disconnect', () => process.exit())
const [first, name] = process.argv.slice(2)
if (first === RUN) await runForParent(BENCHES.find((bench) => bench.name === name)!)
else {
  await main(readOptions(process.argv.slice(2), BENCHES))
  process.disconnect?.()
}

async function main(options: Options): Promise<void> {
  if (options.kind === 'help') return console.log(helpOf(BENCHES))
  if (options.kind === 'misused') return fail(`${options.reason} See npm run bench -- --help.`)
  if (process.platform !== 'linux') return fail('Only on Linux: CPU and memory are read from /proc.')
  const machine = describeMachine()
  const findings: Finding[] = []
  for (const bench of options.benches) {
    const found = await runApart(bench)
    found.forEach((finding) => console.log(toLine(finding)))
    findings.push(...found)
    // After each: an interrupted run is worth something too.
    if (options.jsonPath) writeFileSync(options.jsonPath, `${JSON.stringify(findings.map(toRow), null, 2)}\n`)
  }
  const unmeasured = findings.filter(({ value }) => Number.isNaN(value))
  if (options.isWhole && unmeasured.length === 0) writeFileSync('docs/BENCHMARKS.md', toMarkdown(findings, machine, new Date().toISOString().slice(0, 10)))
  const met = findings.filter(({ pass }) => pass)
  console.log(`\n${met.length} of ${findings.length} budgets met${unmeasured.length > 0 ? `, ${unmeasured.length} not measured` : ''}.`)
  if (met.length < findings.length) process.exitCode = 1
}

/** Where it fails, it has said why. */
function runApart({ name, rows }: Bench): Promise<readonly Finding[]> {
  return new Promise((resolve) => {
    let findings = rows.map(unmeasured)
    const child = fork(fileURLToPath(import.meta.url), [RUN, name])
    const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS)
    child.on('message', (message) => { findings = message as Finding[] })
    child.on('exit', () => {
      clearTimeout(timer)
      resolve(findings)
    })
  })
}

async function runForParent({ name, run }: Bench): Promise<void> {
  const startedAt = performance.now()
  let stage = ''
  const say = (): void => console.log(`  ${name} ${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)} s: ${stage}`)
  const still = setInterval(say, STILL_MS)
  try {
    const findings = await run((next) => {
      stage = next
      still.refresh()
      say()
    })
    process.send?.(findings, () => process.exit())
  } catch (error) {
    fail(`✗ ${name}: ${error instanceof Error ? error.stack ?? error.message : String(error)}`)
    process.exit()
  }
}

function fail(reason: string): void {
  console.error(reason)
  process.exitCode = 1
}
