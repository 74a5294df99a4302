/** `GET /v1/presence?user=…&user=…`: what others may see of some users, once, for whoever has a token and no socket. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Principal, UserId, UserPresence } from '../../src/presence-service.js'
import { STRANGERS_RATE } from '../../src/protocol/limits.js'
import type { Budget, Budgets } from '../relay/budgets.js'
import type { SignIn } from '../relay/sign-in.js'
import { isMethod, sendJson, sendProblem, type HttpHandler } from './http-server.js'
import { bearerOf, readUserIds } from './presence-query.js'

export interface PresenceEndpointOptions {
  readonly signIn: SignIn
  /** Those of the sockets, so that asking here is no second helping. */
  readonly budgets: Budgets
  /** Neither may depend on whether the user exists (VS3). */
  readonly mayWatch: (viewer: Principal, userId: UserId) => boolean | Promise<boolean>
  /** Whether they see each other in a channel anyway. */
  readonly isCompanion: (viewerId: UserId, userId: UserId) => boolean
  /** As others may see them, in the order asked. */
  readonly getStatuses: (userIds: readonly UserId[]) => Promise<readonly UserPresence[]>
  readonly now: () => number
  /** For counting; our own words. */
  readonly count: (reason: string) => void
}

/** The keys of the issuer may be there again by then. */
const KEYS_RETRY_S = 5

/** Answers `{ users, refused }`: rows of those the token may watch, and the ids of the others, both in the order asked. */
export function createPresenceEndpoint({ signIn, budgets, mayWatch, isCompanion, getStatuses, now, count }: PresenceEndpointOptions): HttpHandler {
  return async (request, response, path) => {
    if (path !== '/v1/presence') return false
    if (isMethod(request, response, 'GET', 'HEAD')) await answer(request, response)
    return true
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const token = bearerOf(request.rawHeaders)
    const viewer = await signIn(token)
    if (!viewer.ok && viewer.isTemporary) return refuse(response, 503, `Nobody can be signed in now: ${viewer.reason}.`, { 'Retry-After': KEYS_RETRY_S })
    if (!viewer.ok) {
      // RFC 6750: who showed nothing is told only what to show.
      const challenge = `Bearer realm="porchlight"${token === null ? '' : ', error="invalid_token"'}`
      return refuse(response, 401, `Send one Authorization: Bearer token; ${viewer.reason}.`, { 'WWW-Authenticate': challenge })
    }
    const { budget, release } = budgets.of(viewer.value.userId)
    try {
      await show(viewer.value, budget, request, response)
    } finally {
      release()
    }
  }

  async function show(viewer: Principal, budget: Budget, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const tooSoonMs = budget.allowance.take(['requests'], 1, now())
    if (tooSoonMs > 0) return refuseForNow(response, tooSoonMs)
    const userIds = readUserIds(request.url ?? '')
    if (!userIds.ok) return refuse(response, 400, userIds.reason)
    const companions = new Set(userIds.value.filter((userId) => isCompanion(viewer.userId, userId)))
    const strangers = userIds.value.filter((userId) => userId !== viewer.userId && !companions.has(userId))
    // Those that pass now cost nothing when all are asked for again.
    const tooMany = strangers.filter((userId) => budget.strangers.ask(userId, now()) > 0).length
    if (tooMany > 0) return refuseForNow(response, (tooMany / STRANGERS_RATE.perSecond) * 1_000)
    const isAllowed = await Promise.all(userIds.value.map(async (userId) => companions.has(userId) || mayWatch(viewer, userId)))
    const users = await getStatuses(userIds.value.filter((_, index) => isAllowed[index])).catch(() => null)
    if (!users) return refuse(response, 503, 'The store cannot be read now.')
    sendJson(response, { users, refused: userIds.value.filter((_, index) => !isAllowed[index]) })
  }

  function refuseForNow(response: ServerResponse, waitMs: number): void {
    refuse(response, 429, 'That is too much in too short a time.', { 'Retry-After': Math.ceil(waitMs / 1_000) })
  }

  function refuse(response: ServerResponse, status: number, detail: string, headers: OutgoingHttpHeaders = {}): void {
    count(`presence-${status}`)
    sendProblem(response, status, detail, headers)
  }
}
