import { PresenceError } from '../../src/errors.js'

/** Far above what a relay that is shut down writes at once; beyond it the disk has stopped keeping up. */
const MAXIMUM_WAITING = 100_000

export interface GroupCommit<Operation> {
  /** Resolves once `operations` are written; rejects when the write that carried them failed. */
  commit(operations: readonly Operation[]): Promise<void>
  /** Resolves once nothing waits any more. */
  settled(): Promise<void>
}

/** While one write is under way the others gather, and share the next: a sync costs the same for one as for a hundred. */
export function createGroupCommit<Operation>(write: (groups: readonly (readonly Operation[])[]) => Promise<void>): GroupCommit<Operation> {
  let waiting: Waiting<Operation>[] = []
  let running: Promise<void> | null = null

  return {
    commit(operations) {
      if (waiting.length >= MAXIMUM_WAITING) return Promise.reject(overloaded())
      return new Promise((resolve, reject) => {
        waiting.push({ operations, resolve, reject })
        running ??= writeAll()
      })
    },
    async settled() {
      await running
    },
  }

  async function writeAll() {
    // What is saved in the same turn belongs together, the first one included.
    await Promise.resolve()
    while (waiting.length > 0) {
      const group = waiting
      waiting = []
      await write(group.map(({ operations }) => operations)).then(
        () => group.forEach(({ resolve }) => resolve()),
        (error: unknown) => group.forEach(({ reject }) => reject(error)),
      )
    }
    // In the same turn as the last look: a save in between would wait for ever.
    running = null
  }
}

interface Waiting<Operation> {
  readonly operations: readonly Operation[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

const overloaded = () => new PresenceError('storage-unavailable', {
  message: `The store has ${MAXIMUM_WAITING} saves waiting for the disk.`,
  remedy: 'Give the relay a faster disk, or fewer users.',
})
