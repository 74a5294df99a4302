/** A hub on a memory store and a manual clock, with devices and viewers that tests drive; nothing of it is faked. */
import { connectDevice, type DeviceIntroduction, type DeviceLink, type DeviceReport } from '../../../server/hub/device-link.js'
import { createHub, type Hub } from '../../../server/hub/hub.js'
import { messagesOf } from '../../../server/hub/batch.js'
import { deviceRows, type HubUser, type Viewer } from '../../../server/hub/hub-user.js'
import { NO_METER } from '../../../server/hub/meter.js'
import type { UserStore } from '../../../server/hub/user-store.js'
import { createViewer } from '../../../server/hub/viewer.js'
import { createMemoryStore } from '../../../server/store/memory-store.js'
import { DEFAULT_POLICY } from '../../../src/model/arguments.js'
import { greatestStamp, type Register } from '../../../src/model/registers.js'
import { nextStamp } from '../../../src/model/hybrid-clock.js'
import type { ChannelId, JsonValue, UserId } from '../../../src/presence-service.js'
import { createFeedReader } from '../../../src/protocol/feed-reader.js'
import { encodeDeviceRows } from '../../../src/protocol/device-rows.js'
import { WIRE } from '../../../src/protocol/limits.js'
import { TYPE, decodePage, typeOf, type Page } from '../../../src/protocol/messages.js'
import { createManualClock, type ManualClock } from '../../../testing/manual-clock.js'

export const START = 1_800_000_000_000
/** A deadline of the hub is met at most this late. */
export const TICK_MS = 100
/** What one is told of a device that has just come. */
export const CAME: [atMs: number, status: string][] = [[0, 'online']]

export interface HubWorld {
  readonly clock: ManualClock
  /** Days at once, as though nothing had run meanwhile: the wheel turns ten times a second. */
  skip(ms: number): void
  /** Whatever has changed is told, as long as nobody changed too often. */
  tick(): void
  /** What waits for nothing is told: leaves, and what a viewer is told first. */
  turn(): void
  readonly hub: Hub
  readonly store: UserStore
  open(userId: UserId): Promise<HubUser>
  connect(user: HubUser, deviceId: string, about?: Partial<DeviceIntroduction & DeviceReport>): HubDeviceLink
  edit(user: HubUser, name: string, value: JsonValue): void
  look(name: string): Look
}
export interface HubDeviceLink extends DeviceLink {
  /** What is not given is as on an unlocked, visible page in use just now. */
  say(report: Partial<DeviceReport>): void
  join(channelId: ChannelId): void
  leave(channelId: ChannelId): void
}
/** Somebody who looks on, and all that reached them. */
export interface Look {
  readonly viewer: Viewer
  readonly frames: { readonly at: number; readonly frame: Uint8Array }[]
  watch(user: HubUser): void
  watchChannel(channelId: ChannelId): void
  /** As an own device of the user. */
  own(user: HubUser): void
  /** Statuses as they were told, each with the time since the start. */
  statuses(userId: UserId): [atMs: number, status: string][]
  pages(): Pick<Page, 'counts' | 'isSettled'>[]
  /** All the bytes, to be compared. */
  transcript(): string[]
}

export const deviceId = (name: string): string => name.padEnd(22, '0')

export function createHubWorld({ store = createMemoryStore({ now: () => 1 }), start = START }: { store?: UserStore; start?: number } = {}): HubWorld {
  const manual = createManualClock(start)
  let skippedMs = 0
  const clock: ManualClock = {
    now: () => manual.now() + skippedMs,
    at: (time, callback) => manual.at(time - skippedMs, callback),
    advance: manual.advance,
  }
  const hub = createHub({ clock, store, policy: DEFAULT_POLICY, log: (_, message) => { throw new Error(message) }, meter: NO_METER })
  return {
    clock, hub, store, open: (userId) => hub.open(userId), look,
    skip(ms) {
      skippedMs += ms
      manual.advance(TICK_MS)
    },
    tick: () => manual.advance(WIRE.feedTickMs),
    turn: () => manual.advance(0),
    connect(user, name, { lastInputAt = clock.now(), ...about } = {}) {
      const joined = new Set<ChannelId>()
      const link = connectDevice(hub, user, {
        deviceId: deviceId(name), kind: 'laptop', name, awayAfterMs: 300_000, offlineAfterMs: 3_600_000, digest: '', isRemembered: true, joined, lastInputAt, ...about,
      })
      const say = (report: Partial<DeviceReport>): void => link.report({ sinceInputMs: 0, locked: false, hidden: false, holds: [], override: null, digest: about.digest ?? '', ...report })
      const refreshed = (change: () => void): void => {
        change()
        hub.refresh(user)
      }
      say({ sinceInputMs: lastInputAt === null ? null : clock.now() - lastInputAt, ...about })
      return { ...link, say, join: (id) => refreshed(() => joined.add(id)), leave: (id) => refreshed(() => joined.delete(id)) }
    },
    edit(user, name, value) {
      const register: Register = { at: nextStamp(clock.now(), greatestStamp(user.registers), deviceId('writer')), value }
      hub.merge(user, new Map([[name, register]]))
    },
  }

  function look(name: string): Look {
    const frames: Look['frames'] = []
    const viewer = createViewer({
      deliver(batch) {
        for (const frame of messagesOf(batch)) frames.push({ at: clock.now() - start, frame })
        return 0
      },
      isSlow: () => false, onceDrained: () => undefined,
    })
    return {
      viewer, frames,
      watch: (user) => hub.teller.watch(viewer, user, clock.now()),
      watchChannel: (channelId) => hub.teller.openChannel(viewer, channelId, clock.now()),
      own: (user) => hub.teller.own(viewer, user, encodeDeviceRows(deviceRows(user, clock.now())), clock.now()),
      statuses(userId) {
        const reader = createFeedReader()
        const told: [number, string][] = []
        for (const { at, frame } of frames) {
          if (typeOf(frame) !== TYPE.feed) continue
          const news = reader.read(frame, start + at)
          if (!news.ok) throw new Error(news.reason)
          for (const { userId: of, told: { projection, isUnknown } } of news.value) {
            const status = isUnknown ? 'unknown' : projection.status
            if (of === userId && told.at(-1)?.[1] !== status) told.push([at, status])
          }
        }
        return told
      },
      pages: () => frames.flatMap(({ frame }) => {
        const page = typeOf(frame) === TYPE.page ? decodePage(frame) : null
        return page?.ok && page.value.kind === 'counts' && !page.value.page.isBeginning ? [{ counts: page.value.page.counts, isSettled: page.value.page.isSettled }] : []
      }),
      transcript: () => frames.map(({ at, frame }) => `${name} ${at} ${Buffer.from(frame).toString('hex')}`),
    }
  }
}

/** Whatever the store was given by now is in it. */
export const stored = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}
