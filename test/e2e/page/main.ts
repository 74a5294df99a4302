/** A page that uses the SDK as an app would: it starts when the page opens, by what the address says, and notes what it hears. */
import {
  createPresenceService, type BrowserPresenceOptions, type BuiltBrowserPresenceService, type PresenceEvents, type PresenceStatus, type UserId,
} from '../../../src/index.js'

export interface PageOptions {
  readonly options: BrowserPresenceOptions
  readonly watch?: readonly UserId[]
  readonly channel?: string
}
export interface Heard {
  /** By the wall clock, which the test shares. */
  readonly at: number
  /** `seen`: a new value of somebody watched, whether or not it is an event. */
  readonly event: keyof PresenceEvents | 'seen'
  readonly args: readonly unknown[]
}
export interface RosterSeen {
  readonly at: number
  readonly freshness: string
  readonly statuses: Readonly<Record<UserId, PresenceStatus>>
}

declare global {
  interface Window {
    service: BuiltBrowserPresenceService
    heard: Heard[]
    rosters: RosterSeen[]
    watch(userIds: readonly UserId[]): void
  }
}

const EVENTS = ['statusChange', 'online', 'offline', 'customStatusChange', 'deviceChange', 'connectionChange', 'error'] as const

const { options, watch, channel } = JSON.parse(decodeURIComponent(location.hash.slice(1))) as PageOptions
const service = createPresenceService(options)
window.service = service
window.heard = []
window.rosters = []
window.watch = (userIds) => {
  for (const userId of userIds) service.subscribeTo(userId, (presence) => window.heard.push({ at: Date.now(), event: 'seen', args: [userId, presence] }))
}
for (const event of EVENTS) {
  service.on(event, (...args: readonly unknown[]) => {
    window.heard.push({ at: Date.now(), event, args: args.map((arg) => (arg instanceof Error ? { code: (arg as { code?: string }).code, message: arg.message } : arg)) })
  })
}
window.watch(watch ?? [])
if (channel !== undefined) {
  service.join(channel)
  service.subscribeToChannel(channel, ({ freshness, users }) => {
    window.rosters.push({ at: Date.now(), freshness, statuses: Object.fromEntries(users.map(({ userId, status }) => [userId, status])) })
  })
}
