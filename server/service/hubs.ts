/** How `attachRelay` finds the hub behind a Node service, which the service does not show to anyone else. */
import type { Log } from '../../src/ports.js'
import type { Hub } from '../hub/hub.js'

export interface Backstage {
  readonly hub: Promise<Hub>
  /** Greater at every start (LV6). */
  readonly relayNumber: Promise<number>
  readonly log: Log
}
const backstages = new WeakMap<object, Backstage>()

export const keepBackstage = (service: object, backstage: Backstage): void => { backstages.set(service, backstage) }
export const backstageOf = (service: object): Backstage | undefined => backstages.get(service)
