/** What a scratch document has to come to, by Yjs alone: inflated for every step, and nothing remembered but its bytes. */
import * as Y from 'yjs'
import { wins, type Register, type Registers } from '../../../src/model/registers.js'
import { WIRE } from '../../../src/protocol/limits.js'
import { missingFrom } from '../../../src/replica/missing-from.js'
import { nameOf, newDocument, readEntry, registerMap, reportInvalid, type InvalidRegister } from '../../../src/replica/register-map.js'
import type { Received } from '../../../src/replica/scratch-document.js'

export interface YjsScratchDocument {
  receive(update: Uint8Array): Received
  write(truth: Registers, now: number): Uint8Array | null
  encoded(): Uint8Array
}

export function createYjsScratchDocument(clientId: number): YjsScratchDocument {
  let encoded: Uint8Array = Y.encodeStateAsUpdate(newDocument())
  return { receive, write, encoded: () => encoded }

  function open(): Y.Doc {
    const doc = newDocument()
    Y.applyUpdate(doc, encoded)
    return doc
  }

  function receive(update: Uint8Array): Received {
    const doc = open()
    const map = registerMap(doc)
    const touched = new Set<string>()
    map.observe(({ keysChanged }) => (keysChanged as Set<string>).forEach((key) => touched.add(key)))
    try {
      Y.applyUpdate(doc, update)
    } catch {
      return { kind: 'refused', reason: 'bad' }
    }
    if (doc.store.pendingStructs || doc.store.pendingDs) return { kind: 'gap' }
    const after = Y.encodeStateAsUpdate(doc)
    if (after.length > WIRE.scratchDocumentBytes) return { kind: 'refused', reason: 'quota' }
    encoded = after
    const registers = new Map<string, Register>()
    const invalid: InvalidRegister[] = []
    for (const [key, raw] of map.entries()) {
      if (![...touched].some((each) => nameOf(each) === nameOf(key))) continue
      const entry = readEntry(key, raw)
      if (entry.ok && wins(entry.value, registers.get(nameOf(key)))) registers.set(nameOf(key), entry.value)
      else if (!entry.ok && touched.has(key)) reportInvalid(invalid, key, entry.reason)
    }
    return { kind: 'applied', registers, invalid }
  }

  function write(truth: Registers, now: number): Uint8Array | null {
    const doc = open()
    const needed = missingFrom(registerMap(doc), truth, now)
    let update: Uint8Array | null = null
    doc.on('update', (bytes: Uint8Array) => { update = bytes })
    doc.clientID = clientId
    doc.transact(() => needed.forEach((register, key) => registerMap(doc).set(key, register)))
    encoded = Y.encodeStateAsUpdate(doc)
    return update
  }
}
