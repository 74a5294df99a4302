/** At the bottom: am I connected, do my devices agree, is anything waiting; and behind it, the details. */
import { h, setAttribute, setText } from './dom.js'
import { createKeyedList } from './keyed-list.js'
import type { Notices } from './notices.js'
import type { Presence } from './open-presence.js'
import { TEST_ID } from './test-ids.js'
import { counted } from './time-words.js'
import type { Panel, View } from './view.js'
import { connectionWords, RELAY_WORDS, STORAGE_WORDS, syncWords } from './words.js'

export function createSyncBar(presence: Presence, notices: Notices, onSignedOut: () => void): Panel {
  const connection = h('span', { class: 'connection', role: 'status', 'data-testid': TEST_ID.connection })
  const counts = h('span', { class: 'sync-counts', 'data-testid': TEST_ID.syncCounts })
  const facts = FACTS.map(([name, words]) => ({ words, term: h('dt', {}, name), value: h('dd') }))
  const problems = h('ul', { class: 'problems' })
  const showProblems = createKeyedList<string>(problems, (message) => message, (message) => ({ element: h('li', {}, message), show: () => {} }))
  const element = h('footer', { class: 'sync-bar' },
    h('details', {},
      h('summary', { 'data-testid': TEST_ID.syncDetails }, h('span', { class: 'lamp', 'aria-hidden': 'true' }), h('span', { class: 'sync-words' }, connection, counts)),
      h('div', { class: 'sync-details' },
        h('dl', {}, ...facts.flatMap(({ term, value }) => [term, value])), problems,
        h('div', { class: 'actions' },
          h('button', { type: 'button', onclick: () => void notices.attempt(() => presence.me.sync()) }, 'Sync now'),
          h('button', { type: 'button', onclick: () => signOut(false) }, 'Sign out'),
          h('button', { type: 'button', onclick: () => signOut(true) }, 'Sign out and forget')))))

  return {
    element,
    show(view) {
      const { sync } = view
      setText(connection, connectionWords(sync.connection, view.isCut))
      setAttribute(connection, 'data-connection', sync.connection.name)
      setText(counts, syncWords(sync))
      for (const name of ['synced', 'total', 'pending'] as const) setAttribute(counts, `data-${name}`, sync[name])
      for (const { words, value } of facts) setText(value, words(view))
      showProblems(sync.problems.map(({ message }) => message))
    },
  }

  function signOut(forget: boolean): void {
    void notices.attempt(() => presence.close({ forget })).then((isDone) => { if (isDone) onSignedOut() })
  }
}

const FACTS: readonly (readonly [name: string, words: (view: View) => string])[] = [
  ['Relay', ({ sync }) => RELAY_WORDS[sync.relay]],
  ['Last in step', ({ sync, ago }) => (sync.lastSync === null ? 'never' : ago(sync.lastSync))],
  ['To send', ({ sync }) => (sync.pending === 0 ? 'nothing' : counted(sync.pending, 'change'))],
  ['My data', ({ sync }) => STORAGE_WORDS[sync.storage]],
  ['Clock', ({ sync }) => clockWords(sync.clockOffsetMs)],
]

function clockWords(offsetMs: number | null): string {
  if (offsetMs === null) return 'not compared yet'
  if (Math.abs(offsetMs) < 1_000) return 'in step with the relay'
  return `${counted(Math.round(Math.abs(offsetMs) / 1_000), 'second')} ${offsetMs > 0 ? 'behind' : 'ahead of'} the relay`
}
