import { parsed, unreadable, type Parsed } from '../../src/model/json.js'

/**
 * Whether a page from `origin` may open a socket here. Without an origin it is no page, and its bearer token decides. With a list:
 * those in it, letter for letter. Without one: pages that this very host serves, and between addresses of this machine any
 * (a demo on one port, its relay on another).
 */
export function isAllowedOrigin(origin: string | undefined, host: string | undefined, allowedOrigins: readonly string[] | undefined): boolean {
  if (origin === undefined) return true
  if (isAnybodys(origin)) return false
  if (allowedOrigins) return allowedOrigins.includes(origin)
  if (host === undefined) return false
  return isOriginOf(origin, host) || (isLoopbackHost(host) && isLoopbackOrigin(origin))
}

/** True for an origin that is `http(s)://` and this very `Host`. */
export const isOriginOf = (origin: string, host: string): boolean => origin === `http://${host}` || origin === `https://${host}`

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i
/** True for a `Host` header that means this machine, whatever its port: the only ones that DNS cannot be made to lie about. */
export const isLoopbackHost = (host: string): boolean => LOOPBACK_HOST.test(host)
const isLoopbackOrigin = (origin: string): boolean => /^https?:\/\//.test(origin) && isLoopbackHost(origin.replace(/^https?:\/\//, ''))

/** Every sandboxed frame and every local file says so: nobody in particular. */
const isAnybodys = (origin: string): boolean => origin === 'null' || origin.startsWith('file:')

/** One entry of an allow-list: an origin as browsers send it, or an app's own scheme (`app://desktop`). */
export function parseAllowedOrigin(text: string): Parsed<string> {
  if (isAnybodys(text)) return unreadable('anybody can have that origin')
  if (!/^[a-z][a-z\d+.-]*:\/\/[^\s/?#@*]+$/.test(text)) return unreadable('it is not scheme://host[:port], in small letters and without a path')
  const isOfWeb = /^https?:/.test(text)
  if (isOfWeb && !(URL.canParse(text) && new URL(text).origin === text)) return unreadable('browsers write that origin in another way')
  return parsed(text)
}
