import type { Argument } from './model/arguments.js'
import type { PresenceErrorCode, PresenceErrorLike } from './presence-service.js'

export interface PresenceErrorDetails {
  /** The fact, in one sentence. */
  readonly message: string
  /** What to do about it, in one sentence. */
  readonly remedy: string
  /** The user, channel or option concerned. */
  readonly subject?: string
  readonly cause?: unknown
}

/** The one error Porchlight throws, rejects with and emits. */
export class PresenceError extends Error implements PresenceErrorLike {
  readonly code: PresenceErrorCode
  readonly remedy: string
  readonly subject: string | null

  constructor(code: PresenceErrorCode, { message, remedy, subject, cause }: PresenceErrorDetails) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'PresenceError'
    this.code = code
    this.remedy = remedy
    this.subject = subject ?? null
  }
}

export const serviceClosed = (): PresenceError => new PresenceError('closed', { message: 'The service is closed.', remedy: 'Create a new one.' })

/** What a listener, or anything else that is not ours, threw. */
export const asPresenceError = (cause: unknown): PresenceError => cause instanceof PresenceError ? cause
  : new PresenceError('invalid-argument', { message: 'A listener threw.', remedy: 'See its cause.', cause })

/** The value of a checked argument; throws `invalid-argument` where it was refused. */
export function checked<T>(argument: Argument<T>): T {
  if (argument.ok) return argument.value
  throw new PresenceError('invalid-argument', { message: argument.reason, remedy: argument.remedy, subject: argument.subject })
}
