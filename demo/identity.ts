/** Above the door: who I am on this device, my status, and the switch that cuts the device off. */
import type { DeviceAddress } from './address.js'
import type { AirplaneMode } from './airplane-mode.js'
import { createAvatar } from './avatar.js'
import { h, setAttribute, setText } from './dom.js'
import { createIcon } from './icons.js'
import { createInlineEdit } from './inline-edit.js'
import type { Notices } from './notices.js'
import type { Presence } from './open-presence.js'
import { TEST_ID } from './test-ids.js'
import type { Panel } from './view.js'
import { ownStatusWords } from './words.js'

export function createIdentity(presence: Presence, { userId }: DeviceAddress, airplane: AirplaneMode, notices: Notices): Panel {
  const avatar = createAvatar(userId)
  const name = createInlineEdit({
    label: () => 'Change my name',
    save: (text) => notices.attempt(() => presence.me.setProfile({ name: text.trim() === '' ? null : text })),
  })
  const status = h('span', { class: 'my-status', 'data-testid': TEST_ID.myStatus })
  const reason = h('span', { class: 'my-reason' })
  const custom = h('p', { class: 'my-custom', 'data-testid': TEST_ID.myCustom, hidden: true })
  const emoji = h('span', { class: 'emoji' })
  const text = h('span', { class: 'custom-text', dir: 'auto' })
  const until = h('span', { class: 'until' })
  custom.append(emoji, text, until)
  const plane = h('button', {
    type: 'button', role: 'switch', class: 'airplane', 'aria-checked': 'false', 'data-testid': TEST_ID.airplane,
    title: 'Cut this device off from the relay', onclick: () => airplane.set(!airplane.isOn()),
  }, createIcon('plane'), h('span', {}, 'Airplane mode'), h('span', { class: 'track' }))
  const element = h('header', { class: 'identity' },
    avatar.element,
    h('div', { class: 'identity-words' }, h('h1', {}, name.element), h('p', { class: 'my-line' }, status, reason)),
    plane, custom)

  return {
    element,
    show(view) {
      const { me, isCut } = view
      setAttribute(plane, 'aria-checked', String(isCut))
      name.show(me?.name ?? userId)
      avatar.show(me?.status ?? 'offline', me?.name ?? userId)
      const words = me ? ownStatusWords(me, view) : { status: 'Starting', reason: '' }
      setText(status, words.status)
      setText(reason, words.reason)
      setAttribute(status, 'data-status', me?.status)
      setAttribute(status, 'data-choice', me?.choice)
      custom.hidden = !me || (me.customStatus === null && me.emoji === null)
      setText(emoji, me?.emoji ?? '')
      setText(text, me?.customStatus ?? '')
      setText(until, me?.customStatusExpiresAt == null ? '' : view.until(me.customStatusExpiresAt))
    },
  }
}
