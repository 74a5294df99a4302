/** Typed events. A listener that throws hurts no other, and one that leaves while it is called is not called again. */
import type { Stop } from '../presence-service.js'

export interface Emitter<Events extends Record<keyof Events, unknown[]>> {
  on<E extends keyof Events>(event: E, listener: (...args: Events[E]) => void): Stop
  once<E extends keyof Events>(event: E, listener: (...args: Events[E]) => void): Stop
  off<E extends keyof Events>(event: E, listener: (...args: Events[E]) => void): void
  emit<E extends keyof Events>(event: E, ...args: Events[E]): void
  hasListeners(event?: keyof Events): boolean
  clear(): void
}

/** `onFailure` is told what a listener threw. */
export function createEmitter<Events extends Record<keyof Events, unknown[]>>(onFailure: (error: unknown) => void): Emitter<Events> {
  // By event: the listener as given, and what is called for it. Typed again where it is called.
  const listeners = new Map<keyof Events, Map<unknown, unknown>>()
  return { on, once, off, emit, hasListeners, clear: () => listeners.clear() }

  function on<E extends keyof Events>(event: E, listener: (...args: Events[E]) => void): Stop {
    return add(event, listener, listener)
  }

  function once<E extends keyof Events>(event: E, listener: (...args: Events[E]) => void): Stop {
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
      try {
        (called as (...args: Events[E]) => void)(...args)
      } catch (error) {
        onFailure(error)
      }
    }
  }

  function hasListeners(event?: keyof Events): boolean {
    return event === undefined ? [...listeners.values()].some(({ size }) => size > 0) : (listeners.get(event)?.size ?? 0) > 0
  }
}
