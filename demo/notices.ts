/** Errors in words, with what to do about them. The newest few stay until dismissed. */
import type { PresenceErrorLike } from 'porchlight'
import { h } from './dom.js'
import { createIcon } from './icons.js'
import { TEST_ID } from './test-ids.js'

export interface Notices {
  readonly element: HTMLElement
  report(error: unknown): void
  /** Runs it and reports what it rejects with; tells whether it went well. */
  attempt(action: () => Promise<unknown>): Promise<boolean>
}

const KEPT = 3

export function createNotices(): Notices {
  const element = h('div', { class: 'notices', role: 'alert' })
  return { element, report, attempt }

  function report(error: unknown): void {
    const { code, message, remedy } = described(error)
    for (const same of element.querySelectorAll(`[data-code="${code}"]`)) same.remove()
    const notice = h('div', { class: 'notice', 'data-testid': TEST_ID.notice, 'data-code': code },
      h('p', {}, h('strong', {}, message), ' ', remedy),
      h('button', { type: 'button', class: 'quiet icon-only', 'aria-label': 'Dismiss', onclick: () => notice.remove() }, createIcon('cross')))
    element.append(notice)
    while (element.children.length > KEPT) element.firstElementChild?.remove()
  }

  async function attempt(action: () => Promise<unknown>): Promise<boolean> {
    try {
      await action()
      return true
    } catch (error) {
      report(error)
      return false
    }
  }
}

export function described(error: unknown): Pick<PresenceErrorLike, 'message' | 'remedy'> & { readonly code: string } {
  if (error instanceof Error) {
    const { code = 'unexpected', remedy = '' } = error as Partial<PresenceErrorLike>
    return { code, message: error.message, remedy }
  }
  return { code: 'unexpected', message: String(error), remedy: '' }
}
