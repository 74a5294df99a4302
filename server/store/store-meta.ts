import { PresenceError } from '../../src/errors.js'
import { isWriterId } from '../../src/model/hybrid-clock.js'
import { isObject } from '../../src/model/json.js'
import type { LevelDatabase } from './level-database.js'
import { seal, unseal } from './stored-values.js'
import { newWriterId } from './writer-id.js'

const META_KEY = 'meta'
/** Of what lies on the disk. A later one may not be read as if it were this one. */
const FORMAT = 1

/** At least the time, so that it grows on where the last one can no longer be read. */
export async function drawMeta(database: LevelDatabase, path: string, now: () => number): Promise<{ relayNumber: number; writerId: string }> {
  const stored = await database.read((level) => level.get(META_KEY))
  const meta = stored === undefined ? undefined : unseal(META_KEY, stored)
  const { format, relayNumber: last, writerId: kept } = meta?.ok && isObject(meta.value) ? meta.value : {} as Readonly<Record<string, unknown>>
  if (typeof format === 'number' && format > FORMAT) throw tooNew(path)
  const relayNumber = Math.max(typeof last === 'number' ? last + 1 : 0, Math.floor(now()))
  const writerId = isWriterId(kept) ? kept : newWriterId()
  await database.write(() => [{ type: 'put', key: META_KEY, value: seal(META_KEY, { format: FORMAT, relayNumber, writerId }) }])
  return { relayNumber, writerId }
}

const tooNew = (path: string) => new PresenceError('storage-unavailable', {
  subject: path,
  message: `The store "${path}" was written by a newer version of Porchlight.`,
  remedy: 'Run that version or a later one, or give this one a folder of its own.',
})
