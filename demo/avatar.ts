/** A person's initial in a colour of their own, with the dot of their presence. */
import type { PresenceStatus } from 'porchlight'
import { h, setText } from './dom.js'
import { createDot } from './icons.js'

export interface Avatar {
  readonly element: HTMLElement
  show(status: PresenceStatus, name: string): void
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** Words stand beside it: to screen readers it says nothing. */
export function createAvatar(userId: string): Avatar {
  const letter = h('span', { class: 'initial' })
  const dot = createDot()
  const element = h('span', { class: 'avatar', 'aria-hidden': 'true' }, letter, dot.element)
  element.style.setProperty('--hue', String(hueOf(userId)))
  return {
    element,
    show(status, name) {
      setText(letter, initialOf(name))
      dot.show(status)
    },
  }
}

function initialOf(name: string): string {
  for (const { segment } of graphemes.segment(name)) return segment.toLocaleUpperCase()
  return '?'
}

/** FNV-1a: names that differ by a letter get colours that differ. */
function hueOf(id: string): number {
  let hash = 0x811c9dc5
  for (const character of id) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193)
  return (hash >>> 0) % 360
}
