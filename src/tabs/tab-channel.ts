/** BroadcastChannel between one device's tabs. Any code of the same origin can post here: what is not understood is ignored. */
import { isObject } from '../model/json.js'
import type { TabChannel, TabMessage } from '../ports.js'

export function openTabChannel(name: string): TabChannel {
  const channel = new BroadcastChannel(name)
  const listeners = new Set<(message: TabMessage) => void>()
  channel.onmessage = ({ data }: MessageEvent<unknown>) => {
    const message = parseTabMessage(data)
    if (message) for (const listener of listeners) listener(message)
  }
  return {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has one origin, its own
    send: (message) => channel.postMessage(message),
    subscribe(listener) {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    },
    close() {
      listeners.clear()
      channel.close()
    },
  }
}

export function parseTabMessage(data: unknown): TabMessage | undefined {
  if (!isObject(data)) return undefined
  const { type, sinceInputMs } = data
  if (type === 'stored' || type === 'forget') return { type }
  return type === 'input' && typeof sinceInputMs === 'number' && Number.isFinite(sinceInputMs) && sinceInputMs >= 0 ? { type, sinceInputMs } : undefined
}
