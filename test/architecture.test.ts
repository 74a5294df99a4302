/**
 * Who may import whom, and which files are pure: ARCHITECTURE.md as a test. The rules are the tables below; `violations` reads
 * them against the sources, and the planted cases at the end show that each rule can fail.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

type Files = ReadonlyMap<string, string>

const VOCABULARY = ['src/presence-service.ts', 'src/model/']
const FOUNDATION = [...VOCABULARY, 'src/errors.ts', 'src/ports.ts', 'src/protocol/']
const PARTS = ['src/replica/', 'src/storage/', 'src/transport/', 'src/activity/', 'src/tabs/', 'src/commands/']
const BINDINGS = ['src/react/', 'src/vue/', 'src/elements/', 'src/electron/']
const ENTRY_POINTS = ['src/index.ts', 'server/index.ts', 'testing/index.ts', ...['src/viewer/', ...BINDINGS].map((folder) => `${folder}index.ts`)]
/** Everything here names neither sockets nor Node, so that it runs in one thread on a manual clock. */
const SOCKETLESS = ['server/hub/', 'server/relay/session']

/** A place, and where else its files may import from; the first row that fits a file is its row. */
const MAY_IMPORT: readonly (readonly [place: string, others: readonly string[]])[] = [
  ['src/presence-service.ts', []],
  ['src/model/', ['src/presence-service.ts']],
  ['src/errors.ts', VOCABULARY],
  ['src/ports.ts', VOCABULARY],
  ['src/protocol/', VOCABULARY],
  ...PARTS.map((part) => [part, FOUNDATION] as const),
  ['src/service/', [...FOUNDATION, ...PARTS]],
  ['src/viewer/', [...FOUNDATION, 'src/transport/']],
  ...BINDINGS.map((binding) => [binding, VOCABULARY] as const),
  ['src/index.ts', [...FOUNDATION, ...PARTS, 'src/service/']],
  ['server/', [...FOUNDATION, 'src/replica/', 'src/commands/']],
  ['testing/', ['src/', ...SOCKETLESS]],
  ['demo/', ENTRY_POINTS], // or by their names, as packages
  ['examples/', ENTRY_POINTS],
]

/** Packages, and the only places among ours that may name them. */
const PACKAGES: readonly { readonly names: RegExp; readonly only: readonly string[] }[] = [
  { names: /^(yjs|y-websocket|y-protocols)(\/|$)/, only: ['src/replica/'] },
  { names: /^idb-keyval(\/|$)/, only: ['src/storage/'] },
  { names: /^prom-client(\/|$)/, only: ['server/http/prometheus.ts'] },
  { names: /^(ws|ioredis|classic-level|node:.*)(\/|$)/, only: ['server/', 'src/electron/'] },
]
const SOCKETS_AND_NODE = /^(ws|ioredis|node:.*)(\/|$)/

const PURE = [
  'src/presence-service.ts', 'src/errors.ts', 'src/ports.ts', 'src/model/', 'src/protocol/', 'src/transport/connection-state.ts',
  'src/activity/activity-state.ts', 'src/commands/parse-command.ts', 'src/commands/format-reply.ts', 'server/hub/', 'server/relay/session-state.ts',
]
const IMPURE_GLOBALS = new Set([
  'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'queueMicrotask', 'requestAnimationFrame', 'requestIdleCallback',
  'performance', 'crypto', 'window', 'document', 'navigator', 'location', 'localStorage', 'sessionStorage', 'indexedDB', 'caches',
  'WebSocket', 'BroadcastChannel', 'Worker', 'SharedWorker', 'EventSource', 'XMLHttpRequest', 'fetch', 'addEventListener',
  'process', 'Buffer', 'require', 'globalThis', 'self', 'console',
])
const MAY_TOUCH_PROCESS = ['server/cli.ts', 'server/config.ts']

const isIn = (path: string, places: readonly string[]): boolean => places.some((place) => path.startsWith(place))

/** One readable line for each breach of the tables. */
function violations(files: Files): string[] {
  const modules = new Map([...files].map(([path, text]) => [path, readModule(path, text)]))
  return [...modules].flatMap(([path, module]) => [
    ...importViolations(path, module),
    ...packageViolations(path, module),
    ...(isIn(path, SOCKETLESS) ? reachViolations(path, modules) : []),
    ...purityViolations(path, module),
  ])
}

function importViolations(path: string, { imports }: Module): string[] {
  const row = MAY_IMPORT.find(([place]) => path.startsWith(place))
  if (!row) return [`${path} stands in no folder of the tree: give it a row in MAY_IMPORT`]
  const [place, others] = row
  return imports
    .filter(({ file }) => file !== undefined && !isIn(file, [place, ...others]))
    .map(({ file }) => `${path} imports ${file}; ${place} may import only itself${others.map((other) => `, ${other}`).join('')}`)
}

function packageViolations(path: string, { imports }: Module): string[] {
  if (!isIn(path, ['src/', 'server/', 'testing/'])) return []
  return imports.flatMap(({ name, file }) => PACKAGES
    .filter(({ names, only }) => file === undefined && names.test(name) && !isIn(path, only))
    .map(({ only }) => `${path} names ${name}; only ${only.join(', ')} may`))
}

/** What a socketless file loads, and what that loads, names no socket either; types are free. */
function reachViolations(start: string, modules: ReadonlyMap<string, Module>): string[] {
  const found: string[] = []
  const seen = new Set<string>()
  const visit = (path: string, way: readonly string[]): void => {
    if (seen.has(path)) return
    seen.add(path)
    for (const { name, file, typeOnly } of modules.get(path)?.imports ?? []) {
      if (file === undefined && SOCKETS_AND_NODE.test(name) && (way.length === 0 || !typeOnly)) found.push(`${start} reaches ${[...way, name].join(' → ')}`)
      if (file !== undefined && !typeOnly) visit(file, [...way, file])
    }
  }
  visit(start, [])
  return found
}

function purityViolations(path: string, { globals }: Module): string[] {
  const inPure = isIn(path, PURE) ? globals.map(({ name, line }) => `${path}:${line} is pure and uses ${name}`) : []
  if (!isIn(path, ['src/', 'server/', 'testing/']) || MAY_TOUCH_PROCESS.includes(path)) return inPure
  const process = globals.filter(({ name }) => name === 'process')
  return [...inPure, ...process.map(({ line }) => `${path}:${line} touches process; only ${MAY_TOUCH_PROCESS.join(' and ')} may`)]
}

interface Import {
  readonly name: string
  /** Where a relative import leads; undefined for a package. */
  readonly file: string | undefined
  readonly typeOnly: boolean
}
interface Module {
  readonly imports: readonly Import[]
  readonly globals: readonly { readonly name: string; readonly line: number }[]
}

function readModule(path: string, text: string): Module {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const imports: Import[] = []
  const used: { name: string; line: number }[] = []
  const declared = new Set<string>()
  const addImport = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (!specifier || !ts.isStringLiteralLike(specifier)) return
    const name = specifier.text.replace(/\?.*$/, '')
    const file = name.startsWith('.') ? posix.join(posix.dirname(path), name).replace(/\.js$/, '.ts') : undefined
    imports.push({ name, file, typeOnly })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) addImport(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword)
    else if (ts.isExportDeclaration(node)) addImport(node.moduleSpecifier, node.isTypeOnly)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) addImport(node.argument.literal, true)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) addImport(node.arguments[0], false)
    else if (ts.isIdentifier(node)) {
      if (isDeclarationName(node)) declared.add(node.text)
      const name = impureName(node)
      if (name) used.push({ name, line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1 })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return { imports, globals: used.filter(({ name }) => !declared.has(name)) }
}

/** The global that an identifier reads, where reading it makes a file impure. */
function impureName(node: ts.Identifier): string | undefined {
  const { parent, text } = node
  const isName = 'name' in parent && parent.name === node && !ts.isShorthandPropertyAssignment(parent)
  if (isName || ts.isTypeNode(parent) || ts.isQualifiedName(parent) || (ts.isBindingElement(parent) && parent.propertyName === node)) return undefined
  const member = ts.isPropertyAccessExpression(parent) ? parent.name.text : undefined
  if (text === 'Math') return member === undefined || member === 'random' ? 'Math.random' : undefined
  if (text === 'Date') {
    const isGivenATime = ts.isNewExpression(parent) && (parent.arguments?.length ?? 0) > 0
    return isGivenATime || member === 'UTC' || member === 'parse' ? undefined : 'Date.now'
  }
  return IMPURE_GLOBALS.has(text) ? text : undefined
}

function isDeclarationName(node: ts.Identifier): boolean {
  const { parent } = node
  return (ts.isVariableDeclaration(parent) || ts.isParameter(parent) || ts.isBindingElement(parent) || ts.isFunctionDeclaration(parent)
    || ts.isImportSpecifier(parent) || ts.isImportClause(parent) || ts.isNamespaceImport(parent)) && parent.name === node
}

function readSources(): Files {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const filesIn = (folder: string): string[] =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name)
      return entry.isDirectory() ? filesIn(path) : /\.tsx?$/.test(path) ? [path] : []
    })
  const folders = readdirSync(root).filter((name) => ['src', 'server', 'testing', 'demo', 'examples'].includes(name))
  return new Map(folders.flatMap((name) => filesIn(join(root, name))).map((path) => [relative(root, path).replaceAll('\\', '/'), readFileSync(path, 'utf8')]))
}

describe('architecture', () => {
  it('holds in every source file', () => {
    expect(violations(readSources())).toEqual([])
  })

  it.each<[rule: string, files: Record<string, string>, found: string]>([
    ['the model imports nothing but the vocabulary', { 'src/model/a.ts': "import { b } from '../protocol/b.js'" }, 'imports src/protocol/b.ts'],
    ['a type counts as an import', { 'src/model/a.ts': "import type { b } from '../ports.js'" }, 'imports src/ports.ts'],
    ['re-exports count', { 'src/errors.ts': "export * from './ports.js'" }, 'imports src/ports.ts'],
    ['import() counts', { 'src/tabs/a.ts': "const b = await import('../storage/b.js')" }, 'imports src/storage/b.ts'],
    ['import types count', { 'src/react/a.ts': "export type A = import('../service/b.js').B" }, 'imports src/service/b.ts'],
    ['the parts never import each other', { 'src/replica/a.ts': "import { b } from '../transport/b.js'" }, 'imports src/transport/b.ts'],
    ['the viewer carries no Yjs', { 'src/viewer/a.ts': "import { b } from '../replica/b.js'" }, 'imports src/replica/b.ts'],
    ['the relay knows no browser code', { 'server/relay/a.ts': "import { b } from '../../src/service/b.js'" }, 'imports src/service/b.ts'],
    ['the demo is a client of the entry points', { 'demo/main.ts': "import { b } from '../src/service/b.js'" }, 'imports src/service/b.ts'],
    ['testing opens no socket', { 'testing/a.ts': "import { b } from '../server/relay/relay.js'" }, 'imports server/relay/relay.ts'],
    ['every file has a place', { 'src/helpers/a.ts': '' }, 'stands in no folder'],
    ['only replica/ names Yjs', { 'src/service/a.ts': "import * as Y from 'yjs'" }, 'names yjs'],
    ['the relay gets Yjs through replica/', { 'server/relay/a.ts': "import { Awareness } from 'y-protocols/awareness'" }, 'names y-protocols/awareness'],
    ['one file names Prometheus', { 'server/http/metrics.ts': "import { Registry } from 'prom-client'" }, 'names prom-client'],
    ['the hub names no socket', { 'server/hub/a.ts': "import type { WebSocket } from 'ws'" }, 'reaches ws'],
    ['the hub names no Node', { 'server/hub/a.ts': "import { randomBytes } from 'node:crypto'" }, 'reaches node:crypto'],
    ['the hub reaches no socket', {
      'server/hub/a.ts': "import { b } from '../relay/b.js'", 'server/relay/b.ts': "import { WebSocketServer } from 'ws'",
    }, 'reaches server/relay/b.ts → ws'],
    ['the browser SDK names no Node', { 'src/storage/a.ts': "import { readFileSync } from 'node:fs'" }, 'names node:fs'],
    ['a pure file reads no clock', { 'src/model/a.ts': 'export const a = () => Date.now()' }, 'a.ts:1 is pure and uses Date.now'],
    ['a clock by another name', { 'src/model/a.ts': 'export const a = () => new Date().getTime()' }, 'uses Date.now'],
    ['an alias of the clock', { 'src/model/a.ts': 'const { now } = Date' }, 'uses Date.now'],
    ['a pure file draws no lots', { 'src/protocol/a.ts': '\nexport const a = Math.random()' }, 'a.ts:2 is pure and uses Math.random'],
    ['a pure file sets no timer', { 'src/transport/connection-state.ts': 'setTimeout(() => {}, 1)' }, 'uses setTimeout'],
    ['a pure file sees no page', { 'src/activity/activity-state.ts': 'export const a = () => ({ document })' }, 'uses document'],
    ['a pure file has no globalThis', { 'src/commands/parse-command.ts': 'export const a = globalThis.navigator' }, 'uses globalThis'],
    ['only the command touches process', { 'server/http/a.ts': 'export const a = process.env' }, 'touches process'],
  ])('finds a planted breach: %s', (_, files, found) => {
    expect(violations(new Map(Object.entries(files)))).toEqual([expect.stringContaining(found)])
  })

  it.each<[what: string, files: Record<string, string>]>([
    ['a date made from a time', { 'src/model/a.ts': 'export const a = (time: number): Date => new Date(time)' }],
    ['arithmetic', { 'src/model/a.ts': 'export const a = Math.max(1, 2)' }],
    ['a property or parameter with a global’s name', { 'src/model/a.ts': 'export const a = (document: { window: number }): number => document.window' }],
    ['the type of a global', { 'src/ports.ts': 'export type Socket = typeof WebSocket | WebSocket | Parameters<typeof window.open>' }],
    ['words in comments and strings', { 'src/model/a.ts': "/** Date.now */ export const a = 'process'" }],
    ['a type from a file that opens sockets', { 'server/hub/a.ts': "import type { B } from '../relay/b.js'", 'server/relay/b.ts': "import 'ws'" }],
    ['process in the command', { 'server/cli.ts': 'process.exit(0)' }],
    ['relative imports of the own folder', { 'server/relay/a.ts': "import { b } from '../store/b.js'" }],
  ])('lets pass: %s', (_, files) => {
    expect(violations(new Map(Object.entries(files)))).toEqual([])
  })
})
