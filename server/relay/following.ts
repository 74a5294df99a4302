/** Whom and what one connection follows: its watch operations, in their order, as far as they are allowed and not too many. */
import { parseId } from '../../src/model/arguments.js'
import type { ChannelId, Principal, UserId } from '../../src/presence-service.js'
import { RELAY, WIRE } from '../../src/protocol/limits.js'
import type { Notice, PageRequest, WatchOperation } from '../../src/protocol/messages.js'
import type { Hub } from '../hub/hub.js'
import type { HubUser, Viewer } from '../hub/hub-user.js'
import { emptySet, isIn, sizeOf, withItem, withoutItem, type SmallSet } from '../hub/small-set.js'
import { watches } from '../hub/viewer.js'
import { isSeenInAny } from './companions.js'
import { createInOrder, type InOrder } from './in-order.js'
import type { Permissions } from './permissions.js'
import type { Strangers } from './strangers.js'

export interface FollowingHost {
  readonly hub: Hub
  readonly viewer: Viewer
  readonly bearer: () => Principal
  readonly permissions: Permissions
  readonly strangers: Strangers
  /** `joined` has changed. */
  readonly onJoined: () => void
  readonly notice: (code: Notice['code'], subject: string, message: string, retryAfterMs?: number) => void
  readonly count: (what: string) => void
}
export interface Following {
  /** Channels the device is in; kept here, since a join may come before the device has told of itself. */
  readonly joined: ReadonlySet<ChannelId>
  apply(operation: WatchOperation): void
  /** Operations that wait until it is known whether they are allowed. */
  waiting(): number
  page(request: PageRequest): void
  /** Ends a watch that was taken back. */
  forget(userId: UserId): void
  /** Ends what is not allowed any more: the token is another one now. */
  review(): void
  end(): void
}

type Verdict = 'allowed' | 'forbidden' | { readonly retryAfterMs: number }
const allowedIf = (isAllowed: boolean): Verdict => (isAllowed ? 'allowed' : 'forbidden')

export const createFollowing = (host: FollowingHost): Following => new ConnectionFollowing(host)

const NONE: ReadonlySet<never> = new Set<never>()

/** A class, for there is one for each connection; most follow somebody, and few are in a channel or wait for anything. */
class ConnectionFollowing implements Following {
  readonly #host: FollowingHost
  joined: ReadonlySet<ChannelId> = NONE
  /** Wanted, and on their way out of the store. */
  #loading: SmallSet<UserId> = emptySet()
  /** Watched for being in a channel with one. */
  #companions: SmallSet<UserId> = emptySet()
  /** Only while something waits. */
  #questions: InOrder | null = null
  #hasEnded = false

  constructor(host: FollowingHost) {
    this.#host = host
  }

  waiting(): number {
    return this.#questions?.waiting() ?? 0
  }

  /** What is asked now is used after all that was asked before. */
  #inTurn<T>(ask: () => T | Promise<T>, use: (answer: T) => void): void {
    const questions = this.#questions ?? createInOrder(RELAY.hooksAtOnce)
    this.#questions = questions
    questions.add(ask, use)
    if (questions.waiting() === 0) this.#questions = null
  }

  apply({ verb, id }: WatchOperation): void {
    if (!parseId('id', id).ok) return this.#host.notice('invalid-argument', id, 'That is no id.')
    switch (verb) {
      case 'watch':
      case 'ask': return this.#inTurn(() => this.#judgeWatch(id), (verdict) => void this.#look(id, verdict, verb === 'watch'))
      case 'join':
      case 'watch-channel': return this.#inTurn(() => this.#host.permissions.mayJoin(this.#host.bearer(), id), (isAllowed) => this.#enter(id, isAllowed, verb === 'join'))
      case 'unwatch': return this.#inTurn(NOTHING_TO_ASK, () => this.#unwatch(id))
      case 'leave': return this.#inTurn(NOTHING_TO_ASK, () => this.#leave(id))
      case 'unwatch-channel': return this.#inTurn(NOTHING_TO_ASK, () => this.#host.hub.teller.closeChannel(this.#host.viewer, id))
      default: verb satisfies never
    }
  }

  /** Nothing of it depends on whether there is such a person. */
  #judgeWatch(id: UserId): Verdict | Promise<Verdict> {
    const retryAfterMs = id === this.#host.bearer().userId || this.#isNeighbour(id) ? 0 : this.#host.strangers.ask(id, this.#host.hub.clock.now())
    if (retryAfterMs > 0) return { retryAfterMs }
    if (this.#host.permissions.isNamed(this.#host.bearer(), id) || this.#isCompanion(id)) return 'allowed'
    const isAllowed = this.#host.permissions.mayWatch(this.#host.bearer(), id)
    return typeof isAllowed === 'boolean' ? allowedIf(isAllowed) : isAllowed.then(allowedIf)
  }

  async #look(id: UserId, verdict: Verdict, isLasting: boolean): Promise<void> {
    if (typeof verdict === 'object') return this.#host.notice('rate-limited', id, 'You asked for too many people whom you share no channel with.', verdict.retryAfterMs)
    // A join before it may have been answered only now.
    if (verdict === 'forbidden' && !this.#isCompanion(id)) return this.#host.notice('forbidden', id, 'You may not see this user.')
    if (isLasting && !this.#isWanted(id) && sizeOf(this.#host.viewer.watched) + sizeOf(this.#loading) >= WIRE.watchedUsers) return this.#host.notice('quota', id, `At most ${WIRE.watchedUsers} users at once.`)
    if (isLasting) this.#loading = withItem(this.#loading, id)
    if (isLasting && !this.#host.permissions.isNamed(this.#host.bearer(), id) && this.#isCompanion(id)) this.#companions = withItem(this.#companions, id)
    const seen = await this.#host.hub.open(id).catch(() => null)
    if (!seen) {
      this.#stopWatching(id, () => undefined)
      return this.#host.count('user-not-loaded')
    }
    if (!this.#hasEnded && !isLasting) this.#host.hub.teller.answer(this.#host.viewer, seen, this.#host.hub.clock.now())
    if (!this.#hasEnded && isLasting && this.#isLoaded(id)) this.#host.hub.teller.watch(this.#host.viewer, seen, this.#host.hub.clock.now())
    this.#host.hub.release(seen)
  }

  /** False: unwatched meanwhile. */
  #isLoaded(id: UserId): boolean {
    const isWanted = isIn(this.#loading, id)
    this.#loading = withoutItem(this.#loading, id)
    return isWanted
  }

  #isWanted(id: UserId): boolean {
    const user = this.#host.hub.find(id)
    return isIn(this.#loading, id) || (user !== undefined && watches(this.#host.viewer, user))
  }

  /** A visible member of a channel that this device is in: seen anyway. */
  #isCompanion(id: UserId): boolean {
    const user = this.#host.hub.find(id)
    return user !== undefined && isSeenInAny(user, this.joined)
  }

  /** Of one that this connection sees: no stranger. */
  #isNeighbour(id: UserId): boolean {
    const user = this.#host.hub.find(id)
    return user !== undefined && [...this.#host.viewer.channels].some(({ members }) => members.has(user))
  }

  #unwatch(id: UserId): void {
    this.#stopWatching(id, (user) => this.#host.hub.teller.unwatch(this.#host.viewer, user))
  }

  forget(id: UserId): void {
    this.#stopWatching(id, (user) => this.#host.hub.teller.revoke(this.#host.viewer, user))
  }

  #stopWatching(id: UserId, stop: (user: HubUser) => void): void {
    this.#loading = withoutItem(this.#loading, id)
    this.#companions = withoutItem(this.#companions, id)
    const user = this.#host.hub.find(id)
    if (!user || !watches(this.#host.viewer, user)) return
    stop(user)
    this.#host.hub.dropIfUnused(user)
  }

  #enter(id: ChannelId, isAllowed: boolean, isJoining: boolean): void {
    if (!isAllowed) return this.#host.notice('forbidden', id, 'You may not see this channel.')
    const isNew = !this.#isOpen(id)
    // Who sees a channel no longer may still be in it.
    const isFull = (isNew && sizeOf(this.#host.viewer.channels) >= WIRE.channels) || (isJoining && !this.joined.has(id) && this.joined.size >= WIRE.channels)
    if (isFull) return this.#host.notice('quota', id, `At most ${WIRE.channels} channels at once.`)
    this.#host.hub.teller.openChannel(this.#host.viewer, id, this.#host.hub.clock.now())
    if (!isJoining) return
    this.joined = new Set(this.joined).add(id)
    this.#host.onJoined()
  }

  #isOpen(id: ChannelId): boolean {
    for (const channel of this.#host.viewer.channels) if (channel.id === id) return true
    return false
  }

  #leave(id: ChannelId): void {
    if (!this.joined.has(id)) return
    this.joined = this.joined.size === 1 ? NONE : new Set([...this.joined].filter((other) => other !== id))
    this.#host.onJoined()
    for (const companion of this.#companions) if (!this.#isCompanion(companion)) this.#reviewWatch(companion)
  }

  page(request: PageRequest): void {
    if (!this.#isOpen(request.channelId)) return this.#host.notice('forbidden', request.channelId, 'You may not see this channel.')
    this.#host.hub.teller.page(this.#host.viewer, request, this.#host.hub.clock.now())
  }

  review(): void {
    // After what is waiting: some of that was still asked for with the token before.
    this.#inTurn(NOTHING_TO_ASK, () => {
      const open = [...this.#host.viewer.channels].map(({ id }) => id)
      for (const id of new Set([...this.joined, ...open])) this.#inTurn(() => this.#host.permissions.mayJoin(this.#host.bearer(), id), (isAllowed) => { if (!isAllowed) this.#expel(id) })
      for (const id of [...this.#loading, ...[...this.#host.viewer.watched].map(({ userId }) => userId)]) if (!isIn(this.#companions, id)) this.#reviewWatch(id)
    })
  }

  #reviewWatch(id: UserId): void {
    this.#inTurn(() => this.#host.permissions.mayWatch(this.#host.bearer(), id), (isAllowed) => { if (!isAllowed) this.forget(id) })
  }

  #expel(id: ChannelId): void {
    if (!this.joined.has(id) && !this.#isOpen(id)) return
    this.#host.hub.teller.closeChannel(this.#host.viewer, id)
    this.#leave(id)
    this.#host.notice('forbidden', id, 'You may not see this channel any more.')
  }

  end(): void {
    this.#hasEnded = true
    this.#questions?.stop()
    this.#host.hub.teller.drop(this.#host.viewer).forEach(this.#host.hub.dropIfUnused)
  }
}

const NOTHING_TO_ASK = (): null => null
