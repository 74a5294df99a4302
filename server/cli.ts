/** The command `porchlight`: arguments, environment, signals and exit codes; nothing is decided here. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import packageJson from '../package.json' with { type: 'json' }
import { PresenceError } from '../src/errors.js'
import { readConfiguration, type Command, type RelayCommand } from './config.js'
import { HELP } from './help.js'
import { signToken } from './relay/sign-token.js'
import { startRelay } from './start-relay.js'

const EXIT = { failed: 1, misused: 2, interrupted: 130 } as const

const configuration = readConfiguration(process.argv.slice(2), process.env)
if (configuration.ok) run(configuration.command).catch(fail)
else complain(configuration.reason, configuration.remedy, EXIT.misused)

async function run(command: Command): Promise<void> {
  switch (command.name) {
    case 'relay': return runRelay(command)
    case 'token': return console.log(await signToken(command.secret, command.grant))
    case 'help': return console.log(HELP[command.about])
    case 'version': return console.log(packageJson.version)
    default: command satisfies never
  }
}

async function runRelay(command: RelayCommand): Promise<void> {
  const relay = await startRelay(command, join(dirname(fileURLToPath(import.meta.url)), 'demo'))
  console.log(`Porchlight listens at ${relay.url}${command.isDemo ? ', and the demo is there' : ''}`)
  let isStopping = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (isStopping) process.exit(EXIT.interrupted)
      isStopping = true
      relay.stop().then(() => process.exit(0), fail)
    })
  }
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
