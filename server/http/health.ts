import { isMethod, send, sendProblem, type HttpHandler } from './http-server.js'

const NEVER_KEPT = { 'Cache-Control': 'no-store' }

/** Alive: it answers. */
export const health: HttpHandler = (request, response, path) => {
  if (path !== '/healthz') return false
  if (isMethod(request, response, 'GET', 'HEAD')) send(response, 200, 'text/plain; charset=utf-8', 'ok\n', NEVER_KEPT)
  return true
}

/** Whether newcomers are better sent here or elsewhere: what a load balancer asks. */
export interface Readiness {
  /** For good. */
  drain(): void
  /** How the store's last save went; one that failed is tried again every second. */
  saved(isStored: boolean): void
  readonly answer: HttpHandler
}

export function createReadiness(): Readiness {
  let isDraining = false
  let takesWrites = true
  return {
    drain: () => { isDraining = true },
    saved: (isStored) => { takesWrites = isStored },
    answer(request, response, path) {
      if (path !== '/readyz') return false
      if (!isMethod(request, response, 'GET', 'HEAD')) return true
      const reason = isDraining ? 'The relay is draining.' : takesWrites ? null : 'The store does not take writes.'
      if (reason === null) send(response, 200, 'text/plain; charset=utf-8', 'ok\n', NEVER_KEPT)
      else sendProblem(response, 503, reason)
      return true
    },
  }
}
