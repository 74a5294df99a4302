/** One device of one person: a client of the service, and nothing more. */
import { createActivity } from './activity.js'
import type { DeviceAddress } from './address.js'
import type { AirplaneMode } from './airplane-mode.js'
import { createCustomStatusForm } from './custom-status-form.js'
import { createDevices } from './devices.js'
import { h, setAttribute } from './dom.js'
import { showFavicon } from './favicon.js'
import { createIdentity } from './identity.js'
import { createLobby } from './lobby.js'
import { createNotices } from './notices.js'
import { LOBBY, type Presence } from './open-presence.js'
import { createStatusMenu } from './status-menu.js'
import { createSyncBar } from './sync-bar.js'
import { TEST_ID } from './test-ids.js'
import { createView, type Panel, type View } from './view.js'
import { STATUS_MARKS, STATUS_WORDS } from './words.js'

/** Longer timers fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export function createDevicePage(presence: Presence, address: DeviceAddress, airplane: AirplaneMode): HTMLElement {
  const { userId, device } = address
  const notices = createNotices()
  const identity = createIdentity(presence, address, airplane, notices)
  const cards = [
    createStatusMenu(presence, notices), createCustomStatusForm(presence, notices), createLobby(presence, userId),
    createDevices(presence, notices), createActivity(presence, userId, notices),
  ]
  const syncBar = createSyncBar(presence, notices, signedOut)
  const panels: readonly Panel[] = [identity, ...cards, syncBar]
  const page = h('div', { class: 'device', 'data-testid': TEST_ID.device, 'data-user': userId, 'data-device': device },
    identity.element,
    h('main', { class: 'panels' }, ...cards.map(({ element }) => element)),
    h('div', { class: 'bottom' }, notices.element, syncBar.element))

  let snapshot = presence.getSnapshot()
  let timer: ReturnType<typeof setTimeout> | undefined
  presence.on('error', (error) => {
    // A token that cannot be fetched, as `fetch` says it: there is no network, and the line at the bottom says so already.
    if (!(error.code === 'unauthenticated' && error.cause instanceof TypeError)) notices.report(error)
  })
  presence.subscribe((next) => {
    snapshot = next
    show()
  })
  presence.subscribeToChannel(LOBBY, show)
  airplane.subscribe(show)
  show()
  return page

  /** Shows the present moment, and looks again when a time on the page has to be said differently. */
  function show(): void {
    const view = createView(snapshot, presence.peekChannel(LOBBY), airplane.isOn())
    for (const panel of panels) panel.show(view)
    showWhole(view)
    clearTimeout(timer)
    const waitMs = view.validUntil() - view.now
    if (waitMs < LONGEST_TIMER_MS) timer = setTimeout(show, Math.max(waitMs, 0) + 1)
  }

  function showWhole({ me, sync, isCut }: View): void {
    setAttribute(page, 'data-status', me?.status ?? 'offline')
    setAttribute(page, 'data-connection', sync.connection.name)
    setAttribute(page, 'data-cut', isCut)
    const status = me?.status ?? 'offline'
    document.title = `${STATUS_MARKS[status]} ${STATUS_WORDS[status]} · ${me?.name ?? userId} · Porchlight`
    showFavicon(status)
  }

  function signedOut(): void {
    clearTimeout(timer)
    page.replaceChildren(createGoodbye(userId))
    setAttribute(page, 'data-status', 'offline')
    document.title = 'Signed out · Porchlight'
    showFavicon('offline')
  }
}

const createGoodbye = (userId: string): HTMLElement => h('main', { class: 'refusal' },
  h('h1', {}, 'Signed out'), h('p', {}, 'This device has said goodbye; others see it go at once.'),
  h('button', { type: 'button', class: 'primary', onclick: () => location.reload() }, `Sign in again as ${userId}`))
