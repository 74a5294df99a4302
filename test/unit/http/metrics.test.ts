import { describe, expect, it } from 'vitest'
import { isFromPrivateNetwork } from '../../../server/http/metrics.js'

const from = (remoteAddress: string | undefined, headers = {}) => isFromPrivateNetwork({ socket: { remoteAddress }, headers })

describe('whoever asks for numbers', () => {
  it.each([
    '127.0.0.1', '127.8.9.1', '::1', '10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.1.7', '169.254.1.1', '100.64.0.1', '100.127.255.255',
    'fc00::1', 'fdff::1', 'fe80::1', '::ffff:10.1.2.3', '::ffff:127.0.0.1',
  ])('gets them at %s', (address) => {
    expect(from(address)).toBe(true)
  })
  it.each([
    '8.8.8.8', '9.255.255.255', '11.0.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0', '100.63.255.255', '100.128.0.0', '0.0.0.0', '2001:db8::1', 'fbff::1', 'fec0::1',
    '::', '::ffff:8.8.8.8', '', 'localhost', undefined,
  ])('does not at %s', (address) => {
    expect(from(address)).toBe(false)
  })
  it.each(['x-forwarded-for', 'forwarded', 'x-real-ip', 'via', 'cf-connecting-ip'])('does not through a proxy that says so by %s', (name) => {
    expect(from('127.0.0.1', { [name]: '10.0.0.1' })).toBe(false)
  })
})
