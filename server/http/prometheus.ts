/** The relay's numbers in Prometheus' form. The only file that names its client. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { HubUser } from '../hub/hub-user.js'
import type { Meter } from '../hub/meter.js'
import { takeCensus } from './census.js'

export interface Prometheus {
  readonly meter: Meter
  readonly contentType: string
  /** Counts these users, who are those of now. */
  text(users: Iterable<HubUser>): Promise<string>
}

/** Invariants are those of the design; each has a row from the start, so that its first increase is seen. */
const INVARIANTS = ['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8', 'I9', 'I10']
const OTHER = 'other'
/** Reasons are our own words, except for the codes of socket errors, of which there are some dozens. */
const MAXIMUM_REASONS = 200
const SAVE_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

export function createPrometheus(): Prometheus {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const refusals = new Counter({ name: 'porchlight_refusals_total', help: 'What was refused, dropped or odd, by reason.', labelNames: ['reason'], registers })
  const writes = new Counter({ name: 'porchlight_feed_writes_total', help: 'Writes of the feed to sockets.', registers })
  const bytes = new Counter({ name: 'porchlight_feed_bytes_total', help: 'Bytes in those writes.', registers })
  const deliveries = new Counter({ name: 'porchlight_feed_deliveries_total', help: 'Changes told: one change to ten viewers is ten.', registers })
  const saves = new Histogram({ name: 'porchlight_store_save_duration_seconds', help: 'How long the store took to make a change durable, or to fail.', labelNames: ['result'], buckets: SAVE_BUCKETS_S, registers })
  const violations = new Counter({ name: 'porchlight_invariants_violated_total', help: 'What must never be, and was seen to be.', labelNames: ['invariant'], registers })
  const connections = new Gauge({ name: 'porchlight_connections', help: 'Open connections of signed-in devices.', registers })
  const devices = new Gauge({ name: 'porchlight_devices', help: 'Connected devices, those within the grace after a lost connection included.', registers })
  const users = new Gauge({ name: 'porchlight_users', help: 'Users in memory, by the status that others are shown.', labelNames: ['status'], registers })
  const watches = new Gauge({ name: 'porchlight_watches', help: 'Users watched, once for each connection that watches them.', registers })
  for (const invariant of [...INVARIANTS, OTHER]) violations.inc({ invariant }, 0)
  for (const result of ['stored', 'failed']) saves.zero({ result })
  const reasons = new Set<string>()
  return {
    contentType: registry.contentType,
    meter: {
      refused: (reason) => refusals.inc({ reason: boundedReason(reason) }),
      told(writeCount, byteCount, changeCount) {
        writes.inc(writeCount)
        bytes.inc(byteCount)
        deliveries.inc(changeCount)
      },
      saved: (isStored, tookMs) => saves.observe({ result: isStored ? 'stored' : 'failed' }, tookMs / 1_000),
      violated: (invariant) => violations.inc({ invariant: INVARIANTS.includes(invariant) ? invariant : OTHER }),
    },
    text(everybody) {
      const census = takeCensus(everybody)
      connections.set(census.connections)
      devices.set(census.devices)
      watches.set(census.watches)
      for (const [status, count] of Object.entries(census.users)) users.set({ status }, count)
      return registry.metrics()
    },
  }

  function boundedReason(reason: string): string {
    if (reasons.size < MAXIMUM_REASONS) reasons.add(reason)
    return reasons.has(reason) ? reason : OTHER
  }
}
