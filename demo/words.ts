/** What the service says, in plain words. Pure. */
import type { ConnectionState, OwnPresence, PresenceErrorCode, PresenceStatus, SyncStatus, UserPresence } from 'porchlight'
import { counted } from './time-words.js'
import type { View } from './view.js'

export const STATUS_WORDS: Readonly<Record<PresenceStatus, string>> = {
  online: 'Online', away: 'Away', dnd: 'Do not disturb', offline: 'Offline',
}
/** One character each: a browser tab has room for no more. */
export const STATUS_MARKS: Readonly<Record<PresenceStatus, string>> = { online: '●', away: '◐', dnd: '⊖', offline: '○' }

const ROUGHLY = {
  recently: 'seen recently', 'this-week': 'seen this week', 'this-month': 'seen this month', 'long-ago': 'seen long ago',
} as const

/** My own status, and why it is that. */
export function ownStatusWords(me: OwnPresence, view: View): { readonly status: string; readonly reason: string } {
  const until = me.choiceExpiresAt === null ? 'until you change it' : view.until(me.choiceExpiresAt)
  switch (me.choice) {
    case 'auto': return { status: STATUS_WORDS[me.status], reason: automaticReason(me, view) }
    case 'offline': return { status: 'Appearing offline', reason: `hidden from others ${until}` }
    case 'away':
    case 'dnd': return { status: STATUS_WORDS[me.choice], reason: until }
    default: return me.choice satisfies never
  }
}

function automaticReason(me: OwnPresence, view: View): string {
  if (me.status === 'away' && me.idleSince !== null) return `idle for ${view.since(me.idleSince)}`
  return me.status === 'online' ? 'follows what you do' : 'no device in use'
}

/** What is known of somebody, how sure it is, and since when. */
export function personWords(person: UserPresence, view: View): string {
  if (person.freshness === 'unknown') return 'Not heard of yet'
  const status = person.status === 'online' && person.activeDevice !== null ? `Online on ${person.activeDevice}` : STATUS_WORDS[person.status]
  const words = [status, ...sinceWhen(person, view)].join(', ')
  return person.freshness === 'stale' ? `${words} (last known${person.asOf === null ? '' : `, ${view.ago(person.asOf)}`})` : words
}

function sinceWhen({ status, idleSince, lastSeen, lastSeenRoughly }: UserPresence, view: View): string[] {
  if (status === 'away' && idleSince !== null) return [`idle for ${view.since(idleSince)}`]
  if (status !== 'offline') return []
  if (lastSeen !== null) return [`last seen ${view.ago(lastSeen)}`]
  return lastSeenRoughly === null ? [] : [ROUGHLY[lastSeenRoughly]]
}

export function connectionWords(connection: ConnectionState, isCut: boolean): string {
  if (isCut && connection.name !== 'closed') return 'Cut off, changes wait here'
  switch (connection.name) {
    case 'local': return 'This browser only, without a relay'
    case 'offline': return 'Not connected'
    case 'connecting': return connection.attempt > 1 ? `Connecting, try ${connection.attempt}` : 'Connecting'
    case 'online': return 'Connected'
    case 'waiting': return 'The relay cannot be reached; trying again'
    case 'refused': return REFUSALS[connection.reason] ?? 'The relay refused this device'
    case 'closed': return 'Signed out'
    default: return connection satisfies never
  }
}

const REFUSALS: Partial<Record<PresenceErrorCode, string>> = {
  unauthenticated: 'The relay did not accept the sign-in',
  forbidden: 'The relay does not allow this',
  'device-removed': 'This device was removed',
  'device-conflict': 'Another browser uses this device’s name',
  'protocol-too-old': 'This page is too old for the relay: reload it',
}

export const syncWords = ({ synced, total, pending }: SyncStatus): string =>
  [`${synced} of ${counted(total, 'device')} agree${total === 1 ? 's' : ''}`, ...(pending > 0 ? [`${counted(pending, 'change')} to send`] : [])].join(', ')

export const STORAGE_WORDS: Readonly<Record<SyncStatus['storage'], string>> = {
  durable: 'kept in this browser', memory: 'in memory only, until the page is closed', degraded: 'in memory for now: the browser’s storage fails',
}
export const RELAY_WORDS: Readonly<Record<SyncStatus['relay'], string>> = {
  porchlight: 'a Porchlight relay', plain: 'a plain y-websocket server: own devices only', none: 'none',
}
