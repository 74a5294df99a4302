import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  nextActivity, nextRestatementAt, openedActivity, reportOf, restatementIntervalMs, type ActivityNews, type ActivityState, type Told,
} from '../../../src/activity/activity-state.js'
import { derivePresence, isInUse, type DeviceFacts } from '../../../src/model/derive-presence.js'
import { near, NOW } from '../model/arbitraries.js'

const POLICY = { heartbeatIntervalMs: 30_000, awayAfterMs: 300_000, offlineAfterMs: 3_600_000 }
const opened = openedActivity(false, NOW)
const openedHidden = openedActivity(true, NOW)
const input = (sinceInputMs = 0): ActivityNews => ({ type: 'input', sinceInputMs })
const resume = (missedMs = 0): ActivityNews => ({ type: 'resume', missedMs })
const after = (state: ActivityState, now: number, ...news: readonly ActivityNews[]): ActivityState =>
  news.reduce((before, each) => nextActivity(before, each, now), state)

describe('what counts as input', () => {
  const LATER = NOW + 60_000
  it.each<[name: string, state: ActivityState, news: readonly ActivityNews[], lastInputAt: number | null]>([
    ['[PR5] opening a page', opened, [], NOW],
    ['[PR5] not a page opened hidden', openedHidden, [], null],
    ['[PR5] showing a page', openedHidden, [{ type: 'visible' }], LATER],
    ['[PR5] not a page that was never hidden', opened, [{ type: 'visible' }], NOW],
    ['[PR5] not hiding one', opened, [{ type: 'hidden' }], NOW],
    ['[PR5] hiding and showing', opened, [{ type: 'hidden' }, { type: 'visible' }], LATER],
    ['[PR5] not waking', opened, [{ type: 'suspend' }, resume()], NOW],
    ['[PR5] not resuming', opened, [{ type: 'hidden' }, resume()], NOW],
    ['[PR5] not resuming before any input', openedHidden, [resume(5_000)], null],
    ['[PR5] what the clock slept through has passed', opened, [{ type: 'suspend' }, resume(5_000)], NOW - 5_000],
    ['[PR5] also where nobody said that it would sleep', opened, [resume(5_000)], NOW - 5_000],
    ['[PR5] a clock that missed less than nothing missed nothing', opened, [resume(-5_000)], NOW],
    ['[PR5] not unlocking', opened, [{ type: 'locked' }, { type: 'unlocked' }], NOW],
    ['[PR5] input', opened, [input()], LATER],
    ['[PR5] input a while ago, in another tab', opened, [input(20_000)], NOW + 40_000],
    ['[PR5] not input older than what is known', opened, [input(60_001)], NOW],
    ['[PR5] not input in the future', opened, [input(-5_000)], LATER],
  ])('%s', (_, state, news, lastInputAt) => {
    expect(after(state, LATER, ...news).lastInputAt).toBe(lastInputAt)
  })
  it.each<[name: string, state: ActivityState, news: ActivityNews]>([
    ['an older input', opened, input(5)],
    ['an input at the same time', opened, input(0)],
    ['slept before any input', openedHidden, resume(5_000)],
    ['shown again', opened, { type: 'visible' }],
    ['hidden again', openedHidden, { type: 'hidden' }],
    ['unlocked again', opened, { type: 'unlocked' }],
    ['locked again', after(opened, NOW, { type: 'locked' }), { type: 'locked' }],
    ['suspended again', after(opened, NOW, { type: 'suspend' }), { type: 'suspend' }],
    ['resumed without having slept', opened, resume()],
    ['a stop that was called before', opened, { type: 'release', reason: 'call' }],
  ])('[PR5] keeps its object: %s', (_, state, news) => {
    expect(nextActivity(state, news, NOW)).toBe(state)
  })
})

describe('holds', () => {
  const hold = (reason: string): ActivityNews => ({ type: 'hold', reason })
  const release = (reason: string): ActivityNews => ({ type: 'release', reason })
  it.each<[name: string, news: readonly ActivityNews[], holds: readonly string[]]>([
    ['[PR11] keep a device in use', [hold('call')], ['call']],
    ['[PR11] until the stop', [hold('call'), release('call')], []],
    ['[PR11] each until its own stop', [hold('call'), hold('film'), release('call')], ['film']],
    ['[PR11] two for one reason each until its own, and told once', [hold('call'), hold('call'), hold('call'), release('call')], ['call']],
    ['[PR11] outlive a lock', [hold('call'), { type: 'locked' }], ['call']],
    ['[PR11] are not told while suspended', [hold('call'), { type: 'suspend' }], []],
    ['[PR11] are told again after it', [hold('call'), { type: 'suspend' }, resume()], ['call']],
  ])('%s', (_, news, holds) => {
    expect(reportOf(after(opened, NOW, ...news), NOW).holds).toEqual(holds)
  })
})

describe('what the relay is told', () => {
  it.each<[name: string, news: readonly ActivityNews[], expected: object]>([
    ['[TM1] a duration, not a time', [], { sinceInputMs: 12_000, locked: false, hidden: false, holds: [] }],
    ['[PR5] locked', [{ type: 'locked' }], { locked: true }],
    ['[PR5] unlocked', [{ type: 'locked' }, { type: 'unlocked' }], { locked: false }],
    ['[PR5] a suspended device is as good as locked', [{ type: 'suspend' }], { locked: true }],
    ['[PR5] and unlocked when it wakes', [{ type: 'suspend' }, resume()], { locked: false }],
    ['[PR5] shown again', [{ type: 'hidden' }, { type: 'visible' }], { hidden: false }],
    ['[PR5] hidden', [{ type: 'hidden' }], { hidden: true, sinceInputMs: 12_000 }],
  ])('%s', (_, news, expected) => {
    expect(reportOf(after(opened, NOW, ...news), NOW + 12_000)).toMatchObject(expected)
  })
  it('[TM1] never, while there was no input', () => expect(reportOf(openedHidden, NOW).sinceInputMs).toBeNull())
})

describe('when the relay is told', () => {
  const told = (state: ActivityState, at = NOW): Told => ({ at, state })
  const locked = after(opened, NOW, { type: 'locked' })

  it.each<[name: string, heartbeatIntervalMs: number, awayAfterMs: number, expected: number]>([
    ['[PR12] every heartbeatIntervalMs', 30_000, 300_000, 30_000],
    ['[PR12] or a third of awayAfterMs', 30_000, 60_000, 20_000],
    ['[PR12] the same at the boundary', 30_000, 90_000, 30_000],
    ['[PR12] whichever is less', 30_000, 89_999, 29_999],
  ])('%s', (_, heartbeatIntervalMs, awayAfterMs, expected) => {
    expect(restatementIntervalMs({ ...POLICY, heartbeatIntervalMs, awayAfterMs })).toBe(expected)
  })

  it.each<[name: string, state: ActivityState, told: Told, expected: number | null]>([
    ['[PR12] an interval after the last time, while in use', opened, told(opened), NOW + 30_000],
    ['[PR12] with or without a newer input', after(opened, NOW + 9, input()), told(opened), NOW + 30_000],
    ['[PR12] as long as it will be in use then', opened, told(opened, NOW + 269_999), NOW + 299_999],
    ['[PR12] silent otherwise', opened, told(opened, NOW + 270_000), null],
    ['[PR12] silent before any input', openedHidden, told(openedHidden), null],
    ['[PR12] silent while locked', locked, told(locked), null],
    ['[PR12] silent while locked, input or not', after(locked, NOW + 5, input()), told(locked), null],
    ['[PR12] goes on while held', after(opened, NOW, { type: 'hold', reason: 'film' }), told(after(opened, NOW, { type: 'hold', reason: 'film' }), NOW + 900_000), NOW + 930_000],
    ['[PR5] at once when locked', locked, told(opened), NOW],
    ['[PR5] at once when unlocked', opened, told(locked), NOW],
    ['[PR5] at once when suspended', after(opened, NOW, { type: 'suspend' }), told(opened), NOW],
    ['[PR5] at once when hidden', after(opened, NOW, { type: 'hidden' }), told(opened), NOW],
    ['[PR11] at once when held', after(opened, NOW, { type: 'hold', reason: 'film' }), told(opened), NOW],
    ['[PR11] at once when no longer held', opened, told(after(opened, NOW, { type: 'hold', reason: 'film' })), NOW],
    ['[PR6] at once at the first input after idling', after(opened, NOW + 400_000, input()), told(opened, NOW + 270_001), NOW + 270_001],
    ['[PR6] at once at the first input ever', after(openedHidden, NOW + 5, input()), told(openedHidden), NOW],
    ['[PR12] at once where the input told before runs out too early', after(opened, NOW + 280_000, input()), told(opened, NOW + 270_000), NOW + 270_000],
    ['[PR12] not where it lasts', after(opened, NOW + 270_000, input()), told(opened, NOW + 269_999), NOW + 299_999],
  ])('%s', (_, state, before, expected) => {
    expect(nextRestatementAt(state, before, POLICY)).toBe(expected)
  })

  type Step = { readonly afterMs: number; readonly news: ActivityNews }
  const steps: fc.Arbitrary<readonly Step[]> = fc.array(fc.record({
    afterMs: fc.oneof(near(20_000, 30_000, 60_000, 300_000).map((ms) => ms), fc.nat(40_000)),
    news: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(0, 0, 0, 19_999, 60_000).map(input) },
      { weight: 3, arbitrary: fc.constantFrom<ActivityNews>({ type: 'visible' }, { type: 'hidden' }, { type: 'locked' }, { type: 'unlocked' }, { type: 'suspend' }, resume()) },
      { weight: 1, arbitrary: fc.constantFrom<ActivityNews>({ type: 'hold', reason: 'call' }, { type: 'release', reason: 'call' }) },
    ),
  }), { maxLength: 25 })
  const policies = fc.constantFrom(POLICY, { ...POLICY, awayAfterMs: 60_000 }, { ...POLICY, awayAfterMs: 20_000 })

  it('[PR12, LV4] the relay, timing by what it was told, always agrees with the device on whether it is in use', () => fc.assert(fc.property(steps, policies, (sequence, policy) => {
    const factsOf = ({ lastInputAt, locked, suspended, holds }: Pick<ActivityState, 'lastInputAt' | 'locked' | 'suspended' | 'holds'>): DeviceFacts =>
      ({ ...policy, deviceId: 'a', connected: true, override: null, lastInputAt, locked, suspended, holds })
    let state = opened
    let last = told(state)
    let now = NOW
    let frames = 0
    const heard = (): DeviceFacts => {
      const { sinceInputMs, locked, holds } = reportOf(last.state, last.at)
      return factsOf({ lastInputAt: sinceInputMs === null ? null : last.at - sinceInputMs, locked, suspended: false, holds })
    }
    const tell = (time: number): void => {
      last = { at: time, state }
      frames++
    }
    const agree = (time: number): void => expect(isInUse(heard(), time)).toBe(isInUse(factsOf(state), time))
    const runTo = (end: number): void => {
      for (let at = nextRestatementAt(state, last, policy); at !== null && at <= end; at = nextRestatementAt(state, last, policy)) {
        const time = Math.max(at, now)
        agree(time - 1 < now ? time : time - 1)
        tell(time)
      }
      const deadline = derivePresence({ choice: { choice: 'auto', expiresAt: null }, devices: [factsOf(state)] }, now).validUntil
      for (const time of [deadline, end].filter((each) => each !== null && each >= now && each <= end)) agree(time!)
      now = end
    }
    for (const { afterMs, news } of sequence) {
      runTo(now + afterMs)
      state = nextActivity(state, news, now)
      // A signal is acted upon within the same moment.
      const at = nextRestatementAt(state, last, policy)
      if (at !== null && at <= now) tell(now)
      agree(now)
    }
    const elapsedMs = now - NOW
    expect(frames).toBeLessThanOrEqual(2 * sequence.length + elapsedMs / restatementIntervalMs(policy) + 1)
  }), { numRuns: 150 }))
})
