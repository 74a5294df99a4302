/** Who is in the lobby, and who has been: they stay listed, so that one sees them go. */
import type { PresenceStatus, UserId, UserPresence } from 'porchlight'
import { createAvatar } from './avatar.js'
import { h, setAttribute, setText } from './dom.js'
import { createKeyedList, type Row } from './keyed-list.js'
import type { Presence } from './open-presence.js'
import { TEST_ID } from './test-ids.js'
import type { Panel, View } from './view.js'
import { personWords, STATUS_WORDS } from './words.js'

const ORDER: readonly PresenceStatus[] = ['online', 'dnd', 'away', 'offline']
/** Whom one met beyond this number is forgotten when they leave. */
const REMEMBERED = 50

export function createLobby(presence: Presence, myId: UserId): Panel {
  const met = new Set<UserId>()
  const counts = h('p', { class: 'counts', 'data-testid': TEST_ID.lobbyCounts })
  const list = h('ul', { class: 'rows' })
  const showRows = createKeyedList<Shown>(list, ({ person }) => person.userId, ({ person }) => createPersonRow(person.userId, person.userId === myId))
  const element = h('section', { class: 'card lobby', 'aria-labelledby': 'lobby-title' },
    h('div', { class: 'card-head' }, h('h2', { id: 'lobby-title' }, 'In the lobby'), counts), list)

  return {
    element,
    show(view) {
      const here = new Set(view.lobby?.users.map(({ userId }) => userId))
      for (const userId of here) meet(userId)
      const gone = [...met].filter((userId) => !here.has(userId)).flatMap((userId) => view.users.get(userId) ?? [])
      // Of myself I know more than the relay tells.
      const present = (view.lobby?.users ?? []).map((person) => (person.userId === myId ? (view.me ?? person) : person))
      const people = [...present, ...gone].sort(inOrder)
      for (const status of ORDER) setAttribute(counts, `data-${status}`, view.lobby?.counts[status] ?? 0)
      setText(counts, view.lobby ? countsWords(view.lobby.counts, view.lobby.freshness) : 'nobody known yet')
      showRows(people.map((person) => ({ person, view })))
    },
  }

  function meet(userId: UserId): void {
    if (met.has(userId) || userId === myId || met.size >= REMEMBERED) return
    met.add(userId)
    presence.watch([userId])
  }
}

interface Shown {
  readonly person: UserPresence
  readonly view: View
}

function createPersonRow(userId: UserId, isMe: boolean): Row<Shown> {
  const avatar = createAvatar(userId)
  const name = h('span', { class: 'row-name', dir: 'auto' })
  const emoji = h('span', { class: 'emoji' })
  const text = h('span', { class: 'custom-text', dir: 'auto' })
  const until = h('span', { class: 'until' })
  const custom = h('p', { class: 'row-custom' }, emoji, text, until)
  const words = h('p', { class: 'row-words' })
  const element = h('li', { class: 'row', 'data-testid': TEST_ID.rosterRow, 'data-user-id': userId },
    avatar.element,
    h('div', { class: 'row-body' }, h('p', { class: 'row-title' }, name, ...(isMe ? [h('span', { class: 'tag' }, 'you')] : [])), custom, words))
  return {
    element,
    show({ person, view }) {
      setAttribute(element, 'data-status', person.status)
      setAttribute(element, 'data-freshness', person.freshness)
      setAttribute(element, 'data-custom', person.customStatus)
      avatar.show(person.status, person.name ?? userId)
      setText(name, person.name ?? userId)
      custom.hidden = person.customStatus === null && person.emoji === null
      setText(emoji, person.emoji ?? '')
      setText(text, person.customStatus ?? '')
      setText(until, person.customStatusExpiresAt === null ? '' : view.until(person.customStatusExpiresAt))
      setText(words, personWords(person, view))
    },
  }
}

const inOrder = (a: UserPresence, b: UserPresence): number =>
  ORDER.indexOf(a.status) - ORDER.indexOf(b.status) || (a.name ?? a.userId).localeCompare(b.name ?? b.userId)

function countsWords(counts: Readonly<Record<PresenceStatus, number>>, freshness: UserPresence['freshness']): string {
  const words = ORDER.filter((status) => counts[status] > 0).map((status) => `${counts[status]} ${STATUS_WORDS[status].toLowerCase()}`)
  return `${words.join(', ') || 'nobody'}${freshness === 'stale' ? ', last known' : ''}`
}
