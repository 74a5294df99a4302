/** Rows that keep their elements while they stay, and with them focus and half-typed text. */
export interface Row<T> {
  readonly element: HTMLElement
  show(item: T): void
}

export function createKeyedList<T>(parent: HTMLElement, keyOf: (item: T) => string, createRow: (item: T) => Row<T>): (items: readonly T[]) => void {
  const rows = new Map<string, Row<T>>()
  return (items) => {
    const keys = new Set(items.map(keyOf))
    for (const [key, { element }] of rows) {
      if (keys.has(key)) continue
      element.remove()
      rows.delete(key)
    }
    items.forEach((item, index) => {
      const row = rows.get(keyOf(item)) ?? createRow(item)
      rows.set(keyOf(item), row)
      row.show(item)
      const here = parent.children[index] ?? null
      if (here !== row.element) parent.insertBefore(row.element, here)
    })
  }
}
