/** The options of `createPresenceService`, checked once; everything later reads these. */
import { checked, PresenceError } from '../errors.js'
import { DEFAULT_POLICY, parseChannelId, parseDeviceName, parseId, parseOptions, parsePolicy, parseUserId } from '../model/arguments.js'
import type { BrowserPresenceOptions, ChannelId, Device, Policy, UserId } from '../presence-service.js'
import { KINDS } from '../protocol/messages.js'

export interface ResolvedOptions {
  readonly userId: UserId
  readonly relayUrl: string | null
  readonly token: BrowserPresenceOptions['token']
  readonly storage: 'indexeddb' | 'memory'
  readonly channels: readonly ChannelId[]
  readonly deviceName: string | null
  readonly deviceKind: Device['kind'] | null
  readonly storageName: string | null
  readonly WebSocket: typeof WebSocket | null
  readonly policy: Required<Policy>
}

const KNOWN = ['userId', 'relayUrl', 'token', 'storage', 'channels', 'device', 'storageName', 'WebSocket', ...Object.keys(DEFAULT_POLICY)]

export function resolveOptions(options: BrowserPresenceOptions): ResolvedOptions {
  const given = checked(parseOptions(options, KNOWN))
  const device = checked(parseOptions(given['device'], ['name', 'kind']))
  const { token, storage = 'indexeddb', channels = [], WebSocket: socket = null } = given
  if (storage !== 'indexeddb' && storage !== 'memory') refuse('storage', 'is unknown', "Pass 'indexeddb' or 'memory'.")
  if (token !== undefined && typeof token !== 'string' && typeof token !== 'function') refuse('token', 'is neither a JWT nor a function', 'Pass a string, or a function that returns one.')
  if (!Array.isArray(channels)) refuse('channels', 'is not a list', 'Pass an array of channel ids.')
  if (socket !== null && typeof socket !== 'function') refuse('WebSocket', 'is not a class', 'Pass a WebSocket class, or leave it out.')
  return {
    userId: checked(parseUserId(given['userId'])),
    relayUrl: given['relayUrl'] === undefined ? null : relayUrl(given['relayUrl']),
    token: token as BrowserPresenceOptions['token'],
    storage,
    channels: channels.map((channelId) => checked(parseChannelId(channelId))),
    deviceName: device['name'] === undefined ? null : checked(parseDeviceName(device['name'])),
    deviceKind: device['kind'] === undefined ? null : kind(device['kind']),
    storageName: given['storageName'] === undefined ? null : checked(parseId('storageName', given['storageName'])),
    WebSocket: socket as typeof WebSocket | null,
    policy: checked(parsePolicy(given)),
  }
}

function relayUrl(value: unknown): string {
  const url = typeof value === 'string' && /^wss?:\/\/[^/]/i.test(value) && URL.canParse(value) ? new URL(value) : null
  if (!url) refuse('relayUrl', 'is not a ws: or wss: address', 'Pass one such as wss://presence.example.com.')
  if (url.username !== '' || url.password !== '') refuse('relayUrl', 'holds credentials', 'Pass them as `token`.')
  if (url.search !== '' || url.hash !== '') refuse('relayUrl', 'has a query or a fragment', 'Leave them out; the token travels by itself.')
  return url.href.replace(/\/+$/, '')
}

function kind(value: unknown): Device['kind'] {
  return KINDS.find((known) => known === value) ?? refuse('device.kind', 'is unknown', `Pass one of: ${KINDS.join(', ')}.`)
}

function refuse(subject: string, fact: string, remedy: string): never {
  throw new PresenceError('invalid-argument', { subject, message: `${subject} ${fact}.`, remedy })
}
