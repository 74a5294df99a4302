/** Who may see whom, and be where (VS3): what the token says, or what the app's own hooks say instead. */
import type { Clock, Log } from '../../src/ports.js'
import type { ChannelId, Principal, RelayOptions, UserId } from '../../src/presence-service.js'
import { COMPLAINTS_RATE, WIRE } from '../../src/protocol/limits.js'
import { inTime } from './in-time.js'
import { fullBucket, take } from './token-bucket.js'

export interface Permissions {
  /** Allowed without asking anybody: oneself, and whom the token names where it decides. */
  isNamed(viewer: Principal, userId: UserId): boolean
  /** Whether somebody may be seen who is in no channel with the viewer. */
  mayWatch(viewer: Principal, userId: UserId): boolean | Promise<boolean>
  /** Also: whether a channel may be seen without being in it. */
  mayJoin(member: Principal, channelId: ChannelId): boolean | Promise<boolean>
}
export interface PermissionsOptions {
  readonly hooks: Pick<RelayOptions, 'authorizeWatch' | 'authorizeJoin'>
  readonly clock: Clock
  readonly log: Log
  readonly count: (what: string) => void
}

export function createPermissions({ hooks: { authorizeWatch, authorizeJoin }, clock, log, count }: PermissionsOptions): Permissions {
  let complaints = fullBucket(COMPLAINTS_RATE, clock.now())
  return {
    isNamed,
    mayWatch: (viewer, userId) => isNamed(viewer, userId) || (authorizeWatch !== undefined && ask('authorizeWatch', () => authorizeWatch(viewer, userId))),
    mayJoin: (member, channelId) => (authorizeJoin ? ask('authorizeJoin', () => authorizeJoin(member, channelId)) : isAmong(member.channels, channelId)),
  }

  function isNamed(viewer: Principal, userId: UserId): boolean {
    return userId === viewer.userId || (authorizeWatch === undefined && isAmong(viewer.watch, userId))
  }

  /** Whatever else a hook does than say true is a refusal, and no more than that. */
  function ask(name: string, hook: () => unknown): boolean | Promise<boolean> {
    try {
      const answer = hook()
      return typeof answer === 'object' && answer !== null && 'then' in answer ? askInTime(name, Promise.resolve(answer)) : judge(name, answer)
    } catch (cause) {
      return fail(name, cause)
    }
  }

  async function askInTime(name: string, answer: Promise<unknown>): Promise<boolean> {
    try {
      return judge(name, await inTime(clock, WIRE.answerTimeoutMs, answer))
    } catch (cause) {
      return fail(name, cause)
    }
  }

  function judge(name: string, answer: unknown): boolean {
    return typeof answer === 'boolean' ? answer : fail(name, typeof answer === 'symbol' ? 'It did not answer in time.' : 'It answered with no boolean.')
  }

  function fail(name: string, cause: unknown): false {
    count(`hook-failed-${name}`)
    const { bucket, isTaken } = take(complaints, COMPLAINTS_RATE, clock.now())
    complaints = bucket
    // One that fails does so for everybody, thousands of times.
    if (isTaken) log('error', 'A hook failed, and what was asked for was refused.', { hook: name, cause: describe(cause) })
    return false
  }
}

const isAmong = (names: readonly string[] | '*', id: string): boolean => names === '*' || names.includes(id)

/** An error may be anything, and may throw when looked at. */
function describe(cause: unknown): string {
  try {
    return String(cause)
  } catch {
    return 'It threw something that cannot be read.'
  }
}
