/** This device's Awareness state: what a relay, or on a plain server the person's other devices, hear of it. */
import * as awarenessProtocol from 'y-protocols/awareness'
import type { Doc } from 'yjs'
import { parseDeviceState, type DeviceState } from '../protocol/device-rows.js'

export interface Liveness {
  readonly awareness: awarenessProtocol.Awareness
  /** Says it anew, with a greater clock: after a lost socket an unchanged one would be ignored by peers. */
  tell(state: DeviceState): void
  /** Own other devices as a plain server passes them on; one of ours tells of them in the feed. */
  others(): readonly DeviceState[]
  onOthers(listener: () => void): () => void
  close(): void
}

export function createLiveness(doc: Doc): Liveness {
  const awareness = new awarenessProtocol.Awareness(doc)
  // Its clock calls a device outdated after 30 s, which a throttled tab is once a minute. Who is silent is for the relay to say.
  clearInterval((awareness as unknown as { _checkInterval: ReturnType<typeof setInterval> })._checkInterval)
  return {
    awareness,
    tell(state) {
      // Yjs takes a new client id where another client uses the same; the provider sends the document's.
      awareness.clientID = doc.clientID
      awareness.setLocalState({ ...state })
    },
    others: () => [...awareness.getStates()].flatMap(([clientId, state]) => (clientId === doc.clientID ? [] : parseDeviceState(state) ?? [])),
    onOthers(listener) {
      const onChange = (_: unknown, origin: unknown): void => { if (origin !== 'local') listener() }
      awareness.on('change', onChange)
      return () => awareness.off('change', onChange)
    },
    close: () => awareness.destroy(),
  }
}
