/**
 * What every signed-in socket has, whatever room it is in: a token that is renewed and that expires, a measure, whom it follows, and one
 * end. Names no socket library.
 */
import { CLOSE } from '../../src/protocol/close-codes.js'
import { COMPLAINTS_RATE, DROPPED_RATE, RELAY, type RateName } from '../../src/protocol/limits.js'
import { decodeAuth, decodePageRequest, decodeWatch, encodeNotice, type Notice, type WatchOperation } from '../../src/protocol/messages.js'
import type { Parsed } from '../../src/model/json.js'
import type { DeviceId } from '../../src/presence-service.js'
import type { Ending } from '../hub/device-link.js'
import type { Hub } from '../hub/hub.js'
import type { Viewer, ViewerSocket } from '../hub/hub-user.js'
import { createViewer } from '../hub/viewer.js'
import type { Revocations } from '../service/revocations.js'
import { createAllowance } from './allowance.js'
import type { Budgets } from './budgets.js'
import { createFollowing, type Following } from './following.js'
import type { Permissions } from './permissions.js'
import type { SignIn } from './sign-in.js'
import { SKEW_MS, type Bearer } from './token-claims.js'
import { fullBucket, take } from './token-bucket.js'

/** What a session needs of its relay and its socket. */
export interface SessionPorts {
  readonly hub: Hub
  /** Who signed in. */
  readonly bearer: Bearer
  readonly relayNumber: number
  readonly send: (frame: Uint8Array) => void
  /** The same socket, for the feed. */
  readonly feed: ViewerSocket
  readonly close: (code: number, reason: string) => void
  /** Checks a token sent in band; the session goes on with what it says. */
  readonly signIn: SignIn
  readonly revocations: Pick<Revocations, 'isRevoked' | 'add'>
  readonly permissions: Permissions
  readonly budgets: Budgets
  readonly count: (what: string) => void
}
export interface Session {
  receive(frame: Uint8Array): void
  /** A ping or a pong came. */
  signal(): void
  /** Closes it where its token was taken back. */
  review(): void
  /** The relay is going: when to come back, said before the socket is closed. */
  retryAfter(retryAfterMs: number): void
  /** Closes it, and ends. */
  leave(code: number, reason: string): void
  /** The socket is gone. */
  end(ending: Ending): void
}

/** How one kind of session differs from the other. */
export interface SessionKind {
  /** What its hello said; null before it, and where it counts for nothing. */
  readonly deviceId: () => DeviceId | null
  /** Whether it understands a notice. */
  readonly hasGreeted: () => boolean
  readonly onJoined: () => void
  /** What it means for the device that the relay closed its socket with this. */
  readonly endingOf: (code: number) => Ending
  readonly onEnd: (ending: Ending) => void
}
export interface SessionCore extends Omit<Session, 'receive'> {
  readonly viewer: Viewer
  readonly following: Following
  bearer(): Bearer
  hasEnded(): boolean
  /** False: it is too much, and to be dropped; who goes on like that is sent away. */
  passes(name: RateName): boolean
  watch(frame: Uint8Array, isAllowed?: (operation: WatchOperation) => boolean): void
  page(frame: Uint8Array): void
  auth(frame: Uint8Array): void
  notice(code: Notice['code'], subject: string, message: string, retryAfterMs?: number): void
  /** What cannot be read ends it. */
  read<T>(decoded: Parsed<T>, use: (value: T) => void): void
  refuse(reason: string): void
}

export function createSessionCore(ports: SessionPorts, kind: SessionKind): SessionCore {
  const { hub, send, count, revocations } = ports
  const { budget, release } = ports.budgets.of(ports.bearer.userId)
  const allowance = createAllowance()
  let dropped = fullBucket(DROPPED_RATE, hub.clock.now())
  let complaints = fullBucket(COMPLAINTS_RATE, hub.clock.now())
  let bearer = ports.bearer
  let renewing = Promise.resolve()
  let hasEnded = false
  let stopExpiry = closeAtExpiry()
  const viewer = createViewer(ports.feed)
  const following = createFollowing({
    hub, viewer, principal: () => bearer, permissions: ports.permissions, strangers: budget.strangers, onJoined: kind.onJoined, notice, count,
  })
  const stopListening = revocations.add(bearer.userId, { review, forget: following.forget })
  return { viewer, following, bearer: () => bearer, hasEnded: () => hasEnded, passes, watch, page, auth, notice, read, refuse, signal, review, retryAfter, leave, end }

  function passes(name: RateName): boolean {
    // Who does not take the answers it was given is given no more of them.
    return (waitFor(name, 1) === 0 && !(ANSWERED.has(name) && ports.feed.isSlow())) || drop(name)
  }

  function signal(): void {
    if (!hasEnded) passes('messages')
  }

  /** A user's other connections may have taken what this one would have. */
  function waitFor(name: RateName, times: number): number {
    const now = hub.clock.now()
    const names: readonly RateName[] = name === 'messages' ? [name] : ['messages', name]
    return Math.max(allowance.take(names, times, now), budget.allowance.take(names, times, now))
  }

  function drop(name: RateName): false {
    count(`${name}-dropped`)
    const borne = take(dropped, DROPPED_RATE, hub.clock.now())
    dropped = borne.bucket
    if (borne.isTaken) complain(name)
    else sendAway(name)
    return false
  }

  function sendAway(name: RateName): void {
    notice('rate-limited', '', `Too many ${name}, for too long.`, RETRY_AFTER_MS)
    leave(CLOSE.rateLimited, `too many ${name}`)
  }

  function complain(name: RateName): void {
    const complaint = take(complaints, COMPLAINTS_RATE, hub.clock.now())
    complaints = complaint.bucket
    if (complaint.isTaken) notice('rate-limited', '', `Too many ${name} at once: some were dropped.`, 1_000)
  }

  function watch(frame: Uint8Array, isAllowed: (operation: WatchOperation) => boolean = () => true): void {
    read(decodeWatch(frame), (operations) => {
      const isTooMuch = waitFor('watches', operations.length) > 0
      if (isTooMuch) drop('watches')
      for (const operation of operations) {
        if (hasEnded) return
        // Who unwatched or left in vain would not know.
        if (isAllowed(operation) && (!isTooMuch || RELEASES.has(operation.verb))) following.apply(operation)
        if (following.waiting() > RELAY.waitingOperations) return sendAway('watches')
      }
    })
  }

  function page(frame: Uint8Array): void {
    if (passes('pages')) read(decodePageRequest(frame), following.page)
  }

  function auth(frame: Uint8Array): void {
    if (passes('tokens')) read(decodeAuth(frame), (token) => { renewing = renewing.then(() => renew(token)) })
  }

  async function renew(token: string): Promise<void> {
    if (hasEnded) return
    const renewed = await ports.signIn(token, kind.deviceId())
    if (hasEnded) return
    // Nothing is known of it yet: the present one holds until it expires.
    if (!renewed.ok && renewed.isTemporary) return count('renewal-put-off')
    if (!renewed.ok || renewed.value.userId !== bearer.userId) return leave(CLOSE.unauthenticated, 'the new token does not sign in this user')
    if (isForOther(renewed.value, kind.deviceId())) return leave(CLOSE.forbidden, 'the token is for another device')
    bearer = renewed.value
    stopExpiry()
    stopExpiry = closeAtExpiry()
    // It may have been taken back while its signature was checked.
    review()
    if (!hasEnded) following.review()
  }

  function review(): void {
    if (!hasEnded && revocations.isRevoked(bearer, kind.deviceId())) leave(CLOSE.unauthenticated, 'the token was revoked')
  }

  function closeAtExpiry() {
    const { expiresAt } = bearer
    // A token was let in although it seemed to have expired: our clock and its issuer's may differ by so much.
    return hub.clock.at(expiresAt > hub.clock.now() ? expiresAt : expiresAt + SKEW_MS, () => leave(CLOSE.unauthenticated, 'the token has expired'))
  }

  function read<T>(decoded: Parsed<T>, use: (value: T) => void): void {
    decoded.ok ? use(decoded.value) : refuse(decoded.reason)
  }
  function notice(code: Notice['code'], subject: string, message: string, retryAfterMs = 0): void {
    if (kind.hasGreeted()) send(encodeNotice({ code, subject, message, retryAfterMs }))
    else count('notice-unsaid')
  }
  function retryAfter(retryAfterMs: number): void {
    notice('draining', '', 'The relay is moving.', retryAfterMs)
  }
  function refuse(reason: string): void {
    leave(CLOSE.badMessage, reason)
  }
  function leave(code: number, reason: string): void {
    if (hasEnded) return
    count(`closed-${code}`)
    ports.close(code, reason)
    end(kind.endingOf(code))
  }

  function end(ending: Ending): void {
    if (hasEnded) return
    hasEnded = true
    stopExpiry()
    stopListening()
    release()
    following.end()
    kind.onEnd(ending)
  }
}

/** A token may be held to one device. */
export const isForOther = ({ deviceId }: Bearer, saidDeviceId: DeviceId | null): boolean =>
  deviceId !== null && saidDeviceId !== null && deviceId !== saidDeviceId

const RETRY_AFTER_MS = 10_000
const ANSWERED: ReadonlySet<RateName> = new Set(['edits', 'pages', 'devices', 'queries'])
const RELEASES: ReadonlySet<WatchOperation['verb']> = new Set(['unwatch', 'leave', 'unwatch-channel'])
