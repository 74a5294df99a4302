/** `stranger-client.mjs` as a process, and what it last printed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface Stranger {
  /** The last roster printed: its first line, and the lines of its people by id. */
  readonly title: string
  readonly people: ReadonlyMap<string, string>
  /** Everything printed so far. */
  readonly printed: string
  readonly complaints: string
  /** As Ctrl-C does; resolves with the exit code. */
  stop(): Promise<number | null>
  /** The exit code, once it has ended. */
  ended(): Promise<number | null>
}

export function startStranger(...args: readonly string[]): Stranger {
  const child = spawn(process.execPath, [fileURLToPath(new URL('stranger-client.mjs', import.meta.url)), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exit = once(child, 'exit')
  // Not left behind where a test run ends early.
  const kill = (): void => { child.kill('SIGKILL') }
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  let [printed, complaints] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => { printed += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { complaints += text })
  const lastRoster = (): string[] => (printed.split('\n\n').at(-2) ?? '').split('\n')
  const ended = async (): Promise<number | null> => ((await exit) as [number | null])[0]
  return {
    get title() { return lastRoster()[0]! },
    get people() { return new Map(lastRoster().slice(1).map((line) => [/^ +(?:.*\()?([^ )]+)/.exec(line)![1]!, line.trim()])) },
    get printed() { return printed },
    get complaints() { return complaints },
    ended,
    stop() {
      child.kill('SIGINT')
      return ended()
    },
  }
}
