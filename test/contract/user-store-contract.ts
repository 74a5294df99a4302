import { afterEach, describe, expect, it } from 'vitest'
import { REVOCATION_KEPT_MS, type DepartureRecord, type Revocation, type StoredUser, type UserChanges, type UserStore } from '../../server/hub/user-store.js'
import { isWriterId } from '../../src/model/hybrid-clock.js'
import type { Register } from '../../src/model/registers.js'
import type { ActivityEvent, JsonValue } from '../../src/presence-service.js'

const LAPTOP = 'laptop0000000000000000'
const PHONE = 'phone00000000000000000'
/** Of a newer version: kept as it is. */
const NOTE = 'note'

export interface StoreMaker {
  /** Called again with the same name it is the next start on the same data, where there is any. */
  open(name: string, now: () => number): Promise<UserStore>
  /** Ends the process in the middle of whatever it does. */
  crash(name: string): Promise<void>
  /** Whether anything outlives a process. */
  readonly isDurable: boolean
}

export function describeUserStore(name: string, { open, crash, isDurable }: StoreMaker): void {
  describe(`UserStore contract: ${name}`, () => {
    const opened: UserStore[] = []
    let stores = 0
    /** Every process that starts is later than the one before. */
    let now = 1_700_000_000_000
    const openNamed = async (data: string) => {
      now++
      const store = await open(data, () => now)
      opened.push(store)
      return store
    }
    const openEmpty = () => openNamed(`store-${++stores}`)
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close()
    })

    it('knows nothing of a user nobody has saved', async () => {
      const store = await openEmpty()
      expect(await store.load('alice')).toEqual(nothing)
      expect(await idsOf(store)).toEqual([])
    })

    it('gives back all that was saved of a user', async () => {
      const store = await openEmpty()
      await store.save('alice', everything)
      expect(await store.load('alice')).toEqual(everything)
    })

    it('leaves alone what a save does not name', async () => {
      const store = await openEmpty()
      await store.save('alice', everything)
      await store.save('alice', { registers: new Map([[NOTE, register(2, null)]]) })
      await store.save('alice', { records: new Map([[PHONE, record('Phone')]]) })
      await store.save('alice', { activity: [event(LAPTOP, 2)] })
      expect(await store.load('alice')).toEqual({
        registers: new Map([...everything.registers!, [NOTE, register(2, null)]]),
        records: new Map([[LAPTOP, record('Laptop')], [PHONE, record('Phone')]]),
        frozen: { status: 'away' },
        activity: [event(LAPTOP, 1), event(LAPTOP, 2)],
      })
    })

    it('writes the register it is given, also an older one: who won is not its business', async () => {
      const store = await openEmpty()
      await store.save('alice', { registers: new Map([[NOTE, register(9, 'later')]]) })
      await store.save('alice', { registers: new Map([[NOTE, register(3, 'earlier')]]) })
      expect((await store.load('alice')).registers).toEqual(new Map([[NOTE, register(3, 'earlier')]]))
    })

    it('takes the saves of one user in the order they were called', async () => {
      const store = await openEmpty()
      await Promise.all(Array.from({ length: 50 }, (_, edit) => store.save('alice', { registers: new Map([[NOTE, register(edit, edit)]]) })))
      expect((await store.load('alice')).registers.get(NOTE)).toEqual(register(49, 49))
    })

    it('forgets a device whose record is null, and the frozen projection', async () => {
      const store = await openEmpty()
      await store.save('alice', everything)
      await store.save('alice', { records: new Map([[LAPTOP, null], [PHONE, null]]), frozen: null })
      expect(await store.load('alice')).toMatchObject({ records: new Map(), frozen: null })
    })

    it('keeps a value as deep and as odd as a register may be', async () => {
      const store = await openEmpty()
      const registers = new Map([[NOTE, register(1, [[[[[[['é😀\u0000\n']]]]]]])], ['quietHours', register(1, null)]])
      await store.save('alice', { registers })
      expect((await store.load('alice')).registers).toEqual(registers)
    })

    it('[AC1] keeps the newest 200 activity rows of a user, newest last, whoever wrote them', async () => {
      const store = await openEmpty()
      for (let seq = 1; seq <= 150; seq += 30) {
        const several = Array.from({ length: 30 }, (_, more) => seq + more)
        await Promise.all(several.map((each) => store.save('alice', { activity: [event(PHONE, each, 2 * each), event(LAPTOP, each, 2 * each + 1)] })))
      }
      const rows = (await store.load('alice')).activity
      expect(rows).toHaveLength(200)
      expect(rows.map(({ timestamp }) => timestamp)).toEqual(Array.from({ length: 200 }, (_, index) => 102 + index))
    })

    it('[AC1] has a row once, however often it is saved', async () => {
      const store = await openEmpty()
      for (let again = 0; again < 3; again++) await store.save('alice', { activity: [event(PHONE, 10), event(PHONE, 9), event(LAPTOP, 10)] })
      expect((await store.load('alice')).activity.map(({ id }) => id).sort()).toEqual([`${LAPTOP}:10`, `${PHONE}:10`, `${PHONE}:9`])
    })

    it.each([
      ['one id begins with the other', 'a', 'a/r/custom'],
      ['one id is the other, encoded', 'a/b', 'a%2Fb'],
      ['one id follows the other in the alphabet', 'a', 'a0'],
      ['one id is a name of the store', 'alice', 'u/alice'],
      ['one id has a character before the separator', 'a', 'a!'],
      ['ids beyond the Basic Multilingual Plane', '😀', '😁'],
      ['ids that are names of objects', '__proto__', 'constructor'],
      ['ids of dots', '.', '..'],
      ['ids that differ by a trailing NUL', 'a', 'a\u0000'],
    ])('keeps users apart where %s', async (_, first, second) => {
      const store = await openEmpty()
      const changes = (text: string): UserChanges => ({ registers: new Map([[NOTE, register(1, text)]]), activity: [event(text.slice(0, 8), 1)] })
      await store.save(first, changes('first'))
      expect(await store.load(second)).toMatchObject({ registers: new Map(), activity: [] })
      await store.save(second, changes('second'))
      expect(await store.load(first)).toMatchObject(changes('first'))
      expect(await store.load(second)).toMatchObject(changes('second'))
      expect((await idsOf(store)).sort()).toEqual([first, second].sort())
    })

    it('names every user once', async () => {
      const store = await openEmpty()
      const userIds = Array.from({ length: 250 }, (_, index) => `user ${index}`)
      await Promise.all(userIds.map((userId) => store.save(userId, everything)))
      expect((await idsOf(store)).sort()).toEqual(userIds.sort())
    })

    it('[LV6] has a greater number at every open', async () => {
      const numbers: number[] = []
      for (let start = 0; start < 3; start++) {
        const store = await openNamed('restarted')
        numbers.push(store.relayNumber)
        await store.close()
      }
      expect(numbers[0]).toBeLessThan(numbers[1]!)
      expect(numbers[1]).toBeLessThan(numbers[2]!)
    })

    it('writes under an id of its own, which it keeps as long as its data', async () => {
      const writerIds: string[] = []
      for (let start = 0; start < 2; start++) {
        const store = await openNamed('writing')
        writerIds.push(store.writerId)
        await store.close()
      }
      expect(writerIds.every(isWriterId)).toBe(true)
      expect(new Set(writerIds).size).toBe(isDurable ? 1 : 2)
    })

    it(isDurable ? 'has everything after a restart' : 'has nothing after a restart', async () => {
      const store = await openNamed('kept')
      await store.save('alice', everything)
      await store.close()
      expect(await (await openNamed('kept')).load('alice')).toEqual(isDurable ? everything : nothing)
    })

    it(`[SY2] has after a crash ${isDurable ? 'all that it acknowledged' : 'nothing'}`, async () => {
      const revoked = revocation('token', 'lost', now)
      // Not closed when the test is over: it has crashed.
      const crashing = await open('crashed', () => now)
      const userIds = Array.from({ length: 40 }, (_, index) => `user ${index}`)
      for (const userId of userIds.slice(0, 10)) await crashing.save(userId, everything)
      await Promise.all(userIds.slice(10).map((userId) => crashing.save(userId, everything)))
      await crashing.save('user 0', { frozen: null })
      await crashing.revoke(revoked)
      await crash('crashed')
      const store = await openNamed('crashed')
      expect((await idsOf(store)).sort()).toEqual(isDurable ? userIds.sort() : [])
      for (const userId of userIds) {
        const frozen = userId === 'user 0' ? null : everything.frozen
        expect(await store.load(userId), `of ${userId}`).toEqual(isDurable ? { ...everything, frozen } : nothing)
      }
      expect(await store.revocations()).toEqual(isDurable ? [revoked] : [])
    })

    it('has no revocations before there are any', async () => {
      expect(await (await openEmpty()).revocations()).toEqual([])
    })

    it('keeps what was revoked of each kind, the newest of each id, in whatever order they came', async () => {
      const store = await openEmpty()
      await Promise.all([
        store.revoke(revocation('token', 'a', now)),
        store.revoke(revocation('user', 'a', now - 1)),
        store.revoke(revocation('device', 'a', now - 2)),
        store.revoke(revocation('token', 'a/b', now - 3)),
      ])
      await store.revoke(revocation('user', 'a', now - 5))
      await store.revoke(revocation('device', 'a', now))
      for (let again = 0; again < 2; again++) {
        expect(sorted(await store.revocations())).toEqual(sorted([
          revocation('token', 'a', now), revocation('user', 'a', now - 1), revocation('device', 'a', now), revocation('token', 'a/b', now - 3),
        ]))
      }
    })

    it('names nobody for a revocation', async () => {
      const store = await openEmpty()
      await store.revoke(revocation('user', 'alice', now))
      expect(await idsOf(store)).toEqual([])
      expect(await store.load('alice')).toEqual(nothing)
    })

    it('drops a revocation that is older than any token it could concern', async () => {
      const store = await openEmpty()
      await store.revoke(revocation('token', 'older', now))
      await store.revoke(revocation('token', 'newer', now + 1))
      now += REVOCATION_KEPT_MS
      expect(sorted(await store.revocations())).toEqual([revocation('token', 'newer', now + 1 - REVOCATION_KEPT_MS), revocation('token', 'older', now - REVOCATION_KEPT_MS)])
      now++
      expect(await store.revocations()).toEqual([revocation('token', 'newer', now - REVOCATION_KEPT_MS)])
      now++
      expect(await store.revocations()).toEqual([])
    })

    it(isDurable ? 'has its revocations after a restart' : 'has no revocations after a restart', async () => {
      const store = await openNamed('revoking')
      const revoked = revocation('user', 'alice', now)
      await store.revoke(revoked)
      await store.close()
      expect(await (await openNamed('revoking')).revocations()).toEqual(isDurable ? [revoked] : [])
    })

    it('waits at close for saves under way, and closes twice', async () => {
      const store = await openEmpty()
      let isSaved = false
      const saving = store.save('alice', everything).then(() => { isSaved = true })
      await Promise.all([store.close(), store.close()])
      await saving
      expect(isSaved).toBe(true)
    })

    it('rejects with `closed` once it is closed', async () => {
      const store = await openEmpty()
      await store.close()
      await expect(store.load('alice')).rejects.toMatchObject({ name: 'PresenceError', code: 'closed' })
      await expect(store.save('alice', everything)).rejects.toMatchObject({ code: 'closed' })
      await expect(idsOf(store)).rejects.toMatchObject({ code: 'closed' })
      await expect(store.revocations()).rejects.toMatchObject({ code: 'closed' })
      await expect(store.revoke(revocation('token', 'a', now))).rejects.toMatchObject({ code: 'closed' })
    })
  })
}

const register = (ms: number, value: JsonValue): Register => ({ at: [ms, 0, LAPTOP], value })
const record = (name: string): DepartureRecord => ({ name, kind: 'laptop', lastSeenAt: 1_700_000_000_000.25, lastInputAt: null, digest: 'ab.cd' })
const event = (deviceId: string, seq: number, timestamp = 1_000 + seq): ActivityEvent =>
  ({ id: `${deviceId}:${seq}`, type: 'message', channelId: null, timestamp, deviceId, data: { seq } })
const revocation = (what: Revocation['what'], id: string, at: number): Revocation => ({ what, id, at })
const sorted = (revocations: readonly Revocation[]): Revocation[] => [...revocations].sort((a, b) => `${a.what} ${a.id}`.localeCompare(`${b.what} ${b.id}`))

const nothing: StoredUser = { registers: new Map(), records: new Map(), frozen: null, activity: [] }
const everything: UserChanges = {
  registers: new Map([['custom', register(1, { text: 'In a meeting', emoji: '📅', expiresAt: null })], [`device/${LAPTOP}`, register(1, { name: 'Laptop' })]]),
  records: new Map([[LAPTOP, record('Laptop')]]),
  frozen: { status: 'away' },
  activity: [event(LAPTOP, 1)],
}

async function idsOf(store: UserStore): Promise<string[]> {
  const userIds: string[] = []
  for await (const userId of store.userIds()) userIds.push(userId)
  return userIds
}
