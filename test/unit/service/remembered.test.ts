import { expect, it } from 'vitest'
import type { UserPresence } from '../../../src/presence-service.js'
import { nobody } from '../../../src/protocol/feed.js'
import { createRemembered } from '../../../src/service/remembered.js'

const NOW = 1_800_000_000_000
const live = (userId: string): UserPresence => ({ ...nobody(userId), status: 'online', freshness: 'live', asOf: null })

it('[LV5] keeps what was live as stale, as of then, and what was stale as of when it was', () => {
  const remembered = createRemembered()
  remembered.keep(live('alice'), NOW)
  expect(remembered.get('alice')).toMatchObject({ status: 'online', freshness: 'stale', asOf: NOW })
  remembered.keep(remembered.get('alice')!, NOW + 9)
  expect(remembered.get('alice')).toMatchObject({ asOf: NOW })
})

it('keeps nothing of somebody who was never heard of', () => {
  const remembered = createRemembered()
  remembered.keep({ ...nobody('alice'), freshness: 'unknown', asOf: null }, NOW)
  expect(remembered.get('alice')).toBeUndefined()
})

it('keeps a thousand, the longest kept going first', () => {
  const remembered = createRemembered()
  for (let index = 0; index < 1_000; index++) remembered.keep(live(`user-${index}`), NOW)
  remembered.keep(live('user-0'), NOW + 1)
  remembered.keep(live('one-more'), NOW + 2)
  expect(remembered.get('user-1')).toBeUndefined()
  expect(remembered.get('user-0')).toBeDefined()
  expect(remembered.get('one-more')).toBeDefined()
})
