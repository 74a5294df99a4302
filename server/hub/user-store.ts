/** What the relay keeps of its users, across restarts. Types only; `store/` carries it out. */
import type { Registers } from '../../src/model/registers.js'
import type { ActivityEvent, Device, DeviceId, JsonValue, UserId } from '../../src/presence-service.js'

/** What is known of a device that is not connected now. */
export interface DepartureRecord {
  readonly name: string
  readonly kind: Device['kind']
  readonly lastSeenAt: number
  readonly lastInputAt: number | null
  /** Of the registers it last reported (SY3). */
  readonly digest: string
}

export interface StoredUser {
  readonly registers: Registers
  readonly records: ReadonlyMap<DeviceId, DepartureRecord>
  /** What others see while the person hides (VS2); null while they do not. */
  readonly frozen: JsonValue | null
  /** Newest last. */
  readonly activity: readonly ActivityEvent[]
}

/** What is left out stays as it is. Registers are written as given: the hub decided who won. */
export interface UserChanges {
  readonly registers?: Registers
  /** Null forgets the device. */
  readonly records?: ReadonlyMap<DeviceId, DepartureRecord | null>
  readonly frozen?: JsonValue | null
  /** Added to what is there, by id; the store keeps the newest `LIMITS.activityRows` of a user. */
  readonly activity?: readonly ActivityEvent[]
}

/**
 * What was signed in with this is let in no more: the token of that `jti`, every token of that user or that device issued
 * before `at`.
 */
export interface Revocation {
  readonly what: 'token' | 'user' | 'device'
  readonly id: string
  readonly at: number
}

/** Longer than any token that `porchlight token` makes is valid. */
export const REVOCATION_KEPT_MS: number = 400 * 86_400_000

export interface UserStore {
  /** A user nobody has stored anything of is an empty one. */
  load(userId: UserId): Promise<StoredUser>
  /**
   * Resolves once the changes are durable (fsynced); saves of several users at once share one sync. Saves of one user
   * take effect in the order they were called. One that fails rejects; whether it reached the disk is then unknown.
   */
  save(userId: UserId, changes: UserChanges): Promise<void>
  /** Every user with anything stored. */
  userIds(): AsyncIterable<UserId>
  /** Those of the last `REVOCATION_KEPT_MS`; the newest of each id. */
  revocations(): Promise<readonly Revocation[]>
  /** Resolves once it is durable, as `save` does. */
  revoke(revocation: Revocation): Promise<void>
  /** Greater at every open of this store (LV6). */
  readonly relayNumber: number
  /** Who writes where no device does: 22 base64url characters, the same at every open. */
  readonly writerId: string
  /** Waits for saves under way. Twice is fine. */
  close(): Promise<void>
}
