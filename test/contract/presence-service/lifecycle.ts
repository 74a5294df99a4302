/** Wrong arguments, calls that are not allowed, and the end. */
import { describe, expect, it } from 'vitest'
import type { BuiltBrowserPresenceService, PresenceErrorLike } from '../../../src/presence-service.js'
import { eventually, watchUntilSeen, type Service, type Stage } from './stage.js'

type Call = (service: Service, userId: string) => unknown
/** What a call ends with, thrown or rejected, as it is to be read by a program and by a person. */
async function refusalOf(call: () => unknown): Promise<string> {
  try {
    await call()
    return 'accepted'
  } catch (error) {
    const { name, code, subject, message, remedy } = error as Partial<PresenceErrorLike>
    return name === 'PresenceError' && message && remedy ? `${code}: ${subject}` : `no PresenceError: ${String(error)}`
  }
}
/** Says to the compiler that this is wrong on purpose. */
const wrong = (value: unknown): never => value as never

const NOT_IDS: readonly (readonly [what: string, value: unknown])[] = [
  ['empty', ''], ['over 256 bytes', 'é'.repeat(129)], ['no string', 5], ['missing', undefined], ['null', null], ['a symbol', Symbol('id')], ['with a control character', 'a\nb'],
]
const TAKING_A_USER: Readonly<Record<string, (service: Service, id: never) => unknown>> = {
  getStatus: (service, id) => service.getStatus(id),
  getStatuses: (service, id) => service.getStatuses([id]),
  setStatus: (service, id) => service.setStatus(id, 'dnd'),
  setCustomStatus: (service, id) => service.setCustomStatus(id, 'text'),
  clearCustomStatus: (service, id) => service.clearCustomStatus(id),
  setPresence: (service, id) => service.setPresence(id, { status: 'dnd' }),
  setProfile: (service, id) => service.setProfile(id, { name: 'name' }),
  setPrivacy: (service, id) => service.setPrivacy(id, { devices: true }),
  recordActivity: (service, id) => service.recordActivity(id, { type: 'type' }),
  getActivity: (service, id) => service.getActivity(id),
  getDevices: (service, id) => service.getDevices(id),
  setDeviceStatus: (service, id) => service.setDeviceStatus(id, 'device', 'dnd'),
  renameDevice: (service, id) => service.renameDevice(id, 'device', 'name'),
  holdActive: (service, id) => service.holdActive(id, 'call'),
  watch: (service, id) => service.watch([id]),
  sync: (service, id) => service.sync(id),
  getSyncStatus: (service, id) => service.getSyncStatus(id),
  whenAvailable: (service, id) => service.whenAvailable(id),
  subscribeTo: (service, id) => service.subscribeTo(id, () => undefined),
}
const WRITING = ['setStatus', 'setCustomStatus', 'clearCustomStatus', 'setPresence', 'setProfile', 'setPrivacy', 'recordActivity', 'getActivity', 'getDevices',
  'setDeviceStatus', 'renameDevice', 'holdActive', 'sync', 'getSyncStatus']

const BAD_CALLS: readonly (readonly [what: string, subject: string, call: Call])[] = [
  ...Object.entries({ unknown: 'busy', empty: '', missing: undefined, null: null, 'a big integer': 5n, 'a symbol': Symbol('away'), 'a date': new Date(0), 'an object': {} })
    .map(([what, value]): [string, string, Call] => [`a status that is ${what}`, 'status', (service, id) => service.setStatus(id, wrong(value))]),
  ['an expiry that is no number', 'expiresInMs', (service, id) => service.setStatus(id, 'dnd', { expiresInMs: Number.NaN })],
  ['an endless expiry', 'expiresInMs', (service, id) => service.setStatus(id, 'dnd', { expiresInMs: Number.POSITIVE_INFINITY })],
  ['an expiry of no time', 'expiresInMs', (service, id) => service.setStatus(id, 'dnd', { expiresInMs: 0 })],
  ['an expiry in the past', 'expiresAt', (service, id) => service.setStatus(id, 'dnd', { expiresAt: 1 })],
  ['both expiries', 'expiresAt', (service, id) => service.setStatus(id, 'dnd', wrong({ expiresAt: Date.now() + 9_999, expiresInMs: 9_999 }))],
  ['an expiry of online', 'expiresAt', (service, id) => service.setStatus(id, 'online', { expiresInMs: 9_999 })],
  ['an unknown option', 'expiresinMs', (service, id) => service.setStatus(id, 'dnd', wrong({ expiresinMs: 9_999 }))],
  ['options that are none', 'options', (service, id) => service.setStatus(id, 'dnd', wrong(9_999))],
  ['a custom status over 128 graphemes', 'customStatus', (service, id) => service.setCustomStatus(id, 'x'.repeat(129))],
  ['a custom status that is no text', 'customStatus', (service, id) => service.setCustomStatus(id, wrong(5))],
  ['an emoji of two graphemes', 'emoji', (service, id) => service.setCustomStatus(id, 'text', { emoji: '🎧🎧' })],
  ['an emoji that is none', 'emoji', (service, id) => service.setCustomStatus(id, 'text', { emoji: '' })],
  ['an expiry of nothing', 'expiresAt', (service, id) => service.setCustomStatus(id, '', { expiresInMs: 9_999 })],
  ['a change with one bad part', 'status', (service, id) => service.setPresence(id, { customStatus: 'half', status: wrong('busy') })],
  ['a change with the other bad part', 'customStatus', (service, id) => service.setPresence(id, { status: 'dnd', customStatus: 'x'.repeat(129) })],
  ['a change that is none', 'change', (service, id) => service.setPresence(id, wrong(null))],
  ['an avatar that runs', 'avatarUrl', (service, id) => service.setProfile(id, { name: 'half', avatarUrl: 'javascript:alert(1)' })],
  ['a name over 64 graphemes', 'name', (service, id) => service.setProfile(id, { name: 'x'.repeat(65) })],
  ['a privacy that is none', 'lastSeen', (service, id) => service.setPrivacy(id, { devices: true, lastSeen: wrong('sometimes') })],
  ['a privacy that is no boolean', 'devices', (service, id) => service.setPrivacy(id, { devices: wrong('yes') })],
  ['an activity without a type', 'type', (service, id) => service.recordActivity(id, { type: '' })],
  ['[AC3] an activity at no time', 'timestamp', (service, id) => service.recordActivity(id, { type: 'x', timestamp: Number.NaN })],
  ['an activity in no channel', 'channelId', (service, id) => service.recordActivity(id, { type: 'x', channelId: '' })],
  ['an activity with a function', 'data', (service, id) => service.recordActivity(id, { type: 'x', data: () => 1 })],
  ['an activity with too much', 'data', (service, id) => service.recordActivity(id, { type: 'x', data: 'x'.repeat(513) })],
  ['a limit of activities that is none', 'limit', (service, id) => service.getActivity(id, { limit: Number.NaN })],
  ['a negative limit of activities', 'limit', (service, id) => service.getActivity(id, { limit: -1 })],
  ['activities since no time', 'since', (service, id) => service.getActivity(id, { since: Number.NaN })],
  ['options of activities that are none', 'options', (service, id) => service.getActivity(id, wrong(null))],
  ['no device', 'deviceId', (service, id) => service.setDeviceStatus(id, '', 'dnd')],
  ['a device status that is none', 'status', (service, id) => service.setDeviceStatus(id, 'device', wrong('busy'))],
  ['a device without a name', 'name', (service, id) => service.renameDevice(id, 'device', '')],
  ['a device name over 64 graphemes', 'name', (service, id) => service.renameDevice(id, 'device', 'x'.repeat(65))],
  ['a hold without a reason', 'reason', (service, id) => service.holdActive(id, '')],
  ['no list of users', 'userIds', (service) => service.getStatuses(wrong('alice'))],
  ['a watch of no list', 'userIds', (service) => service.watch(wrong(undefined))],
  ['no channel to join', 'channelId', (service, id) => service.join('', { userId: id })],
  ['no channel to watch', 'channelId', (service) => service.watchChannel(wrong(undefined))],
  ['no channel to subscribe to', 'channelId', (service) => service.subscribeToChannel('', () => undefined)],
  ['no channel to look into', 'channelId', (service) => service.getOnlineUsers({ channelId: '' })],
  ['a query with a status that is none', 'status', (service) => service.getOnlineUsers({ statuses: [wrong('busy')] })],
  ['statuses that are no list', 'statuses', (service) => service.getOnlineUsers({ statuses: wrong('online') })],
  ['a limit of users that is none', 'limit', (service) => service.getOnlineUsers({ limit: 1.5 })],
  ['users after nobody', 'after', (service) => service.getOnlineUsers({ after: wrong(5) })],
  ['an unknown part of a query', 'channel', (service) => service.countOnlineUsers(wrong({ channel: 'room' }))],
]

export function describeLifecycle({ world, id, writer }: Stage): void {
  describe('[O7] wrong arguments', () => {
    it.each(Object.keys(TAKING_A_USER))('%s refuses what is no user id', async (name) => {
      const service = await world().asUser(id('alice'))
      const refusals = []
      for (const [what, value] of NOT_IDS) refusals.push([what, await refusalOf(() => TAKING_A_USER[name]!(service, wrong(value)))])
      expect(refusals).toEqual(NOT_IDS.map(([what]) => [what, 'invalid-argument: userId']))
    })

    it('are refused by name, and change nothing', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await service.setPresence(alice, { status: 'away', customStatus: 'As before', emoji: '🪨' })
      await service.setProfile(alice, { name: 'Alice' })
      const all = async (): Promise<unknown> => JSON.stringify([
        await service.getStatus(alice), await service.getActivity(alice), (await service.getDevices(alice)).map((device) => ({ ...device, lastSeen: 0 })),
      ])
      await watchUntilSeen(world().observer, alice, 'away')
      const before = await all()
      const refusals = []
      for (const [what, , call] of BAD_CALLS) refusals.push([what, await refusalOf(() => call(service, alice))])
      expect(refusals).toEqual(BAD_CALLS.map(([what, subject]) => [what, `invalid-argument: ${subject}`]))
      expect(await all()).toBe(before)
    })
  })

  if (writer === 'browser') describeOwnCalls({ world, id })

  describe('the end', () => {
    it('[O5] comes once, and may be asked for again', async () => {
      const service = await world().asUser(id('alice'))
      await Promise.all([service.close(), service.close()])
      await service.close()
      await service[Symbol.asyncDispose]()
    })

    it('[O5] leaves a service that refuses every call', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      await service.close()
      const calls: Call[] = [
        ...Object.values(TAKING_A_USER).map((call): Call => (closed) => call(closed, wrong(alice))),
        (closed) => closed.getOnlineUsers(), (closed) => closed.countOnlineUsers({ channelId: 'room' }), (closed) => closed.join('room', { userId: alice }),
        (closed) => closed.watchChannel('room'), (closed) => closed.subscribeToChannel('room', () => undefined),
      ]
      const refusals = []
      for (const call of calls) refusals.push([call.toString(), await refusalOf(() => call(service, alice))])
      expect(refusals).toEqual(calls.map((call) => [call.toString(), 'closed: null']))
    })

    it('[O5] leaves stops that do nothing, and listeners that hear nothing', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      const stops = [
        service.watch([alice]), service.join(id('room'), { userId: alice }), service.watchChannel(id('room')), service.holdActive(alice, 'call'),
        service.subscribe(() => undefined), service.subscribeTo(alice, () => undefined), service.subscribeToChannel(id('room'), () => undefined),
        service.on('statusChange', () => undefined), service.once('online', () => undefined),
      ]
      await service.close()
      stops.forEach((stop) => stop())
      expect(service.getSnapshot()).toBe(service.getSnapshot())
    })

    it('[O5] ends what still waits', async () => {
      const service = await world().asUser(id('alice'))
      const ended = refusalOf(() => service.whenAvailable(id('nobody')))
      await eventually(async () => expect(await service.getDevices(id('alice'))).toHaveLength(1))
      await service.close()
      expect(await ended).toBe('closed: null')
    })
  })
}

function describeOwnCalls({ world, id }: Pick<Stage, 'world' | 'id'>): void {
  describe('in a browser', () => {
    it.each(WRITING)('%s is for oneself only', async (name) => {
      const service = await world().asUser(id('alice'))
      expect(await refusalOf(() => TAKING_A_USER[name]!(service, wrong(id('bob'))))).toBe(`forbidden: ${id('bob')}`)
    })

    it('joining is for oneself only', async () => {
      const service = await world().asUser(id('alice'))
      expect(() => service.join(id('room'), { userId: id('bob') })).toThrow(expect.objectContaining({ code: 'forbidden', subject: id('bob') }))
    })

    it('`me` is the same calls without the first argument', async () => {
      const alice = id('alice')
      const service = await world().asUser(alice)
      const { me } = service as unknown as BuiltBrowserPresenceService
      await me.setStatus('dnd', { expiresInMs: 60_000 })
      await me.setCustomStatus('Focus', { emoji: '🎧' })
      await me.setProfile({ name: 'Alice' })
      await me.setPrivacy({ devices: true })
      expect(await me.getStatus()).toMatchObject({
        userId: alice, status: 'dnd', choice: 'dnd', choiceExpiresAt: expect.any(Number), customStatus: 'Focus', emoji: '🎧', name: 'Alice',
        privacy: { lastSeen: 'exact', devices: true, activity: false }, quietHours: null,
      })
      await me.setPresence({ status: 'online', customStatus: null })
      await me.clearCustomStatus()
      expect(await me.getStatus()).toEqual(await service.getStatus(alice))
      await me.recordActivity({ type: 'message' })
      expect(await me.getActivity({ limit: 1 })).toMatchObject([{ type: 'message' }])
      const [device] = await me.getDevices()
      await me.renameDevice(device!.id, 'Mine')
      await me.setDeviceStatus(device!.id, 'away')
      expect(await me.getDevices()).toMatchObject([{ name: 'Mine', status: 'away' }])
      me.holdActive('call')()
      await me.sync()
      expect(await me.getSyncStatus()).toMatchObject({ pending: 0 })
    })
  })
}
