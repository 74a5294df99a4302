/** Elements in one expression. What people wrote becomes text, never markup. */
export type Child = Node | string
type Handler = (event: Event) => void
export type Properties = Readonly<Record<string, string | number | boolean | null | undefined | Handler>>

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, properties: Properties = {}, ...children: readonly Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') element.addEventListener(name.replace(/^on/, ''), value)
    else setAttribute(element, name, value)
  }
  element.append(...children)
  return element
}

/** Null and false take it away; unchanged ones are left alone. */
export function setAttribute(element: Element, name: string, value: string | number | boolean | null | undefined): void {
  if (value === null || value === undefined || value === false) element.removeAttribute(name)
  else if (element.getAttribute(name) !== String(value === true ? '' : value)) element.setAttribute(name, String(value === true ? '' : value))
}

/** Told to screen readers only when it says something new. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}
