/** The service, as any app would create it. */
import { createPresenceService } from 'porchlight'
import type { Device } from 'porchlight'
import type { DeviceAddress } from './address.js'
import type { AirplaneMode } from './airplane-mode.js'

export type Presence = ReturnType<typeof createPresenceService>

export const LOBBY = 'lobby'

export function openPresence({ userId, device, policy }: DeviceAddress, airplane: AirplaneMode): Presence {
  return createPresenceService({
    userId,
    relayUrl: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}`,
    token: () => fetchToken(userId, airplane),
    channels: [LOBBY],
    WebSocket: airplane.WebSocket,
    ...policy,
    ...(device !== null && { storageName: device, device: { name: titled(device), ...kindOf(device) } }),
  })
}

/** A demo relay signs in whoever asks; an app asks its own server. */
async function fetchToken(userId: string, airplane: AirplaneMode): Promise<string> {
  const response = await airplane.fetch('/demo/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userId, channels: [LOBBY], watch: '*' }),
  })
  if (!response.ok) throw new Error(`The demo's token issuer answered ${response.status}.`)
  const { token } = (await response.json()) as { readonly token: string }
  return token
}

const KINDS: readonly Device['kind'][] = ['desktop', 'laptop', 'phone', 'tablet', 'server']
const kindOf = (device: string): { readonly kind?: Device['kind'] } => {
  const kind = KINDS.find((kind) => device.toLowerCase().startsWith(kind))
  return kind === undefined ? {} : { kind }
}

const titled = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1)
