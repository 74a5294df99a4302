/** What the command line asks for. Pure. */
import { parseArgs } from 'node:util'
import type { Bench } from './finding.js'

export type Options =
  | { readonly kind: 'help' }
  | { readonly kind: 'misused'; readonly reason: string }
  | { readonly kind: 'run'; readonly benches: readonly Bench[]; readonly jsonPath: string | null; readonly isWhole: boolean }

export const helpOf = (benches: readonly Bench[]): string => `npm run bench                    all of it; writes docs/BENCHMARKS.md
npm run bench -- --only PATTERN  benches with this in their name or in that of a row (a regular expression)
npm run bench -- --json FILE     also writes the rows as JSON: name, value, unit, budget, ratio, pass
npm run bench -- --help          this text

Each runs in a process of its own, against servers in processes of their own, with clients on 127.0.0.2 to 127.0.0.201; on Linux only, since
CPU and memory are read from /proc. Ends with 1 where a budget is missed. Leave the machine alone meanwhile.

${benches.map(({ name, rows }) => `${name.padEnd(14)}${rows.join(`\n${' '.repeat(14)}`)}`).join('\n')}`

export function readOptions(args: readonly string[], benches: readonly Bench[]): Options {
  try {
    const { values } = parseArgs({ args: [...args], options: { help: { type: 'boolean', short: 'h' }, only: { type: 'string' }, json: { type: 'string' } } })
    if (values.help) return { kind: 'help' }
    const pattern = new RegExp(values.only ?? '', 'i')
    const chosen = benches.filter(({ name, rows }) => [name, ...rows].some((text) => pattern.test(text)))
    if (chosen.length === 0) return { kind: 'misused', reason: `No bench and no row has "${values.only}" in its name.` }
    return { kind: 'run', benches: chosen, jsonPath: values.json ?? null, isWhole: chosen.length === benches.length }
  } catch (error) {
    return { kind: 'misused', reason: error instanceof Error ? error.message : String(error) }
  }
}
