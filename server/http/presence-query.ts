/** What a request for presence says, read as a stranger's. Pure. */
import { parseUserId } from '../../src/model/arguments.js'
import { parsed, unreadable, type Parsed } from '../../src/model/json.js'
import type { UserId } from '../../src/presence-service.js'
import { WIRE } from '../../src/protocol/limits.js'

/** Null where there is none, or not exactly one: of two, a proxy in between might have checked the other. */
export function bearerOf(rawHeaders: readonly string[]): string | null {
  const given = rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]!.toLowerCase() === 'authorization')
  return given.length === 1 ? /^Bearer +([^\s,]+)$/i.exec(given[0]!)?.[1] ?? null : null
}

/** `?user=alice&user=bob`, as a form writes it (a space may be `+`); each as often and in the order it is there. */
export function readUserIds(url: string): Parsed<readonly UserId[]> {
  const at = url.indexOf('?')
  const pairs = at < 0 ? [] : url.slice(at + 1).split('&').filter((pair) => pair !== '')
  if (pairs.length === 0) return unreadable('Name whom you ask for: ?user=alice&user=bob')
  if (pairs.length > WIRE.watchedUsers) return unreadable(`Ask for at most ${WIRE.watchedUsers} users at once.`)
  const userIds: UserId[] = []
  for (const pair of pairs) {
    if (!pair.startsWith('user=')) return unreadable('Only user=… is understood here.')
    const userId = parseUserId(decoded(pair.slice('user='.length)))
    if (!userId.ok) return unreadable(`${userId.reason} ${userId.remedy}`)
    userIds.push(userId.value)
  }
  return parsed(userIds)
}

/** Undefined where it is no UTF-8 in percent signs. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
