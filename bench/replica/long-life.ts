/** A person's document after years: how large it ever gets, and how long it takes to open. */
import type { JsonValue } from '../../src/presence-service.js'
import { deviceRegister } from '../../src/model/registers.js'
import { openUserDocument } from '../../src/replica/user-document.js'
import { judge, type Bench, type Finding } from '../finding.js'
import { CUSTOM_STATUS, choiceOf, nameOf } from '../load/people.js'
import { percentile } from '../measure/percentile.js'

const NAMES = {
  size: 'largest document in 10,000 writing sessions and 100,000 status changes',
  open: 'opening that document',
}
const SESSIONS = 10_000
const CHANGES_EACH = 10
const DEVICES = ['laptop', 'phone', 'tablet'].map((name) => name.padEnd(22, '-'))
const OPENINGS = 300
const START = 1_700_000_000_000

export const longLife: Bench = { name: 'long-life', rows: Object.values(NAMES), run }

async function run(progress: (stage: string) => void): Promise<readonly Finding[]> {
  let stored: Uint8Array | undefined
  let largest = new Uint8Array()
  let now = START
  let rebased = 0
  for (let session = 0; session < SESSIONS; session++) {
    if (session % 1_000 === 0) progress(`session ${session} of ${SESSIONS}`)
    const writerId = DEVICES[session % DEVICES.length]!
    let document = openUserDocument(stored, { writerId })
    if (document.needsRebase(now)) {
      rebased++
      stored = document.rebase(stored, now)
      document.close()
      document = openUserDocument(stored, { writerId })
    }
    if (session < DEVICES.length) write(new Map<string, JsonValue>([
      [deviceRegister(writerId), { name: 'My device' }], ['profile', { name: nameOf(0), avatarUrl: 'https://example.com/ada.png' }], ['custom', { ...CUSTOM_STATUS, expiresAt: null }],
    ]))
    for (let change = 0; change < CHANGES_EACH; change++) write(new Map([['status', { choice: choiceOf(change), expiresAt: null }]]))
    if (stored!.length > largest.length) largest = Uint8Array.from(stored!)
    document.close()

    function write(edits: ReadonlyMap<string, JsonValue>): void {
      stored = document.edit(stored, edits, now += 60_000).bytes
      document.absorb(stored)
    }
  }
  const took = openings(largest)
  const how = `In this process, by replica/user-document alone: ${DEVICES.length} devices take turns on one document, ${CHANGES_EACH} changes a session, each session a new Yjs client; it was re-based ${rebased} times. Without re-basing 10,000 sessions of one write each make 287 KB.`
  return [
    judge({ name: NAMES.size, value: largest.length / 1_024, unit: 'KB', atMost: 16, beside: `at the end ${(stored!.length / 1_024).toFixed(1)} KB`, how }),
    judge({
      name: NAMES.open, value: percentile(took, 0.5), unit: 'ms', atMost: 5, beside: `p99 ${percentile(took, 0.99).toFixed(1)} ms`,
      how: `The largest of them, opened ${OPENINGS} times; the median. ${how}`,
    }),
  ]
}

function openings(bytes: Uint8Array): number[] {
  return Array.from({ length: OPENINGS }, () => {
    const beganAt = performance.now()
    const document = openUserDocument(bytes, { writerId: DEVICES[0]! })
    document.registers(START)
    const tookMs = performance.now() - beganAt
    document.close()
    return tookMs
  })
}
