import { describe, expect, it } from 'vitest'
import { createPrometheus, type Prometheus } from '../../../server/http/prometheus.js'
import type { HubUser } from '../../../server/hub/hub-user.js'
import { createHubWorld } from '../hub/hub-world.js'

/** So many that a delay between two of them is noticed. */
const turns = (): Promise<void> => new Promise((resolve) => { setTimeout(resolve, 50) })

/** Rows of ours: `name{labels}` → value. */
async function rowsOf(prometheus: Prometheus, users: Iterable<HubUser> = []): Promise<Record<string, number>> {
  const lines = (await prometheus.text(users)).split('\n').filter((line) => line.startsWith('porchlight_'))
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
}

describe('numbers for Prometheus', () => {
  it('have names, units and help as Prometheus asks for them', async () => {
    const text = await createPrometheus().text([])
    const names = [...text.matchAll(/^# TYPE (porchlight_\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`)
    expect(names.sort()).toEqual([
      'porchlight_connections gauge', 'porchlight_devices gauge', 'porchlight_feed_bytes_total counter', 'porchlight_feed_deliveries_total counter', 'porchlight_feed_writes_total counter',
      'porchlight_invariants_violated_total counter', 'porchlight_refusals_total counter', 'porchlight_store_save_duration_seconds histogram', 'porchlight_users gauge', 'porchlight_watches gauge',
    ])
    for (const name of names) expect(text).toMatch(new RegExp(`^# HELP ${name.split(' ')[0]} \\S`, 'm'))
  })

  it('tell the delay of the event loop', async () => {
    const prometheus = createPrometheus()
    await turns()
    const end = performance.now() + 200
    while (performance.now() < end);
    await turns()
    const text = await prometheus.text([])
    expect(Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1])).toBeGreaterThan(0.15)
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds [\d.]+$/m)
  })

  it('count the feed', async () => {
    const prometheus = createPrometheus()
    prometheus.meter.told(3, 120, 30)
    prometheus.meter.told(1, 4, 1)
    expect(await rowsOf(prometheus)).toMatchObject({ porchlight_feed_writes_total: 4, porchlight_feed_bytes_total: 124, porchlight_feed_deliveries_total: 31 })
  })

  it('count saves, and how long they took, in seconds', async () => {
    const prometheus = createPrometheus()
    expect(await rowsOf(prometheus)).toMatchObject({ 'porchlight_store_save_duration_seconds_count{result="failed"}': 0 })
    prometheus.meter.saved(true, 4)
    prometheus.meter.saved(true, 40)
    prometheus.meter.saved(false, 2_000)
    expect(await rowsOf(prometheus)).toMatchObject({
      'porchlight_store_save_duration_seconds_count{result="stored"}': 2, 'porchlight_store_save_duration_seconds_sum{result="stored"}': 0.044,
      'porchlight_store_save_duration_seconds_bucket{le="0.005",result="stored"}': 1, 'porchlight_store_save_duration_seconds_count{result="failed"}': 1,
    })
  })

  it('show every invariant before one is violated, and no other word', async () => {
    const prometheus = createPrometheus()
    prometheus.meter.violated('I4')
    prometheus.meter.violated('alice was seen online')
    const rows = await rowsOf(prometheus)
    expect(Object.keys(rows).filter((row) => row.startsWith('porchlight_invariants')).length).toBe(11)
    expect(rows).toMatchObject({ 'porchlight_invariants_violated_total{invariant="I4"}': 1, 'porchlight_invariants_violated_total{invariant="I8"}': 0, 'porchlight_invariants_violated_total{invariant="other"}': 1 })
  })

  it('count refusals by reason, and are never more than so many rows', async () => {
    const prometheus = createPrometheus()
    prometheus.meter.refused('closed-4401')
    for (let reason = 0; reason < 5_000; reason++) prometheus.meter.refused(`reason-${reason}`)
    prometheus.meter.refused('closed-4401')
    const rows = Object.entries(await rowsOf(prometheus)).filter(([row]) => row.startsWith('porchlight_refusals'))
    expect(Object.fromEntries(rows)).toMatchObject({ 'porchlight_refusals_total{reason="closed-4401"}': 2, 'porchlight_refusals_total{reason="other"}': 4_801 })
    expect(rows.length).toBe(201)
    expect(rows.reduce((sum, [, count]) => sum + count, 0)).toBe(5_002)
  })

  it('[T27] name nobody, and count who is there when they are asked for', async () => {
    const { hub, open, connect, edit, look } = createHubWorld()
    const prometheus = createPrometheus()
    const link = connect(await open('alice'), 'laptop')
    edit(await open('alice'), 'custom', { text: 'Secretly at lunch', emoji: null, expiresAt: null })
    look('bob').watch(await open('alice'))
    expect(await rowsOf(prometheus, hub.users())).toMatchObject({ porchlight_connections: 1, porchlight_devices: 1, porchlight_watches: 1, 'porchlight_users{status="online"}': 1, 'porchlight_users{status="offline"}': 0 })
    link.end('gone')
    expect(await rowsOf(prometheus, hub.users())).toMatchObject({ porchlight_connections: 0, porchlight_devices: 0, 'porchlight_users{status="online"}': 0, 'porchlight_users{status="offline"}': 1 })
    expect(await prometheus.text(hub.users())).not.toMatch(/alice|laptop|lunch/)
  })
})
