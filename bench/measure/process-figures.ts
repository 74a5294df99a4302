/** What Linux says of a process. */
import { readFileSync } from 'node:fs'

/** The kernel counts in these for every process of this architecture. */
const TICK_MS = 10

/** All threads, user and system, since it started; exact to 10 ms: measure over seconds. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/** Memory that nobody shares with it and that is nowhere else: what the process costs. */
export function privateBytes(pid: number): number {
  const [, kilobytes] = /^Private_Dirty:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? []
  return Number(kilobytes) * 1_024
}
