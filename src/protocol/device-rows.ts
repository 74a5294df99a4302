/** Devices as they travel in the feed: the owner's own list, or what a person shares with others. */
import { stampOf } from '../model/ago.js'
import { isWriterId } from '../model/hybrid-clock.js'
import { isObject } from '../model/json.js'
import { LIMITS } from '../model/limits.js'
import type { Device, DeviceId, JsonValue } from '../presence-service.js'
import { KINDS, STATUSES } from './messages.js'

/** A device as its owner is told of it; others never get a digest. */
export interface DeviceRow {
  readonly id: string
  readonly name: string
  readonly kind: Device['kind']
  /** What it contributes (PR10); `offline` where it is not connected. */
  readonly status: Device['status']
  readonly isConnected: boolean
  readonly isPrimary: boolean
  /** How long ago it was last connected or used; null: never. */
  readonly seenAgoMs: number | null
  readonly inputAgoMs: number | null
  readonly digest: string | null
}

export const encodeDeviceRows = (rows: readonly DeviceRow[]): JsonValue => rows.map((row) => [
  row.id, row.name, KINDS.indexOf(row.kind), STATUSES.indexOf(row.status), (row.isConnected ? 1 : 0) + (row.isPrimary ? 2 : 0),
  row.seenAgoMs, row.inputAgoMs, row.digest,
])

/** A row that cannot be read is left out. */
export const parseDeviceRows = (json: JsonValue): DeviceRow[] =>
  Array.isArray(json) ? (json as readonly JsonValue[]).slice(0, LIMITS.devices * 2).flatMap(parseRow) : []

function parseRow(json: JsonValue): DeviceRow[] {
  if (!Array.isArray(json)) return []
  const [id, name, kind, status, flags, seenAgoMs, inputAgoMs, digest] = json as readonly JsonValue[]
  if (typeof id !== 'string' || id === '' || id.length > LIMITS.idBytes || typeof name !== 'string' || typeof kind !== 'number' || typeof status !== 'number' || typeof flags !== 'number') return []
  return [{
    id, name, kind: KINDS[kind] ?? 'other', status: STATUSES[status] ?? 'offline', isConnected: (flags & 1) !== 0, isPrimary: (flags & 2) !== 0,
    seenAgoMs: age(seenAgoMs), inputAgoMs: age(inputAgoMs), digest: typeof digest === 'string' ? digest : null,
  }]
}
const age = (value: JsonValue | undefined): number | null => (typeof value === 'number' && value >= 0 ? value : null)

/** A row as the API shows it. */
export const toDevice = (row: DeviceRow, now: number, thisDeviceId: DeviceId | null): Device => ({
  id: row.id, name: row.name, kind: row.kind, status: row.status,
  lastSeen: stampOf(row.seenAgoMs, now),
  isPrimary: row.isPrimary, isActive: row.isPrimary && row.status === 'online', isThisDevice: row.id === thisDeviceId,
})

/** A device's own word about itself, as its Awareness state carries it. */
export interface DeviceState {
  readonly deviceId: string
  readonly kind: Device['kind']
  readonly name: string
  readonly sinceInputMs: number | null
  /** Or suspended. */
  readonly locked: boolean
  readonly hidden: boolean
  /** Reasons that keep it in use (PR11); none while suspended. */
  readonly holds: readonly string[]
  readonly override: Device['status'] | null
  readonly digest: string
}

/** Undefined: a state without our fields, as a stock client has. */
export function parseDeviceState(state: unknown): DeviceState | undefined {
  if (!isObject(state) || !isWriterId(state['deviceId'])) return undefined
  const { deviceId, kind, name, sinceInputMs, locked, hidden, holds, override, digest } = state
  return {
    deviceId, kind: KINDS.find((known) => known === kind) ?? 'other',
    name: typeof name === 'string' ? name : '',
    sinceInputMs: typeof sinceInputMs === 'number' && sinceInputMs >= 0 && Number.isFinite(sinceInputMs) ? sinceInputMs : null,
    locked: locked === true, hidden: hidden === true,
    holds: Array.isArray(holds) ? holds.filter((reason): reason is string => typeof reason === 'string' && reason.length <= 64).slice(0, 8) : [],
    override: STATUSES.find((known) => known === override) ?? null,
    digest: typeof digest === 'string' && digest.length <= 64 ? digest : '',
  }
}
