/** Findings as text: a line for the terminal, a table for docs/BENCHMARKS.md, rows for a program. Pure. */
import { asFigure, asShare, type Finding, type Row } from './finding.js'
import type { Machine } from './machine.js'

export const toLine = ({ pass, name, value, unit, budget, ratio, beside }: Finding): string => (Number.isNaN(value) ? `✗ ${name}: not measured` :
  `${pass ? '✓' : '✗'} ${name}: ${asFigure(value)} ${unit} (budget ${budget}${ratio === undefined ? '' : `; is ${asShare(ratio)}`}${beside && `; ${beside}`})`)

export const toRow = ({ name, value, unit, budget, ratio, pass }: Finding): Row =>
  ({ name, value, unit, budget, ...(ratio === undefined ? {} : { ratio }), pass })

export function toMarkdown(findings: readonly Finding[], machine: Machine, date: string): string {
  const rows = findings.map(({ name, value, unit, budget, ratio, pass, beside }) =>
    `| ${name} | ${asFigure(value)} ${unit} | ${beside || '–'} | ${ratio === undefined ? '–' : asShare(ratio)} | ${budget} | ${pass ? 'yes' : '**no**'} |`)
  return `# Benchmarks

Written by \`npm run bench\`; do not edit. Absolute figures are this machine's: trust the ratios, which were measured in the same run.

${date} · ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB · Linux ${machine.kernel} · Node ${machine.node} · load before it began: ${machine.load}

| what | Porchlight | beside it | ratio | budget | met |
|---|---|---|---|---|---|
${rows.join('\n')}

## What exactly was done

Servers are processes of their own on the same machine, ours \`porchlight relay\`. Their CPU (all threads) and memory are what \`/proc\`
says. Clients are simulated by one further process, which speaks the real protocols over real sockets.

${findings.map(({ name, how }) => `- **${name}.** ${how}`).join('\n')}
`
}
