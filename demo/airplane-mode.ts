/** The switch that cuts one device off, as if its network were gone. It stays as it is over a reload. */
import { createCuttableWebSocket } from './cuttable-web-socket.js'

export interface AirplaneMode {
  isOn(): boolean
  set(isOn: boolean): void
  subscribe(listener: () => void): () => void
  readonly WebSocket: typeof WebSocket
  readonly fetch: typeof fetch
}

export function createAirplaneMode(deviceName: string): AirplaneMode {
  const key = `airplane/${deviceName}`
  const listeners = new Set<() => void>()
  let on = remembered(key)
  const subscribe = (listener: () => void): (() => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  return {
    isOn: () => on,
    set(next) {
      if (next === on) return
      on = next
      remember(key, on)
      for (const listener of [...listeners]) listener()
      // A browser says this of itself when its network goes or comes.
      dispatchEvent(new Event(on ? 'offline' : 'online'))
    },
    subscribe,
    WebSocket: createCuttableWebSocket({ isCut: () => on, onCut: (listener) => subscribe(() => { if (on) listener() }) }),
    fetch: (...request) => (on ? Promise.reject(new TypeError('The network is cut off.')) : fetch(...request)),
  }
}

function remembered(key: string): boolean {
  try {
    return sessionStorage.getItem(key) === 'on'
  } catch {
    return false
  }
}

function remember(key: string, on: boolean): void {
  try {
    sessionStorage.setItem(key, on ? 'on' : 'off')
  } catch {
    // Without site data it lasts as long as the page.
  }
}
