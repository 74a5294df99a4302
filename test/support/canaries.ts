/** Honest people beside an attack, and how long their changes take to reach each other. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { bundleForNode } from './bundle.js'
import type { Delivery } from './canaries-process.js'
import { until } from './until.js'

export interface Canaries {
  /** Of changes, and apart from them of pings; since some time, in ms since 1970. */
  deliveries(since?: number): readonly Delivery[]
  pings(since?: number): readonly Delivery[]
  /** Resolves once changes made from now on have reached everybody. */
  hearEachOther(): Promise<void>
  close(): Promise<void>
}

/** Resolves once they hear each other. */
export async function startCanaries(relayUrl: string, relayPid: number, token: (userId: string) => Promise<string>): Promise<Canaries> {
  const bundle = await bundleForNode('test/support/canaries-process.ts')
  const child = fork(bundle.file, [relayUrl, String(relayPid), await token('wren'), await token('lark'), await token('robin')])
  const all: Delivery[] = []
  child.on('message', (delivery) => { all.push(delivery as Delivery) })
  const canaries: Canaries = {
    deliveries: (since = 0) => all.filter(({ by, at }) => by !== 'ping' && at >= since),
    pings: (since = 0) => all.filter(({ by, at }) => by === 'ping' && at >= since),
    async hearEachOther() {
      const since = Date.now()
      const isHeard = (by: Delivery['by'], count: number): boolean => canaries.deliveries(since).filter((one) => one.by === by && one.tookMs !== null).length >= count
      await until(() => child.exitCode !== null || (isHeard('feed', 2) && isHeard('document', 1)), 'the canaries hear each other')
      if (child.exitCode !== null) throw new Error('The canaries are dead.')
    },
    async close() {
      bundle.remove()
      if (child.exitCode !== null) return
      child.disconnect()
      await once(child, 'exit')
    },
  }
  await canaries.hearEachOther()
  return canaries
}

/** What half, nearly all and all of them took, for a person to read. */
export const describeTimes = (deliveries: readonly Delivery[]): string => {
  const [half, most, all] = [0.5, 0.99, 1].map((share) => `${percentile(deliveries, share).toFixed(0)} ms`)
  return `${deliveries.length}: half within ${half}, 99 % within ${most}, all within ${all}`
}

/** The time within which `share` of the deliveries were made, or all but one of fewer than a hundred; what was never heard of took for ever. */
export function percentile(deliveries: readonly Delivery[], share: number): number {
  const times = deliveries.map(({ tookMs }) => tookMs ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b)
  return times[Math.floor((times.length - 1) * share)] ?? Number.POSITIVE_INFINITY
}
