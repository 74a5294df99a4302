/** Drawn on a 16 × 16 grid, in the colour of the text around them; never the only carrier of a meaning. */
import type { Device, PresenceStatus } from 'porchlight'

const SVG = 'http://www.w3.org/2000/svg'
const LINES: Readonly<Record<'plane' | 'pencil' | 'cross' | 'open' | Device['kind'], string>> = {
  plane: 'M8 1.2c.7 0 1 .7 1 1.6v3.1l5.2 3.4v1.5L9 9.2v3l1.6 1.3v1.2L8 14l-2.6.7v-1.2L7 12.2v-3l-5.2 1.6V9.3L7 5.9V2.8c0-.9.3-1.6 1-1.6z',
  pencil: 'M2.5 13.5l.7-3 7.7-7.7 2.3 2.3-7.7 7.7zM9.6 4.1l2.3 2.3',
  cross: 'M4 4l8 8M12 4l-8 8',
  open: 'M6.5 3.5h-3v9h9v-3M9 2.8h4.2V7M13 3L7.5 8.5',
  laptop: 'M3.5 3.5h9v6.5h-9zM1.5 12.5h13',
  desktop: 'M2 2.8h12v7.7H2zM8 10.5v2.7M5 13.2h6',
  phone: 'M4.8 1.5h6.4v13H4.8zM7.2 12.3h1.6',
  tablet: 'M3 2h10v12H3zM7.2 11.8h1.6',
  server: 'M2.5 2.5h11v4.3h-11zM2.5 9.2h11v4.3h-11zM5 4.6h.1M5 11.4h.1',
  other: 'M8 2a6 6 0 100 12A6 6 0 008 2zM6.3 6.3a1.8 1.8 0 113 1.5c-.8.6-1.3.9-1.3 1.7M8 11.5v.1',
}

export const createIcon = (name: keyof typeof LINES): SVGSVGElement => draw(`icon icon-${name}`, path(LINES[name]))

/** A full circle, a moon, a circle with a bar, a ring: told apart without colour. */
const DOTS: Readonly<Record<PresenceStatus, string>> = {
  online: 'M8 2a6 6 0 100 12A6 6 0 008 2z',
  away: 'M7.2 2.1a6 6 0 106.6 7.6 4.8 4.8 0 01-6.6-7.6z',
  dnd: 'M8 2a6 6 0 100 12A6 6 0 008 2zM4.7 6.9h6.6v2.2H4.7z',
  offline: 'M8 2a6 6 0 100 12A6 6 0 008 2zM8 4.4a3.6 3.6 0 110 7.2 3.6 3.6 0 010-7.2z',
}

export interface Dot {
  readonly element: SVGSVGElement
  show(status: PresenceStatus): void
}

export function createDot(): Dot {
  const shape = path(DOTS.offline)
  shape.setAttribute('fill-rule', 'evenodd')
  const element = draw('dot', shape)
  return {
    element,
    show(status) {
      element.dataset['status'] = status
      shape.setAttribute('d', DOTS[status])
    },
  }
}

/** The sign above the door. */
export const createLantern = (): SVGSVGElement =>
  draw('lantern', path('M8 .8v1.7M3 5.5l5-3 5 3z', 'lantern-roof'), path('M3.9 6.7h8.2l-1.3 6.5H5.2z', 'lantern-glass'), path('M5 15h6', 'lantern-roof'))

function draw(className: string, ...shapes: SVGElement[]): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', '0 0 16 16')
  svg.setAttribute('class', className)
  svg.setAttribute('aria-hidden', 'true')
  svg.append(...shapes)
  return svg
}

function path(d: string, className = ''): SVGPathElement {
  const element = document.createElementNS(SVG, 'path')
  element.setAttribute('d', d)
  if (className !== '') element.setAttribute('class', className)
  return element
}
