/**
 * What every signed-in socket has, whatever room it is in: a token that is renewed and that expires, a measure, whom it follows, and one
 * end. Names no socket library.
 */
import { CLOSE } from '../../src/protocol/close-codes.js'
import { COMPLAINTS_RATE, DROPPED_RATE, RELAY, type RateName } from '../../src/protocol/limits.js'
import { decodeAuth, decodePageRequest, decodeWatch, encodeNotice, type Notice, type WatchOperation } from '../../src/protocol/messages.js'
import type { Parsed } from '../../src/model/json.js'
import type { DeviceId, Stop, UserId } from '../../src/presence-service.js'
import type { Ending } from '../hub/device-link.js'
import type { Due } from '../hub/deadlines.js'
import type { Hub } from '../hub/hub.js'
import type { Viewer, ViewerSocket } from '../hub/hub-user.js'
import { createViewer } from '../hub/viewer.js'
import type { Revocations } from '../service/revocations.js'
import { createAllowance, type Allowance } from './allowance.js'
import type { Budgets } from './budgets.js'
import { createFollowing, type Following, type FollowingHost } from './following.js'
import type { Permissions } from './permissions.js'
import type { Strangers } from './strangers.js'
import type { SignIn } from './sign-in.js'
import { SKEW_MS, type Bearer } from './token-claims.js'
import { fullBucket, take, type TokenBucket } from './token-bucket.js'

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
  /** Of a session that has not ended. */
  receive(frame: Uint8Array): void
  /** What its hello said; null before it, and where it counts for nothing. */
  deviceId(): DeviceId | null
  /** Whether it understands a notice. */
  hasGreeted(): boolean
  onJoined(): void
  /** What it means for the device that the relay closed its socket with this. */
  endingOf(code: number): Ending
  onEnd(ending: Ending): void
}
export interface SessionCore extends Session {
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

export const createSessionCore = (ports: SessionPorts, kind: SessionKind): SessionCore => new SignedInSocket(ports, kind)

/** A class, for there is one for each connection. */
class SignedInSocket implements SessionCore, FollowingHost, Due {
  readonly viewer: Viewer
  readonly following: Following
  readonly #ports: SessionPorts
  readonly #kind: SessionKind
  readonly #share: ReturnType<Budgets['of']>
  readonly #stopListening: Stop
  readonly #allowance: Allowance = createAllowance()
  #dropped: TokenBucket | null = null
  #complaints: TokenBucket | null = null
  #bearer: Bearer
  #renewing: Promise<void> | null = null
  #hasEnded = false

  constructor(ports: SessionPorts, kind: SessionKind) {
    this.#ports = ports
    this.#kind = kind
    this.#bearer = ports.bearer
    this.#share = ports.budgets.of(ports.bearer.userId)
    this.viewer = createViewer(ports.feed)
    this.following = createFollowing(this)
    this.hub.timers.set(this, this.#expiresAt())
    this.#stopListening = ports.revocations.add(ports.bearer.userId, this)
  }

  get hub(): Hub {
    return this.#ports.hub
  }
  get permissions(): Permissions {
    return this.#ports.permissions
  }
  get strangers(): Strangers {
    return this.#share.budget.strangers
  }
  bearer(): Bearer {
    return this.#bearer
  }
  hasEnded(): boolean {
    return this.#hasEnded
  }
  count(what: string): void {
    this.#ports.count(what)
  }
  onJoined(): void {
    this.#kind.onJoined()
  }
  forget(userId: UserId): void {
    this.following.forget(userId)
  }

  receive(frame: Uint8Array): void {
    if (!this.#hasEnded) this.#kind.receive(frame)
  }

  passes(name: RateName): boolean {
    // Who does not take the answers it was given is given no more of them.
    return (this.#waitFor(name, 1) === 0 && !(ANSWERED.has(name) && this.#ports.feed.isSlow())) || this.#drop(name)
  }

  signal(): void {
    if (!this.#hasEnded) this.passes('messages')
  }

  /** A user's other connections may have taken what this one would have. */
  #waitFor(name: RateName, times: number): number {
    const now = this.#now()
    const names: readonly RateName[] = name === 'messages' ? [name] : ['messages', name]
    return Math.max(this.#allowance.take(names, times, now), this.#share.budget.allowance.take(names, times, now))
  }

  #drop(name: RateName): false {
    this.#ports.count(`${name}-dropped`)
    const borne = take(this.#dropped ?? fullBucket(DROPPED_RATE, this.#now()), DROPPED_RATE, this.#now())
    this.#dropped = borne.bucket
    if (borne.isTaken) this.#complain(name)
    else this.#sendAway(name)
    return false
  }

  #sendAway(name: RateName): void {
    this.notice('rate-limited', '', `Too many ${name}, for too long.`, RETRY_AFTER_MS)
    this.leave(CLOSE.rateLimited, `too many ${name}`)
  }

  #complain(name: RateName): void {
    const complaint = take(this.#complaints ?? fullBucket(COMPLAINTS_RATE, this.#now()), COMPLAINTS_RATE, this.#now())
    this.#complaints = complaint.bucket
    if (complaint.isTaken) this.notice('rate-limited', '', `Too many ${name} at once: some were dropped.`, 1_000)
  }

  watch(frame: Uint8Array, isAllowed: (operation: WatchOperation) => boolean = () => true): void {
    this.read(decodeWatch(frame), (operations) => {
      const isTooMuch = this.#waitFor('watches', operations.length) > 0
      if (isTooMuch) this.#drop('watches')
      for (const operation of operations) {
        if (this.#hasEnded) return
        // Who unwatched or left in vain would not know.
        if (isAllowed(operation) && (!isTooMuch || RELEASES.has(operation.verb))) this.following.apply(operation)
        if (this.following.waiting() > RELAY.waitingOperations) return this.#sendAway('watches')
      }
    })
  }

  page(frame: Uint8Array): void {
    if (this.passes('pages')) this.read(decodePageRequest(frame), (request) => this.following.page(request))
  }

  auth(frame: Uint8Array): void {
    if (this.passes('tokens')) this.read(decodeAuth(frame), (token) => { this.#renewing = (this.#renewing ?? Promise.resolve()).then(() => this.#renew(token)) })
  }

  async #renew(token: string): Promise<void> {
    if (this.#hasEnded) return
    const renewed = await this.#ports.signIn(token, this.#kind.deviceId())
    if (this.#hasEnded) return
    // Nothing is known of it yet: the present one holds until it expires.
    if (!renewed.ok && renewed.isTemporary) return this.#ports.count('renewal-put-off')
    if (!renewed.ok || renewed.value.userId !== this.#bearer.userId) return this.leave(CLOSE.unauthenticated, 'the new token does not sign in this user')
    if (isForOther(renewed.value, this.#kind.deviceId())) return this.leave(CLOSE.forbidden, 'the token is for another device')
    this.#bearer = renewed.value
    this.hub.timers.set(this, this.#expiresAt())
    // It may have been taken back while its signature was checked.
    this.review()
    if (!this.#hasEnded) this.following.review()
  }

  review(): void {
    if (!this.#hasEnded && this.#ports.revocations.isRevoked(this.#bearer, this.#kind.deviceId())) this.leave(CLOSE.unauthenticated, 'the token was revoked')
  }

  #expiresAt(): number {
    const { expiresAt } = this.#bearer
    // A token was let in although it seemed to have expired: our clock and its issuer's may differ by so much.
    return expiresAt > this.#now() ? expiresAt : expiresAt + SKEW_MS
  }

  due(): void {
    this.leave(CLOSE.unauthenticated, 'the token has expired')
  }

  #now(): number {
    return this.hub.clock.now()
  }

  read<T>(decoded: Parsed<T>, use: (value: T) => void): void {
    decoded.ok ? use(decoded.value) : this.refuse(decoded.reason)
  }
  notice(code: Notice['code'], subject: string, message: string, retryAfterMs = 0): void {
    if (this.#kind.hasGreeted()) this.#ports.send(encodeNotice({ code, subject, message, retryAfterMs }))
    else this.#ports.count('notice-unsaid')
  }
  retryAfter(retryAfterMs: number): void {
    this.notice('draining', '', 'The relay is moving.', retryAfterMs)
  }
  refuse(reason: string): void {
    this.leave(CLOSE.badMessage, reason)
  }
  leave(code: number, reason: string): void {
    if (this.#hasEnded) return
    this.#ports.count(`closed-${code}`)
    this.#ports.close(code, reason)
    this.end(this.#kind.endingOf(code))
  }

  end(ending: Ending): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.hub.timers.set(this, null)
    this.#stopListening()
    this.#share.release()
    this.following.end()
    this.#kind.onEnd(ending)
  }
}

/** A token may be held to one device. */
export const isForOther = ({ deviceId }: Bearer, saidDeviceId: DeviceId | null): boolean =>
  deviceId !== null && saidDeviceId !== null && deviceId !== saidDeviceId

const RETRY_AFTER_MS = 10_000
const ANSWERED: ReadonlySet<RateName> = new Set(['edits', 'pages', 'devices', 'queries'])
const RELEASES: ReadonlySet<WatchOperation['verb']> = new Set(['unwatch', 'leave', 'unwatch-channel'])
