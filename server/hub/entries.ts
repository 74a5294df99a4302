/** What there is to tell of a user: all of it to those who are told the name, what changed to those who know it. */
import type { JsonValue } from '../../src/presence-service.js'
import { wholeMinutes } from '../../src/model/project-presence.js'
import { difference, encodeEntry, encodeMembers, introduce, type UserEntry } from '../../src/protocol/feed.js'
import type { Channel, HubUser, Piece, Shown } from './hub-user.js'

export const entryPiece = (entry: UserEntry, about: Piece['about']): Piece => ({ isFrame: false, bytes: encodeEntry(entry), about })

/** Everything that others were told of a user, for those who are told the name: what is new follows with the tick, for all of them alike. */
export type Introduce = (user: HubUser, now: number) => Piece

/** Remembers the last ones: when a channel fills up, or everybody comes back at once, the same people are introduced again and again. */
export function createIntroductions(): Introduce {
  const recent = new Map<HubUser, { readonly told: Shown; readonly number: number; readonly minute: number; readonly piece: Piece }>()
  return (user, now) => {
    // Ages are told in minutes: it holds for the rest of one.
    const minute = wholeMinutes(now)!
    const known = recent.get(user)
    if (known?.told === user.told && known.number === user.number && known.minute === minute) return known.piece
    const piece = entryPiece(entryOf(user, user.told, now), user)
    if (recent.size >= REMEMBERED) recent.clear()
    recent.set(user, { told: user.told, number: user.number, minute, piece })
    return piece
  }
}
const REMEMBERED = 2_000

/** Everything; a roughly shared or frozen value included. */
export function entryOf({ number }: HubUser, { projection, isUnknown, devices }: Shown, now: number): UserEntry {
  return {
    ...introduce(number, projection, now),
    ...(isUnknown ? { isUnknown } : {}),
    ...(devices === '' ? {} : { devices: JSON.parse(devices) as JsonValue }),
  }
}

/** What is different from `told`; null: nothing. */
export function changeOf({ number, shown }: HubUser, told: Shown, now: number): UserEntry | null {
  if (shown === told) return null
  const entry = difference(number, told.projection, shown.projection, now)
  const isNewlyKnown = told.isUnknown !== shown.isUnknown
  const hasNewDevices = told.devices !== shown.devices
  if (!entry && !isNewlyKnown && !hasNewDevices) return null
  return {
    ...(entry ?? { number }),
    ...(isNewlyKnown ? { status: shown.projection.status, isUnknown: shown.isUnknown } : {}),
    ...(hasNewDevices ? { devices: shown.devices === '' ? [] : JSON.parse(shown.devices) as JsonValue } : {}),
  }
}

/** Who misses who comes and goes is told the channel anew. */
export const joinedEntry = (user: HubUser, channel: Channel): Piece => entryPiece({ number: user.number, joined: [channel.number] }, channel)
/** The same for those who have to be told the name first. */
export const introducedEntry = (user: HubUser, channel: Channel, introduction: Piece): Piece =>
  ({ isFrame: false, bytes: encodeMembers([{ number: user.number, introduction: introduction.bytes }], channel.number), about: channel })
export const leftEntry = (user: HubUser, channel: Channel): Piece => entryPiece({ number: user.number, left: [channel.number] }, channel)
