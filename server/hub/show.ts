/** What everyone else may see of a user at this moment: live, frozen while they hide (VS2), or unknown after a start (LV7). */
import { earliest, type DerivedPresence } from '../../src/model/derive-presence.js'
import { isObject } from '../../src/model/json.js'
import { devicesForOthers, projectForOthers, roughly, roughlyUntil, wholeMinutes, type Projection, type ProjectionFacts } from '../../src/model/project-presence.js'
import { readPrivacy, readProfile } from '../../src/model/registers.js'
import type { JsonValue } from '../../src/presence-service.js'
import { encodeDeviceRows, toDevice, type DeviceRow } from '../../src/protocol/device-rows.js'
import type { HubUser, Shown } from './hub-user.js'

export interface Showing {
  readonly shown: Shown
  readonly frozen: Projection | null
  readonly lastChangeAt: number | null
}

/** `isStarting`: the relay does not know yet who will come back. */
export function showToOthers(user: HubUser, derived: DerivedPresence, rows: readonly DeviceRow[], now: number, isStarting: boolean): Showing {
  const before = user.shown.projection
  const isChanged = before.status !== (derived.isHidden ? 'offline' : derived.status)
  const lastChangeAt = isChanged ? now : user.lastChangeAt
  const facts: ProjectionFacts = {
    userId: user.userId, registers: user.registers, derived, lastChangeAt,
    primaryDeviceId: user.primary?.deviceId ?? null, devices: rows.map((row) => toDevice(row, now, null)),
  }
  // Until they show themselves: that a choice lapsed while they were away, and when they really left, is nobody's business.
  const isFrozen = derived.isHidden || (user.frozen !== null && derived.status === 'offline')
  const frozen = isFrozen ? stillShared(user.frozen ?? freeze(before, lastChangeAt), user, lastChangeAt, now) : null
  const projection = frozen ?? projectForOthers(facts, now)
  const shared = frozen ? [] : devicesForOthers(facts.devices, readPrivacy(user.registers), derived)
  return {
    frozen, lastChangeAt,
    shown: {
      projection,
      isUnknown: isStarting && !user.wasSeen && projection.status === 'offline',
      devices: shared.length === 0 ? '' : JSON.stringify(encodeDeviceRows(rows.filter((row) => shared.some(({ id }) => id === row.id)).map(withoutSecrets))),
    },
  }
}

/** To hide is to close: the same fields change in the same way. */
const freeze = (before: Projection, lastChangeAt: number | null): Projection => ({
  ...before, status: 'offline', idleSince: null, activeDevice: null, activeDeviceId: null,
  lastSeen: before.lastSeen === null ? null : wholeMinutes(lastChangeAt),
})

/** While somebody hides, only expiry and removal still show; and what is gone is not shown again. */
function stillShared(frozen: Projection, user: HubUser, lastChangeAt: number | null, now: number): Projection {
  const hasLapsed = frozen.customStatusExpiresAt !== null && frozen.customStatusExpiresAt <= now
  const isCleared = hasLapsed || user.registers.get('custom')?.value === null
  const { name, avatarUrl } = readProfile(user.registers)
  const { lastSeen } = readPrivacy(user.registers)
  return {
    ...frozen,
    ...(isCleared ? { customStatus: null, emoji: null, customStatusExpiresAt: null } : {}),
    name: name === null ? null : frozen.name,
    avatarUrl: avatarUrl === null ? null : frozen.avatarUrl,
    lastSeen: lastSeen === 'exact' ? frozen.lastSeen : null,
    lastSeenRoughly: lastSeen === 'none' || frozen.lastSeenRoughly === null || lastChangeAt === null ? null : roughly(lastChangeAt, now),
  }
}

/** When what others see changes without anything happening; null: it does not. */
export const shownUntil = ({ status, customStatusExpiresAt, lastSeenRoughly }: Projection, lastChangeAt: number | null, now: number): number | null => earliest([
  customStatusExpiresAt, status === 'offline' && lastSeenRoughly !== null && lastChangeAt !== null ? roughlyUntil(lastChangeAt, now) : null,
], now)

const withoutSecrets = (row: DeviceRow): DeviceRow =>
  ({ ...row, digest: null, inputAgoMs: null, seenAgoMs: row.seenAgoMs === null ? null : Math.floor(row.seenAgoMs / 60_000) * 60_000 })

/** As it rests in the store. */
export const frozenToJson = (frozen: Projection, at: number | null): JsonValue => ({ at, projection: { ...frozen } })

/** Null: nothing that could be read, and then nothing is shown of a hidden user but that they are offline. */
export function parseFrozen(json: JsonValue | null, userId: string): { frozen: Projection; at: number | null } | null {
  if (!isObject(json) || !isObject(json['projection'])) return null
  const from = json['projection']
  const text = (key: string): string | null => (typeof from[key] === 'string' ? from[key] : null)
  const time = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null)
  const rough = text('lastSeenRoughly')
  return {
    at: time(json['at']),
    frozen: {
      userId, status: 'offline', name: text('name'), avatarUrl: text('avatarUrl'), customStatus: text('customStatus'), emoji: text('emoji'),
      customStatusExpiresAt: time(from['customStatusExpiresAt']), lastSeen: time(from['lastSeen']),
      lastSeenRoughly: rough === null ? null : 'recently', activeDevice: null, activeDeviceId: null, idleSince: null,
    },
  }
}
