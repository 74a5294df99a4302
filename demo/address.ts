/** What the page's address asks for. */
import type { Policy } from 'porchlight'

export interface StageAddress {
  readonly page: 'stage'
  readonly people: readonly [string, string]
  readonly policy: Policy
}
export interface DeviceAddress {
  readonly page: 'device'
  readonly userId: string
  /** Null: the browser profile's own device; else a further one, by this name. */
  readonly device: string | null
  readonly isFrame: boolean
  readonly policy: Policy
}
export type Address = StageAddress | DeviceAddress

const POLICY_NAMES = ['awayAfterMs', 'offlineAfterMs', 'heartbeatIntervalMs'] as const

export function parseAddress(search: string): Address {
  const query = new URLSearchParams(search)
  const policy = parsePolicy(query)
  const userId = query.get('user')
  if (userId === null) return { page: 'stage', people: [query.get('left') || 'alice', query.get('right') || 'bob'], policy }
  return { page: 'device', userId, device: query.get('device') || null, isFrame: query.has('frame'), policy }
}

export const deviceLink = ({ userId, device, isFrame, policy }: Omit<DeviceAddress, 'page'>): string =>
  `?${new URLSearchParams({
    ...(isFrame && { frame: '' }), user: userId, ...(device !== null && { device }), ...policyQuery(policy),
  }).toString()}`

export const stageLink = ({ people: [left, right], policy }: Omit<StageAddress, 'page'>): string =>
  `?${new URLSearchParams({ left, right, ...policyQuery(policy) }).toString()}`

/** Names what this device keeps in the browser, apart from the service's own data. */
export const storageNameOf = ({ userId, device }: DeviceAddress): string => `${userId}/${device ?? ''}`

/** Only what is there; whether it is usable, the service says. */
const parsePolicy = (query: URLSearchParams): Policy =>
  Object.fromEntries(POLICY_NAMES.flatMap((name) => (query.has(name) ? [[name, Number(query.get(name))]] : [])))

const policyQuery = (policy: Policy): Record<string, string> =>
  Object.fromEntries(Object.entries(policy).map(([name, value]) => [name, String(value)]))
