/** PR10 for another device: the relay is asked, and keeps it for that device's stay. */
import { PresenceError } from '../errors.js'
import type { Clock } from '../ports.js'
import type { DeviceId, PresenceStatus } from '../presence-service.js'
import { decodeDeviceReply, encodeDeviceRequest } from '../protocol/messages.js'
import { createReplies } from './replies.js'

export interface DeviceRequests {
  /** Rejects with `offline` where no answer comes, with `invalid-argument` where the device is not connected. */
  ask(deviceId: DeviceId, status: PresenceStatus): Promise<void>
  receive(frame: Uint8Array): void
  /** The connection is gone, and every answer with it. */
  lost(): void
}

export function createDeviceRequests(time: Clock, send: (frame: Uint8Array) => void): DeviceRequests {
  const replies = createReplies<boolean>(time)
  return {
    ask, lost: replies.lost,
    receive(frame) {
      const reply = decodeDeviceReply(frame)
      if (reply.ok) replies.answer(reply.value.requestId, reply.value.isDone)
    },
  }

  async function ask(deviceId: DeviceId, status: PresenceStatus): Promise<void> {
    const isDone = await replies.ask((requestId) => send(encodeDeviceRequest({ requestId, deviceId, status })))
    if (isDone === null) throw unreachable('The connection was lost before the relay answered.')
    if (!isDone) throw new PresenceError('invalid-argument', { subject: 'deviceId', message: 'That device is not connected.', remedy: 'Pass the id of a connected device of getDevices().' })
  }
}

export const unreachable = (message: string): PresenceError => new PresenceError('offline', { message, remedy: 'Try again once connected.' })
