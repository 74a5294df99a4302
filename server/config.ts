/** What the command line and the environment ask for. Pure: it reads what it is handed, and answers with a command or a reason. */
import { parseArgs } from 'node:util'
import { parseChannelId, parseUserId } from '../src/model/arguments.js'
import { nearestOf } from '../src/model/did-you-mean.js'
import { sizeInBytes, type Parsed } from '../src/model/json.js'
import type { LogLevel } from '../src/ports.js'
import type { ServerPresenceOptions, UserId } from '../src/presence-service.js'
import { WIRE } from '../src/protocol/limits.js'
import { LOG_LEVELS } from './log.js'
import { SECRET_BYTES } from './relay/authenticate.js'
import { isLoopbackHost, parseAllowedOrigin } from './relay/origin.js'
import type { Grant } from './relay/sign-token.js'

export type Command =
  | RelayCommand
  | { readonly name: 'token'; readonly secret: string; readonly grant: Grant }
  | { readonly name: 'help'; readonly about: CommandName | 'porchlight' }
  | { readonly name: 'version' }
export interface RelayCommand {
  readonly name: 'relay'
  readonly host: string
  readonly port: number
  readonly store: Pick<ServerPresenceOptions, 'storage' | 'path'>
  readonly secret: string
  readonly isDemo: boolean
  readonly logLevel: LogLevel
  /** At SIGTERM clients are let go one by one, for this long. */
  readonly drainMs: number
  readonly channelFeedLimit?: number
  readonly allowedOrigins?: readonly string[]
}
export type CommandName = 'relay' | 'token'
export type Configuration =
  | { readonly ok: true; readonly command: Command }
  | { readonly ok: false; readonly reason: string; readonly remedy: string }
export type Environment = Readonly<Record<string, string | undefined>>

const FLAGS = {
  relay: ['port', 'host', 'store', 'secret', 'demo', 'channel-feed-limit', 'allowed-origin', 'drain', 'log-level'],
  token: ['secret', 'channels', 'watch', 'ttl'],
} as const satisfies Record<CommandName, readonly string[]>
type Flag = (typeof FLAGS)[CommandName][number]
const SWITCHES: ReadonlySet<string> = new Set(['demo'])
const COMMANDS = Object.keys(FLAGS) as CommandName[]

export function readConfiguration(args: readonly string[], environment: Environment): Configuration {
  try {
    return { ok: true, command: readCommand(args, environment) }
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, reason: error.message, remedy: error.remedy }
    throw error
  }
}

/** `--allowed-origin` as `PORCHLIGHT_ALLOWED_ORIGIN`. */
export const variableOf = (flag: string): string => `PORCHLIGHT_${flag.replaceAll('-', '_').toUpperCase()}`

/** Ends the reading; caught by `readConfiguration` alone. */
class Refusal extends Error {
  readonly remedy: string
  constructor(message: string, remedy: string) {
    super(message)
    this.remedy = remedy
  }
}
function refuse(reason: string, remedy: string): never {
  throw new Refusal(reason, remedy)
}

function readCommand([first, ...rest]: readonly string[], environment: Environment): Command {
  if (first === undefined || first === '--help' || first === '-h') return { name: 'help', about: 'porchlight' }
  if (first === '--version' || first === '-v') return { name: 'version' }
  if (first === 'help') return { name: 'help', about: rest[0] === undefined ? 'porchlight' : toCommandName(rest[0]) }
  const name = toCommandName(first)
  const { given, operands } = readArguments(name, rest)
  if (given.has('help')) return { name: 'help', about: name }
  const values = valuesOf(given, environment)
  switch (name) {
    case 'relay': return readRelay(values, operands)
    case 'token': return readToken(values, operands)
    default: return name satisfies never
  }
}

const toCommandName = (name: string): CommandName =>
  COMMANDS.find((command) => command === name) ?? refuse(`"${name}" is not a command.`, didYouMean(name, COMMANDS) ?? 'See porchlight --help.')

interface Arguments {
  readonly given: ReadonlyMap<string, readonly string[]>
  readonly operands: readonly string[]
}
function readArguments(name: CommandName, args: readonly string[]): Arguments {
  const known = [...FLAGS[name], 'help']
  const options = Object.fromEntries(known.map((flag) => [flag, { type: isSwitch(flag) ? 'boolean' : 'string', ...(flag === 'help' && { short: 'h' }) } as const]))
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true })
  const given = new Map<string, string[]>()
  const operands: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value)
    if (token.kind !== 'option') continue
    const flag = token.name
    if (!known.includes(flag)) refuse(`"${token.rawName}" is not an option of porchlight ${name}.`, didYouMean(flag, known, '--') ?? `See porchlight ${name} --help.`)
    const value = isSwitch(flag) ? token.value ?? 'true' : token.value
    // A secret may begin with a dash; the next option is no value.
    if (value === undefined || value === '' || (!token.inlineValue && known.includes(value.replace(/^--/, '')) && value.startsWith('--'))) {
      refuse(`--${flag} has no value.`, `See porchlight ${name} --help.`)
    }
    given.set(flag, [...(given.get(flag) ?? []), value])
  }
  return { given, operands }
}
const isSwitch = (flag: string): boolean => flag === 'help' || SWITCHES.has(flag)

function didYouMean(name: string, known: readonly string[], prefix = ''): string | undefined {
  const nearest = nearestOf(name, known)
  return nearest && `Did you mean "${prefix}${nearest}"?`
}

interface Values {
  /** All that was said; the environment counts only where no argument does. */
  all(flag: Flag): readonly string[]
  one(flag: Flag): string | undefined
}
function valuesOf(given: Arguments['given'], environment: Environment): Values {
  const all = (flag: Flag): readonly string[] => given.get(flag) ?? [environment[variableOf(flag)]].filter((value) => value !== undefined && value !== '') as string[]
  return { all, one: (flag) => all(flag).at(-1) }
}

function readRelay({ all, one }: Values, operands: readonly string[]): RelayCommand {
  if (operands.length > 0) refuse(`porchlight relay takes no "${operands[0]}".`, 'See porchlight relay --help.')
  const host = one('host') ?? '127.0.0.1'
  const isDemo = toSwitch('demo', one('demo'))
  if (isDemo && !isLoopback(host)) {
    refuse(`The demo lets anybody be anybody, and --host ${host} is not this machine alone.`, 'Leave out --demo, or --host.')
  }
  const channelFeedLimit = one('channel-feed-limit')
  const allowedOrigins = all('allowed-origin').flatMap(toList)
  return {
    name: 'relay', host, isDemo,
    port: toWhole('port', one('port') ?? '8787', 0, 65_535),
    store: toStore(one('store') ?? 'memory'),
    secret: toSecret(one('secret')),
    // A herd is no danger on one's own machine, and waiting is a nuisance there.
    drainMs: toDurationMs('drain', one('drain') ?? (isDemo ? '0s' : '10s'), 0, WIRE.longestRestMs, 'Give 0s, 10s or 1m; at most 1m.'),
    logLevel: toLogLevel(one('log-level') ?? 'warn'),
    ...(channelFeedLimit === undefined ? {} : { channelFeedLimit: toWhole('channel-feed-limit', channelFeedLimit, 1, 1_000_000) }),
    ...(allowedOrigins.length === 0 ? {} : { allowedOrigins: allowedOrigins.map(toOrigin) }),
  }
}

function readToken({ one }: Values, operands: readonly string[]): Command {
  const [userId, ...others] = operands
  if (userId === undefined) refuse('Whose token is it?', 'Name a user: porchlight token alice')
  if (others.length > 0) refuse('A token is for one user.', `Put a name with spaces in quotes: "${operands.join(' ')}"`)
  return {
    name: 'token',
    secret: toSecret(one('secret')),
    grant: {
      userId: toUserId(userId), ttlMs: toDurationMs('ttl', one('ttl') ?? '10m', 1, 366 * UNITS_MS['d']!, 'Give 30s, 10m, 2h or 7d; at most 366d.'),
      ...namesOf('channels', one('channels'), parseChannelId), ...namesOf('watch', one('watch'), parseUserId),
    },
  }
}

const isLoopback = (host: string): boolean => isLoopbackHost(host) || host === '::1'

function toSwitch(flag: Flag, value: string | undefined): boolean {
  if (value === undefined || value === 'false' || value === '0') return false
  return value === 'true' || value === '1' || refuse(`--${flag} is neither on nor off.`, `Say --${flag}, or ${variableOf(flag)}=1`)
}

function toWhole(flag: Flag, value: string, least: number, greatest: number): number {
  const number = /^\d{1,7}$/.test(value) ? Number(value) : NaN
  return number >= least && number <= greatest ? number : refuse(`--${flag} ${value} is not usable.`, `Give a whole number from ${least} to ${greatest}.`)
}

function toStore(value: string): RelayCommand['store'] {
  if (value === 'memory') return { storage: 'memory' }
  const path = value.startsWith('level:') ? value.slice('level:'.length) : ''
  return path ? { storage: 'level', path } : refuse(`--store ${value} is not known.`, 'Give memory, or level:DIR with a folder.')
}

/** What is wrong with a secret is said without saying the secret. */
function toSecret(value: string | undefined): string {
  const remedy = `Give --secret or ${variableOf('secret')} at least ${SECRET_BYTES} bytes: openssl rand -base64 32`
  if (value === undefined) refuse('There is no secret to check tokens with.', remedy)
  return sizeInBytes(value) >= SECRET_BYTES ? value : refuse('The secret is too short.', remedy)
}

function toOrigin(value: string): string {
  const origin = parseAllowedOrigin(value)
  return origin.ok ? origin.value : refuse(`--allowed-origin ${value}: ${origin.reason}.`, 'Give https://app.example.com, as the browser writes it.')
}

function toUserId(value: string): UserId {
  const userId = parseUserId(value)
  return userId.ok ? userId.value : refuse(userId.reason, userId.remedy)
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
function toDurationMs(flag: Flag, value: string, leastMs: number, greatestMs: number, remedy: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(value) ?? []
  const durationMs = Number(count) * UNITS_MS[unit ?? '']!
  return durationMs >= leastMs && durationMs <= greatestMs ? durationMs : refuse(`--${flag} ${value} is not usable.`, remedy)
}

const toLogLevel = (value: string): LogLevel =>
  LOG_LEVELS.find((level) => level === value) ?? refuse(`--log-level ${value} is not known.`, `Give one of: ${LOG_LEVELS.join(', ')}.`)

const toList = (value: string): string[] => value.split(',').map((name) => name.trim()).filter((name) => name !== '')

function namesOf<Name extends 'channels' | 'watch'>(flag: Name, value: string | undefined, parseName: (name: string) => Parsed<string>): { [K in Name]?: readonly string[] | '*' } {
  if (value === undefined) return {}
  const names = value === '*' ? '*' : toList(value).map((name) => {
    const id = parseName(name)
    return id.ok ? id.value : refuse(`--${flag}: ${id.reason}`, 'Give names with commas between them, or * for any.')
  })
  return { [flag]: names } as { [K in Name]?: readonly string[] | '*' }
}
