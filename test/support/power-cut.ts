/**
 * What a folder may hold after a power cut, from the calls of the process that wrote there: of each file what was synced, and maybe
 * more; of its names those that were there when it was synced, and maybe later ones, in order. A sync that failed makes nothing
 * durable, then or later, of what it was to write.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { SystemCall } from './system-calls.js'

export interface TracedFolder {
  /** Writes what is left of the folder to `into`, if the power goes as that line of the trace is reached. */
  imageAt(line: number, into: string, chance: () => number): void
}

interface FileWrite {
  readonly offset: number
  readonly bytes: Buffer
  readonly at: number
  /** When it was surely on the disk; never, for one that a failed sync dropped. */
  durableAt: number
  isDropped: boolean
}
interface NameChange {
  readonly names: readonly (readonly [name: string, file: FileWrite[] | null])[]
  readonly at: number
  durableAt: number
}

export function traceFolder(path: string, calls: readonly SystemCall[]): TracedFolder {
  const files = new Map<string, FileWrite[]>()
  const positions = new Map<number, number>()
  const changes: NameChange[] = []
  for (const call of calls) follow(call)
  return { imageAt }

  function follow(call: SystemCall) {
    const { name, on, texts, rest, descriptor, enteredAt: at, returnedAt, result } = call
    if (on === path && (name === 'fsync' || name === 'fdatasync') && result === 0) return settle(changes, at, returnedAt)
    const names = name.startsWith('open') ? [call.resultPath] : name.startsWith('rename') || name.startsWith('unlink') ? texts.map(String) : [on]
    if (result < 0 && !name.endsWith('sync')) return
    if (!names.every((each) => dirname(each) === path)) return
    if (names.some((each) => basename(each) === PROBE)) return
    const [first, second] = names.map((each) => basename(each)) as [string, string?]
    switch (name) {
      case 'openat': return opened(first, result, rest, at)
      case 'write': {
        const position = positions.get(descriptor) ?? 0
        positions.set(descriptor, position + result)
        return written(first, position, texts[0]!.subarray(0, result), result, at)
      }
      case 'pwrite64': return written(first, Number(/(\d+)$/.exec(rest)![1]), texts[0]!.subarray(0, result), result, at)
      case 'fsync': case 'fdatasync': return result === 0 ? settle(files.get(first) ?? [], at, returnedAt) : drop(files.get(first) ?? [], at)
      case 'rename': return renamed(first, second!, at)
      case 'unlink': return void (files.delete(first) && changes.push({ names: [[first, null]], at, durableAt: Infinity }))
      default: throw new Error(`A power cut does not know what ${name} does to a file.`)
    }
  }

  function opened(name: string, descriptor: number, flags: string, at: number) {
    positions.set(descriptor, 0)
    if (flags.includes('O_APPEND')) throw new Error('A power cut does not know where an appended write goes.')
    if (!flags.includes('O_CREAT') || (files.has(name) && !flags.includes('O_TRUNC'))) return
    // What was truncated may be found whole or empty: as a new file under the old name.
    const file: FileWrite[] = []
    files.set(name, file)
    changes.push({ names: [[name, file]], at, durableAt: Infinity })
  }

  function written(name: string, offset: number, bytes: Buffer, sizeBytes: number, at: number) {
    if (bytes.length < sizeBytes) throw new Error(`The trace does not have all that was written to ${name}.`)
    files.get(name)!.push({ offset, bytes, at, durableAt: Infinity, isDropped: false })
  }

  function renamed(from: string, to: string, at: number) {
    const file = files.get(from)!
    files.delete(from)
    files.set(to, file)
    changes.push({ names: [[from, null], [to, file]], at, durableAt: Infinity })
  }

  function imageAt(line: number, into: string, chance: () => number) {
    const done = changes.filter(({ at }) => at <= line)
    const kept = lastDurable(done, line) + Math.round(chance() * (done.length - lastDurable(done, line)))
    const names = new Map<string, FileWrite[] | null>(done.slice(0, kept).flatMap((change) => change.names))
    mkdirSync(into, { recursive: true })
    for (const [name, file] of names) if (file) writeFileSync(join(into, name), contentsAt(file, line, chance))
  }
}

/** Written to see whether the folder takes bytes, and removed: nobody looks at what is in it. */
const PROBE = 'porchlight-probe'

const lastDurable = (changes: readonly NameChange[], line: number): number => changes.findLastIndex(({ durableAt }) => durableAt <= line) + 1

function contentsAt(writes: readonly FileWrite[], line: number, chance: () => number): Buffer {
  const dirty = writes.filter((write) => write.at <= line && write.durableAt > line && !write.isDropped)
  let luckyBytes = Math.round(chance() * dirty.reduce((sum, { bytes }) => sum + bytes.length, 0))
  const parts = writes.filter(({ at }) => at <= line).flatMap((write) => {
    if (write.durableAt <= line) return [write]
    if (write.isDropped || luckyBytes === 0) return []
    const bytes = write.bytes.subarray(0, luckyBytes)
    luckyBytes -= bytes.length
    return [{ ...write, bytes }]
  })
  const contents = Buffer.alloc(Math.max(0, ...parts.map(({ offset, bytes }) => offset + bytes.length)))
  for (const { offset, bytes } of parts) bytes.copy(contents, offset)
  return contents
}

/** A sync covers what was done before it was called, and has done so once it returns. */
function settle(things: readonly (FileWrite | NameChange)[], calledAt: number, returnedAt: number) {
  for (const thing of things) if (thing.at < calledAt && !('isDropped' in thing && thing.isDropped)) thing.durableAt = Math.min(thing.durableAt, returnedAt)
}

function drop(writes: readonly FileWrite[], calledAt: number) {
  for (const write of writes) if (write.at < calledAt && write.durableAt === Infinity) write.isDropped = true
}
