import type { Device } from '../presence-service.js'

/** A name to begin with; people give better ones. Pure. */
export function guessDevice(userAgent: string, touchPoints: number): { name: string; kind: Device['kind'] } {
  const browser = BROWSERS.find(([, pattern]) => pattern.test(userAgent))?.[0] ?? 'Browser'
  // An iPad says it is a Mac, and Macs have no touch screen.
  const system = /Macintosh/.test(userAgent) && touchPoints > 1 ? 'iPad' : SYSTEMS.find(([, pattern]) => pattern.test(userAgent))?.[0]
  const kind = system === 'iPad' || (system === 'Android' && !/Mobile/.test(userAgent)) ? 'tablet'
    : system === 'iPhone' || system === 'Android' ? 'phone' : system ? 'desktop' : 'other'
  return { name: system ? `${browser} on ${system}` : browser, kind }
}

const BROWSERS: readonly (readonly [string, RegExp])[] = [['Electron', /Electron\//], ['Edge', /Edg/], ['Firefox', /Firefox|FxiOS/], ['Chrome', /Chrome|CriOS/], ['Safari', /Safari/]]
const SYSTEMS: readonly (readonly [string, RegExp])[] = [
  ['iPhone', /iPhone/], ['iPad', /iPad/], ['Android', /Android/], ['ChromeOS', /CrOS/], ['Windows', /Windows/], ['macOS', /Macintosh/], ['Linux', /Linux|X11/],
]
