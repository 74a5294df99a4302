/** The browser service in Node: real socket, real document, real state; the page around it is a stand-in a test can drive. */
import { randomBytes } from 'node:crypto'
import { WebSocket as NodeWebSocket } from 'ws'
import { createNodeClock } from '../../server/service/node-clock.js'
import type { BrowserPresenceOptions, BuiltBrowserPresenceService, Stop } from '../../src/presence-service.js'
import type { Clock, PageActivity, PageLifecycle, Random, Storage } from '../../src/ports.js'
import { createPresenceService } from '../../src/service/create-presence-service.js'
import { resolveOptions } from '../../src/service/options.js'
import { createMemoryStorage } from '../../src/storage/memory-storage.js'

export interface FakePage extends PageActivity, PageLifecycle {
  input(): void
  show(): void
  hide(): void
  /** `pagehide`, and what the platform does to the page's sockets. */
  leave(): void
  return(): void
}

export function createFakePage({ isVisible = true }: { readonly isVisible?: boolean } = {}): FakePage {
  const activity = new Set<(news: 'input' | 'visible' | 'hidden') => void>()
  const [hide, back, wake] = [new Set<() => void>(), new Set<() => void>(), new Set<() => void>()]
  let visible = isVisible
  const on = <L>(set: Set<L>): ((listener: L) => Stop) => (listener) => {
    set.add(listener)
    return () => { set.delete(listener) }
  }
  return {
    start: on(activity), isVisible: () => visible, onHide: on(hide), onReturn: on(back), onWake: on(wake),
    input: () => activity.forEach((listener) => listener('input')),
    show() {
      visible = true
      activity.forEach((listener) => listener('visible'))
      wake.forEach((listener) => listener())
    },
    hide() {
      visible = false
      activity.forEach((listener) => listener('hidden'))
    },
    leave: () => hide.forEach((listener) => listener()),
    return: () => back.forEach((listener) => listener()),
  }
}

export const nodeRandom: Random = { fraction: () => Math.random(), bytes: (length) => new Uint8Array(randomBytes(length)) }

export interface NodeTabOptions extends BrowserPresenceOptions {
  /** Shared by tabs of one device, and by a device's visits. */
  readonly values?: Map<string, Uint8Array>
  readonly page?: FakePage
  readonly clock?: Clock
  readonly makeStorage?: () => Storage
}

export function openNodeTab({ values, page = createFakePage(), clock = createNodeClock(), makeStorage, ...options }: NodeTabOptions): BuiltBrowserPresenceService {
  return createPresenceService(resolveOptions({ ...options, storage: 'memory' }), {
    clock, random: nodeRandom, storage: makeStorage?.() ?? createMemoryStorage(values), tabs: null, activity: page, lifecycle: page,
    WebSocket: (options.WebSocket ?? NodeWebSocket) as unknown as typeof WebSocket,
    device: { name: 'Node', kind: 'desktop' }, log: () => undefined,
  })
}
