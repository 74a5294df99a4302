/** Why a relay closes: 44xx will not retry, everything else will (FAULTS, close codes). */
import type { PresenceErrorCode } from '../presence-service.js'

export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  tooBig: 1009,
  internalError: 1011,
  draining: 1012,
  overloaded: 1013,
  badMessage: 4400,
  unauthenticated: 4401,
  forbidden: 4403,
  unknownRoom: 4404,
  deviceConflict: 4409,
  protocolTooOld: 4426,
  slow: 4508,
  rateLimited: 4529,
  storeUnavailable: 4553,
} as const

const REFUSALS: Readonly<Record<number, PresenceErrorCode>> = {
  [CLOSE.badMessage]: 'invalid-argument',
  [CLOSE.unauthenticated]: 'unauthenticated',
  [CLOSE.forbidden]: 'forbidden',
  [CLOSE.unknownRoom]: 'forbidden',
  [CLOSE.deviceConflict]: 'device-conflict',
  [CLOSE.protocolTooOld]: 'protocol-too-old',
}

/** Undefined: try again. An unknown 44xx is a refusal too: newer relays may have new reasons. */
export const refusalOf = (code: number): PresenceErrorCode | undefined =>
  REFUSALS[code] ?? (code >= 4400 && code < 4500 ? 'forbidden' : undefined)
