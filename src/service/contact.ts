/** What this device knows of the relay's side: which of its registers are safe there, and when it was last heard. */
import { compareStamps, type Stamp } from '../model/hybrid-clock.js'
import { isStoredAt, type StampsByRegister } from '../protocol/wire.js'
import type { OwnData } from './own-data.js'
import type { RelayTime } from './relay-time.js'

export interface Contact {
  /** A connection begins: what the relay has on disk. Returns what it was last known to have. */
  begin(stored: StampsByRegister): StampsByRegister
  stored(stamps: StampsByRegister): void
  /** Own registers that are not confirmed as stored (SY2). */
  pending(): number
  /** Everything own is stored there, and everything newer is here. */
  isEqual(): boolean
  lastContactAt(): number | null
  lastSync(): number | null
  /** Heard from the relay just now; `isInSync`: and nothing is missing on either side. */
  note(isInSync: boolean): void
}

export function createContact(data: OwnData, time: RelayTime): Contact {
  let { lastContactAt, lastSync } = data.contact
  let known = new Map<string, Stamp>(data.contact.stored)
  return { begin, stored, pending, isEqual, note, lastContactAt: () => lastContactAt, lastSync: () => lastSync }

  function begin(stamps: StampsByRegister): StampsByRegister {
    const before = known
    known = new Map(stamps)
    return before
  }

  function stored(stamps: StampsByRegister): void {
    for (const [name, at] of stamps) known.set(name, at)
  }

  function pending(): number {
    return [...data.registers()].filter(([name, { at }]) => !isStoredAt(known, name, at)).length
  }

  function isEqual(): boolean {
    const registers = data.registers()
    return pending() === 0 && [...known].every(([name, at]) => {
      const own = registers.get(name)
      return own !== undefined && compareStamps(own.at, at) >= 0
    })
  }

  function note(isInSync: boolean): void {
    lastContactAt = time.now()
    if (isInSync) lastSync = lastContactAt
    data.keepContact({ clockOffsetMs: time.offsetMs(), lastContactAt, lastSync, stored: known })
  }
}
