/** `porchlight`: the public names. */
export { createPresenceService } from './service/index.js'
export { PresenceError } from './errors.js'
export type * from './presence-service.js'
