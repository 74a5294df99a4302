import { describe, expect, it } from 'vitest'
import { createDoorkeeper, type Doorkeeper, type Visit } from '../../../server/relay/doorkeeper.js'

const NOW = 1_700_000_000_000
const HOME = '198.51.100.1'

function visit(door: Doorkeeper, address: string | null = HOME, now = NOW): Visit {
  const arrival = door.arrive(address, now)
  if (!arrival.isAllowed) throw new Error(arrival.reason)
  return arrival.visit
}
const signedIn = (door: Doorkeeper, userId: string, address: string | null = null): number | null => {
  const visitor = visit(door, address)
  const refused = visitor.signIn(userId)
  if (refused) visitor.leave()
  return refused?.code ?? null
}
const statusOf = (door: Doorkeeper, address: string | null = HOME, now = NOW): number | null => {
  const arrival = door.arrive(address, now)
  return arrival.isAllowed ? null : arrival.status
}

/** How many of those who came were let in, each gone before the next. */
function cameAndWent(door: Doorkeeper, address: string | null, count: number, now = NOW): number {
  let admitted = 0
  for (let index = 0; index < count; index++) {
    const arrival = door.arrive(address, now)
    if (!arrival.isAllowed) continue
    admitted++
    arrival.visit.leave()
  }
  return admitted
}

describe('[T22] a door', () => {
  it('lets twenty connections of a user in, and asks the next to come later; others are not concerned', () => {
    const door = createDoorkeeper()
    expect(Array.from({ length: 21 }, () => signedIn(door, 'mallory'))).toEqual([...Array.from({ length: 20 }, () => null), 4_529])
    expect(signedIn(door, 'alice')).toBeNull()
  })

  it('has a place again for a user of whom one leaves', () => {
    const door = createDoorkeeper()
    const visits = Array.from({ length: 20 }, () => visit(door, null))
    visits.forEach((one) => one.signIn('alice'))
    expect(signedIn(door, 'alice')).toBe(4_529)
    visits[7]!.leave()
    visits[7]!.leave()
    expect([signedIn(door, 'alice'), signedIn(door, 'alice')]).toEqual([null, 4_529])
  })

  it('lets a thousand in from an address', () => {
    const door = createDoorkeeper()
    expect(Array.from({ length: 999 }, (_, index) => signedIn(door, `user${index}`, HOME)).every((code) => code === null)).toBe(true)
    const other = door.arrive('198.51.100.2', NOW)
    expect(other.isAllowed).toBe(true)
    expect(signedIn(door, 'the thousandth', HOME)).toBeNull()
    const late = visit(door, HOME, NOW + 1_000)
    expect(late.signIn('one more')?.code).toBe(4_529)
  })

  it('lets fifty thousand in, and then says that it is full', () => {
    const door = createDoorkeeper()
    for (let index = 0; index < 50_000; index++) if (signedIn(door, `user${index % 49_000}`) !== null) throw new Error(`refused at ${index}`)
    expect(signedIn(door, 'one more')).toBe(1_013)
  })

  it('[T14] has fifty from an address wait for their sign-in, and no more', () => {
    const door = createDoorkeeper()
    const visits = Array.from({ length: 50 }, () => visit(door))
    expect([statusOf(door), statusOf(door, '198.51.100.2')]).toEqual([429, null])
    visits[0]!.signIn('alice')
    visits[1]!.leave()
    expect([statusOf(door), statusOf(door), statusOf(door)]).toEqual([null, null, 429])
  })

  it('[T14] has a thousand wait in all, wherever they come from', () => {
    const door = createDoorkeeper()
    for (let index = 0; index < 1_000; index++) visit(door, index % 2 === 0 ? null : `address ${index}`)
    expect([statusOf(door), statusOf(door, null)]).toEqual([503, 503])
  })

  it('lets so many in a second from an address', () => {
    const door = createDoorkeeper()
    const comeAndGo = (count: number, now: number): number => cameAndWent(door, HOME, count, now)
    expect(comeAndGo(2_000, NOW)).toBe(1_000)
    expect(comeAndGo(2_000, NOW + 1_000)).toBe(200)
    expect(statusOf(door, '198.51.100.2', NOW + 1_000)).toBeNull()
    expect(comeAndGo(2_000, NOW + 60_000)).toBe(1_000)
  })

  it('does not count by address those of nobody in particular', () => {
    const door = createDoorkeeper()
    expect([cameAndWent(door, null, 5_000), signedIn(door, 'alice', null), door.addresses()]).toEqual([5_000, null, 0])
  })

  it('[T27] forgets an address once nobody is there, and its rate is as new', () => {
    const door = createDoorkeeper()
    const visits = Array.from({ length: 3 }, () => visit(door))
    visits[0]!.signIn('alice')
    door.tidy(NOW + 60_000)
    expect(door.addresses()).toBe(1)
    visits.forEach(({ leave }) => leave())
    door.tidy(NOW + 4_999)
    expect(door.addresses()).toBe(1)
    door.tidy(NOW + 5_000)
    expect(door.addresses()).toBe(0)
  })
})
