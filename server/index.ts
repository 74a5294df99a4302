/** `porchlight/server`: the public names. */
export { createPresenceService } from './service/create-presence-service.js'
export { attachRelay } from './relay/attach-relay.js'
export { PresenceError } from '../src/errors.js'
export type * from '../src/presence-service.js'
