import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly node: string
  readonly kernel: string
  /** Processes that ran or waited to, in the minute before. */
  readonly load: number
}

export const describeMachine = (): Machine => ({
  cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, memoryGb: Math.round(totalmem() / 2 ** 30), node: process.versions.node, kernel: release(),
  load: Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]),
})
