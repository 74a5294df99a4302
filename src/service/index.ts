/** Hands the service the browser's side effects; where there is no browser, an idle service. */
import { createDomActivity } from '../activity/dom-activity.js'
import { createPageLifecycle } from '../activity/page-lifecycle.js'
import type { Clock, Log, Random } from '../ports.js'
import type { BrowserPresenceOptions, BuiltBrowserPresenceService } from '../presence-service.js'
import { createMemoryStorage } from '../storage/memory-storage.js'
import { openIndexedDbStorage } from '../storage/indexeddb-storage.js'
import { openTabChannel } from '../tabs/tab-channel.js'
import { createPresenceService as compose } from './create-presence-service.js'
import { guessDevice } from './guess-device.js'
import { createIdleService } from './idle-service.js'
import { resolveOptions } from './options.js'

export function createPresenceService(options: BrowserPresenceOptions): BuiltBrowserPresenceService {
  const resolved = resolveOptions(options)
  if (typeof window === 'undefined' || typeof document === 'undefined') return createIdleService(resolved.userId)
  const clock = createBrowserClock()
  const name = ['porchlight', resolved.userId, ...(resolved.storageName === null ? [] : [resolved.storageName])].map(encodeURIComponent).join('/')
  const isAlone = resolved.storage === 'memory' || typeof BroadcastChannel === 'undefined'
  return compose(resolved, {
    clock, random, log,
    storage: resolved.storage === 'memory' ? createMemoryStorage() : openIndexedDbStorage({ name, clock, log }),
    tabs: isAlone ? null : openTabChannel(name),
    activity: createDomActivity(document, clock),
    lifecycle: createPageLifecycle(document, window),
    WebSocket: resolved.WebSocket ?? WebSocket,
    device: guessDevice(navigator.userAgent, navigator.maxTouchPoints),
  })
}

/** Longer timers fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647

function createBrowserClock(): Clock {
  const start = Date.now() - performance.now()
  const now = (): number => Math.floor(start + performance.now())
  return {
    now,
    at(time, callback) {
      let timer: ReturnType<typeof setTimeout>
      const wait = (): void => {
        timer = setTimeout(() => (now() < time ? wait() : callback()), Math.min(Math.max(0, Math.ceil(time - now())), LONGEST_TIMER_MS))
      }
      wait()
      return () => clearTimeout(timer)
    },
  }
}

const random: Random = {
  fraction: () => Math.random(),
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
}

const log: Log = (level, message, details) => {
  if (level !== 'debug') console[level](`[porchlight] ${message}`, details ?? '')
}
