import { describe, expect, it } from 'vitest'
import { createRevocations, type Credentials, type RevocableSession, type Revocations } from '../../../server/service/revocations.js'
import { REVOCATION_KEPT_MS, type UserStore } from '../../../server/hub/user-store.js'
import { createMemoryStore } from '../../../server/store/memory-store.js'
import { createManualClock } from '../../../testing/manual-clock.js'

const START = 1_700_000_000_400
/** The first whole second after it. */
const NEXT = 1_700_000_001_000
const credentials = (over: Partial<Credentials> = {}): Credentials => ({ userId: 'alice', deviceId: null, tokenId: 'token-1', issuedAt: START - 60_000, ...over })
const turns = async (): Promise<void> => { for (let turn = 0; turn < 20; turn++) await Promise.resolve() }

function setUp(store: UserStore = createMemoryStore({ now: () => START })) {
  const clock = createManualClock(START)
  const revocations = createRevocations({ clock, store, known: [] })
  return {
    clock, store, revocations,
    async revoke(what: unknown) {
      const done = revocations.revoke(what)
      done.catch(() => undefined)
      await turns()
      clock.advance(2_000)
      await done
    },
  }
}
/** A session that notes what is done to it. */
function sessionOf(revocations: Revocations, of: Credentials, saidDeviceId: string | null = null) {
  const log: string[] = []
  const session: RevocableSession = {
    review: () => { if (revocations.isRevoked(of, saidDeviceId)) log.push('closed') },
    forget: (userId) => { log.push(`forgot ${userId}`) },
  }
  return { log, stop: revocations.add(of.userId, session) }
}

describe('[T10] a revoked user', () => {
  it('is let in no more with what was issued before, from then on', async () => {
    const { revocations, revoke } = setUp()
    expect(revocations.isRevoked(credentials(), null)).toBe(false)
    const revoked = revoke({ userId: 'alice' })
    expect(revocations.isRevoked(credentials({ issuedAt: START }), null)).toBe(true)
    await revoked
    expect([START, NEXT - 1, NEXT, NEXT + 60_000].map((issuedAt) => revocations.isRevoked(credentials({ issuedAt }), null))).toEqual([true, true, false, false])
    expect(revocations.isRevoked(credentials({ userId: 'bob' }), null)).toBe(false)
  })

  it('is not let in with a token that does not say when it was issued', async () => {
    const { revocations, revoke } = setUp()
    expect(revocations.isRevoked(credentials({ issuedAt: null }), null)).toBe(false)
    await revoke({ userId: 'alice' })
    expect(revocations.isRevoked(credentials({ issuedAt: null }), null)).toBe(true)
  })

  it('loses every socket within 2 s: no sooner than a fresh token will do, issued by a clock that is a second behind', async () => {
    const { revocations, clock } = setUp()
    const [one, two, bob] = [sessionOf(revocations, credentials()), sessionOf(revocations, credentials({ tokenId: null })), sessionOf(revocations, credentials({ userId: 'bob' }))]
    const revoked = revocations.revoke({ userId: 'alice' })
    await turns()
    clock.advance(1_599)
    expect([one.log, two.log]).toEqual([[], []])
    clock.advance(1)
    await revoked
    expect([one.log, two.log, bob.log]).toEqual([['closed'], ['closed'], []])
    expect(revocations.isRevoked(credentials({ issuedAt: clock.now() - 1_000 }), null)).toBe(false)
  })
})

describe('[T10] a revoked token', () => {
  it('is refused whenever it was issued, and no other is', async () => {
    const { revocations, revoke } = setUp()
    await revoke({ tokenId: 'token-1' })
    expect([credentials(), credentials({ issuedAt: null }), credentials({ issuedAt: NEXT + 60_000 })].map((one) => revocations.isRevoked(one, null))).toEqual([true, true, true])
    expect([credentials({ tokenId: 'token-2' }), credentials({ tokenId: null })].map((one) => revocations.isRevoked(one, null))).toEqual([false, false])
  })

  it('ends its sockets at once', async () => {
    const { revocations } = setUp()
    const [one, two] = [sessionOf(revocations, credentials()), sessionOf(revocations, credentials({ tokenId: 'token-2' }))]
    await revocations.revoke({ tokenId: 'token-1' })
    expect([one.log, two.log]).toEqual([['closed'], []])
  })

  it('is not mistaken for a user or a device of that name', async () => {
    const { revocations, revoke } = setUp()
    await revoke({ tokenId: 'alice' })
    expect(revocations.isRevoked(credentials({ deviceId: 'alice' }), 'alice')).toBe(false)
  })
})

describe('[T10, DV5] a revoked device', () => {
  it('is refused by its token and by its own word, with what was issued before', async () => {
    const { revocations, revoke } = setUp()
    const [byClaim, bySaying, other] = [sessionOf(revocations, credentials({ deviceId: 'laptop' })), sessionOf(revocations, credentials(), 'laptop'), sessionOf(revocations, credentials(), 'phone')]
    await revoke({ deviceId: 'laptop' })
    expect([byClaim.log, bySaying.log, other.log]).toEqual([['closed'], ['closed'], []])
    expect([revocations.isRevoked(credentials({ issuedAt: NEXT }), 'laptop'), revocations.isRevoked(credentials({ issuedAt: null }), 'laptop')]).toEqual([false, true])
  })
})

describe('[T8] a revoked watch', () => {
  it('is ended on every socket of the watcher, at once, and on nobody else\'s', async () => {
    const { revocations } = setUp()
    const [one, two, alice] = ['bob', 'bob', 'alice'].map((userId) => sessionOf(revocations, credentials({ userId })))
    await revocations.revoke({ watch: { userId: 'alice', by: 'bob' } })
    expect([one!.log, two!.log, alice!.log]).toEqual([['forgot alice'], ['forgot alice'], []])
  })

  it('is not told to a socket that is gone', async () => {
    const { revocations } = setUp()
    const { log, stop } = sessionOf(revocations, credentials({ userId: 'bob' }))
    stop()
    await revocations.revoke({ watch: { userId: 'alice', by: 'bob' } })
    expect(log).toEqual([])
  })
})

describe('a revocation', () => {
  it('is on disk, and holds after a restart', async () => {
    const store = createMemoryStore({ now: () => START })
    const { revoke } = setUp(store)
    await revoke({ userId: 'alice', deviceId: 'laptop', tokenId: 'token-9' })
    const later = createRevocations({ clock: createManualClock(NEXT), store, known: await store.revocations() })
    expect([credentials({ tokenId: null }), credentials({ userId: 'bob', deviceId: 'laptop' }), credentials({ userId: 'bob', tokenId: 'token-9' })].map((one) => later.isRevoked(one, null))).toEqual([true, true, true])
  })

  it('that cannot be stored rejects, and holds here all the same', async () => {
    const store = { ...createMemoryStore({ now: () => START }), revoke: async () => { throw new Error('the disk is full') } }
    const { revocations, revoke } = setUp(store)
    const { log } = sessionOf(revocations, credentials())
    await expect(revoke({ userId: 'alice' })).rejects.toMatchObject({ code: 'storage-unavailable' })
    expect([revocations.isRevoked(credentials(), null), log]).toEqual([true, ['closed']])
  })

  it('is forgotten once no token can be as old', async () => {
    const { revocations, revoke, clock } = setUp()
    await revoke({ userId: 'alice' })
    clock.advance(REVOCATION_KEPT_MS + 2_000)
    await revoke({ userId: 'bob' })
    expect(revocations.isRevoked(credentials(), null)).toBe(false)
  })

  it.each<[what: string, argument: unknown, subject: string]>([
    ['nothing', undefined, 'what'], ['no object', 'alice', 'options'], ['an empty object', {}, 'what'], ['undefined', { userId: undefined }, 'what'],
    ['an unknown name', { user: 'alice' }, 'user'], ['an empty id', { userId: '' }, 'userId'], ['an id that is a number', { deviceId: 7 }, 'deviceId'],
    ['a token id with a line break', { tokenId: 'a\nb' }, 'tokenId'], ['half a watch', { watch: { userId: 'alice' } }, 'userId'], ['the other half', { watch: { by: 'alice' } }, 'userId'],
    ['a watch that is a text', { watch: 'alice' }, 'options'], ['one that is right and one that is wrong', { userId: 'alice', tokenId: '' }, 'tokenId'],
  ])('of %s is refused, and nothing happens', async (_, argument, subject) => {
    const { revocations, store } = setUp()
    await expect(revocations.revoke(argument)).rejects.toMatchObject({ code: 'invalid-argument', subject })
    expect([revocations.isRevoked(credentials(), null), await store.revocations()]).toEqual([false, []])
  })
})
