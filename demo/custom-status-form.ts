/** What I want others to know, with an emoji and an end. */
import { h } from './dom.js'
import { createExpiryField } from './expiry-field.js'
import type { Notices } from './notices.js'
import type { Presence } from './open-presence.js'
import { TEST_ID } from './test-ids.js'
import type { Panel } from './view.js'

const SUGGESTIONS: readonly (readonly [emoji: string, text: string])[] =
  [['📅', 'In a meeting'], ['🍲', 'At lunch'], ['🚆', 'On the train'], ['🎧', 'Focusing'], ['🌴', 'On holiday']]

export function createCustomStatusForm(presence: Presence, notices: Notices): Panel {
  const emoji = h('input', { class: 'emoji-input', 'aria-label': 'Emoji', placeholder: '🙂', autocomplete: 'off', 'data-testid': TEST_ID.customEmoji })
  const text = h('input', { 'aria-label': 'Custom status', placeholder: 'What are you up to?', dir: 'auto', autocomplete: 'off', 'data-testid': TEST_ID.customText })
  const expiry = createExpiryField({ label: 'Clear it after', endless: 'no expiry', testId: TEST_ID.customExpiry })
  const clear = h('button', { type: 'button', 'data-testid': TEST_ID.customClear, onclick: () => void notices.attempt(() => presence.me.clearCustomStatus()) }, 'Clear')
  const chips = SUGGESTIONS.map(([symbol, words]) =>
    h('button', { type: 'button', class: 'chip', onclick: () => suggest(symbol, words) }, h('span', { class: 'emoji', 'aria-hidden': 'true' }, symbol), words))
  const form = h('form', { class: 'card custom-form', 'aria-label': 'Custom status', onsubmit: submit },
    h('div', { class: 'custom-fields' }, emoji, text),
    h('div', { class: 'chips', role: 'group', 'aria-label': 'Suggestions' }, ...chips),
    h('div', { class: 'custom-actions' }, expiry.element, clear, h('button', { class: 'primary', 'data-testid': TEST_ID.customSet }, 'Set')))

  return {
    element: form,
    show({ me }) {
      clear.disabled = !me || (me.customStatus === null && me.emoji === null)
    },
  }

  function suggest(symbol: string, words: string): void {
    emoji.value = symbol
    text.value = words
    text.focus()
  }

  function submit(event: Event): void {
    event.preventDefault()
    const chosen = emoji.value.trim()
    void notices
      .attempt(() => presence.me.setCustomStatus(text.value, { ...expiry.read(), ...(chosen !== '' && { emoji: chosen }) }))
      .then((isTaken) => {
        if (!isTaken) return
        form.reset()
        expiry.reset()
      })
  }
}
