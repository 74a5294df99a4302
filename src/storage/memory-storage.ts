import type { Storage } from '../ports.js'
import { storageClosed } from './problems.js'

/** Handles given the same `values` share them, as tabs share a database. */
export function createMemoryStorage(values: Map<string, Uint8Array> = new Map()): Storage {
  let closed = false

  return { read, update, state: () => 'memory', onProblem: () => () => {}, close }

  async function read(key: string) {
    ensureOpen()
    return values.get(key)?.slice()
  }

  async function update(key: string, change: (stored: Uint8Array | undefined) => Uint8Array) {
    ensureOpen()
    const value = change(values.get(key)?.slice())
    values.set(key, value.slice())
    return value
  }

  async function close({ forget = false } = {}) {
    closed = true
    if (forget) values.clear()
  }

  function ensureOpen() {
    if (closed) throw storageClosed()
  }
}
