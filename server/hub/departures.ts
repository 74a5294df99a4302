/** Who leaves, and what is remembered of their devices (DESIGN §5, departure records). */
import { latestOf } from '../../src/model/derive-presence.js'
import { LIMITS } from '../../src/model/limits.js'
import type { DeviceId } from '../../src/presence-service.js'
import { WIRE } from '../../src/protocol/limits.js'
import { factsOf, type Connection, type HubDevice, type HubUser } from './hub-user.js'
import { sizeOf, withoutItem } from './small-set.js'
import type { Saver } from './saver.js'

export interface Departures {
  /** Ends the grace of sockets that did not come back, and remembers the devices that left with them. */
  dropGone(user: HubUser, now: number): void
  record(user: HubUser, device: HubDevice, now: number): void
}

export function createDepartures(saver: Saver): Departures {
  return { dropGone, record }

  function dropGone(user: HubUser, now: number): void {
    for (const device of [...user.devices.values()]) {
      if (sizeOf(device.connections) === 0 || isTimeToRecord(device, now)) record(user, device, now)
      for (const connection of [...device.connections]) {
        if (connection.goneAt === null || connection.goneAt > now) continue
        record(user, device, now)
        device.connections = withoutItem(device.connections, connection)
        // What was done in one tab was done on the device.
        for (const other of device.connections) other.lastInputAt = latestOf([other.lastInputAt, connection.lastInputAt])
      }
      if (sizeOf(device.connections) === 0) user.devices.delete(device.id)
    }
  }

  function record(user: HubUser, device: HubDevice, now: number): void {
    device.recordedAt = now
    if (!device.isRemembered) return
    const { name, kind, digest } = device
    user.records.set(device.id, { name, kind, digest, lastSeenAt: now, lastInputAt: factsOf(device).lastInputAt })
    void saver.save(user, { records: [device.id, ...forgetOldest(user)] })
  }

  /** DV4: the longest unseen go first. */
  function forgetOldest(user: HubUser): DeviceId[] {
    const absent = [...user.records].filter(([id]) => !user.devices.has(id)).sort(([, a], [, b]) => a.lastSeenAt - b.lastSeenAt)
    const surplus = absent.slice(0, Math.max(0, user.records.size - LIMITS.devices)).map(([id]) => id)
    surplus.forEach((id) => user.records.delete(id))
    return surplus
  }
}

const isTimeToRecord = (device: HubDevice, now: number): boolean => now >= device.recordedAt + WIRE.recordIntervalMs

/** When the next socket's grace ends. */
export function nextGoneAt(user: HubUser): number | null {
  const times = [...user.devices.values()].flatMap(({ connections }) => [...connections].flatMap(({ goneAt }: Connection) => goneAt ?? []))
  return times.length === 0 ? null : Math.min(...times)
}
