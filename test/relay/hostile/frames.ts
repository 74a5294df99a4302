/** FAULTS 4.1, T9 and T15: frames and upgrades that are none. */
import { expect, it } from 'vitest'
import type { AttackedRelay } from '../../support/attacked-relay.js'
import { BAD_FRAMES, BAD_UPGRADES, BINARY, FIN, FOREIGN_ORIGINS, HTTP_1_0, NO_ROOMS, TEXT } from '../../support/bad-frames.js'
import { openClient, openRaw, rawFrame, upgradeRequest, type RawSocket } from '../../support/hostile-client.js'

/** The relay lets pages of `https://app.example.com` in, and no others. */
export function describeBadFrames(attacked: AttackedRelay): void {
  attacked.attacks('a frame', () => {
    it.each(BAD_FRAMES)('%s ends its socket with %j', async (_, code, frames) => {
      const raw = await openSocket()
      await attacked.cheaply(async () => {
        frames.forEach(raw.send)
        expect(await raw.code()).toBe(code)
      })
      raw.end()
    })

    it('[W1] of text ends the session before what comes behind it', async () => {
      const raw = await openSocket()
      // A stock client's first word, which is answered.
      raw.send(Buffer.concat([rawFrame(FIN | TEXT, '-1'), rawFrame(FIN | BINARY, Uint8Array.of(0, 0, 1, 0))]))
      expect(await raw.code()).toBe(4_400)
      expect(raw.received().subarray(raw.received().indexOf('\r\n\r\n') + 4)[0]).toBe(FIN | 8)
      raw.end()
    })

    it('[W15] is never offered an extension', async () => {
      const raw = openRaw(attacked.relay.port)
      raw.send(upgradeRequest('/user/mallory', await attacked.token('mallory'), ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits']))
      expect(await raw.status()).toBe(101)
      expect(raw.received().toString('latin1').toLowerCase()).not.toContain('sec-websocket-extensions')
      raw.end()
    })
  })

  attacked.attacks('[T15] 300 invalid frames', () => {
    it('close their sockets, and nothing else', async () => {
      const kinds = BAD_FRAMES.filter(([, , frames]) => frames.every(({ length }) => length < 1_000))
      for (let from = 0; from < 300; from += 10) {
        const sockets = await Promise.all(Array.from({ length: 10 }, openSocket))
        const cases = sockets.map((_, index) => kinds[(from + index) % kinds.length]!)
        sockets.forEach((raw, index) => cases[index]![2].forEach(raw.send))
        expect(await Promise.all(sockets.map((raw) => raw.code()))).toEqual(cases.map(([, code]) => code))
        sockets.forEach((raw) => raw.end())
      }
    })
  })

  attacked.attacks('an upgrade', () => {
    it.each(BAD_UPGRADES)('%s is refused', async (_, request) => {
      const token = await attacked.token('eve')
      await attacked.cheaply(async () => expect([400, 403, 405, 431]).toContain(await ask(request.replace('TOKEN', token))))
    })

    it('[W13] of HTTP/1.0 is refused', async () => {
      expect(await ask(HTTP_1_0.replace('TOKEN', await attacked.token('eve')))).toBe(400)
    })

    it.each(NO_ROOMS)('[W16] to %j finds no room', async (path) => {
      const request = upgradeRequest(path, await attacked.token('mallory'))
      await attacked.cheaply(async () => expect([400, 404]).toContain(await ask(request)))
    })

    it('[W17] over and over on one socket ends it', async () => {
      const raw = openRaw(attacked.relay.port)
      raw.send(upgradeRequest('/user/mallory', await attacked.token('mallory')).repeat(50))
      expect(await raw.status()).toBe(101)
      expect([1_002, 1_006]).toContain(await raw.code())
      raw.end()
    })

    it.each(FOREIGN_ORIGINS)('[T9] [W14] from %j is refused', async (origin) => {
      expect(await ask(upgradeRequest('/user/mallory', await attacked.token('mallory'), [`Origin: ${origin}`]))).toBe(403)
    })

    it.each([['from where it may come', ['Origin: https://app.example.com']], ['[W14] from no page', []]])('[T9] %s passes with a token', async (_, headers) => {
      expect(await ask(upgradeRequest('/user/mallory', await attacked.token('mallory'), headers))).toBe(101)
    })

    it('[T9] is signed in by no cookie', async () => {
      const token = await attacked.token('mallory')
      for (const name of ['token', 'Authorization', 'porchlight', 'bearer']) {
        const client = openClient(`${attacked.relay.url}/user/mallory`, null, { origin: 'https://app.example.com', headers: { cookie: `${name}=${token}`, authorization: `Bearer ${token}` } })
        expect(await client.code()).toBe(4_401)
      }
    })

    it('[T11] is signed in by nothing in its URL', async () => {
      const token = await attacked.token('mallory')
      for (const query of [`token=${token}`, `access_token=${token}`, `bearer.${token}`]) {
        expect(await openClient(`${attacked.relay.url}/user/mallory?${query}`, null).code()).toBe(4_401)
      }
    })
  })

  /** A socket on which the relay waits for the first frame. */
  async function openSocket(): Promise<RawSocket> {
    const raw = openRaw(attacked.relay.port)
    raw.send(upgradeRequest('/user/mallory', await attacked.token('mallory')))
    expect(await raw.status()).toBe(101)
    return raw
  }
  async function ask(request: string): Promise<number> {
    const raw = openRaw(attacked.relay.port)
    raw.send(Buffer.from(request, 'utf8'))
    const status = await raw.status()
    raw.end()
    return status
  }
}
