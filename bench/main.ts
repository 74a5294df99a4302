/** Runs the benches one after another, each in a process of its own, so that none inherits another's memory. */
import { fork } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { BENCHES } from './benches.js'
import type { Bench, Finding } from './finding.js'
import { describeMachine } from './machine.js'
import { helpOf, readOptions, type Options } from './options.js'
import { toLine, toMarkdown, toRow } from './report.js'

/** Of a process that runs one bench for its parent. */
const RUN = '--run-bench'

const [first, name] = process.argv.slice(2)
if (first === RUN) await runForParent(name)
else await main(readOptions(process.argv.slice(2), BENCHES))

async function main(options: Options): Promise<void> {
  if (options.kind === 'help') return console.log(helpOf(BENCHES))
  if (options.kind === 'misused') return complain(`${options.reason} See npm run bench -- --help.`)
  if (process.platform !== 'linux') return complain('Only on Linux: CPU and memory are read from /proc.')
  const machine = describeMachine()
  const findings: Finding[] = []
  let hasFailed = false
  for (const bench of options.benches) {
    const found = await runApart(bench)
    found.forEach((finding) => console.log(toLine(finding)))
    findings.push(...found)
    if (found.length === 0) hasFailed = true
  }
  if (options.jsonPath) writeFileSync(options.jsonPath, `${JSON.stringify(findings.map(toRow), null, 2)}\n`)
  if (options.isWhole && !hasFailed) writeFileSync('docs/BENCHMARKS.md', toMarkdown(findings, machine, new Date().toISOString().slice(0, 10)))
  const missed = findings.filter(({ pass }) => !pass)
  console.log(`\n${findings.length - missed.length} of ${findings.length} budgets met${hasFailed ? '; not all could be measured' : ''}.`)
  if (missed.length > 0 || hasFailed) process.exitCode = 1
}

/** None where it failed; it has said why. */
function runApart({ name }: Bench): Promise<readonly Finding[]> {
  return new Promise((resolve) => {
    let findings: readonly Finding[] = []
    const child = fork(fileURLToPath(import.meta.url), [RUN, name])
    child.on('message', (message) => { findings = message as readonly Finding[] })
    child.on('exit', () => resolve(findings))
  })
}

async function runForParent(name: string | undefined): Promise<void> {
  process.on('disconnect', () => process.exit(1))
  const startedAt = performance.now()
  const progress = (stage: string): void => console.log(`  ${name} ${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)} s: ${stage}`)
  try {
    const findings = await BENCHES.find((bench) => bench.name === name)!.run(progress)
    process.send?.(findings, () => process.exit())
  } catch (error) {
    complain(`✗ ${name}: ${error instanceof Error ? error.stack ?? error.message : String(error)}`)
    process.exit(1)
  }
}

function complain(reason: string): void {
  console.error(reason)
  process.exitCode = 1
}
