import { describe, expect, it } from 'vitest'
import { nobody, introduce, type FeedItem } from '../../../src/protocol/feed.js'
import { encodeFeed } from '../../support/encode-feed.js'
import { createFeedReader, type FeedReader } from '../../../src/protocol/feed-reader.js'

const NOW = 1_700_000_040_000
const alice: FeedItem = { kind: 'user', ...introduce(1, { ...nobody('alice'), status: 'online' }, NOW) }
const general: FeedItem = { kind: 'channel', channelNumber: 9, channelId: 'general' }

function read(reader: FeedReader, ...items: readonly FeedItem[]) {
  const news = reader.read(encodeFeed(items), NOW)
  return news.ok ? news.value : news.reason
}

describe('a feed reader', () => {
  it('gives numbers their names back', () => {
    const reader = createFeedReader()
    expect(read(reader, general, alice)).toMatchObject([{ userId: 'alice', told: { projection: { status: 'online' }, isUnknown: false }, joined: [], left: [], isForgotten: false }])
    expect(read(reader, { kind: 'user', number: 1, status: 'dnd', joined: [9] })).toMatchObject([{ userId: 'alice', told: { projection: { status: 'dnd' } }, joined: ['general'] }])
    expect(read(reader, { kind: 'user', number: 1, left: [9] })).toMatchObject([{ userId: 'alice', told: { projection: { status: 'dnd' } }, left: ['general'] }])
    expect(reader.channelId(9)).toBe('general')
  })

  it('lets a user be introduced and spoken of in one frame', () => {
    expect(read(createFeedReader(), general, alice, { kind: 'user', number: 1, joined: [9] })).toMatchObject([{ userId: 'alice' }, { userId: 'alice', joined: ['general'] }])
  })

  it('takes nothing from a frame that speaks of somebody who was not introduced', () => {
    const reader = createFeedReader()
    read(reader, alice)
    expect(read(reader, { kind: 'user', number: 1, status: 'dnd' }, { kind: 'user', number: 2, status: 'online' })).toBe('a user was not introduced')
    expect(read(reader, { kind: 'user', number: 2, status: 'away' }, { kind: 'user', ...introduce(2, nobody('bob'), NOW) })).toBe('a user was not introduced')
    expect(read(reader, { kind: 'user', number: 1, joined: [] })).toMatchObject([{ told: { projection: { status: 'online' } } }])
  })

  it('takes nothing from a frame that cannot be read', () => {
    const reader = createFeedReader()
    read(reader, alice)
    const frame = encodeFeed([{ kind: 'user', number: 1, status: 'dnd' }])
    expect(reader.read(Uint8Array.of(...frame, 7), NOW).ok).toBe(false)
    expect(read(reader, { kind: 'user', number: 1, joined: [] })).toMatchObject([{ told: { projection: { status: 'online' } } }])
  })

  it('leaves out a channel that was not named', () => {
    expect(read(createFeedReader(), { ...alice, joined: [9] })).toMatchObject([{ joined: [] }])
  })

  it('[LV7] keeps that somebody is unknown until a status is told', () => {
    const reader = createFeedReader()
    expect(read(reader, { ...alice, status: 'offline', isUnknown: true })).toMatchObject([{ told: { isUnknown: true } }])
    expect(read(reader, { kind: 'user', number: 1, profile: ['Alice', null] })).toMatchObject([{ told: { isUnknown: true, projection: { name: 'Alice' } } }])
    expect(read(reader, { kind: 'user', number: 1, status: 'offline' })).toMatchObject([{ told: { isUnknown: false } }])
  })

  it('begins anew where a name is told again', () => {
    const reader = createFeedReader()
    read(reader, { ...alice, profile: ['Alice', null] })
    expect(read(reader, alice)).toMatchObject([{ told: { projection: { name: null } } }])
  })
})

describe('devices', () => {
  it('of somebody who is introduced without any are none, and of an owner are those told to the owner', () => {
    const reader = createFeedReader()
    const read = (...items: FeedItem[]) => {
      const news = reader.read(encodeFeed(items), NOW)
      return news.ok ? news.value.map(({ userId, devices, isToOwner }) => [userId, devices, isToOwner]) : news.reason
    }
    expect(read({ kind: 'user', ...introduce(7, nobody('bob'), NOW) }, { kind: 'user', number: 7, status: 'dnd' })).toEqual([['bob', [], false], ['bob', undefined, false]])
    expect(read({ kind: 'user', ...introduce(1, nobody('alice'), NOW) }, { kind: 'user', number: 1, devices: [['row']] })).toEqual([['alice', undefined, true], ['alice', [['row']], true]])
  })
})
