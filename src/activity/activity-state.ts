/** What is known of the person at this device, and when the relay has to be told (PR5, PR11, PR12). No DOM, no timers. */
import { agoOf } from '../model/ago.js'
import { isInUse } from '../model/derive-presence.js'
import type { Policy } from '../presence-service.js'

export interface ActivityState {
  /** Null: never an input. */
  readonly lastInputAt: number | null
  readonly locked: boolean
  readonly suspended: boolean
  /** No page of this device is visible. By itself that is not idle: it just gets no input. */
  readonly hidden: boolean
  /** One entry per hold (PR11): two holds for the same reason end with their own stops. */
  readonly holds: readonly string[]
}

export type ActivityNews =
  /** An input, here or in another tab, or as the system counts idle time. */
  | { readonly type: 'input'; readonly sinceInputMs: number }
  | { readonly type: 'visible' | 'hidden' | 'locked' | 'unlocked' | 'suspend' }
  /** Back from sleep, freeze or bfcache. `missedMs`: what our clock did not count meanwhile; some stand still in sleep. */
  | { readonly type: 'resume'; readonly missedMs: number }
  | { readonly type: 'hold' | 'release'; readonly reason: string }

/** What goes to the relay (TM1). */
export interface ActivityReport {
  readonly sinceInputMs: number | null
  readonly locked: boolean
  readonly hidden: boolean
  readonly holds: readonly string[]
}
export interface Told {
  readonly at: number
  readonly state: ActivityState
}

/** PR5: opening a page is input; a page opened hidden is not. */
export const openedActivity = (hidden: boolean, now: number): ActivityState =>
  ({ lastInputAt: hidden ? null : now, locked: false, suspended: false, hidden, holds: [] })

/** The same object where the news changes nothing. */
export function nextActivity(state: ActivityState, news: ActivityNews, now: number): ActivityState {
  switch (news.type) {
    case 'input': return withInput(state, now - Math.max(0, news.sinceInputMs))
    case 'visible': return state.hidden ? withInput({ ...state, hidden: false }, now) : state
    case 'hidden': return state.hidden ? state : { ...state, hidden: true }
    case 'locked': return state.locked ? state : { ...state, locked: true }
    case 'unlocked': return state.locked ? { ...state, locked: false } : state
    case 'suspend': return state.suspended ? state : { ...state, suspended: true }
    case 'resume': return resumed(state, Math.max(0, news.missedMs))
    case 'hold': return { ...state, holds: [...state.holds, news.reason] }
    case 'release': return withoutHold(state, news.reason)
    default: return news satisfies never
  }
}

export const reportOf = (state: ActivityState, now: number): ActivityReport => ({
  sinceInputMs: agoOf(state.lastInputAt, now),
  locked: state.locked || state.suspended,
  hidden: state.hidden,
  holds: state.suspended ? [] : [...new Set(state.holds)],
})

/**
 * When the relay has to be told next; not in the future: now. Null: silent until there is news.
 * An input is told at once where the one told last would run out before the next restatement: the relay would say away.
 */
export function nextRestatementAt(state: ActivityState, told: Told, policy: Required<Policy>): number | null {
  if (isSwitched(state, told.state)) return told.at
  const next = told.at + restatementIntervalMs(policy)
  if (hasNewerInput(state, told.state) && !isInUseAt(told.state, next, policy) && isInUseAt(state, state.lastInputAt!, policy)) return told.at
  return isInUseAt(state, next, policy) ? next : null
}

/** PR12. A third: two restatements may be late before the relay takes the device for idle. */
export const restatementIntervalMs = ({ heartbeatIntervalMs, awayAfterMs }: Required<Policy>): number =>
  Math.min(heartbeatIntervalMs, Math.floor(awayAfterMs / 3))

const isInUseAt = (state: ActivityState, time: number, { awayAfterMs, offlineAfterMs }: Required<Policy>): boolean =>
  isInUse({ ...state, deviceId: '', connected: true, override: null, awayAfterMs, offlineAfterMs }, time)

const isSwitched = (a: ActivityState, b: ActivityState): boolean =>
  a.hidden !== b.hidden || (a.locked || a.suspended) !== (b.locked || b.suspended) || isHeld(a) !== isHeld(b)
const hasNewerInput = (state: ActivityState, told: ActivityState): boolean =>
  state.lastInputAt !== null && (told.lastInputAt === null || state.lastInputAt > told.lastInputAt)
const isHeld = ({ holds, suspended }: ActivityState): boolean => holds.length > 0 && !suspended

const withInput = (state: ActivityState, at: number): ActivityState =>
  state.lastInputAt !== null && state.lastInputAt >= at ? state : { ...state, lastInputAt: at }

/** Waking is not input: what the clock slept through has still passed since the last one. */
const resumed = (state: ActivityState, missedMs: number): ActivityState =>
  state.suspended || (missedMs > 0 && state.lastInputAt !== null)
    ? { ...state, suspended: false, lastInputAt: state.lastInputAt === null ? null : state.lastInputAt - missedMs }
    : state

function withoutHold(state: ActivityState, reason: string): ActivityState {
  const released = state.holds.indexOf(reason)
  return released < 0 ? state : { ...state, holds: state.holds.filter((_, index) => index !== released) }
}
