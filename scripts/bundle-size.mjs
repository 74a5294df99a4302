/** What a page downloads, minified and gzipped, against its budget (DESIGN.md, "Budgets"). A KB is 1,000 bytes. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { root } from './run.mjs'

/** `first`: the entry and all it imports; `later`: what it loads on first use. */
const BUDGETS = [{ entry: 'src/index.ts', firstKb: 37, laterKb: 6 }]

let exceeded = false
for (const { entry, firstKb, laterKb } of BUDGETS) {
  if (!existsSync(join(root, entry))) throw new Error(`${entry} does not exist.`)
  const size = await measure(join(root, entry))
  for (const [what, kb, budgetKb] of [['at first', size.first, firstKb], ['on first use', size.later, laterKb]]) {
    const over = kb > budgetKb
    exceeded ||= over
    console.log(`${over ? '✗' : '✓'} ${entry} ${what}: ${kb.toFixed(1)} KB min+gzip (budget ${budgetKb} KB)`)
  }
}
process.exitCode = exceeded ? 1 : 0

async function measure(input) {
  const bundle = await rolldown({ input, platform: 'browser', transform: { define: { 'process.env.NODE_ENV': '"production"' } } })
  const { output } = await bundle.generate({ format: 'esm', minify: true })
  await bundle.close()
  const chunks = new Map(output.filter((file) => file.type === 'chunk').map((chunk) => [chunk.fileName, chunk]))
  const first = new Set()
  const add = (chunk) => {
    if (!chunk || first.has(chunk)) return
    first.add(chunk)
    chunk.imports.forEach((name) => add(chunks.get(name)))
  }
  add([...chunks.values()].find((chunk) => chunk.isEntry))
  const later = [...chunks.values()].filter((chunk) => !first.has(chunk))
  return { first: gzipKb(first), later: gzipKb(later) }
}

function gzipKb(chunks) {
  return [...chunks].reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0) / 1_000
}
