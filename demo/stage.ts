/** The stage: two people with two devices each, side by side, each device a client of its own. */
import { deviceLink, stageLink, type StageAddress } from './address.js'
import { createDeviceWindow, type DeviceWindow } from './device-window.js'
import { h } from './dom.js'
import { createLantern } from './icons.js'
import { TEST_ID } from './test-ids.js'

const DEVICES = ['laptop', 'phone'] as const
/** Quick enough to wait for, long enough not to blink while one types. */
const FAST = { awayAfterMs: 10_000, offlineAfterMs: 60_000 }

export function createStage(address: StageAddress): HTMLElement {
  const people = [...address.people] as [string, string]
  let policy = address.policy
  const groups = people.map((_, index) => createPerson(index))
  const isFast = h('input', { type: 'checkbox', checked: policy.awayAfterMs !== undefined, onchange: () => { policy = isFast.checked ? FAST : {}; reopen() } })
  return h('div', { class: 'stage' },
    h('header', { class: 'masthead' },
      h('h1', { class: 'brand' }, createLantern(), h('span', {}, 'Porchlight')),
      h('p', { class: 'lead' }, 'Set a status on one device and watch the others. Cut a device off, go on, and switch it back.'),
      h('label', { class: 'fast' }, isFast, h('span', {}, 'Away after 10 s, offline after 60 s'))),
    h('main', { class: 'people' }, ...groups.map(({ element }) => element)))

  function reopen(): void {
    history.replaceState(null, '', stageLink({ people, policy }))
    for (const { open } of groups) open()
  }

  function createPerson(index: number): { readonly element: HTMLElement; open(): void } {
    const windows: readonly DeviceWindow[] = DEVICES.map((device) => createDeviceWindow(device))
    const name = h('input', { value: people[index]!, 'aria-label': 'Who signs in here', 'data-testid': TEST_ID.personName, autocomplete: 'off', spellcheck: 'false' })
    const single = h('a', { target: '_blank', class: 'single' }, 'Open as a single page')
    const open = (): void => {
      const userId = people[index]!
      single.href = deviceLink({ userId, device: null, isFrame: false, policy })
      DEVICES.forEach((device, n) => windows[n]!.open({ userId, device, policy }))
    }
    open()
    return { open, element: h('section', { class: 'person', 'aria-label': index === 0 ? 'First person' : 'Second person' },
      h('form', { class: 'person-head', onsubmit: signIn, onchange: signIn }, h('label', {}, h('span', {}, 'Signed in as'), name), single),
      h('div', { class: 'windows' }, ...windows.map(({ element }) => element))) }

    function signIn(event: Event): void {
      event.preventDefault()
      const userId = name.value.trim()
      if (userId === '' || userId === people[index]) return
      people[index] = userId
      history.replaceState(null, '', stageLink({ people, policy }))
      open()
    }
  }
}
