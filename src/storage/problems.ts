import { PresenceError } from '../errors.js'

export function storageClosed(): PresenceError {
  return new PresenceError('closed', { message: 'This storage was closed.', remedy: 'Open another one.' })
}

export function storageUnavailable(name: string, cause: unknown): PresenceError {
  return new PresenceError('storage-unavailable', {
    message: `IndexedDB failed for "${name}".`,
    remedy: 'Reload, allow site data, free some space: the cause tells which.',
    subject: name,
    cause,
  })
}

export function localDataLost(key: string): PresenceError {
  return new PresenceError('local-data-lost', {
    message: `"${key}" was damaged on disk and set aside.`,
    remedy: 'Connect: the relay fills it in.',
    subject: key,
  })
}
