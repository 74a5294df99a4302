/** What a process asked of its kernel, by `strace`: everything it wrote and synced, in order, files and sockets alike. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { until } from './until.js'

export interface SystemCall {
  readonly name: string
  /** What its first argument stands for, if that is a descriptor: a path, `socket:[1234]`, `pipe:[1234]`. */
  readonly on: string
  readonly descriptor: number
  /** Its arguments that are strings: paths, or what it wrote, of which only the first 64 KB. */
  readonly texts: readonly Buffer[]
  /** All that is not a string, as `strace` writes it. */
  readonly rest: string
  /** Lines of the trace: of two calls, one was over before the other began if its second is less than the other's first. */
  readonly enteredAt: number
  readonly returnedAt: number
  /** Negative for an error, and for a call that never returned. */
  readonly result: number
  /** What that descriptor stands for, where a descriptor came back. */
  readonly resultPath: string
}

export interface TracedProcess {
  readonly child: ChildProcess
  /** Once it is over. */
  calls(): Promise<readonly SystemCall[]>
}

const CALLS = 'openat,open,creat,write,pwrite64,writev,pwritev,sendto,sendmsg,rename,renameat,renameat2,unlink,unlinkat,ftruncate,mkdir,fsync,fdatasync'
/** Linux where a process may look at its child: not in every container. */
export const canTrace: boolean = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0

/** `inject` as strace has it: `fdatasync:error=EIO:when=5`. */
export function spawnTraced(command: readonly string[], traceFile: string, inject: readonly string[] = []): TracedProcess {
  const child = spawn('strace', [
    // The child is the process itself, and the tracer its grandchild.
    '-D', '-f', '--seccomp-bpf', '-y', '-xx', '-s', '65536', '-o', traceFile, '-e', `trace=${CALLS}`,
    ...inject.flatMap((fault) => ['-e', `inject=${fault}`]), ...command,
  ], { stdio: ['pipe', 'pipe', 'inherit'] })
  const end = (): void => { child.kill('SIGKILL') }
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
  return {
    child,
    async calls() {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      const over = new RegExp(`^${child.pid} +\\+\\+\\+ (exited|killed)`, 'm')
      return parseTrace(await until(() => {
        const trace = readFileSync(traceFile, 'latin1')
        return over.test(trace) ? trace : undefined
      }, 'the trace is whole'))
    },
  }
}

export function parseTrace(trace: string): SystemCall[] {
  const calls: SystemCall[] = []
  const unfinished = new Map<string, { readonly begun: string; readonly enteredAt: number }>()
  for (const [line, text] of trace.split('\n').entries()) {
    const [, processId, event] = /^(\d+) +(.*)$/s.exec(text) ?? []
    if (processId === undefined || event === undefined || event.startsWith('+++') || event.startsWith('---')) continue
    const [, resumed] = /^<\.\.\. \w+ resumed>(.*)$/s.exec(event) ?? []
    if (event.endsWith(UNFINISHED)) unfinished.set(processId, { begun: event.slice(0, -UNFINISHED.length), enteredAt: line })
    else if (resumed === undefined) calls.push(parseCall(event, line, line))
    else {
      const { begun, enteredAt } = unfinished.get(processId)!
      unfinished.delete(processId)
      calls.push(parseCall(begun + resumed, enteredAt, line))
    }
  }
  for (const { begun, enteredAt } of unfinished.values()) calls.push(parseCall(`${begun}) = -1`, enteredAt, Infinity))
  return calls.sort((a, b) => a.enteredAt - b.enteredAt)
}

const UNFINISHED = ' <unfinished ...>'

function parseCall(text: string, enteredAt: number, returnedAt: number): SystemCall {
  const [, name, args, result] = /^(\w+)\((.*)\) += (.*)$/s.exec(text) ?? []
  if (name === undefined || args === undefined || result === undefined) throw new Error(`This line of a trace is not understood: ${text.slice(0, 200)}`)
  const [, descriptor, on] = /^(\d+)<([^>]*)>/.exec(args) ?? []
  return {
    name, enteredAt, returnedAt,
    descriptor: Number(descriptor ?? -1),
    on: unescaped(on ?? '').toString(),
    texts: [...args.matchAll(/"([^"]*)"/g)].map(([, escaped]) => unescaped(escaped!)),
    rest: args.replaceAll(/"[^"]*"/g, ''),
    result: Number.parseInt(result, 10),
    resultPath: unescaped(/^\d+<([^>]*)>/.exec(result)?.[1] ?? '').toString(),
  }
}

/** Every byte stands as `\x2f`. */
const unescaped = (text: string): Buffer => Buffer.from(text.replaceAll('\\x', ''), 'hex')
