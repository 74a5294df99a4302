/** What was taken back of tokens, users and devices, and the open sockets that this ends. */
import { PresenceError, checked } from '../../src/errors.js'
import { parseDeviceId, parseId, parseOptions, parseUserId } from '../../src/model/arguments.js'
import { addTo } from '../../src/model/emitter.js'
import type { Clock } from '../../src/ports.js'
import type { DeviceId, ServerPresenceService, Stop, UserId } from '../../src/presence-service.js'
import { REVOCATION_KEPT_MS, type Revocation, type UserStore } from '../hub/user-store.js'

/** What a token says that matters here. */
export interface Credentials {
  readonly userId: UserId
  readonly deviceId: DeviceId | null
  readonly tokenId: string | null
  /** Null: it does not say. */
  readonly issuedAt: number | null
}
/** A socket that is signed in. */
export interface RevocableSession {
  /** Ends it where what it signed in with was taken back. */
  review(): void
  /** It does not see this user any more, unless in a channel. */
  forget(userId: UserId): void
}
export interface Revocations {
  isRevoked(credentials: Credentials, deviceId: DeviceId | null): boolean
  /** Of any relay of this service, until stopped. */
  add(userId: UserId, session: RevocableSession): Stop
  /** Resolves once it is on disk, and every socket that it concerns has been told to go. */
  revoke(what: unknown): Promise<void>
}

export function createRevocations({ clock, store, known }: { readonly clock: Clock; readonly store: UserStore; readonly known: readonly Revocation[] }): Revocations {
  /** By what it is of: every token issued before then is void. */
  const since = new Map<string, number>(known.map((revocation) => [keyOf(revocation), revocation.at]))
  const sessions = new Map<UserId, Set<RevocableSession>>()
  return { isRevoked, add: (userId, session) => addTo(sessions, userId, session), revoke }

  function isRevoked({ userId, deviceId, tokenId, issuedAt }: Credentials, saidDeviceId: DeviceId | null): boolean {
    const isBefore = (what: 'user' | 'device', id: string | null): boolean => {
      const at = id === null ? undefined : since.get(keyOf({ what, id }))
      return at !== undefined && (issuedAt === null || issuedAt < at)
    }
    return (tokenId !== null && since.has(keyOf({ what: 'token', id: tokenId }))) || isBefore('user', userId) || isBefore('device', deviceId) || isBefore('device', saidDeviceId)
  }

  async function revoke(what: unknown): Promise<void> {
    const { watch, revoked } = parseWhat(what)
    if (watch) for (const session of [...(sessions.get(watch.by) ?? [])]) session.forget(watch.userId)
    const at = nextSecond(clock.now())
    for (const [key, before] of since) if (before < at - REVOCATION_KEPT_MS) since.delete(key)
    for (const one of revoked) since.set(keyOf(one), at)
    const saved = Promise.all(revoked.map((one) => store.revoke({ ...one, at }))).catch((cause: unknown) => { throw notStored(cause) })
    // Awaited below; it may fail before that.
    saved.catch(() => undefined)
    if (revoked.some(({ what: of }) => of === 'token')) review()
    if (revoked.some(({ what: of }) => of !== 'token')) {
      // Whoever is sent away comes back at once with a fresh token: by its issuer's clock, too, it must be issued after.
      await new Promise<void>((resolve) => { clock.at(at + ISSUER_LAG_MS, resolve) })
      review()
    }
    await saved
  }

  function review(): void {
    for (const ofUser of [...sessions.values()]) for (const session of [...ofUser]) session.review()
  }
}

const keyOf = ({ what, id }: Pick<Revocation, 'what' | 'id'>): string => `${what} ${id}`

/** By so much an issuer's clock may be behind ours. */
const ISSUER_LAG_MS = 1_000

/** Tokens say in whole seconds when they were issued: this one is the first that begins after everything issued by now. */
const nextSecond = (now: number): number => (Math.floor(now / 1_000) + 1) * 1_000

interface What {
  readonly watch: { readonly userId: UserId; readonly by: UserId } | null
  readonly revoked: readonly Pick<Revocation, 'what' | 'id'>[]
}

function parseWhat(what: unknown): What {
  const { userId, deviceId, tokenId, watch } = checked(parseOptions(what, ['userId', 'deviceId', 'tokenId', 'watch'] satisfies (keyof Parameters<ServerPresenceService['revoke']>[0])[]))
  const revoked: What['revoked'] = [
    ...(userId === undefined ? [] : [{ what: 'user', id: checked(parseUserId(userId)) } as const]),
    ...(deviceId === undefined ? [] : [{ what: 'device', id: checked(parseDeviceId(deviceId)) } as const]),
    ...(tokenId === undefined ? [] : [{ what: 'token', id: checked(parseId('tokenId', tokenId)) } as const]),
  ]
  if (watch === undefined && revoked.length === 0) {
    throw new PresenceError('invalid-argument', { subject: 'what', message: 'It names nothing to revoke.', remedy: 'Pass userId, deviceId, tokenId or watch.' })
  }
  return { revoked, watch: watch === undefined ? null : parseWatch(watch) }
}

function parseWatch(watch: unknown): NonNullable<What['watch']> {
  const { userId, by } = checked(parseOptions(watch, ['userId', 'by']))
  return { userId: checked(parseUserId(userId)), by: checked(parseUserId(by)) }
}

const notStored = (cause: unknown): PresenceError => cause instanceof PresenceError ? cause : new PresenceError('storage-unavailable', {
  message: 'The revocation holds here, but the store did not take it: a restart would forget it.', remedy: 'Check its disk or server, and revoke again.', cause,
})
