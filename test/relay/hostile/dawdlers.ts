/** W11 and R5: who begins something and does not end it. They dawdle while the other attacks go on. */
import { expect, it } from 'vitest'
import type { AttackedRelay } from '../../support/attacked-relay.js'
import { BINARY, FIN, PING } from '../../support/bad-frames.js'
import { openRaw, rawFrame, upgradeRequest, type RawSocket } from '../../support/hostile-client.js'

/** FAULTS: "closed 10 s"; and what a busy machine may add. */
const CUT_OFF_MS = 10_000 + 1_500
const DRIP_INTERVAL_MS = 1_000

/** What each says first, and then once a second. */
const DAWDLERS: Readonly<Record<string, readonly [start: string | Uint8Array, drop: string | Uint8Array, isSignedIn?: true]>> = {
  '[R5] with nothing to say': ['', ''],
  '[R5] in the middle of a header': ['GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ', 'x'],
  '[R5] in the middle of a body': ['POST /demo/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{', ' '],
  '[R5] in the middle of a chunk': ['POST /demo/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{', ' '],
  '[R5] in the middle of an upgrade': ['GET /user/mallory HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX: ', 'x'],
  '[W11] ten bytes into a message of 60 KiB': [rawFrame(FIN | BINARY, '0123456789', { declaredBytes: 61_440n }), '', true],
  '[W11] in the middle of a message, by bytes': [rawFrame(FIN | BINARY, '0123456789', { declaredBytes: 61_440n }), '\0', true],
  '[W11] in the middle of a message, by pieces': [rawFrame(BINARY, '\0'), rawFrame(0, '\0'), true],
  '[W11] in the middle of a message, but for pings': [rawFrame(BINARY, '\0'), rawFrame(FIN | PING, ''), true],
}

export interface Dawdlers {
  /** To be called before the other attacks, */
  begin(): void
  /** and after them. */
  end(): void
}

export function describeDawdlers(attacked: AttackedRelay): Dawdlers {
  const lasted = new Map<string, Promise<number>>()
  return {
    begin() {
      it('[R5] [W11] some begin, and do not end', beginAll)
    },
    end() {
      attacked.attacks('a dawdler', () => {
        it.each(Object.keys(DAWDLERS))('%s is cut off within ten seconds', async (what) => {
          if (lasted.size === 0) await beginAll()
          expect(await lasted.get(what)).toBeLessThan(CUT_OFF_MS)
        })
      })
    },
  }

  async function beginAll(): Promise<void> {
    for (const [what, [start, drop, isSignedIn]] of Object.entries(DAWDLERS)) {
      const raw = openRaw(attacked.relay.port)
      if (isSignedIn) {
        raw.send(upgradeRequest('/user/dawdler', await attacked.token('dawdler')))
        expect(await raw.status()).toBe(101)
      }
      raw.send(start)
      lasted.set(what, dripUntilCutOff(raw, drop, () => (isSignedIn ? raw.code(CUT_OFF_MS) : raw.ended(CUT_OFF_MS))))
    }
  }
}

/** In ms; for ever where nobody cuts it off. */
async function dripUntilCutOff(raw: RawSocket, drop: string | Uint8Array, isCutOff: () => Promise<unknown>): Promise<number> {
  const beganAt = performance.now()
  const dripping = setInterval(() => raw.send(drop), DRIP_INTERVAL_MS)
  try {
    await isCutOff()
    return performance.now() - beganAt
  } catch {
    return Number.POSITIVE_INFINITY
  } finally {
    clearInterval(dripping)
    raw.end()
  }
}
