/** FAULTS 4.4, T11 and T12: tokens that let nobody in, at the door and later. */
import { expect, it } from 'vitest'
import { TYPE, encodeAuth } from '../../../src/protocol/messages.js'
import type { AttackedRelay } from '../../support/attacked-relay.js'
import { badTokens, withFlippedBits } from '../../support/bad-tokens.js'
import { openClient, openRaw, upgradeRequest } from '../../support/hostile-client.js'
import { SECRET } from '../../support/relay.js'

/** In order of the table; what they say of time is true when they are made. */
const freshToken = (index: number): string => badTokens(SECRET, Date.now())[index]![1]
const CASES = badTokens(SECRET, Date.now()).map(([what], index) => [what, index] as const)

export function describeBadTokens(attacked: AttackedRelay): void {
  attacked.attacks('[T12] a token', () => {
    it.each(CASES)('%s opens no door', async (_, index) => {
      const token = freshToken(index)
      const raw = openRaw(attacked.relay.port)
      await attacked.cheaply(async () => {
        raw.send(Buffer.from(upgradeRequest('/user/alice', token), 'utf8'))
        const status = await raw.status()
        const shown = status === 101 ? await raw.code() : status
        // A page hears why only where the upgrade went through; a header that is none, or too large, cannot come so far.
        expect(/^[\w.+-]+$/.test(token) && token.length < 10_000 ? [4_401] : [4_401, 400, 431]).toContain(shown)
      })
      expect(attacked.relay.said()).not.toContain(token === '' ? 'bearer' : token)
      raw.end()
    })

    // Of spaces there HTTP itself allows more than one.
    it.each(CASES.filter(([what]) => what !== '[J8] a space before'))('%s is told nothing over HTTP', async (_, index) => {
      const raw = openRaw(attacked.relay.port)
      await attacked.cheaply(async () => {
        raw.send(Buffer.from(`GET /v1/presence?user=alice HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${freshToken(index)}\r\n\r\n`, 'utf8'))
        expect([401, 400, 431]).toContain(await raw.status())
      })
      expect(raw.received().toString()).not.toContain('"users"')
      raw.end()
    })

    it.each(CASES)('%s does not renew a stay', async (_, index) => {
      const client = await attacked.connectOurs(`renewing-${index}`)
      await attacked.cheaply(async () => {
        client.send(encodeAuth(freshToken(index)))
        expect([4_401, 4_400, 1_009]).toContain(await client.code())
      })
      expect([client.types().filter((type) => type === TYPE.notice), client.closed!.reason]).toEqual([[], expect.not.stringContaining('ey')])
    })

    it('[J10] with one bit of its signature flipped opens no door, whichever it is', async () => {
      for (const token of withFlippedBits(await attacked.token('alice'))) {
        expect(await openClient(`${attacked.relay.url}/user/alice`, token).code()).toBe(4_401)
      }
    })

    it('beside another opens no door', async () => {
      const [sound, other] = [await attacked.token('mallory'), await attacked.token('alice')]
      for (const protocols of [['porchlight.v1', `bearer.${sound}`, `bearer.${other}`], [`bearer.${sound}`], ['porchlight.v2', `bearer.${sound}`], ['porchlight.v1', sound], ['porchlight.v1', `Bearer.${sound}`]]) {
        const client = openClient(`${attacked.relay.url}/user/mallory`, null, { protocols })
        expect([4_401, 1_006]).toContain(await client.code())
        expect(client.frames).toEqual([])
      }
    })

    it('[T1] of somebody else does not renew a stay', async () => {
      const client = await attacked.connectOurs('mallory')
      client.send(encodeAuth(await attacked.token('alice')))
      expect(await client.code()).toBe(4_401)
    })
  })
}
