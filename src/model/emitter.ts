/** Typed events. A listener that throws hurts no other, and one that leaves while it is called is not called again. */
import type { Stop } from '../presence-service.js'

export interface Emitter<Events extends Record<keyof Events, unknown[]>> {
  on<E extends keyof Events>(event: E, listener: (...args: Events[E]) => void): Stop
  once<E extends keyof Events>(event: E, listener: (...args: Events[E]) => void): Stop
  off<E extends keyof Events>(event: E, listener: (...args: Events[E]) => void): void
  emit<E extends keyof Events>(event: E, ...args: Events[E]): void
  hasListeners(event: keyof Events): boolean
  /** Any other kind of listener, with the same protection. */
  call<Value>(listener: (value: Value) => void, value: Value): void
  clear(): void
}

/** `onFailure` is told what a listener threw. */
export function createEmitter<Events extends Record<keyof Events, unknown[]>>(onFailure: (error: unknown) => void): Emitter<Events> {
  // By event: the listener as given, and what is called for it. Typed again where it is called.
  const listeners = new Map<keyof Events, Map<unknown, unknown>>()
  return { on, once: once_, off, emit, call, clear: () => listeners.clear(), hasListeners: (event) => (listeners.get(event)?.size ?? 0) > 0 }

  function on<E extends keyof Events>(event: E, listener: (...args: Events[E]) => void): Stop {
    return add(event, listener, listener)
  }

  function once_<E extends keyof Events>(event: E, listener: (...args: Events[E]) => void): Stop {
    const called = (...args: Events[E]): void => {
      off(event, listener)
      listener(...args)
    }
    return add(event, listener, called)
  }

  function add(event: keyof Events, listener: unknown, called: unknown): Stop {
    const ofEvent = listeners.get(event) ?? new Map<unknown, unknown>()
    listeners.set(event, ofEvent)
    ofEvent.set(listener, called)
    return () => { if (ofEvent.get(listener) === called) ofEvent.delete(listener) }
  }

  function off<E extends keyof Events>(event: E, listener: (...args: Events[E]) => void): void {
    listeners.get(event)?.delete(listener)
  }

  function emit<E extends keyof Events>(event: E, ...args: Events[E]): void {
    const ofEvent = listeners.get(event)
    if (!ofEvent) return
    for (const [listener, called] of [...ofEvent]) {
      if (ofEvent.get(listener) !== called) continue
      call(() => (called as (...args: Events[E]) => void)(...args), undefined)
    }
  }

  function call<Value>(listener: (value: Value) => void, value: Value): void {
    try {
      listener(value)
    } catch (error) {
      onFailure(error)
    }
  }
}

/** Listeners to one of many things; an empty set leaves nothing behind. */
export function addTo<Key, Listener>(listeners: Map<Key, Set<Listener>>, key: Key, listener: Listener): Stop {
  const ofKey = listeners.get(key) ?? new Set<Listener>()
  listeners.set(key, ofKey)
  ofKey.add(listener)
  return () => {
    ofKey.delete(listener)
    if (ofKey.size === 0 && listeners.get(key) === ofKey) listeners.delete(key)
  }
}

/** Is not called with the same object twice in a row. */
export function onlyNew<Value extends object>(listener: (value: Value) => void): (value: Value) => void {
  let last: Value | undefined
  return (value) => {
    if (value === last) return
    last = value
    listener(value)
  }
}

/** The second stop does nothing. */
export function once(stop: Stop): Stop {
  let isStopped = false
  return () => {
    if (!isStopped) stop()
    isStopped = true
  }
}

export const stopAll = (stops: readonly Stop[]): Stop => once(() => {
  // Last started, first stopped.
  for (const stop of [...stops].reverse()) stop()
})
