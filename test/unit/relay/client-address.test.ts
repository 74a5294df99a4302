import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientAddress } from '../../../server/relay/client-address.js'

describe('[T22] a client\'s address', () => {
  it.each<[what: string, peer: string | undefined, forwardedFor: string | string[] | undefined, address: string | null]>([
    ['is its peer\'s', '203.0.113.7', undefined, '203.0.113.7'],
    ['is its peer\'s, as IPv6 writes it', '::ffff:203.0.113.7', undefined, '203.0.113.7'],
    ['is its peer\'s, as IPv6 writes it without dots', '::ffff:cb00:7107', undefined, '203.0.113.7'],
    ['is its peer\'s, whatever that says of others', '203.0.113.7', '198.51.100.1', '203.0.113.7'],
    ['is a network of IPv6', '2001:db8:1:2:3:4:5:6', undefined, '2001:db8:1:2::/64'],
    ['is a network of IPv6, written short', '2001:DB8::6', undefined, '2001:db8:0:0::/64'],
    ['is what a proxy on this machine says', '127.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['is what a proxy on this machine says last', '::1', '10.0.0.1, 198.51.100.1', '198.51.100.1'],
    ['is what a proxy says last, in several headers', '::ffff:10.1.2.3', ['203.0.113.9', '203.0.113.8,198.51.100.1'], '198.51.100.1'],
    ['is what a proxy in a private network says', '172.31.255.255', ' 2001:db8:1:2:3::4 ', '2001:db8:1:2::/64'],
    ['is what a proxy in a private network of IPv6 says', 'fd00:1::1', '198.51.100.1', '198.51.100.1'],
    ['is what a proxy on this very link says', 'fe80::1%eth0', '198.51.100.1', '198.51.100.1'],
    ['is nobody\'s on this machine', '127.0.0.1', undefined, null],
    ['is nobody\'s behind a proxy that says nothing', '10.0.0.1', undefined, null],
    ['is nobody\'s behind one that says nonsense', '10.0.0.1', 'unknown', null],
    ['is nobody\'s behind one that names a port', '10.0.0.1', '198.51.100.1:1234', null],
    ['is nobody\'s behind one that ends with a comma', '10.0.0.1', '198.51.100.1,', null],
    ['is nobody\'s without a peer', undefined, '198.51.100.1', null],
    ['is not private just beside those networks', '172.32.0.1', '198.51.100.1', '172.32.0.1'],
    ['is not private just before those networks', '172.15.255.255', '198.51.100.1', '172.15.255.255'],
    ['is not private for beginning like one', '100.127.0.1', '198.51.100.1', '100.127.0.1'],
  ])('%s', (_, peer, forwardedFor, address) => {
    expect(clientAddress(peer, forwardedFor)).toBe(address)
  })

  it('is never thrown at, whatever is said', () => {
    fc.assert(fc.property(fc.option(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), { nil: undefined }), fc.option(fc.string(), { nil: undefined }), (peer, said) => {
      const address = clientAddress(peer, said)
      expect(address === null || /^[\da-f.:/]+$/.test(address)).toBe(true)
    }))
  })

  it('is one for all addresses of a customer\'s IPv6', () => {
    fc.assert(fc.property(fc.array(fc.nat(0xffff), { minLength: 4, maxLength: 4 }), (tail) => {
      expect(clientAddress(`2001:db8:7:8:${tail.map((group) => group.toString(16)).join(':')}`, undefined)).toBe('2001:db8:7:8::/64')
    }))
  })
})
