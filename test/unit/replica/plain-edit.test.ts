import fc from 'fast-check'
import { writeUint8Array } from 'lib0/encoding'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { gateUpdate } from '../../../server/relay/update-gate.js'
import { clampRegisters } from '../../../src/model/clamp-stamps.js'
import { mergeRegisters, type Register, type Registers } from '../../../src/model/registers.js'
import { write, writeVarUint } from '../../../src/protocol/wire.js'
import { receivePlainEdit, writePlainEdit } from '../../../src/replica/plain-edit.js'
import { newDocument, registerMap } from '../../../src/replica/register-map.js'
import { createScratchDocument } from '../../../src/replica/scratch-document.js'
import { openUserDocument } from '../../../src/replica/user-document.js'
import { createYjsScratchDocument } from './yjs-scratch-document.js'

const NOW = 1_800_000_000_000
const [ALICE, BOB, CAROL] = ['AliceAliceAliceAliceAA', 'BobBobBobBobBobBobBobB', 'CarolCarolCarolCarolCC']
const NAMES = ['status', 'custom', 'mood']
const RELAY_CLIENT_ID = 1_000
const NOTHING = Uint8Array.of(0, 0)
let counter = 0

describe('an edit that needs no Yjs', () => {
  it.each<[string, (client: Client) => unknown]>([
    ['the first under its key', (client) => client.set('mood')],
    ['one upon another', (client) => client.set('status')],
    ['one of a later session', (client) => { client.reopen(99); client.set('status') }],
    ['one of a session with the greatest Yjs client', (client) => { client.reopen(2 ** 32 - 1); client.set('status') }],
    ['one upon what another device of the same document wrote', (client) => { client.set('status', BOB); client.deliver(); client.set('status') }],
    ['one under another device\'s key', (client) => client.set('status', BOB)],
    ['one upon what the relay wrote', (client) => { client.hear({ status: register('status', CAROL) }); client.set('status', CAROL) }],
    ['one upon many', (client) => { for (let edit = 0; edit < 9; edit++) { client.set(NAMES[edit % 2]!); client.deliver() } client.set('status') }],
  ])('is %s', (_, act) => {
    const client = createClient()
    act(client)
    const update = client.take()
    const received = receivePlainEdit(client.scratch.encoded(), update)!
    expect(client.scratch.receive(update)).toEqual({ kind: 'applied', registers: new Map([[received.name, received.register]]), invalid: [] })
    expect(hex(received.encoded)).toBe(hex(client.scratch.encoded()))
  })

  it('is every one that a device of ours sends, whichever of its tabs it was made in', () => {
    const scratch = createYjsScratchDocument(RELAY_CLIENT_ID)
    const [leader, other] = [openUserDocument(undefined, { writerId: ALICE }), openUserDocument(undefined, { writerId: ALICE })]
    let stored: Uint8Array | undefined
    let sent = 0
    leader.doc.on('update', (update: Uint8Array) => {
      expect(receivePlainEdit(scratch.encoded(), update)).toBeDefined()
      scratch.receive(update)
      sent++
    })
    for (let edit = 0; edit < 12; edit++) {
      const name = NAMES[edit % 3]!
      stored = [leader, other][edit % 2]!.edit(stored, new Map([[name, register(name).value]]), NOW + edit).bytes
      for (const tab of [leader, other]) tab.absorb(stored)
    }
    expect(sent).toBe(12)
  })

  it.each<[string, (client: Client) => unknown]>([
    ['two in one update', (client) => client.doc.transact(() => { client.set('status'); client.set('mood') })],
    ['a deletion', (client) => client.map.delete(`status/${ALICE}`)],
    ['an edit of what was deleted', (client) => { client.map.delete(`status/${ALICE}`); client.deliver(); client.set('status') }],
    ['an edit beside what was deleted', (client) => { client.map.delete(`status/${ALICE}`); client.deliver(); client.reopen(99, NOTHING); client.set('status') }],
    ['an edit that builds on one that was lost', (client) => { client.set('mood'); client.take(); client.set('status') }],
    ['an edit of one that was lost', (client) => { client.set('status'); client.take(); client.reopen(99); client.set('status') }],
    ['an edit that comes again', (client) => { client.set('status'); client.repeat(client.deliver()) }],
    ['an edit that did not know of the relay\'s', (client) => { client.scratch.write(new Map([['status', register('status')]]), NOW); client.set('status') }],
    ['an edit that is new to its client only', (client) => { client.scratch.write(new Map([['mood', register('mood')]]), NOW); client.set('mood') }],
    ['an edit that does not win', (client) => { client.set('status', BOB); client.deliver(); client.set('status', ALICE, NOW - 1) }],
    ['a register stamped by another writer', (client) => client.map.set(`status/${ALICE}`, register('status', BOB))],
    ['bytes', (client) => client.map.set(`status/${ALICE}`, Uint8Array.of(1))],
  ])('is not %s', (_, act) => {
    const client = createClient()
    act(client)
    expect(receivePlainEdit(client.scratch.encoded(), client.take())).toBeUndefined()
  })

  it('is not one that deletes something else besides', () => {
    const client = createClient()
    client.set('mood')
    const update = client.take()
    const greedy = write((writer) => {
      writeUint8Array(writer, update.slice(0, -1))
      for (const number of [1, client.doc.clientID, 1, 0, 1]) writeVarUint(writer, number)
    })
    expect(gateUpdate(greedy).ok).toBe(true)
    expect(receivePlainEdit(client.scratch.encoded(), greedy)).toBeUndefined()
  })
})

describe('a scratch document, by its bytes and by Yjs', () => {
  it('[S17] is full at the same edit', () => {
    const { scratch: model, ...client } = createClient()
    const scratch = createScratchDocument(RELAY_CLIENT_ID)
    scratch.receive(model.encoded())
    for (let kind = 'applied', edit = 0; kind === 'applied'; edit++) {
      registerMap(client.doc).set(`note${edit}/${ALICE}`, { at: [NOW, edit, ALICE], value: 'n'.repeat(580) })
      const update = client.take()
      const isPlain = receivePlainEdit(scratch.encoded(), update) !== undefined
      const received = scratch.receive(update)
      expect(received).toEqual(model.receive(update))
      expect(isPlain).toBe(true)
      kind = received.kind
    }
    expect(scratch.encoded().length).toBeGreaterThan(64_000)
    expect(hex(scratch.encoded())).toBe(hex(model.encoded()))
  })

  it('[F22] [S7] [S20] comes to the same, byte for byte, whatever is sent, lost, repeated or written back', () => {
    const plain = { received: 0, written: 0 }
    const all = { received: 0, written: 0 }
    fc.assert(fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const world = createWorld((what, isPlain) => {
        all[what]++
        if (isPlain) plain[what]++
      })
      for (const each of steps) world[each.act](each)
    }), { numRuns: Number(process.env['RUNS'] ?? 120) })
    expect(plain.received / all.received).toBeGreaterThan(0.3)
    expect(plain.written / all.written).toBeGreaterThan(0.3)
  }, 60_000)
})

type Client = ReturnType<typeof createClient>

/** Somebody's document, and the relay's of their connection, after the exchange. */
function createClient() {
  const scratch = createYjsScratchDocument(RELAY_CLIENT_ID)
  const updates: Uint8Array[] = []
  const client = {
    scratch,
    doc: openDocument(2 ** 30, updates),
    get map() { return registerMap(client.doc) },
    set: (name: string, writerId = ALICE, ms = NOW) => client.map.set(`${name}/${writerId}`, register(name, writerId, ms)),
    take: () => updates.shift()!,
    deliver() {
      const update = client.take()
      scratch.receive(update)
      return update
    },
    repeat: (update: Uint8Array) => updates.unshift(update),
    hear: (truth: Record<string, Register>) => Y.applyUpdate(client.doc, scratch.write(new Map(Object.entries(truth)), NOW)!, 'relay'),
    reopen(clientId: number, state = Y.encodeStateAsUpdate(client.doc)) {
      client.doc = openDocument(clientId, updates, state)
    },
  }
  for (const name of ['status', 'custom']) {
    client.set(name)
    client.deliver()
  }
  return client
}

function openDocument(clientId: number, updates: Uint8Array[], state?: Uint8Array): Y.Doc {
  const doc = newDocument()
  if (state) Y.applyUpdate(doc, state)
  doc.clientID = clientId
  doc.on('update', (update: Uint8Array, origin: unknown) => { if (origin !== 'relay') updates.push(update) })
  return doc
}

function register(name: string, writerId = ALICE, ms = NOW, number = 0): Register {
  const at: Register['at'] = [ms, counter++, writerId]
  if (name === 'status') return { at, value: { choice: 'dnd', expiresAt: number } }
  return { at, value: name === 'custom' ? { text: `text ${number}`, emoji: null, expiresAt: null } : number }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Acts, and how often they come. */
const ACTS = {
  edit: 16, send: 24, editElsewhere: 6, hear: 4, push: 4, exchange: 1, editTwo: 1, editBadly: 1, remove: 1, forge: 1,
  lose: 1, repeat: 1, swap: 1, unite: 1, truncate: 1, rest: 1, rebase: 1, reconnect: 1, reopen: 2, pass: 2,
}
/** What an act does not need it does not read. */
const step = fc.record({
  act: fc.oneof(...Object.entries(ACTS).map(([act, weight]) => ({ weight, arbitrary: fc.constant(act as keyof typeof ACTS) }))),
  name: fc.constantFrom(...NAMES),
  writerId: fc.oneof({ weight: 4, arbitrary: fc.constant(ALICE) }, { weight: 1, arbitrary: fc.constantFrom(BOB, CAROL) }),
  number: fc.nat(2),
  aheadMs: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(-5, 59_999, 60_000, 60_001, 600_000) }),
  clientId: fc.constantFrom(1, RELAY_CLIENT_ID - 1, RELAY_CLIENT_ID + 1, 200_000, 2 ** 31, 2 ** 32 - 1),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  ms: fc.constantFrom(1, 1_000, 60_000, 600_000),
})
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** A client, its connection to a relay, and what its user's other devices tell that relay. */
function createWorld(count: (what: 'received' | 'written', isPlain: boolean) => void): Record<keyof typeof ACTS, (step: Step) => unknown> {
  let now = NOW
  let truth: Registers = new Map()
  let scratch = createScratchDocument(RELAY_CLIENT_ID)
  let model = createYjsScratchDocument(RELAY_CLIENT_ID)
  let isExchanged = true
  let sent: Uint8Array = NOTHING
  const [up, down]: [Uint8Array[], Uint8Array[]] = [[], []]
  let doc = openDocument(2 ** 30, up)
  const set = (name: string, value: unknown, writerId: string) => registerMap(doc).set(`${name}/${writerId}`, value)
  const registerOf = ({ name, writerId, number, aheadMs }: Step): Register => register(name, writerId, now + aheadMs, number)

  return {
    edit: (edit) => set(edit.name, registerOf(edit), edit.writerId),
    editTwo: (edit) => doc.transact(() => ['status', 'mood'].forEach((name) => set(name, registerOf({ ...edit, name }), edit.writerId))),
    editBadly: (edit) => set(edit.name, registerOf({ ...edit, writerId: `${edit.writerId.slice(1)}-` }), edit.writerId),
    remove: ({ name, writerId }) => registerMap(doc).delete(`${name}/${writerId}`),
    send: () => deliver(up.shift()),
    lose: () => up.shift(),
    repeat: () => deliver(sent),
    swap: () => up.push(...up.splice(0, 1)),
    unite: () => up.length > 1 && up.push(Y.mergeUpdates(up.splice(0))),
    truncate: ({ share }) => deliver(up[0]?.slice(0, share * up[0].length)),
    forge(edit) {
      const forged = openDocument(RELAY_CLIENT_ID, up, Y.encodeStateAsUpdate(doc))
      registerMap(forged).set(`${edit.name}/${edit.writerId}`, registerOf(edit))
    },
    exchange() {
      isExchanged = true
      deliver(Y.encodeStateAsUpdate(doc))
      writeBack()
    },
    hear: () => down.splice(0).forEach((update) => Y.applyUpdate(doc, update, 'relay')),
    rest: () => scratch.rest(),
    reopen({ clientId }) {
      // An id that is in use Yjs gives up by itself.
      doc = openDocument(doc.store.clients.has(clientId) ? 2_000 + counter++ : clientId, up, Y.encodeStateAsUpdate(doc))
    },
    /** And goes on with the very same connection, as ours would not. */
    rebase() {
      const entries = [...registerMap(doc).entries()]
      doc = openDocument(2 ** 30 + counter++, up)
      doc.transact(() => { for (const [key, value] of entries) registerMap(doc).set(key, value) })
    },
    reconnect() {
      scratch = createScratchDocument(RELAY_CLIENT_ID)
      model = createYjsScratchDocument(RELAY_CLIENT_ID)
      isExchanged = false
      for (const updates of [up, down]) updates.length = 0
    },
    editElsewhere: (edit) => merge(new Map([[edit.name, registerOf(edit)]])),
    push: () => isExchanged && writeBack(),
    pass: ({ ms }) => { now += ms },
  }

  function deliver(update: Uint8Array | undefined): void {
    if (!update || !gateUpdate(update).ok) return
    sent = update
    count('received', receivePlainEdit(scratch.encoded(), update) !== undefined)
    const received = scratch.receive(update)
    expect(received).toEqual(model.receive(update))
    expect(hex(scratch.encoded())).toBe(hex(model.encoded()))
    if (received.kind !== 'applied') return
    merge(received.registers)
    if (isExchanged) writeBack()
  }

  function merge(registers: Registers): void {
    truth = mergeRegisters(truth, clampRegisters(registers, truth, now)).merged
  }

  function writeBack(): void {
    const plain = writePlainEdit(scratch.encoded(), RELAY_CLIENT_ID, truth, now)
    const update = scratch.write(truth, now)
    const expected = model.write(truth, now)
    expect(update && hex(update)).toBe(expected && hex(expected))
    expect(hex(scratch.encoded())).toBe(hex(model.encoded()))
    if (plain) expect(hex(plain.encoded)).toBe(hex(model.encoded()))
    if (!update) return
    count('written', plain !== undefined)
    down.push(update)
  }
}
