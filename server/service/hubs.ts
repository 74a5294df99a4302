/** How `attachRelay` finds the hub behind a Node service, which the service does not show to anyone else. */
import type { Log } from '../../src/ports.js'
import type { Hub } from '../hub/hub.js'
import type { Meter } from '../hub/meter.js'
import type { UserStore } from '../hub/user-store.js'
import type { Budgets } from '../relay/budgets.js'
import type { Revocations } from './revocations.js'

export interface Backstage {
  readonly opening: Promise<{ readonly hub: Hub; readonly store: UserStore; readonly revocations: Revocations; readonly budgets: Budgets }>
  readonly log: Log
  readonly meter: Meter
}
const backstages = new WeakMap<object, Backstage>()

export const keepBackstage = (service: object, backstage: Backstage): void => { backstages.set(service, backstage) }
export const backstageOf = (service: object): Backstage | undefined => backstages.get(service)
