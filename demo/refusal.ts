/** In place of a device whose service could not be created. */
import { h } from './dom.js'
import { described } from './notices.js'

export function createRefusal(error: unknown): HTMLElement {
  const { message, remedy } = described(error)
  return h('main', { class: 'refusal' },
    h('h1', {}, 'This device cannot be opened'), h('p', {}, message), h('p', {}, remedy),
    h('p', {}, h('a', { href: '?', target: '_top' }, 'Back to the stage')))
}
