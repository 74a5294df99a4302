/** Members of a channel too large to be told whole: the relay is asked for them, page by page. */
import type { UsersQuery } from '../model/arguments.js'
import type { Clock } from '../ports.js'
import type { ChannelId, UserPresence } from '../presence-service.js'
import type { FeedNews } from '../protocol/feed-reader.js'
import { WIRE } from '../protocol/limits.js'
import { encodePageRequest } from '../protocol/messages.js'
import { unreachable } from './device-requests.js'
import { createReplies } from './replies.js'

export interface Pages {
  /** By id. Rejects with `offline` where no answer comes. */
  ask(channelId: ChannelId, query: Omit<UsersQuery, 'channelId'>): Promise<UserPresence[]>
  receive(requestId: number, rows: readonly FeedNews[]): void
  lost(): void
}

export function createPages(time: Clock, send: (frame: Uint8Array) => void): Pages {
  const replies = createReplies<UserPresence[]>(time)
  return { ask, lost: replies.lost, receive: (requestId, rows) => replies.answer(requestId, rows.map(presenceOf)) }

  async function ask(channelId: ChannelId, { statuses, limit, after }: Omit<UsersQuery, 'channelId'>): Promise<UserPresence[]> {
    const users: UserPresence[] = []
    for (;;) {
      const wanted = Math.min(limit - users.length, WIRE.pageRows)
      if (wanted <= 0) return users
      const page = await replies.ask((requestId) => send(encodePageRequest({ requestId, channelId, statuses, limit: wanted, after: users.at(-1)?.userId ?? after })))
      if (!page) throw unreachable('The relay did not answer.')
      users.push(...page)
      if (page.length < wanted) return users
    }
  }
}

const presenceOf = ({ told: { projection, isUnknown } }: FeedNews): UserPresence => ({ ...projection, freshness: isUnknown ? 'unknown' : 'live', asOf: null })
