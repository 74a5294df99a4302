/** A porch light in the browser's tab: lit while I am online. */
import type { PresenceStatus } from 'porchlight'

const GLASS: Readonly<Record<PresenceStatus, string>> = { online: '#ffc65c', away: '#a5793a', dnd: '#f0606e', offline: '#4a465c' }

export function showFavicon(status: PresenceStatus): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel=icon]')
  const href = `data:image/svg+xml,${encodeURIComponent(porchLight(GLASS[status]))}`
  if (link && link.href !== href) link.href = href
}

const porchLight = (glass: string): string => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="8" fill="#1d1a2c"/>
<path d="M16 4v3M8 12l8-5 8 5z" fill="#8d84a8" stroke="#8d84a8" stroke-width="2" stroke-linejoin="round" stroke-linecap="round"/>
<path d="M9.5 14h13l-2 11h-9z" fill="${glass}"/>
<path d="M11 27.5h10" stroke="#8d84a8" stroke-width="2.5" stroke-linecap="round"/></svg>`
