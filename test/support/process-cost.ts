/** What a process costs, as Linux counts it; nothing on systems that do not say. */
import { readFileSync } from 'node:fs'

export interface Memory {
  readonly bytes: number
  /** The most there was since it began. */
  readonly peakBytes: number
}
export interface ThreadTime {
  /** Of its main thread: at work, and ready to work with no processor to do it on. */
  readonly workedMs: number
  readonly waitedMs: number
}

export function memoryOf(pid: number): Memory {
  const status = read(pid, 'status')
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1_024
  return { bytes: bytes('VmRSS'), peakBytes: bytes('VmHWM') }
}

export function threadTimeOf(pid: number): ThreadTime {
  const [worked = 0, waited = 0] = read(pid, 'schedstat').split(' ').map(Number)
  return { workedMs: worked / 1e6, waitedMs: waited / 1e6 }
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
