/** What I did recently. Recording counts as input on this device. */
import type { ActivityEvent, UserId } from 'porchlight'
import { h, setText } from './dom.js'
import { createKeyedList, type Row } from './keyed-list.js'
import type { Notices } from './notices.js'
import { LOBBY, type Presence } from './open-presence.js'
import { TEST_ID } from './test-ids.js'
import type { Panel, View } from './view.js'

interface Shown {
  readonly event: ActivityEvent
  readonly view: View
}
const KINDS: readonly (readonly [type: string, words: string, testId: string | null])[] =
  [['typed', 'Typed', TEST_ID.recordActivity], ['reacted', 'Reacted', null], ['opened', 'Opened a file', null]]
const SHOWN = 6

export function createActivity(presence: Presence, myId: UserId, notices: Notices): Panel {
  let events: readonly ActivityEvent[] = []
  let lastView: View | null = null
  const list = h('ol', { class: 'rows activity-rows' })
  const none = h('p', { class: 'row-words none' }, 'Nothing yet.')
  const showRows = createKeyedList<Shown>(list, ({ event }) => event.id, createActivityRow)
  const buttons = KINDS.map(([type, words, testId]) => h('button', { type: 'button', 'data-testid': testId, onclick: () => record(type) }, words))
  presence.on('activity', (userId) => { if (userId === myId) void read() })
  void read()

  return {
    element: h('section', { class: 'card', 'aria-labelledby': 'activity-title' },
      h('div', { class: 'card-head' }, h('h2', { id: 'activity-title' }, 'Recent activity')),
      h('div', { class: 'activity-buttons', role: 'group', 'aria-label': 'Record an activity' }, ...buttons), none, list),
    show,
  }

  function show(view: View): void {
    lastView = view
    none.hidden = events.length > 0
    showRows(events.map((event) => ({ event, view })))
  }

  function record(type: string): void {
    void notices.attempt(() => presence.me.recordActivity({ type, channelId: LOBBY }))
  }

  async function read(): Promise<void> {
    await notices.attempt(async () => { events = await presence.me.getActivity({ limit: SHOWN }) })
    if (lastView) show(lastView)
  }
}

function createActivityRow({ event: { type, channelId, deviceId } }: Shown): Row<Shown> {
  const what = h('span', { class: 'row-name' }, channelId === null ? type : `${type} in ${channelId}`)
  const where = h('span', { class: 'row-words' })
  const element = h('li', { class: 'row activity-row', 'data-testid': TEST_ID.activityRow, 'data-type': type }, what, where)
  return {
    element,
    show({ event, view }) {
      const device = view.devices.find(({ id }) => id === deviceId)
      setText(where, [...(device ? [device.name] : []), view.ago(event.timestamp)].join(', '))
    },
  }
}
