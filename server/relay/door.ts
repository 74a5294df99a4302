/** Whether a request may become a socket, by its headers and by who else is here. Nobody has signed in yet. */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../src/ports.js'
import type { Stop } from '../../src/presence-service.js'
import { RELAY } from '../../src/protocol/limits.js'
import { clientAddress } from './client-address.js'
import { createDoorkeeper, type Visit } from './doorkeeper.js'
import { isAllowedOrigin } from './origin.js'
import type { Room } from './room-path.js'

export interface Door {
  knock(request: IncomingMessage, room: Room | null): Knock
  isOpen(): boolean
  /** From now on nobody is let in. */
  close(): void
  stop: Stop
}
export type Knock = { readonly isOpen: true; readonly room: Room; readonly visit: Visit } | { readonly isOpen: false; readonly status: number }

export interface DoorOptions {
  readonly allowedOrigins: readonly string[] | undefined
  readonly clock: Clock
  readonly count: (what: string) => void
}

/** How long an address is remembered after its last connection, about. */
const TIDY_MS = 5_000

export function createDoor({ allowedOrigins, clock, count }: DoorOptions): Door {
  const doorkeeper = createDoorkeeper()
  let isClosed = false
  let stopTidying = tidyLater()
  return { knock, isOpen: () => !isClosed, close: () => { isClosed = true }, stop: () => stopTidying() }

  function knock({ rawHeaders, headers, httpVersion, socket }: IncomingMessage, room: Room | null): Knock {
    if (!room) return refused(404)
    // RFC 6455, section 4.1: HTTP/1.1 or higher.
    if (httpVersion === '1.0') return refused(400)
    if (rawHeaders.length > 2 * RELAY.requestHeaders) return refused(431)
    if (isClosed) return refused(503)
    if (!isAllowedOrigin(headers.origin, headers.host, allowedOrigins)) return refused(403)
    const arrival = doorkeeper.arrive(clientAddress(socket.remoteAddress, headers['x-forwarded-for']), clock.now())
    if (arrival.isAllowed) return { isOpen: true, room, visit: arrival.visit }
    count(`too-many-${arrival.reason}`)
    return refused(arrival.status)
  }

  function tidyLater(): Stop {
    return clock.at(clock.now() + TIDY_MS, () => {
      doorkeeper.tidy(clock.now())
      stopTidying = tidyLater()
    })
  }
}

const refused = (status: number): Knock => ({ isOpen: false, status })
