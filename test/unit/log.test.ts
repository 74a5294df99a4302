import { describe, expect, it } from 'vitest'
import { createLog } from '../../server/log.js'
import type { LogLevel } from '../../src/ports.js'

const NOW = 1_700_000_000_250
const TOKEN = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLXNvbWUtbGVuZ3Ro'

function setUp(level: LogLevel = 'debug') {
  const lines: string[] = []
  return { lines, log: createLog({ level, write: (line) => { lines.push(line) }, now: () => NOW }) }
}

it('is one object a line: when, how bad, what, and the details', () => {
  const { log, lines } = setUp()
  log('warn', 'The store can be written again.', { path: '/var/lib/porchlight', tries: 3 })
  log('error', 'An upgrade failed.')
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { time: '2023-11-14T22:13:20.250Z', level: 'warn', message: 'The store can be written again.', details: { path: '/var/lib/porchlight', tries: 3 } },
    { time: '2023-11-14T22:13:20.250Z', level: 'error', message: 'An upgrade failed.' },
  ])
})

it.each<[LogLevel, LogLevel[]]>([['debug', ['debug', 'warn', 'error']], ['warn', ['warn', 'error']], ['error', ['error']]])('of level %s leaves out what is less', (level, told) => {
  const { log, lines } = setUp(level)
  for (const each of ['debug', 'warn', 'error'] as const) log(each, 'It happened.')
  expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(told)
})

describe('T24 whatever stands in it', () => {
  it.each([
    ['a line feed', 'a\nb'], ['a carriage return', 'a\r\nb'], ['a line separator', 'a\u2028b'], ['terminal codes', '\u001b[31mred\u009b0m'], ['a bidirectional override', 'a\u202eb'],
    ['zero width', 'a\u200bb'], ['half a surrogate pair', 'a\ud800b'], ['an emoji', '🐙'], ['quotes and braces', '"},{"level":"error"'], ['NUL', 'a\u0000b'],
  ])('stays one line of plain ASCII: %s', (_, text) => {
    const { log, lines } = setUp()
    log('error', text, { text, [text]: 1 })
    expect(lines).toEqual([expect.stringMatching(/^[ -~]+$/)])
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'error', message: text, details: { text, [text]: 1 } })
  })

  it('an error keeps what it says and what caused it, and no more', () => {
    const { log, lines } = setUp()
    log('error', 'It failed.', { error: Object.assign(new Error('no', { cause: new TypeError('deeper') }), { code: 'ENOSPC', secret: 'hidden' }) })
    expect(JSON.parse(lines[0]!)).toMatchObject({ details: { error: { name: 'Error', message: 'no', code: 'ENOSPC', cause: { name: 'TypeError', message: 'deeper' } } } })
    expect(lines[0]).not.toContain('hidden')
  })

  it('is bounded, and what is no JSON is left out', () => {
    const { log, lines } = setUp()
    log('error', 'Long.', { text: 'x'.repeat(1_000_000) })
    expect(lines[0]!.length).toBeLessThan(3_000)
    const circle: Record<string, unknown> = {}
    circle['circle'] = circle
    for (const details of [circle, { big: 1n }, { get no(): never { throw new Error('no') } }]) log('error', 'Odd.', details)
    expect(lines.slice(1).map((line) => JSON.parse(line) as unknown)).toEqual(Array.from({ length: 3 }, () => ({ time: expect.any(String), level: 'error', message: 'Odd.' })))
  })
})

describe('[T11] a token', () => {
  it.each([
    ['in a message', TOKEN, {}], ['in a detail', 'It failed.', { why: `"${TOKEN}" is no header` }], ['in an error', 'It failed.', { error: new Error(`bearer.${TOKEN}`) }],
    ['as a header', 'It failed.', { why: `Authorization: Bearer ${TOKEN}` }], ['cut off', 'It failed.', { why: `${'x'.repeat(1_960)} ${TOKEN}` }],
  ])('%s is not written', (_, message, details) => {
    const { log, lines } = setUp()
    log('error', message, details)
    for (const part of TOKEN.split('.')) expect(lines[0]).not.toContain(part.slice(0, 20))
    expect(lines[0]).toContain('[token]')
  })
})
