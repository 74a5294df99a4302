/** Whose connection it is, as far as connections are counted by address. Pure; nobody logs or keeps what comes out of it. */
import { isIP } from 'node:net'

/**
 * The peer's address; behind a proxy on a private or loopback address, the last entry of `X-Forwarded-For`, which is the one that this proxy
 * wrote. Null: nobody in particular (this very machine, or a proxy that does not say). Of IPv6 the first 64 bits, which is what one
 * customer gets.
 */
export function clientAddress(remoteAddress: string | undefined, forwardedFor: string | readonly string[] | undefined): string | null {
  const peer = parseAddress(remoteAddress)
  if (peer === null || !isPrivate(peer)) return peer
  const last = [forwardedFor ?? []].flat().join(',').split(',').at(-1)!.trim()
  return parseAddress(last)
}

function parseAddress(text: string | undefined): string | null {
  const version = text === undefined ? 0 : isIP(text)
  if (version === 4) return text!
  if (version !== 6) return null
  const groups = groupsOf(text!)
  return groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
    ? [groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.')
    : `${groups.slice(0, 4).map((group) => group.toString(16)).join(':')}::/64`
}

/** The eight numbers of an address that is known to be one. */
function groupsOf(address: string): number[] {
  const [left, right] = withoutDots(address.split('%', 1)[0]!).split('::', 2).map((half) => (half === '' ? [] : half.split(':').map((group) => parseInt(group, 16))))
  return right === undefined ? left! : [...left!, ...new Array<number>(8 - left!.length - right.length).fill(0), ...right]
}

/** `::ffff:1.2.3.4` as `::ffff:102:304`. */
const withoutDots = (address: string): string => address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
  const [a, b, c, d] = bytes.slice(0, 4).map(Number) as [number, number, number, number]
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
})

/** RFC 1918, RFC 4193, and what never leaves its link. Loopback of IPv6 is `0:0:0:0::/64` here, and `fc00::/7` begins with fc or fd. */
const isPrivate = (address: string): boolean =>
  /^(127|10)\.|^192\.168\.|^169\.254\.|^172\.(1[6-9]|2\d|3[01])\./.test(address) || /^(0:0:0:0|f[cd][\da-f]{2}:.*|fe[89ab][\da-f]:.*)::\/64$/.test(address)
