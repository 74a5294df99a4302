/** Whether somebody who asks for a room is let in, and what they need there. Holds no socket. */
import { CLOSE } from '../../src/protocol/close-codes.js'
import type { Hub } from '../hub/hub.js'
import type { HubUser } from '../hub/hub-user.js'
import type { Visit } from './doorkeeper.js'
import type { Room } from './room-path.js'
import type { SignIn } from './sign-in.js'
import type { Bearer } from './token-claims.js'

export type Admission = Admitted | { readonly isAdmitted: false; readonly code: number; readonly reason: string }
export interface Admitted {
  readonly isAdmitted: true
  readonly bearer: Bearer
  /** Null in the room `watch`, where one is nobody. */
  readonly user: HubUser | null
}

export interface AdmissionOptions {
  readonly hub: Hub
  readonly room: Room
  readonly token: string | null
  readonly signIn: SignIn
  readonly visit: Visit
}

export async function admit({ hub, room, token, signIn, visit }: AdmissionOptions): Promise<Admission> {
  const signedIn = await signIn(token)
  if (!signedIn.ok) return refusedToAdmit(signedIn.isTemporary ? CLOSE.overloaded : CLOSE.unauthenticated, signedIn.reason)
  const bearer = signedIn.value
  if (room.room === 'user' && room.userId !== bearer.userId) return refusedToAdmit(CLOSE.forbidden, 'not this user\'s room')
  const tooMany = visit.signIn(bearer.userId)
  if (tooMany) return refusedToAdmit(tooMany.code, tooMany.reason)
  if (room.room === 'watch') return { isAdmitted: true, bearer, user: null }
  const user = await hub.open(bearer.userId).catch(() => null)
  return user ? { isAdmitted: true, bearer, user } : refusedToAdmit(CLOSE.storeUnavailable, 'the store cannot be read now')
}

export const refusedToAdmit = (code: number, reason: string): Admission => ({ isAdmitted: false, code, reason })
