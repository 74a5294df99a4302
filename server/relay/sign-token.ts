import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import type { ChannelId, DeviceId, UserId } from '../../src/presence-service.js'
import { secretKey } from './authenticate.js'

export interface Grant {
  readonly userId: UserId
  readonly channels?: readonly ChannelId[] | '*'
  readonly watch?: readonly UserId[] | '*'
  readonly ttlMs: number
  /** Holds the token to this device. */
  readonly deviceId?: DeviceId
}

/** A JWT as an app's own server would issue it. */
export function signToken(secret: string, { userId, channels, watch, ttlMs, deviceId }: Grant, now: number = Date.now()): Promise<string> {
  const claims = {
    sub: userId, iat: Math.floor(now / 1_000), exp: expirySeconds(now, ttlMs), jti: randomUUID(),
    ...(channels === undefined ? {} : { channels }), ...(watch === undefined ? {} : { watch }), ...(deviceId === undefined ? {} : { dev: deviceId }),
  }
  return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).sign(secretKey(secret))
}

/** Whole seconds, never later than asked for. */
export const expirySeconds = (now: number, ttlMs: number): number => Math.floor((now + ttlMs) / 1_000)
