import { isMethod, send, type HttpHandler } from './http-server.js'

/** Alive: it answers. */
export const health: HttpHandler = (request, response, path) => {
  if (path !== '/healthz') return false
  if (isMethod(request, response, 'GET', 'HEAD')) send(response, 200, 'text/plain; charset=utf-8', 'ok\n', { 'Cache-Control': 'no-store' })
  return true
}
