/** Gathers what happens at once into one new snapshot, and tells of it once. */
import type { Emitter } from '../model/emitter.js'
import type { PresenceEvents, PresenceSnapshot, Stop } from '../presence-service.js'

export interface Snapshots {
  get(): PresenceSnapshot
  subscribe(listener: (snapshot: PresenceSnapshot) => void): Stop
  /** Something may have changed. */
  changed(): void
  /** Resolves when it is true, at once or after some change; rejects with what `check` throws. */
  until(check: () => boolean): { readonly reached: Promise<void>; readonly stop: Stop }
  close(): void
}

export function createSnapshots(emitter: Emitter<PresenceEvents>, take: () => PresenceSnapshot): Snapshots {
  const listeners = new Set<(snapshot: PresenceSnapshot) => void>()
  const waiting = new Set<() => void>()
  let snapshot: PresenceSnapshot | null = null
  let isTelling = false
  let isClosed = false
  return { get, subscribe, changed, until, close }

  function get(): PresenceSnapshot {
    return snapshot ??= take()
  }

  function subscribe(listener: (snapshot: PresenceSnapshot) => void): Stop {
    listeners.add(listener)
    emitter.call(listener, get())
    return () => { listeners.delete(listener) }
  }

  function changed(): void {
    for (const check of [...waiting]) check()
    if (isTelling || isClosed) return
    isTelling = true
    queueMicrotask(() => {
      isTelling = false
      if (!isClosed) tell()
    })
  }

  function tell(): void {
    const before = get()
    snapshot = take()
    const { me, sync, devices } = snapshot
    if (!isEqual(before.sync.connection, sync.connection)) emitter.emit('connectionChange', sync.connection)
    if (me && before.devices !== devices) emitter.emit('deviceChange', me.userId, devices)
    if (!isEqual(before.sync, sync)) emitter.emit('syncChange', sync)
    for (const listener of [...listeners]) emitter.call(listener, snapshot)
  }

  function until(check: () => boolean): { reached: Promise<void>; stop: Stop } {
    let stop: Stop = () => undefined
    const reached = new Promise<void>((resolve, reject) => {
      const look = (): void => {
        try {
          if (!check()) return
          resolve()
        } catch (error) {
          const reason = error as Error
          reject(reason)
        }
        stop()
      }
      stop = () => { waiting.delete(look) }
      waiting.add(look)
      look()
    })
    return { reached, stop }
  }

  function close(): void {
    // The last thing told is that it is closed.
    tell()
    isClosed = true
    listeners.clear()
    for (const check of [...waiting]) check()
  }
}

/** Small and plain: connection states, problems, counts. */
const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
