/** VS1: the one place where a person's presence becomes what an audience may see. */
import type { Device, DeviceId, Freshness, OwnPresence, Privacy, UserId, UserPresence } from '../presence-service.js'
import type { DerivedPresence } from './derive-presence.js'
import { readCustom, readPrivacy, readProfile, readQuietHours, type Registers } from './registers.js'

/** What an audience may see, without how fresh it is: the teller adds that. */
export type Projection = Omit<UserPresence, 'freshness' | 'asOf'>

export interface ProjectionFacts {
  readonly userId: UserId
  readonly registers: Registers
  readonly derived: DerivedPresence
  /** When the status last became what it is; null: never seen. */
  readonly lastChangeAt: number | null
  readonly primaryDeviceId: DeviceId | null
  readonly devices: readonly Device[]
}

/** To others: whole minutes, and only what the person shares. */
export function projectForOthers(facts: ProjectionFacts, now: number): Projection {
  const privacy = readPrivacy(facts.registers)
  const isVisible = facts.derived.status !== 'offline'
  const active = devicesForOthers(facts.devices, privacy, facts.derived).find((device) => device.isPrimary)
  return {
    ...told(facts, now),
    lastSeen: privacy.lastSeen === 'exact' ? wholeMinutes(facts.lastChangeAt) : null,
    lastSeenRoughly: privacy.lastSeen === 'coarse' && facts.lastChangeAt !== null ? roughly(isVisible ? now : facts.lastChangeAt, now) : null,
    idleSince: privacy.lastSeen === 'exact' ? wholeMinutes(facts.derived.idleSince) : null,
    activeDevice: active?.name ?? null,
    activeDeviceId: active?.id ?? null,
  }
}

/** To the person themselves, exactly. */
export function projectForOwner(facts: ProjectionFacts, now: number, honesty: { freshness: Freshness; asOf: number | null }): OwnPresence {
  const active = facts.devices.find((device) => device.isPrimary)
  return {
    ...projectOwnValues(facts, now), ...honesty,
    activeDevice: active?.name ?? null,
    activeDeviceId: active?.id ?? null,
    choice: facts.derived.choice,
    choiceExpiresAt: facts.derived.choiceExpiresAt,
    privacy: readPrivacy(facts.registers),
    quietHours: readQuietHours(facts.registers),
  }
}

/** The devices others may see: none, unless shared. */
export const devicesForOthers = (devices: readonly Device[], privacy: Privacy, derived: DerivedPresence): readonly Device[] =>
  privacy.devices && derived.status !== 'offline'
    ? devices.filter((device) => device.status !== 'offline')
      .map((device) => ({ ...device, lastSeen: wholeMinutes(device.lastSeen), isThisDevice: false }))
    : []

const projectOwnValues = (facts: ProjectionFacts, now: number): Projection => ({
  ...told(facts, now),
  lastSeen: facts.lastChangeAt, lastSeenRoughly: null, idleSince: facts.derived.idleSince, activeDevice: null, activeDeviceId: null,
})

function told({ userId, registers, derived }: ProjectionFacts, now: number): Pick<Projection, 'userId' | 'name' | 'avatarUrl' | 'status' | 'customStatus' | 'emoji' | 'customStatusExpiresAt'> {
  const { name, avatarUrl } = readProfile(registers)
  const custom = readCustom(registers, now)
  return {
    userId, name, avatarUrl, status: derived.status,
    customStatus: custom === null || custom.text === '' ? null : custom.text,
    emoji: custom?.emoji ?? null,
    customStatusExpiresAt: custom?.expiresAt ?? null,
  }
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
export const wholeMinutes = (time: number | null): number | null => (time === null ? null : Math.floor(time / MINUTE_MS) * MINUTE_MS)

/** The steps that messengers use: "recently" reaches up to three days, so that it does not tell today from yesterday. */
export function roughly(time: number, now: number): NonNullable<UserPresence['lastSeenRoughly']> {
  return ROUGH_STEPS.find(([age]) => now < time + age)?.[1] ?? 'long-ago'
}
/** Until when that is the answer; null: for good. */
export const roughlyUntil = (time: number, now: number): number | null => ROUGH_STEPS.map(([age]) => time + age).find((end) => now < end) ?? null
const ROUGH_STEPS = [[3 * DAY_MS, 'recently'], [7 * DAY_MS, 'this-week'], [30 * DAY_MS, 'this-month']] as const
