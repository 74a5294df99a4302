/** One device on the stage: a frame with a title bar, that can be closed and opened again. */
import type { DeviceAddress } from './address.js'
import { deviceLink } from './address.js'
import { h, setAttribute, setText } from './dom.js'
import { createIcon } from './icons.js'
import { TEST_ID } from './test-ids.js'

type Shown = Pick<DeviceAddress, 'userId' | 'policy'> & { readonly device: string }

export interface DeviceWindow {
  readonly element: HTMLElement
  open(shown: Shown): void
}

export function createDeviceWindow(kind: 'laptop' | 'phone'): DeviceWindow {
  let shown: Shown | null = null
  const title = h('span', { class: 'window-title' })
  const single = h('a', { class: 'icon-only', target: '_blank', title: 'Open this device as a single page', 'aria-label': 'Open this device as a single page' }, createIcon('open'))
  const close = h('button', { type: 'button', class: 'quiet icon-only', title: 'Close this window', 'aria-label': 'Close this window', 'data-testid': TEST_ID.windowClose, onclick: closeFrame }, createIcon('cross'))
  const screen = h('div', { class: 'screen' })
  const element = h('div', { class: 'window', 'data-testid': TEST_ID.window, 'data-device': kind },
    h('div', { class: 'window-bar' }, createIcon(kind), title, single, close), screen)
  return { element, open }

  function open(next: Shown): void {
    shown = next
    const { userId, device, policy } = next
    setAttribute(element, 'data-user', userId)
    setText(title, `${userId}’s ${device}`)
    single.href = deviceLink({ userId, device, isFrame: false, policy })
    close.hidden = false
    screen.replaceChildren(h('iframe', { src: deviceLink({ userId, device, isFrame: true, policy }), title: `${userId}’s ${device}` }))
  }

  function closeFrame(): void {
    const again = h('button', { type: 'button', class: 'primary', 'data-testid': TEST_ID.windowOpen, onclick: () => { if (shown) open(shown) } }, 'Open it again')
    close.hidden = true
    screen.replaceChildren(h('div', { class: 'closed' }, h('p', {}, 'Closed, as one closes a window.'), again))
    again.focus()
  }
}
