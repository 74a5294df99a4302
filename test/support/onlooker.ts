/** What a client of ours has been told of people, read out of its frames. */
import type { Projection } from '../../src/model/project-presence.js'
import { parseDeviceRows, type DeviceRow } from '../../src/protocol/device-rows.js'
import { createFeedReader } from '../../src/protocol/feed-reader.js'
import { TYPE, typeOf } from '../../src/protocol/messages.js'
import type { HostileClient } from './hostile-client.js'

export interface Onlooker {
  readonly client: HostileClient
  /** As they were last told; undefined: never heard of. */
  seen(userId: string): Projection | undefined
  /** Of people who share them, or of oneself. */
  devicesOf(userId: string): readonly DeviceRow[]
  untilSeen(userId: string, expected: Partial<Projection>): Promise<void>
}

export function lookOn(client: HostileClient): Onlooker {
  const reader = createFeedReader()
  const people = new Map<string, Projection>()
  const devices = new Map<string, readonly DeviceRow[]>()
  let framesRead = 0
  return {
    client,
    seen(userId) {
      readOn()
      return people.get(userId)
    },
    devicesOf(userId) {
      readOn()
      return devices.get(userId) ?? []
    },
    async untilSeen(userId, expected) {
      const fields = Object.entries(expected) as [keyof Projection, unknown][]
      await client.until(() => {
        readOn()
        const person = people.get(userId)
        return person !== undefined && fields.every(([field, value]) => person[field] === value)
      }, `${userId} is seen as ${JSON.stringify(expected)}`)
    },
  }

  function readOn(): void {
    for (const frame of client.frames.slice(framesRead)) {
      const news = typeOf(frame) === TYPE.feed ? reader.read(frame, Date.now()) : null
      if (!news?.ok) continue
      for (const one of news.value) {
        people.set(one.userId, one.told.projection)
        if (one.devices !== undefined) devices.set(one.userId, parseDeviceRows(one.devices))
      }
    }
    framesRead = client.frames.length
  }
}
