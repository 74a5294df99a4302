/** Times as people say them, and how long the saying holds. Pure. */
export interface Words {
  readonly text: string
  /** When the same time has to be said differently. */
  readonly holdsUntil: number
}

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

const clockTime = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const dayAndTime = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })

/** "just now", "3 minutes ago" */
export function agoWords(time: number, now: number): Words {
  const { text, holdsUntil } = sinceWords(time, now)
  return { text: now - time < MINUTE_MS ? 'just now' : `${text} ago`, holdsUntil }
}

/** "less than a minute", "3 minutes", "2 hours" */
export function sinceWords(time: number, now: number): Words {
  const age = Math.max(0, now - time)
  if (age < MINUTE_MS) return { text: 'less than a minute', holdsUntil: time + MINUTE_MS }
  const [unitMs, unit] = age < HOUR_MS ? [MINUTE_MS, 'minute'] : age < 2 * DAY_MS ? [HOUR_MS, 'hour'] : [DAY_MS, 'day']
  const count = Math.floor(age / unitMs)
  return { text: counted(count, unit), holdsUntil: time + (count + 1) * unitMs }
}

/** "until 15:40"; counts the seconds of the last minute. */
export function untilWords(time: number, now: number): Words {
  const left = time - now
  if (left <= MINUTE_MS) {
    const seconds = Math.max(0, Math.ceil(left / SECOND_MS))
    return { text: `for ${counted(seconds, 'more second')}`, holdsUntil: seconds === 0 ? Infinity : time - (seconds - 1) * SECOND_MS }
  }
  return { text: `until ${momentWords(time, now)}`, holdsUntil: Math.min(time - MINUTE_MS, midnightAfter(now)) }
}

/** "1 device", "3 devices" */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

export function midnightAfter(time: number): number {
  return new Date(time).setHours(24, 0, 0, 0)
}

function momentWords(time: number, now: number): string {
  const midnight = midnightAfter(now)
  if (time === midnight) return 'midnight'
  if (time < midnight) return clockTime.format(time)
  return time < midnightAfter(midnight) ? `tomorrow, ${clockTime.format(time)}` : dayAndTime.format(time)
}
