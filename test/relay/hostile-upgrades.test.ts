/** What of an upgrade only a look inside shows: who failed to come in is in nobody's memory. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { backstageOf } from '../../server/service/hubs.js'
import { BAD_UPGRADES } from '../support/bad-frames.js'
import { openRaw, upgradeRequest } from '../support/hostile-client.js'
import { startRelay, type TestRelay } from '../support/relay.js'
import { until } from '../support/until.js'

let relay: TestRelay
beforeAll(async () => { relay = await startRelay({}, { allowedOrigins: ['https://app.example.com'] }) })
afterAll(() => relay.close())

describe('an upgrade', () => {
  it.each(BAD_UPGRADES)('%s is refused, and leaves nobody in memory', async (_, request) => {
    const raw = openRaw(relay.port)
    raw.send(request.replace('TOKEN', await relay.token('eve')))
    expect([400, 403, 405, 431]).toContain(await raw.status())
    raw.end()
    const { hub } = await backstageOf(relay.service)!.opening
    await until(() => hub.find('eve') === undefined, 'eve is nobody here')
  })

  it('[F16] during a drain is turned away, so that its client tries another relay', async () => {
    const draining = await startRelay()
    const mute = openRaw(draining.port)
    mute.send(upgradeRequest('/user/eve', await draining.token('eve')))
    expect(await mute.status()).toBe(101)
    // Until one who does not answer a close frame is given up.
    const drained = draining.close()
    const late = openRaw(draining.port)
    late.send(upgradeRequest('/user/eve', await draining.token('eve')))
    expect([await late.status(), await mute.code()]).toEqual([503, 1_012])
    mute.end()
    late.end()
    await drained
  })
})
