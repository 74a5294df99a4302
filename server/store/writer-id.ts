import { randomBytes } from 'node:crypto'

/** As the ids of devices: 16 random bytes as base64url. */
export const newWriterId = (): string => randomBytes(16).toString('base64url')
