/** The command `porchlight`: arguments, environment, signals and exit codes; nothing is decided here. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PresenceError } from '../src/errors.js'
import { readConfiguration, type Command, type RelayCommand } from './config.js'
import { HELP } from './help.js'
import { signToken } from './relay/sign-token.js'
import { startRelay } from './start-relay.js'

/** Where this file lies once it is built: beside the demo, and one below `package.json`. */
const dist = dirname(fileURLToPath(import.meta.url))
const EXIT = { failed: 1, misused: 2, interrupted: 130 } as const

const configuration = readConfiguration(process.argv.slice(2), process.env)
if (configuration.ok) run(configuration.command).catch(fail)
else complain(configuration.reason, configuration.remedy, EXIT.misused)

async function run(command: Command): Promise<void> {
  switch (command.name) {
    case 'relay': return runRelay(command)
    case 'token': return console.log(await signToken(command.secret, command.grant))
    case 'help': return console.log(HELP[command.about])
    case 'version': return console.log(readVersion())
    default: command satisfies never
  }
}

async function runRelay(command: RelayCommand): Promise<void> {
  const relay = await startRelay(command, { demoFolder: join(dist, 'demo'), writeLog: (line) => process.stderr.write(`${line}\n`) })
  // Whoever read what is written here has gone: that ends no relay.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) process.on(event, relay.uncaught)
  console.log(`Porchlight listens at ${relay.url}${command.isDemo ? ', and the demo is there' : ''}`)
  let isStopping = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (isStopping) process.exit(EXIT.interrupted)
      isStopping = true
      relay.stop().then(() => process.exit(0), () => process.exit(EXIT.failed))
    })
  }
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(join(dist, '../package.json'), 'utf8')) as { version: string }
  return version
}

function fail(error: unknown): void {
  if (error instanceof PresenceError) complain(error.message, error.remedy, EXIT.failed)
  else complain(error instanceof Error ? error.stack ?? error.message : String(error), '', EXIT.failed)
  process.exit()
}

function complain(reason: string, remedy: string, exitCode: number): void {
  console.error(`porchlight: ${reason}\n${remedy}`.trimEnd())
  process.exitCode = exitCode
}
