/** What I want my status to be, and for how long. */
import type { PresenceStatus, StatusChoice } from 'porchlight'
import { h, setAttribute } from './dom.js'
import { createExpiryField } from './expiry-field.js'
import { createDot } from './icons.js'
import type { Notices } from './notices.js'
import type { Presence } from './open-presence.js'
import { TEST_ID } from './test-ids.js'
import type { Panel } from './view.js'

const ITEMS: readonly { readonly status: PresenceStatus; readonly choice: StatusChoice; readonly words: string; readonly hint: string }[] = [
  { status: 'online', choice: 'auto', words: 'Online', hint: 'Automatic: away when you are idle' },
  { status: 'away', choice: 'away', words: 'Away', hint: 'Away, whatever you do' },
  { status: 'dnd', choice: 'dnd', words: 'Do not disturb', hint: 'Nothing should ring' },
  { status: 'offline', choice: 'offline', words: 'Appear offline', hint: 'Others see you as if you had left' },
]

export function createStatusMenu(presence: Presence, notices: Notices): Panel {
  let held: PresenceStatus = 'online'
  const expiry = createExpiryField({
    label: 'For how long', endless: 'until I change it', testId: TEST_ID.statusExpiry,
    // Picked after the status, it is meant for the status that holds.
    onChange: () => { if (held !== 'online') choose(held) },
  })
  const buttons = ITEMS.map(({ status, choice, words, hint }) => {
    const dot = createDot()
    dot.show(status)
    const button = h('button', {
      type: 'button', class: 'choice', title: hint, 'aria-pressed': 'false', 'data-testid': `status-${status}`, onclick: () => choose(status),
    }, dot.element, words)
    return { button, choice, status }
  })
  const element = h('section', { class: 'card status-menu', 'aria-label': 'My status' },
    h('div', { class: 'choices', role: 'group', 'aria-label': 'My status' }, ...buttons.map(({ button }) => button)),
    h('p', { class: 'for-how-long' }, 'It holds ', expiry.element))

  return {
    element,
    show({ me }) {
      held = ITEMS.find(({ choice }) => choice === me?.choice)?.status ?? 'online'
      for (const { button, choice } of buttons) setAttribute(button, 'aria-pressed', String(choice === me?.choice))
    },
  }

  function choose(status: PresenceStatus): void {
    void notices.attempt(() => presence.me.setStatus(status, status === 'online' ? {} : expiry.read()))
  }
}
