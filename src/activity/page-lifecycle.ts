/** What a page is told of its own end and return. Never `unload`: it would keep the page out of the back/forward cache. */
import type { PageLifecycle } from '../ports.js'
import type { Stop } from '../presence-service.js'

export function createPageLifecycle(page: Document, view: Window): PageLifecycle {
  return {
    // Not when frozen: such a page answers pings, and the relay has it away when it should be (LV4).
    onHide: (listener) => listen(view, 'pagehide', listener),
    onReturn: (listener) => all(
      listen(view, 'pageshow', (event) => { if ((event as PageTransitionEvent).persisted) listener() }),
      listen(page, 'resume', listener),
    ),
    onWake: (listener) => all(
      listen(view, 'online', listener),
      listen(page, 'visibilitychange', () => { if (page.visibilityState === 'visible') listener() }),
    ),
  }
}

function listen(target: EventTarget, type: string, listener: (event: Event) => void): Stop {
  target.addEventListener(type, listener)
  return () => target.removeEventListener(type, listener)
}
const all = (...stops: readonly Stop[]): Stop => () => stops.forEach((stop) => stop())
