import { describe, expect, it } from 'vitest'
import { isAllowedOrigin, parseAllowedOrigin } from '../../../server/relay/origin.js'

const HOST = 'presence.example.com'
const listed = ['https://app.example.com', 'https://app.example.com:8443', 'app://desktop']

describe('with an allow-list', () => {
  it.each(listed)('%s passes', (origin) => {
    expect(isAllowedOrigin(origin, HOST, listed)).toBe(true)
  })
  it.each([
    'https://app.example.com.evil', 'https://app.example.com.evil.com', 'https://evil-app.example.com', 'https://x.app.example.com', 'https://example.com',
    'http://app.example.com', 'https://app.example.com:443', 'https://app.example.com:8444', 'https://app.example.com.', 'https://app.example.com/',
    'HTTPS://APP.EXAMPLE.COM', 'https://App.example.com', 'null', '', 'file://', 'app://other', 'https://app.example.com, https://evil.example',
    'https://user@app.example.com', 'https://аpp.example.com', `https://${HOST}`, 'http://localhost:5173',
  ])('[T9] [W14] %j is refused', (origin) => {
    expect(isAllowedOrigin(origin, HOST, listed)).toBe(false)
  })
  it('[W14] no origin passes: its bearer token decides', () => {
    expect(isAllowedOrigin(undefined, HOST, listed)).toBe(true)
  })
  it('[T9] nobody in particular is refused, listed or not', () => {
    expect(isAllowedOrigin('null', HOST, ['null'])).toBe(false)
    expect(isAllowedOrigin('file://', HOST, ['file://'])).toBe(false)
  })
  it('[T9] that is empty every page is refused', () => {
    expect(isAllowedOrigin(`https://${HOST}`, HOST, [])).toBe(false)
  })
})

describe('without an allow-list', () => {
  it.each([
    ['http://presence.example.com:8787', 'presence.example.com:8787'],
    ['https://presence.example.com', 'presence.example.com'],
    ['http://localhost:8787', 'localhost:8787'],
    ['http://localhost:5173', '127.0.0.1:8787'],
    ['http://127.0.0.1:5173', 'localhost:8787'],
    ['http://[::1]:5173', '[::1]:8787'],
    ['https://localhost', 'localhost'],
  ])('%s passes at %s', (origin, host) => {
    expect(isAllowedOrigin(origin, host, undefined)).toBe(true)
  })
  it.each([
    ['https://evil.example', 'presence.example.com'],
    ['https://evil.example', 'localhost:8787'],
    ['http://presence.example.com:8788', 'presence.example.com:8787'],
    ['http://localhost:5173', 'presence.example.com'],
    ['http://localhost.evil.example', 'localhost:8787'],
    ['http://127.0.0.1.evil.example', 'localhost:8787'],
    ['http://localhost@evil.example', 'localhost:8787'],
    ['http://localhost:x', 'localhost:8787'],
    ['ftp://localhost', 'localhost'],
    ['null', 'localhost:8787'],
    ['http://undefined', undefined],
  ])('[T9] %s is refused at %s', (origin, host) => {
    expect(isAllowedOrigin(origin, host, undefined)).toBe(false)
  })
})

describe('an entry of an allow-list', () => {
  it.each(['https://app.example.com', 'http://localhost:5173', 'app://desktop', 'capacitor://localhost', 'https://xn--bcher-kva.example'])('may be %s', (origin) => {
    expect(parseAllowedOrigin(origin)).toEqual({ ok: true, value: origin })
  })
  it.each([
    'null', 'file://', 'file:///x', '*', '', 'https://*.example.com', 'https://app.example.com/', 'https://app.example.com/path', 'https://App.example.com', 'app.example.com',
    'https://app.example.com:443', 'https://bücher.example', 'https://user@app.example.com', 'https://', 'https://a b',
  ])('may not be %j', (origin) => {
    expect(parseAllowedOrigin(origin)).toMatchObject({ ok: false, reason: expect.any(String) })
  })
})
