/** How many are there, and how they look to others. Pure. */
import type { PresenceStatus } from '../../src/presence-service.js'
import type { HubUser } from '../hub/hub-user.js'
import { sizeOf } from '../hub/small-set.js'

export interface Census {
  readonly connections: number
  readonly devices: number
  readonly watches: number
  /** VS2: who hides counts as offline, as everywhere. LV7: `unknown` just after a start. */
  readonly users: Readonly<Record<PresenceStatus | 'unknown', number>>
}

export function takeCensus(users: Iterable<HubUser>): Census {
  const byStatus = { online: 0, away: 0, dnd: 0, offline: 0, unknown: 0 }
  let [connections, devices, watches] = [0, 0, 0]
  for (const { devices: ofUser, shown, watchers } of users) {
    byStatus[shown.isUnknown ? 'unknown' : shown.projection.status]++
    watches += sizeOf(watchers)
    devices += ofUser.size
    for (const device of ofUser.values()) for (const { goneAt } of device.connections) if (goneAt === null) connections++
  }
  return { connections, devices, watches, users: byStatus }
}
