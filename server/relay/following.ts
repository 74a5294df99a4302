/** Whom and what one connection follows: its watch operations, in their order, as far as they are allowed and not too many. */
import { parseId } from '../../src/model/arguments.js'
import type { ChannelId, Principal, UserId } from '../../src/presence-service.js'
import { RELAY, WIRE } from '../../src/protocol/limits.js'
import type { Notice, PageRequest, WatchOperation } from '../../src/protocol/messages.js'
import type { Hub } from '../hub/hub.js'
import type { HubUser, Viewer } from '../hub/hub-user.js'
import { sizeOf } from '../hub/small-set.js'
import { watches } from '../hub/viewer.js'
import { createInOrder } from './in-order.js'
import type { Permissions } from './permissions.js'
import type { Strangers } from './strangers.js'

export interface FollowingOptions {
  readonly hub: Hub
  readonly viewer: Viewer
  readonly principal: () => Principal
  readonly permissions: Permissions
  readonly strangers: Strangers
  /** `joined` has changed. */
  readonly onJoined: () => void
  readonly notice: (code: Notice['code'], subject: string, message: string, retryAfterMs?: number) => void
  readonly count: (what: string) => void
}
export interface Following {
  /** Channels the device is in; kept here, since a join may come before the device has told of itself. */
  readonly joined: Set<ChannelId>
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

export function createFollowing({ hub, viewer, principal, permissions, strangers, onJoined, notice, count }: FollowingOptions): Following {
  const joined = new Set<ChannelId>()
  /** Wanted, and on their way out of the store. */
  const loading = new Set<UserId>()
  /** Watched for being in a channel with one. */
  const companions = new Set<UserId>()
  const operations = createInOrder(RELAY.hooksAtOnce)
  let hasEnded = false
  return { joined, apply, waiting: operations.waiting, page, forget, review, end }

  function apply({ verb, id }: WatchOperation): void {
    if (!parseId('id', id).ok) return notice('invalid-argument', id, 'That is no id.')
    switch (verb) {
      case 'watch':
      case 'ask': return operations.add(() => judgeWatch(id), (verdict) => void look(id, verdict, verb === 'watch'))
      case 'join':
      case 'watch-channel': return operations.add(() => permissions.mayJoin(principal(), id), (isAllowed) => enter(id, isAllowed, verb === 'join'))
      case 'unwatch': return operations.add(NOTHING_TO_ASK, () => unwatch(id))
      case 'leave': return operations.add(NOTHING_TO_ASK, () => leave(id))
      case 'unwatch-channel': return operations.add(NOTHING_TO_ASK, () => hub.teller.closeChannel(viewer, id))
      default: verb satisfies never
    }
  }

  /** Nothing of it depends on whether there is such a person. */
  function judgeWatch(id: UserId): Verdict | Promise<Verdict> {
    const retryAfterMs = id === principal().userId || isNeighbour(id) ? 0 : strangers.ask(id, hub.clock.now())
    if (retryAfterMs > 0) return { retryAfterMs }
    if (permissions.isNamed(principal(), id) || isCompanion(id)) return 'allowed'
    const isAllowed = permissions.mayWatch(principal(), id)
    return typeof isAllowed === 'boolean' ? allowedIf(isAllowed) : isAllowed.then(allowedIf)
  }

  async function look(id: UserId, verdict: Verdict, isLasting: boolean): Promise<void> {
    if (typeof verdict === 'object') return notice('rate-limited', id, 'You asked for too many people whom you share no channel with.', verdict.retryAfterMs)
    // A join before it may have been answered only now.
    if (verdict === 'forbidden' && !isCompanion(id)) return notice('forbidden', id, 'You may not see this user.')
    if (isLasting && !isWanted(id) && sizeOf(viewer.watched) + loading.size >= WIRE.watchedUsers) return notice('quota', id, `At most ${WIRE.watchedUsers} users at once.`)
    if (isLasting) loading.add(id)
    if (isLasting && !permissions.isNamed(principal(), id) && isCompanion(id)) companions.add(id)
    const seen = await hub.open(id).catch(() => null)
    if (!seen) {
      stopWatching(id, () => undefined)
      return count('user-not-loaded')
    }
    if (!hasEnded && !isLasting) hub.teller.answer(viewer, seen, hub.clock.now())
    if (!hasEnded && isLasting && loading.delete(id)) hub.teller.watch(viewer, seen, hub.clock.now())
    hub.release(seen)
  }

  function isWanted(id: UserId): boolean {
    const user = hub.find(id)
    return loading.has(id) || (user !== undefined && watches(viewer, user))
  }

  /** A visible member of a channel that this device is in: seen anyway. */
  function isCompanion(id: UserId): boolean {
    const user = hub.find(id)
    return user !== undefined && [...joined].some((channelId) => hub.teller.channel(channelId)?.members.has(user))
  }

  /** Of one that this connection sees: no stranger. */
  function isNeighbour(id: UserId): boolean {
    const user = hub.find(id)
    return user !== undefined && [...viewer.channels].some(({ members }) => members.has(user))
  }

  function unwatch(id: UserId): void {
    stopWatching(id, (user) => hub.teller.unwatch(viewer, user))
  }

  function forget(id: UserId): void {
    stopWatching(id, (user) => hub.teller.revoke(viewer, user))
  }

  function stopWatching(id: UserId, stop: (user: HubUser) => void): void {
    loading.delete(id)
    companions.delete(id)
    const user = hub.find(id)
    if (!user || !watches(viewer, user)) return
    stop(user)
    hub.dropIfUnused(user)
  }

  function enter(id: ChannelId, isAllowed: boolean, isJoining: boolean): void {
    if (!isAllowed) return notice('forbidden', id, 'You may not see this channel.')
    const isNew = !isOpen(id)
    // Who sees a channel no longer may still be in it.
    const isFull = (isNew && sizeOf(viewer.channels) >= WIRE.channels) || (isJoining && !joined.has(id) && joined.size >= WIRE.channels)
    if (isFull) return notice('quota', id, `At most ${WIRE.channels} channels at once.`)
    hub.teller.openChannel(viewer, id, hub.clock.now())
    if (!isJoining) return
    joined.add(id)
    onJoined()
  }

  function isOpen(id: ChannelId): boolean {
    for (const channel of viewer.channels) if (channel.id === id) return true
    return false
  }

  function leave(id: ChannelId): void {
    if (!joined.delete(id)) return
    onJoined()
    for (const companion of companions) if (!isCompanion(companion)) reviewWatch(companion)
  }

  function page(request: PageRequest): void {
    if (!isOpen(request.channelId)) return notice('forbidden', request.channelId, 'You may not see this channel.')
    hub.teller.page(viewer, request, hub.clock.now())
  }

  function review(): void {
    // After what is waiting: some of that was still asked for with the token before.
    operations.add(NOTHING_TO_ASK, () => {
      const open = [...viewer.channels].map(({ id }) => id)
      for (const id of new Set([...joined, ...open])) operations.add(() => permissions.mayJoin(principal(), id), (isAllowed) => { if (!isAllowed) expel(id) })
      for (const id of [...loading, ...[...viewer.watched].map(({ userId }) => userId)]) if (!companions.has(id)) reviewWatch(id)
    })
  }

  function reviewWatch(id: UserId): void {
    operations.add(() => permissions.mayWatch(principal(), id), (isAllowed) => { if (!isAllowed) forget(id) })
  }

  function expel(id: ChannelId): void {
    if (!joined.has(id) && !isOpen(id)) return
    hub.teller.closeChannel(viewer, id)
    leave(id)
    notice('forbidden', id, 'You may not see this channel any more.')
  }

  function end(): void {
    hasEnded = true
    operations.stop()
    hub.teller.drop(viewer).forEach(hub.dropIfUnused)
  }
}

const NOTHING_TO_ASK = (): null => null
