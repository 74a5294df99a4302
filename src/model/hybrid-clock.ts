/**
 * When an edit was made: relay-corrected milliseconds, a counter for edits within one, and who wrote.
 * A hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014) without state of its own: the next stamp is
 * drawn above the greatest one known.
 */
export type Stamp = readonly [ms: number, counter: number, writerId: string]

/** A stamp further ahead of the relay than this is stored as the relay's now + this (TM2). */
export const MAXIMUM_AHEAD_MS = 60_000
/** Year 9999: beyond it a time is a mistake or an attack. */
export const LATEST_TIME_MS = 253_402_300_799_999
const MAXIMUM_COUNTER = 0xffff_ffff

export function compareStamps(a: Stamp, b: Stamp): number {
  return a[0] - b[0] || a[1] - b[1] || (a[2] < b[2] ? -1 : a[2] > b[2] ? 1 : 0)
}

export function nextStamp(now: number, greatest: Stamp | undefined, writerId: string): Stamp {
  const ms = boundedTime(Math.floor(now))
  if (!greatest || ms > greatest[0]) return [ms, 0, writerId]
  return greatest[1] < MAXIMUM_COUNTER ? [greatest[0], greatest[1] + 1, writerId] : [greatest[0] + 1, 0, writerId]
}

export const isFarAhead = (at: Stamp, now: number): boolean => at[0] > now + MAXIMUM_AHEAD_MS

/** Shifts a stamp by a newly measured clock offset (TM2). */
export const shiftStamp = ([ms, counter, writerId]: Stamp, byMs: number): Stamp =>
  [boundedTime(Math.round(ms + byMs)), counter, writerId]

/** A clock set before 1970 or past 9999 still writes stamps that others can read. */
const boundedTime = (ms: number): number => Math.min(Math.max(0, ms), LATEST_TIME_MS)

const WRITER_ID = /^[\w-]{22}$/
/** Device and store ids: 16 random bytes as base64url. */
export const isWriterId = (value: unknown): value is string => typeof value === 'string' && WRITER_ID.test(value)

export function isStamp(value: unknown): value is Stamp {
  return Array.isArray(value) && value.length === 3 && isTime(value[0]) && isCounter(value[1]) && isWriterId(value[2])
}

export const isTime = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= LATEST_TIME_MS

const isCounter = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAXIMUM_COUNTER
