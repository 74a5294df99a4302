/** My devices, wherever they are. */
import type { Device } from 'porchlight'
import { h, setAttribute, setText } from './dom.js'
import { createDot, createIcon } from './icons.js'
import { createInlineEdit } from './inline-edit.js'
import { createKeyedList, type Row } from './keyed-list.js'
import type { Notices } from './notices.js'
import type { Presence } from './open-presence.js'
import { TEST_ID } from './test-ids.js'
import type { Panel, View } from './view.js'
import { STATUS_WORDS } from './words.js'

interface Shown {
  readonly device: Device
  readonly view: View
}

export function createDevices(presence: Presence, notices: Notices): Panel {
  const list = h('ul', { class: 'rows' })
  const showRows = createKeyedList<Shown>(list, ({ device }) => device.id, ({ device }) => createDeviceRow(device, presence, notices))
  return {
    element: h('section', { class: 'card', 'aria-labelledby': 'devices-title' }, h('div', { class: 'card-head' }, h('h2', { id: 'devices-title' }, 'Your devices')), list),
    show: (view) => showRows([...view.devices].sort(inOrder).map((device) => ({ device, view }))),
  }
}

function createDeviceRow({ id, kind }: Device, presence: Presence, notices: Notices): Row<Shown> {
  const dot = createDot()
  const name = createInlineEdit({ label: (name) => `Rename ${name}`, save: (text) => notices.attempt(() => presence.me.renameDevice(id, text)) })
  const thisDevice = h('span', { class: 'tag' }, 'this device')
  const primary = h('span', { class: 'tag tag-lit', title: 'The device in use most recently' }, 'primary')
  const words = h('p', { class: 'row-words' })
  const element = h('li', { class: 'row', 'data-testid': TEST_ID.deviceRow, 'data-device-id': id },
    h('span', { class: 'kind', 'aria-hidden': 'true' }, createIcon(kind), dot.element),
    h('div', { class: 'row-body' }, h('div', { class: 'row-title' }, name.element, thisDevice, primary), words))
  return {
    element,
    show({ device, view }) {
      setAttribute(element, 'data-device-name', device.name)
      setAttribute(element, 'data-status', device.status)
      setAttribute(element, 'data-primary', device.isPrimary)
      setAttribute(element, 'data-this', device.isThisDevice)
      dot.show(device.status)
      name.show(device.name)
      thisDevice.hidden = !device.isThisDevice
      primary.hidden = !device.isPrimary
      setText(words, deviceWords(device, view))
    },
  }
}

function deviceWords({ status, kind, lastSeen, isActive }: Device, view: View): string {
  const words = [STATUS_WORDS[status], ...(isActive ? ['in use'] : []), ...(kind === 'other' ? [] : [kind])]
  return [...words, ...(status === 'offline' && lastSeen !== null ? [`last seen ${view.ago(lastSeen)}`] : [])].join(', ')
}

const inOrder = (a: Device, b: Device): number =>
  Number(b.isThisDevice) - Number(a.isThisDevice) || a.name.localeCompare(b.name) || a.id.localeCompare(b.id)
