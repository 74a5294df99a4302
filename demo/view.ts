/** What the panels show at one moment. Whoever puts a relative time on the page also learns until when it is right. */
import type { PresenceSnapshot, Roster } from 'porchlight'
import { agoWords, sinceWords, untilWords, type Words } from './time-words.js'

export interface View extends PresenceSnapshot {
  readonly lobby: Roster | undefined
  readonly isCut: boolean
  /** By the relay's clock, as all times of the service. */
  readonly now: number
  /** "3 minutes ago" */
  ago(time: number): string
  /** "3 minutes" */
  since(time: number): string
  /** "until 15:40" */
  until(time: number): string
  /** When to look again although nothing was told. */
  validUntil(): number
}
/** A part of the page. `show` may be called at any time, and leaves alone what has not changed. */
export interface Panel {
  readonly element: HTMLElement
  show(view: View): void
}

export function createView(snapshot: PresenceSnapshot, lobby: Roster | undefined, isCut: boolean): View {
  const now = Date.now() + (snapshot.sync.clockOffsetMs ?? 0)
  let validUntil = Infinity
  const told = ({ text, holdsUntil }: Words): string => {
    validUntil = Math.min(validUntil, holdsUntil)
    return text
  }
  return {
    ...snapshot, lobby, isCut, now,
    ago: (time) => told(agoWords(time, now)),
    since: (time) => told(sinceWords(time, now)),
    until: (time) => told(untilWords(time, now)),
    validUntil: () => validUntil,
  }
}
