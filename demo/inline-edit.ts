/** A name that can be changed where it stands. Enter keeps, Escape leaves it as it was. */
import { h, setAttribute, setText } from './dom.js'
import { createIcon } from './icons.js'
import { TEST_ID } from './test-ids.js'

export interface InlineEdit {
  readonly element: HTMLElement
  show(text: string): void
}
export interface InlineEditOptions {
  /** Of what is there: "Rename Laptop". */
  readonly label: (text: string) => string
  /** Resolves with whether it was taken. */
  readonly save: (text: string) => Promise<boolean>
}

export function createInlineEdit({ label, save }: InlineEditOptions): InlineEdit {
  const text = h('span', { class: 'inline-text', dir: 'auto' })
  const start = h('button', { type: 'button', class: 'quiet icon-only', 'data-testid': TEST_ID.rename, onclick: open }, createIcon('pencil'))
  const input = h('input', { dir: 'auto', autocomplete: 'off', 'data-testid': TEST_ID.renameText })
  const form = h('form', { class: 'inline-form', hidden: true, onsubmit: submit, onkeydown: (event) => { if ((event as KeyboardEvent).key === 'Escape') close() } },
    input, h('button', { 'data-testid': TEST_ID.renameSave }, 'Save'))
  const shown = h('span', { class: 'inline-shown' }, text, start)
  return { element: h('span', { class: 'inline-edit' }, shown, form), show }

  function show(value: string): void {
    setText(text, value)
    for (const control of [start, input]) setAttribute(control, 'aria-label', label(value))
    setAttribute(start, 'title', label(value))
  }

  function open(): void {
    input.value = text.textContent
    toggle(true)
    input.select()
  }

  function close(): void {
    toggle(false)
    start.focus()
  }

  function toggle(isOpen: boolean): void {
    form.hidden = !isOpen
    shown.hidden = isOpen
  }

  function submit(event: Event): void {
    event.preventDefault()
    void save(input.value).then((isTaken) => { if (isTaken) close() })
  }
}
