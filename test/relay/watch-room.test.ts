/** The room `watch` (J12): a visitor over a real socket, who sees and is not there. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { backstageOf } from '../../server/service/hubs.js'
import { signToken, type Grant } from '../../server/relay/sign-token.js'
import { createFeedReader } from '../../src/protocol/feed-reader.js'
import { QUERY_AWARENESS, TYPE, decodeNotice, decodePage, decodeWelcome, encodeDeviceRequest, encodeLeave, encodePageRequest, encodeWatch } from '../../src/protocol/messages.js'
import { STEP_1, UPDATE, WAIT, helloOf, openClient, syncFrame, type HostileClient } from '../support/hostile-client.js'
import { SECRET, startRelay, type TestRelay } from '../support/relay.js'

const LAPTOP = 'laptop'.padEnd(22, '-')

let relay: TestRelay
beforeAll(async () => {
  relay = await startRelay()
  relay.service.holdActive('alice', 'here')
  relay.service.join('general', { userId: 'alice' })
  await vi.waitFor(async () => { if (await relay.service.countOnlineUsers({ channelId: 'general' }) === 0) throw new Error('nobody is there yet') }, WAIT)
})
afterAll(() => relay.close())

const visit = async (grant: Partial<Grant> = {}): Promise<HostileClient> =>
  openClient(`${relay.url}/watch`, await signToken(SECRET, { userId: 'visitor', ttlMs: 60_000, watch: ['alice'], channels: ['general'], ...grant }))
function seenBy(client: HostileClient, userId: string): string | undefined {
  const reader = createFeedReader()
  const news = client.frames.filter((frame) => frame[0] === TYPE.feed).flatMap((frame) => { const read = reader.read(frame, Date.now()); return read.ok ? read.value : [] })
  return news.findLast((one) => one.userId === userId)?.told.projection.status
}

describe('a visitor', () => {
  it('is welcomed, sees whom the token allows, and is nobody', async () => {
    const visitor = await visit()
    visitor.send(helloOf(LAPTOP), encodeWatch([{ verb: 'watch', id: 'alice' }, { verb: 'watch-channel', id: 'general' }, { verb: 'watch', id: 'bob' }, { verb: 'join', id: 'general' }]))
    const [welcome] = await visitor.heard(TYPE.hello)
    expect(decodeWelcome(welcome!)).toMatchObject({ ok: true, value: { stored: new Map() } })
    await vi.waitFor(() => expect(seenBy(visitor, 'alice')).toBe('online'), WAIT)
    const notices = (await visitor.heard(TYPE.notice, 2)).map((frame) => decodeNotice(frame)).map((notice) => notice.ok && `${notice.value.code} ${notice.value.subject}`)
    expect(new Set(notices)).toEqual(new Set(['forbidden bob', 'forbidden general']))
    await relay.service.setStatus('alice', 'dnd')
    await vi.waitFor(() => expect(seenBy(visitor, 'alice')).toBe('dnd'), WAIT)
    await relay.service.setStatus('alice', 'online')
    visitor.send(encodePageRequest({ requestId: 4, channelId: 'general', statuses: ['online', 'dnd'], limit: 10, after: null }))
    await vi.waitFor(() => expect(visitor.frames.filter((frame) => frame[0] === TYPE.page).map((frame) => decodePage(frame))).toContainEqual(expect.objectContaining({ value: expect.objectContaining({ kind: 'rows', requestId: 4 }) })), WAIT)
    const { hub } = await backstageOf(relay.service)!.opening
    expect([hub.find('visitor'), hub.teller.channel('general')!.members.size]).toEqual([undefined, 1])
    visitor.close()
  })

  it.each<[what: string, frame: Uint8Array]>([
    ['a sync', syncFrame(STEP_1, Uint8Array.of(0))], ['an edit', syncFrame(UPDATE, Uint8Array.of(0, 0))], ['a query', Uint8Array.of(QUERY_AWARENESS)], ['type 99', Uint8Array.of(99)],
    ['a request of a device', encodeDeviceRequest({ requestId: 1, deviceId: LAPTOP, status: 'dnd' })], ['a goodbye', encodeLeave('gone')], ['a type that is not known yet', Uint8Array.of(120)],
  ])('[J12] who says %s is sent away with 4403', async (_, frame) => {
    const [early, late] = [await visit(), await visit()]
    early.send(frame)
    late.send(helloOf(LAPTOP), frame)
    expect([await early.code(), await late.code(), early.frames]).toEqual([4_403, 4_403, []])
  })

  it('[T10] without a good token is nobody\'s visitor', async () => {
    expect(await openClient(`${relay.url}/watch`, null).code()).toBe(4_401)
    expect(await (await visit({ ttlMs: -120_000 })).code()).toBe(4_401)
  })

  it('[J12] cannot use the room of the one whose token it is, nor the other way round', async () => {
    const visitor = openClient(`${relay.url}/user/alice`, await signToken(SECRET, { userId: 'visitor', ttlMs: 60_000 }))
    visitor.send(helloOf(LAPTOP))
    expect([await visitor.code(), visitor.frames]).toEqual([4_403, []])
  })
})
