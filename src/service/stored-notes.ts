/** The small things a device remembers beside its document: who it is, what the relay confirmed, what was done here. */
import { isStamp, isTime, isWriterId, type Stamp } from '../model/hybrid-clock.js'
import { isJson, isObject, parseJson } from '../model/json.js'
import { LIMITS } from '../model/limits.js'
import type { ActivityEvent } from '../presence-service.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const encodeJson = (value: unknown): Uint8Array => encoder.encode(JSON.stringify(value))
const decodeJson = (bytes: Uint8Array | undefined): unknown => {
  const json = bytes ? parseJson(decoder.decode(bytes)) : null
  return json?.ok ? json.value : undefined
}

export const encodeDeviceId = (deviceId: string): Uint8Array => encodeJson({ deviceId })
export function parseDeviceNote(bytes: Uint8Array | undefined): string | undefined {
  const note = decodeJson(bytes)
  return isObject(note) && isWriterId(note['deviceId']) ? note['deviceId'] : undefined
}

/** Of the last contact with a relay. */
export interface ContactNote {
  readonly clockOffsetMs: number | null
  readonly lastContactAt: number | null
  readonly lastSync: number | null
  /** Registers as the relay had them on disk. */
  readonly stored: ReadonlyMap<string, Stamp>
}
export const NO_CONTACT: ContactNote = { clockOffsetMs: null, lastContactAt: null, lastSync: null, stored: new Map() }

export const encodeContact = (note: ContactNote): Uint8Array => encodeJson({ ...note, stored: [...note.stored] })
export function parseContact(bytes: Uint8Array | undefined): ContactNote {
  const note = decodeJson(bytes)
  if (!isObject(note)) return NO_CONTACT
  const time = (value: unknown): number | null => (isTime(value) ? value : null)
  const { clockOffsetMs, stored } = note
  return {
    clockOffsetMs: typeof clockOffsetMs === 'number' ? clockOffsetMs : null,
    lastContactAt: time(note['lastContactAt']), lastSync: time(note['lastSync']),
    stored: new Map((Array.isArray(stored) ? stored : []).slice(0, LIMITS.registers)
      .filter((row): row is [string, Stamp] => Array.isArray(row) && typeof row[0] === 'string' && isStamp(row[1]))),
  }
}

/** AC1: the newest 200, newest last. */
export const encodeActivity = (rows: readonly ActivityEvent[]): Uint8Array => encodeJson(rows.slice(-LIMITS.activityRows))
export function parseActivityRows(bytes: Uint8Array | undefined): readonly ActivityEvent[] {
  const rows = decodeJson(bytes)
  return Array.isArray(rows) ? rows.filter(isActivityRow) : []
}
const isActivityRow = (row: unknown): row is ActivityEvent => isObject(row) && typeof row['id'] === 'string' && typeof row['type'] === 'string'
  && typeof row['deviceId'] === 'string' && isTime(row['timestamp']) && isJson(row['data'] ?? null)
  && (row['channelId'] === null || typeof row['channelId'] === 'string')
