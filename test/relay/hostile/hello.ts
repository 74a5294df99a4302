/** What may be said first, and what only after it. */
import { expect, it } from 'vitest'
import { QUERY_AWARENESS, SYNC, TYPE, encodeDeviceRequest } from '../../../src/protocol/messages.js'
import { LAPTOP, PHONE, type AttackedRelay } from '../../support/attacked-relay.js'
import { POLLUTION, entriesOf } from '../../support/bad-awareness.js'
import { STEP_1, STEP_2, UPDATE, helloOf, openClient, syncFrame } from '../../support/hostile-client.js'
import { varUints, written } from '../../support/raw-yjs.js'

const ASK = syncFrame(STEP_1, varUints(0))

export function describeBadHellos(attacked: AttackedRelay): void {
  attacked.attacks('a hello', () => {
    it.each<[what: string, code: number, frames: readonly Uint8Array[], deviceId?: string]>([
      ['of version 0', 4_426, [helloOf(LAPTOP, { version: 0 })]],
      ['of another device than the token says', 4_403, [helloOf(LAPTOP)], PHONE],
      ['of a device named __proto__', 4_400, [helloOf('__proto__')]],
      ['of a device that climbs', 4_400, [helloOf('../../../../etc/passwd')]],
      ['of a device with one letter too many', 4_400, [helloOf(`${LAPTOP}x`)]],
      ['of a device that is an object', 4_400, [helloOf(POLLUTION)]],
      ['with a name of 257 bytes', 4_400, [helloOf(LAPTOP, { name: 'x'.repeat(257) })]],
      ['that is away after 0 ms', 4_400, [helloOf(LAPTOP, { awayAfterMs: 0 })]],
      ['that is away after a thousand years', 4_400, [helloOf(LAPTOP, { awayAfterMs: 2 ** 45 })]],
      ['that comes twice', 4_400, [helloOf(LAPTOP), helloOf(LAPTOP)]],
      ['that ends too early', 4_400, [helloOf(LAPTOP).subarray(0, 30)]],
    ])('%s closes with %i', async (_, code, frames, deviceId) => {
      const client = openClient(`${attacked.relay.url}/user/mallory`, await attacked.token('mallory', deviceId === undefined ? {} : { deviceId }))
      await attacked.cheaply(async () => {
        client.send(...frames)
        expect(await client.code()).toBe(code)
      })
    })

    it('of a newer version, with more to say, is understood', async () => {
      const client = await attacked.connect('mallory')
      client.send(Uint8Array.of(...helloOf(LAPTOP, { version: 7 }), 1, 2, 3))
      await client.heard(SYNC)
      expect([client.types()[0], client.closed]).toEqual([TYPE.hello, null])
      client.close()
    })

    it.each(Object.entries(TYPE).filter(([name]) => name !== 'hello'))('is what a client must say first that wants to say %s', async (_, type) => {
      const [late, early] = [await attacked.connect('mallory'), await attacked.connect('mallory')]
      late.send(ASK, Uint8Array.of(type, 0))
      early.send(Uint8Array.of(type, 0), helloOf(LAPTOP))
      expect([await late.code(), await early.code()]).toEqual([4_400, 4_400])
    })

    it('said, what a newer client may say as well, or only a relay says, is passed over', async () => {
      const client = await attacked.connectOurs('mallory')
      for (const type of [TYPE.feed, TYPE.stored, TYPE.activity, TYPE.challenge, TYPE.notice, 111, 255]) {
        client.send(Uint8Array.of(...varUints(type), 0), Uint8Array.of(...varUints(type)), Uint8Array.of(...varUints(type), ...new Uint8Array(1_000).fill(0xff)))
      }
      client.send(encodeDeviceRequest({ requestId: 1, deviceId: LAPTOP, status: 'dnd' }))
      await client.heard(TYPE.device)
      expect(client.closed).toBeNull()
      client.close()
    })

    it('not said, nothing of type 100 or more is heard', async () => {
      const [stock, ours] = [await attacked.connect('plain'), await attacked.connectOurs('plain', PHONE)]
      stock.send(ASK, syncFrame(STEP_2, written({ status: 'bad', custom: { text: 'hi', emoji: null, expiresAt: null } }, LAPTOP)), entriesOf(1), Uint8Array.of(QUERY_AWARENESS))
      await stock.until(() => stock.frames.some(([type, subtype]) => type === SYNC && subtype === STEP_2), 'Step1 is answered')
      ours.send(syncFrame(STEP_2, written({ profile: { name: 'Plain', avatarUrl: null } }, PHONE)))
      await ours.heard(TYPE.stored)
      await stock.until(() => stock.frames.some(([type, subtype]) => type === SYNC && subtype === UPDATE), 'what the other wrote is passed on')
      expect(stock.types().filter((type) => type === null || type >= 100)).toEqual([])
      for (const { close } of [stock, ours]) close()
    })
  })
}
