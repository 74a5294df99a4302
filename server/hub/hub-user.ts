/** One user as the hub holds them, who sees them and where, and the pure questions asked of that. */
import { agoOf } from '../../src/model/ago.js'
import { sizeOf, type RareMap, type SmallSet } from './small-set.js'
import type { DepartureRecord } from './user-store.js'
import type { Stamp } from '../../src/model/hybrid-clock.js'
import { contributionOf, latestOf, type DeviceFacts } from '../../src/model/derive-presence.js'
import type { Primary } from '../../src/model/primary-device.js'
import type { Projection } from '../../src/model/project-presence.js'
import { isRemoved, readDevice, type Registers } from '../../src/model/registers.js'
import type { ActivityEvent, ChannelId, Device, DeviceId, PresenceStatus, UserId } from '../../src/presence-service.js'
import type { DeviceRow } from '../../src/protocol/device-rows.js'

/** One socket of a device, or one that was lost and whose grace has not ended (LV2). */
export interface Connection {
  readonly sessionNumber: number
  joined: ReadonlySet<ChannelId>
  lastInputAt: number | null
  locked: boolean
  hidden: boolean
  holds: readonly string[]
  /** PR10, as the device says of itself. */
  override: PresenceStatus | null
  /** Null while open. */
  goneAt: number | null
}

export interface HubDevice {
  readonly id: DeviceId
  connections: SmallSet<Connection>
  kind: Device['kind']
  /** Guessed by the device; the register's name goes before it. */
  name: string
  awayAfterMs: number
  offlineAfterMs: number
  digest: string
  /** PR10, as another device or a server asked; goes before what it says itself. */
  override: PresenceStatus | null
  /** False: an unmodified y-websocket client, which is another device every time. */
  readonly isRemembered: boolean
  readonly connectedAt: number
  recordedAt: number
}

/** A device's copy of its user's registers, as far as the hub needs to know. */
export interface DeviceReplica {
  /** The truth has changed. */
  push(): void
  stored(stamps: ReadonlyMap<string, Stamp>): void
}

/** What everyone else was last told. */
export interface Shown {
  readonly projection: Projection
  readonly isUnknown: boolean
  /** Shared devices, as text to compare. */
  readonly devices: string
}

/** One thing to tell: an entry of the feed, which shares a frame with others, or a frame of its own. */
export interface Piece {
  readonly isFrame: boolean
  readonly bytes: Uint8Array
  /** What a viewer that is too slow for it remembers instead; null: it must be told this very thing. */
  readonly about: HubUser | Channel | null
}

export interface Batch {
  /** Null at the root, which holds nothing. */
  readonly before: Batch | null
  readonly piece: Piece | null
  readonly length: number
  /** The child that was asked for last, and the others. */
  next: Batch | null
  others: Map<Piece, Batch> | null
  messages: readonly Uint8Array[] | null
}

export interface Channel {
  readonly id: ChannelId
  /** As the feed calls it, as long as this process runs. */
  readonly number: number
  viewers: SmallSet<Viewer>
  /** Who is in it and not hiding. */
  readonly members: Set<HubUser>
  /** Members by what others see of them. */
  readonly counts: Record<PresenceStatus, number>
  /** Too many to be told one by one: its viewers are told counts, and whomever they watch. */
  isLarge: boolean
  /** By id; null: to be sorted anew. */
  sorted: readonly HubUser[] | null
  /** When its counts were last told, while it is large. */
  countedAt: number
}

/** The socket, as far as the feed needs it. */
export interface ViewerSocket {
  /** Writes all of a batch at once; returns how many bytes that was. */
  deliver(batch: Batch): number
  /** So much is waiting to be taken that more would only grow old there. */
  isSlow(): boolean
  /** Calls back once all of it was taken. */
  onceDrained(callback: () => void): void
}

export interface Viewer {
  readonly socket: ViewerSocket
  watched: SmallSet<HubUser>
  channels: SmallSet<Channel>
  /** To be told with the next write. */
  batch: Batch | null
  /** What has changed since its socket became slow: the latest of each is told once it has drained. */
  missed: Set<HubUser | Channel> | null
}

export interface HubUser {
  readonly userId: UserId
  /** The feed's small integer. One who is not there gets another when seen again, and so does one who seems not to be (VS2); 0: none now. */
  number: number
  registers: Registers
  /** Registers whose newest value is not on disk yet, and the stamp that is. */
  unsaved: RareMap<string, Stamp | null>
  readonly records: Map<DeviceId, DepartureRecord>
  readonly devices: Map<DeviceId, HubDevice>
  activity: readonly ActivityEvent[]
  primary: Primary | null
  /** While hidden: the last projection before it (VS2). */
  frozen: Projection | null
  lastChangeAt: number | null
  /** A status other than offline was shown since this process started (LV7). */
  wasSeen: boolean
  shown: Shown
  /** What others were told last; the tick brings them up to `shown`, and to `channels`. */
  told: Shown
  toldChannels: ReadonlySet<ChannelId>
  /** When others were told of a change last, and the time before that. */
  toldAt: number
  toldBefore: number
  /** What the owner's devices were last told of devices, without ages. */
  ownerRows: string
  /** Channels in which others see this user now. */
  channels: ReadonlySet<ChannelId>
  /** Joined by the Node service, by channel: how often. */
  serverJoins: RareMap<ChannelId, number>
  watchers: SmallSet<Viewer>
  owners: SmallSet<Viewer>
  /** One per socket: where the registers have to go. */
  replicas: SmallSet<DeviceReplica>
  /** Calls and sockets that need this user in memory. */
  pins: number
}

export function factsOf(device: HubDevice): DeviceFacts {
  const open = [...device.connections].filter((connection) => connection.goneAt === null)
  const speaking = open.length > 0 ? open : [...device.connections]
  return {
    deviceId: device.id,
    connected: sizeOf(device.connections) > 0,
    connectedAt: device.connectedAt,
    lastInputAt: latestOf([...device.connections].map(({ lastInputAt }) => lastInputAt)),
    locked: speaking.length > 0 && speaking.every((connection) => connection.locked),
    suspended: false,
    holds: speaking.flatMap((connection) => connection.holds),
    override: device.override ?? speaking.find(({ override }) => override !== null)?.override ?? null,
    awayAfterMs: device.awayAfterMs,
    offlineAfterMs: device.offlineAfterMs,
  }
}

export const deviceName = (user: HubUser, deviceId: DeviceId, guessed: string): string => {
  const value = readDevice(user.registers, deviceId)
  return value && 'name' in value ? value.name : guessed
}

/** Connected devices and those remembered, without the removed ones. */
export function deviceRows(user: HubUser, now: number): DeviceRow[] {
  const ids = [...new Set([...user.devices.keys(), ...user.records.keys()])].filter((id) => !isRemoved(user.registers, id)).sort()
  return ids.map((id) => rowOf(user, id, now))
}

function rowOf(user: HubUser, id: DeviceId, now: number): DeviceRow {
  const device = user.devices.get(id)
  const record = user.records.get(id)
  const facts = device && factsOf(device)
  const lastInputAt = facts?.lastInputAt ?? record?.lastInputAt ?? null
  return {
    id, name: deviceName(user, id, device?.name ?? record?.name ?? ''),
    kind: device?.kind ?? record?.kind ?? 'other',
    status: facts ? contributionOf(facts, now) : 'offline',
    isConnected: facts?.connected ?? false,
    isPrimary: user.primary?.deviceId === id,
    seenAgoMs: facts?.connected ? 0 : agoOf(record?.lastSeenAt ?? null, now),
    inputAgoMs: agoOf(lastInputAt, now),
    digest: device?.digest ?? record?.digest ?? null,
  }
}

/** The newest departure known: when a user who is not here was. */
export const lastDepartureAt = (records: ReadonlyMap<DeviceId, DepartureRecord>): number | null =>
  latestOf([...records.values()].map(({ lastSeenAt }) => lastSeenAt))
