/** For how long: presets, the rest of the day, or any number of minutes. */
import type { Expiry } from 'porchlight'
import { h } from './dom.js'
import { midnightAfter } from './time-words.js'

export interface ExpiryField {
  readonly element: HTMLElement
  read(): Expiry
  reset(): void
}
export interface ExpiryFieldOptions {
  readonly label: string
  /** What it is called when nothing ends it. */
  readonly endless: string
  readonly testId: string
  readonly onChange?: () => void
}

const MINUTE_MS = 60_000
const PRESETS: readonly (readonly [value: string, words: string])[] =
  [['30', '30 minutes'], ['60', '1 hour'], ['240', '4 hours'], ['today', 'Today'], ['custom', 'Minutes …']]

export function createExpiryField({ label, endless, testId, onChange = () => {} }: ExpiryFieldOptions): ExpiryField {
  const select = h('select', { 'aria-label': label, 'data-testid': testId, onchange: () => { showMinutes(); onChange() } },
    ...[['', endless] as const, ...PRESETS].map(([value, words]) => h('option', { value }, words)))
  const minutes = h('input', {
    type: 'number', min: 0, step: 'any', value: 5, hidden: true, 'aria-label': `${label}, in minutes`, 'data-testid': `${testId}-minutes`, onchange: onChange,
  })
  return { element: h('span', { class: 'expiry' }, select, minutes), read, reset }

  function showMinutes(): void {
    minutes.hidden = select.value !== 'custom'
    if (!minutes.hidden) minutes.focus()
  }

  function read(): Expiry {
    switch (select.value) {
      case '': return {}
      case 'today': return { expiresAt: midnightAfter(Date.now()) }
      case 'custom': return { expiresInMs: minutes.valueAsNumber * MINUTE_MS }
      default: return { expiresInMs: Number(select.value) * MINUTE_MS }
    }
  }

  function reset(): void {
    select.value = ''
    minutes.hidden = true
  }
}
