/** Whether a token lets somebody in: it is good, and it was not taken back. The same at the door, in band and over HTTP. */
import type { DeviceId } from '../../src/presence-service.js'
import type { Revocations } from '../service/revocations.js'
import type { Authenticate, Authenticated } from './authenticate.js'

/** `deviceId`: what the bearer says it is, where it has said so. */
export type SignIn = (token: string | null, deviceId?: DeviceId | null) => Promise<Authenticated>

export const createSignIn = (authenticate: Authenticate, revocations: () => Promise<Pick<Revocations, 'isRevoked'>>): SignIn => async (token, deviceId = null) => {
  const bearer = await authenticate(token)
  if (!bearer.ok) return bearer
  return (await revocations()).isRevoked(bearer.value, deviceId) ? REVOKED : bearer
}

const REVOKED: Authenticated = { ok: false, reason: 'the token was revoked', isTemporary: false }
