/** Input and visibility of one page. Passive and captured: it sees everything and slows nothing. */
import type { Clock, PageActivity } from '../ports.js'
import type { Stop } from '../presence-service.js'

const INPUT_EVENTS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart', 'scroll'] as const
/** A moving pointer fires hundreds of events a second; a second is exact enough for minutes of idleness. */
const SAMPLE_MS = 1_000

export function createDomActivity(page: Document, clock: Clock): PageActivity {
  return { start, isVisible: () => page.visibilityState === 'visible' }

  function start(listener: (news: 'input' | 'visible' | 'hidden') => void): Stop {
    let toldAt = Number.NEGATIVE_INFINITY
    const onInput = (event: Event): void => {
      // A script's own events are nobody's hands.
      if (!event.isTrusted || clock.now() - toldAt < SAMPLE_MS) return
      toldAt = clock.now()
      listener('input')
    }
    const onVisibility = (): void => listener(page.visibilityState === 'visible' ? 'visible' : 'hidden')
    const options = { passive: true, capture: true }
    for (const type of INPUT_EVENTS) page.addEventListener(type, onInput, options)
    page.addEventListener('visibilitychange', onVisibility)
    return () => {
      for (const type of INPUT_EVENTS) page.removeEventListener(type, onInput, options)
      page.removeEventListener('visibilitychange', onVisibility)
    }
  }
}
