/** Every rule of docs/SPEC.md stands in the name of a test, and no test names a rule that is not there. */
import { readFileSync, readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

const rulesIn = (text: string): string[] => [...text.matchAll(/^(?:- )?\*\*([A-Z]{2}\d+)\*\*/gm)].map(([, id]) => id!)

function readSpec(markdown: string): { readonly rules: readonly string[]; readonly gaps: readonly string[] } {
  const [rules = '', gaps = ''] = markdown.split('\n## Gaps\n')
  return { rules: rulesIn(rules), gaps: rulesIn(gaps) }
}

/** Ids in brackets inside a string: `'[PR4] …'`, `'[CS1, TM2] …'`. Tests that do not run name nothing. */
function idsNamed(source: string): string[] {
  const lines = source.replace(/\/\*[\s\S]*?\*\//g, '').split('\n').filter((line) => !/^\s*\/\/|\.(skip|todo)\b/.test(line))
  return lines
    .flatMap((line) => [...line.matchAll(/['"`][^'"`]*?((?:\[[A-Z]{2}\d+(?:, ?[A-Z]{2}\d+)*\] ?)+)/g)])
    .flatMap(([, brackets]) => brackets!.match(/[A-Z]{2}\d+/g) ?? [])
}

function findings(markdown: string, sources: readonly string[]): string[] {
  const { rules, gaps } = readSpec(markdown)
  const named = new Set(sources.flatMap(idsNamed))
  return [
    ...rules.filter((id, index) => rules.indexOf(id) !== index).map((id) => `${id} is defined twice`),
    ...gaps.filter((id) => !rules.includes(id)).map((id) => `${id} is listed as a gap, but is no rule`),
    ...rules.filter((id) => !named.has(id) && !gaps.includes(id)).map((id) => `${id} is named by no test`),
    ...[...named].filter((id) => !rules.includes(id)).map((id) => `${id} is named by a test, but is no rule`),
  ]
}

describe('the specification', () => {
  it('is named by the tests, rule by rule', () => {
    const sources = readdirSync(`${root}/test`, { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.tsx?$/.test(path) && basename(path) !== 'spec.test.ts')
      .map((path) => readFileSync(`${root}/test/${path}`, 'utf8'))
    expect(findings(readFileSync(`${root}/docs/SPEC.md`, 'utf8'), sources)).toEqual([])
  })

  const SPEC = '**AA1** One.\n\n**AA2** Two.\n\n**AA3** Three.\n\n## Gaps\n\n- **AA3** — missing.\n'

  it.each<[what: string, spec: string, source: string, found: string[]]>([
    ['all are named', SPEC, "it('[AA1] a', f)\nit(`[AA2] b`, f)", []],
    ['several in one name', SPEC, 'it("[AA1, AA2] a", f)', []],
    ['several brackets, and rows of a table', SPEC, "  ['a row [AA1] [AA2]', 1],", []],
    ['a rule without a test', SPEC, "it('[AA1] a', f)", ['AA2 is named by no test']],
    ['a comment is no test', SPEC, "it('[AA1] a', f)\n// it('[AA2] b', f)\n/* '[AA2] b' */", ['AA2 is named by no test']],
    ['a skipped test is none', SPEC, "it('[AA1] a', f)\nit.skip('[AA2] b', f)", ['AA2 is named by no test']],
    ['an unknown rule', SPEC, "it('[AA1, AA2] a', f)\nit('[AA9] b', f)", ['AA9 is named by a test, but is no rule']],
    ['a gap that is no rule', `${SPEC}- **AA7** — missing.\n`, "it('[AA1, AA2] a', f)", ['AA7 is listed as a gap, but is no rule']],
    ['a rule defined twice', `**AA1** Again.\n\n${SPEC}`, "it('[AA1, AA2] a', f)", ['AA1 is defined twice']],
  ])('finds out: %s', (_, spec, source, found) => {
    expect(findings(spec, [source])).toEqual(found)
  })
})
