/** T16, and T3 as long as it lasts: ten people who do nothing but make the relay work. */
import { expect, it } from 'vitest'
import { DELIVERY_MS, report, type AttackedRelay } from '../../support/attacked-relay.js'
import { BAD_SYNC } from '../../support/bad-sync.js'
import { describeTimes, percentile } from '../../support/canaries.js'
import { STEP_1, STEP_2, UPDATE, syncFrame, type HostileClient } from '../../support/hostile-client.js'
import { anyOf, entry, gc, rawUpdate, slowest, varUints } from '../../support/raw-yjs.js'

const SECONDS = Number(process.env['HOSTILE_SECONDS'] ?? 10)
const ATTACKERS = 10
/** FAULTS T16: of the delay of the relay's event loop. */
const [MOST_PINGS_MS, EVERY_PING_MS] = [50, 200]

const update = (bytes: Uint8Array): Uint8Array => syncFrame(UPDATE, bytes)
const NOTHING_MORE = syncFrame(STEP_2, varUints(0, 0))
const tiny = (client: number): Uint8Array => update(rawUpdate({ clients: [{ client, structs: [entry(anyOf(1), `k${client}`)] }] }))
const pending = update(rawUpdate({ clients: Array.from({ length: 1_000 }, (_, index) => ({ client: index + 1, clock: 1_000_000_000, structs: [gc(1)] })) }))

/** What one connection says before it is closed, or closes. */
const SALVOS: Readonly<Record<string, readonly (readonly Uint8Array[])[]>> = {
  'bombs that are refused': BAD_SYNC.filter(([what]) => what.includes('[T16]') || what.includes('[S11]')).map(([, make]) => [make()]),
  'a flood of what is pending': [[NOTHING_MORE, ...Array.from({ length: 50 }, () => pending)]],
  'the slowest document that passes': [[NOTHING_MORE, update(slowest())]],
  'small edits upon the slowest document': [[NOTHING_MORE, update(slowest()), ...Array.from({ length: 100 }, (_, index) => tiny(1_000 + index))]],
  'questions about the slowest document': [[NOTHING_MORE, update(slowest()), ...Array.from({ length: 100 }, () => syncFrame(STEP_1, varUints(0)))]],
}

export function describeBombs(attacked: AttackedRelay): void {
  attacked.attacks(`[T16] ten people, for ${SECONDS} s together`, () => {
    it.each(Object.entries(SALVOS))('with %s keep nobody else waiting', async (what, salvos) => {
      const began = Date.now()
      const end = performance.now() + (SECONDS * 1_000) / Object.keys(SALVOS).length
      const sent = await Promise.all(Array.from({ length: ATTACKERS }, async (_, attacker) => {
        let count = 0
        for (; performance.now() < end; count++) {
          const client = await attacked.connectOurs(`bomber-${attacker}`)
          client.send(...salvos[count % salvos.length]!)
          await hasWorkedOn(client)
        }
        return count
      }))
      await attacked.canaries.hearEachOther()
      const [deliveries, pings] = [attacked.canaries.deliveries(began), attacked.canaries.pings(began)]
      report(`T16, ${sent.reduce((sum, count) => sum + count, 0)} times ${what}: changes, ${describeTimes(deliveries)}; pings, ${describeTimes(pings)}`)
      expect(percentile(deliveries, 0.99)).toBeLessThan(DELIVERY_MS)
      expect(percentile(pings, 0.99)).toBeLessThan(MOST_PINGS_MS)
      expect(percentile(pings, 1)).toBeLessThan(EVERY_PING_MS)
    }, (SECONDS + 60) * 1_000)
  })
}

/** What comes last is no message: once that closes it, all before it was worked on. An attacker whom nobody hurries for is nobody's loss. */
async function hasWorkedOn(client: HostileClient): Promise<void> {
  client.send(Uint8Array.of(99))
  await client.code().catch(client.close)
}
