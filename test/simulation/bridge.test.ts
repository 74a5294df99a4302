import { createDecoder, readVarUint } from 'lib0/decoding'
import { createEncoder, toUint8Array, writeVarUint } from 'lib0/encoding'
import * as sync from 'y-protocols/sync'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { createBridge, type Bridge } from '../../server/relay/bridge.js'
import { clampRegisters } from '../../src/model/clamp-stamps.js'
import { greatestStamp, digestOf, mergeRegisters, wins, type Register, type Registers } from '../../src/model/registers.js'
import { nextStamp, shiftStamp, type Stamp } from '../../src/model/hybrid-clock.js'
import { keyOf, newDocument, readRegisterMap, registerMap } from '../../src/replica/register-map.js'
import { mergeReplicas, openUserDocument, type UserDocument } from '../../src/replica/user-document.js'
import type { JsonValue } from '../../src/presence-service.js'

/** Seeds that once failed; they stay. */
const PINNED = [58, 64, 184, 741, 807, 1561]
/** `SEED=n` replays one; `SEEDS=n` runs more than the usual. */
const SEEDS = process.env['SEED'] ? [Number(process.env['SEED'])]
  : [...PINNED, ...Array.from({ length: Number(process.env['SEEDS'] ?? 200) }, (_, index) => 10_001 + index)]
const STEPS = 120

describe('the bridge between documents and the truth', () => {
  it.each(SEEDS)('[CS1] [ST1] the latest edit wins on every device, and all agree (SEED=%i)', (seed) => {
    const world = createWorld(seed)
    for (let step = 0; step < STEPS; step++) world.step()
    world.settle()
    world.check()
  })
})

const NAMES = ['status', 'custom', 'mood']
const START = 1_800_000_000_000
type Random = () => number

interface Device {
  act(): void
  settle(): boolean
  winners(): Registers[]
}

function createWorld(seed: number) {
  const random = mulberry32(seed)
  const chance = (share: number): boolean => random() < share
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  let now = START
  let edits = 0
  /** A value may come again: people toggle. */
  const isToggling = chance(0.5)
  /** The latest edit of every writer, with the stamp it has by now. */
  const ledger = new Map<string, Register>()
  const timers = new Set<{ at: number; callback: () => void }>()
  let truth: Registers = new Map()
  const bridges = new Set<Bridge>()
  const links: Link[] = []
  const devices: Device[] = Array.from({ length: 2 + Math.floor(random() * 4) }, () => chance(0.6) ? createOurs() : createStock())

  return { step, settle, check }

  function step(): void {
    pass(chance(0.05) ? 6_000 : random() * 300)
    if (chance(0.5)) deliverSomething()
    else pick(devices).act()
  }

  function settle(): void {
    for (let round = 0; round < 400; round++) {
      let isQuiet = true
      for (const device of devices) if (!device.settle()) isQuiet = false
      while (deliverSomething()) isQuiet = false
      if (timers.size > 0) isQuiet = false
      pass(1_000)
      if (isQuiet) return
    }
    throw new Error('it never comes to rest')
  }

  function check(): void {
    for (const name of NAMES) {
      let expected: Register | undefined
      for (const [key, register] of ledger) if (key.startsWith(`${name}/`) && wins(register, expected)) expected = register
      expect(truth.get(name)?.value, `the truth of ${name}`).toEqual(expected?.value)
      // Who toggles writes the same again with another stamp, which no merge can tell from a corrected one.
      if (!isToggling) expect(truth.get(name), `the truth of ${name}`).toEqual(expected)
    }
    for (const device of devices) {
      for (const winners of device.winners()) {
        expect(Object.fromEntries(winners)).toEqual(Object.fromEntries(truth))
        expect(digestOf(winners, now)).toBe(digestOf(truth, now))
      }
    }
  }

  function pass(ms: number): void {
    now += Math.floor(ms)
    for (const timer of timers) if (timer.at <= now && timers.delete(timer)) timer.callback()
  }

  function merge(registers: Registers): void {
    const clamped = clampRegisters(registers, truth, now)
    for (const [name, register] of clamped) restamped(name, registers.get(name)!, register.at)
    const { merged, changed } = mergeRegisters(truth, clamped)
    truth = merged
    if (changed.length > 0) for (const bridge of [...bridges]) bridge.push()
  }

  function restamped(name: string, before: Register, at: Stamp): void {
    const key = keyOf(name, before)
    if (ledger.get(key)?.at.join() === before.at.join()) ledger.set(key, { at, value: before.value })
  }

  function newValue(name: string): JsonValue {
    const number = isToggling ? Math.floor(random() * 2) : edits++
    if (name === 'status') return { choice: 'dnd', expiresAt: number }
    return name === 'custom' ? { text: `edit ${number}`, emoji: null, expiresAt: null } : number
  }

  function deliverSomething(): boolean {
    const ready = links.filter((link) => link.queue.length > 0)
    if (ready.length === 0) return false
    const link = pick(ready)
    const frame = link.queue.shift()!
    link.receive(frame)
    if (chance(0.05) && frame instanceof Uint8Array) link.receive(frame)
    return true
  }

  /** The relay's end: what a session does with its frames. */
  function connect(receive: (frame: Frame) => void): Connection {
    let bridge: Bridge | undefined
    const down: Link = { queue: [], receive }
    const up: Link = {
      queue: [],
      receive(frame) {
        if (!(frame instanceof Uint8Array)) down.queue.push({ relayTime: now })
        bridge ??= open(frame instanceof Uint8Array ? null : (frame as { digest: string }).digest)
        if (frame instanceof Uint8Array) expect(bridge.receiveSync(frame)).toBeUndefined()
      },
    }
    links.push(up, down)
    return {
      send: (frame) => up.queue.push(frame),
      close() {
        for (const link of [up, down]) links.splice(links.indexOf(link), 1)
        bridge?.close()
        if (bridge) bridges.delete(bridge)
      },
    }
    function open(digest: string | null): Bridge {
      const opened = createBridge({
        truth: () => truth,
        merge,
        send: (frame) => down.queue.push(frame),
        notice: (name, reason) => expect.fail(`${name}: ${reason}`),
        dropped: () => {},
        now: () => now,
        after(ms, callback) {
          const timer = { at: now + ms, callback }
          timers.add(timer)
          return () => timers.delete(timer)
        },
      }, { clientId: Math.floor(random() * 2 ** 32), digest })
      bridges.add(opened)
      return opened
    }
  }

  /** Tabs of one profile over one stored replica. */
  function createOurs(): Device {
    const writerId = newWriterId(random)
    let skewMs = pick([0, 0, 700, -40_000, 50_000, 600_000, -600_000])
    const offsetMs = skewMs
    /** What was written before the clock's offset was known, as long as a page may still come upon it. */
    const uncorrected = new Set<string>()
    let stored: Uint8Array | undefined
    const tabs: Tab[] = []
    openTab()
    return {
      act() {
        const roll = random()
        if (tabs.length === 0) return openTab()
        const tab = pick(tabs)
        if (roll < 0.3) tab.work.push(edit)
        else if (roll < 0.6) runSomeWork(tab)
        else if (roll < 0.75) toggleConnection(tab)
        else if (roll < 0.82) reload(tab)
        else if (roll < 0.86) tab.work.push(rebase)
        else if (roll < 0.93) tab.work.push(absorb)
        else if (tabs.length < 3) openTab()
        else closeTab(tab)
      },
      settle() {
        let isQuiet = true
        if (tabs.length === 0) openTab()
        for (const tab of [...tabs]) {
          if (tab.work.length > 0) isQuiet = false
          while (tab.work.length > 0) tab.work.shift()!(tab)
        }
        if (!tabs.some((tab) => tab.connection)) {
          toggleConnection(tabs[0]!)
          isQuiet = false
        }
        return isQuiet
      },
      winners: () => [...tabs.map((tab) => tab.document), openUserDocument(stored, { writerId })].map((document) => document.registers(now)),
    }

    function openTab(): void {
      const tab: Tab = { document: undefined as never, connection: undefined, isWelcome: false, work: [] }
      load(tab)
      tabs.push(tab)
    }
    function load(tab: Tab): void {
      tab.connection?.close()
      tab.connection = undefined
      tab.document?.close()
      tab.document = openUserDocument(stored, { writerId })
      tab.document.onChange((_names, isFromRelay) => { if (isFromRelay) tab.work.push(store) })
      tab.document.doc.on('update', (update: Uint8Array, origin: unknown) => {
        if (origin !== tab.connection && tab.isWelcome) tab.connection?.send(syncFrame((writer) => sync.writeUpdate(writer, update)))
      })
    }
    function closeTab(tab: Tab): void {
      tab.connection?.close()
      tab.document.close()
      tabs.splice(tabs.indexOf(tab), 1)
    }
    function reload(tab: Tab): void {
      tab.work.length = 0
      load(tab)
    }
    function runSomeWork(tab: Tab): void {
      tab.work.shift()?.(tab)
    }
    function wasStored(tab: Tab): void {
      for (const each of tabs) each.work.push(absorb)
      if (chance(0.5)) absorb(tab)
    }
    function store(tab: Tab): void {
      const before = stored
      stored = mergeReplicas(stored, tab.document.encode())
      if (stored !== before) wasStored(tab)
    }
    function edit(tab: Tab): void {
      const name = pick(NAMES)
      const { bytes, written } = tab.document.edit(stored, new Map([[name, newValue(name)]]), now + skewMs)
      // A transaction that fails leaves nothing behind, and is done again.
      if (chance(0.1)) return void tab.work.push(edit)
      stored = bytes
      for (const [writtenName, register] of written) {
        ledger.set(keyOf(writtenName, register), register)
        if (skewMs !== 0) uncorrected.add(`${writtenName} ${register.at.join()}`)
      }
      wasStored(tab)
    }
    function rebase(tab: Tab): void {
      stored = tab.document.rebase(stored, now)
      for (const each of tabs) each.work.push(absorb)
      load(tab)
    }
    function absorb(tab: Tab): void {
      if (stored && tab.document.absorb(stored) === 'rebased') {
        const isConnected = tab.connection !== undefined
        load(tab)
        if (isConnected) toggleConnection(tab)
      }
    }
    function toggleConnection(tab: Tab): void {
      if (tab.connection) {
        tab.connection.close()
        tab.connection = undefined
        return
      }
      // Whoever takes the lead reads what the others have stored.
      absorb(tab)
      const connection = connect((frame) => {
        if (!(frame instanceof Uint8Array)) return correctClock(tab)
        receiveSync(tab.document.doc, frame, connection)
      })
      tab.connection = connection
      tab.isWelcome = false
      connection.send({ digest: digestOf(tab.document.registers(now), now) })
      connection.send(syncFrame((writer) => sync.writeSyncStep1(writer, tab.document.doc)))
    }
    /** TM2: what was written by a clock of unknown offset is shifted before it syncs. */
    function correctClock(tab: Tab): void {
      const connection = tab.connection
      absorb(tab)
      if (tab.connection !== connection) return
      tab.document.restamp((name, register) => {
        if (!uncorrected.has(`${name} ${register.at.join()}`)) return null
        const at = shiftStamp(register.at, -offsetMs)
        restamped(name, register, at)
        return at
      })
      skewMs = 0
      tab.isWelcome = true
      // What was written since the connection began has not been sent yet.
      connection?.send(syncFrame((writer) => sync.writeUpdate(writer, Y.encodeStateAsUpdate(tab.document.doc))))
      // A hint reaches the other tabs in milliseconds. One asleep until a re-basing has come as well would bring its old stamp back.
      store(tab)
      for (const each of [...tabs]) absorb(each)
    }
  }

  /** What anybody can build of Yjs and y-websocket. */
  function createStock(): Device {
    const writerId = newWriterId(random)
    const skewMs = pick([0, 300, -30_000, 55_000])
    let doc = open(undefined)
    let connection: Connection | undefined
    return {
      act() {
        const roll = random()
        if (roll < 0.5) edit()
        else if (roll < 0.8) toggleConnection()
        else reload()
      },
      settle() {
        if (connection) return true
        toggleConnection()
        return false
      },
      winners: () => [readRegisterMap(registerMap(doc)).winners],
    }
    function open(state: Uint8Array | undefined): Y.Doc {
      const opened = newDocument()
      if (state) Y.applyUpdate(opened, state)
      opened.on('update', (update: Uint8Array, origin: unknown) => {
        if (origin !== connection) connection?.send(syncFrame((writer) => sync.writeUpdate(writer, update)))
      })
      return opened
    }
    function edit(): void {
      const name = pick(NAMES)
      const greatest = greatestStamp(readRegisterMap(registerMap(doc)).winners)
      const register = { at: nextStamp(now + skewMs, greatest, writerId), value: newValue(name) }
      registerMap(doc).set(keyOf(name, register), register)
      ledger.set(keyOf(name, register), register)
    }
    function reload(): void {
      connection?.close()
      connection = undefined
      doc = open(Y.encodeStateAsUpdate(doc))
    }
    function toggleConnection(): void {
      if (connection) {
        connection.close()
        connection = undefined
        return
      }
      const opened: Connection = connect((frame) => { if (frame instanceof Uint8Array) receiveSync(doc, frame, opened) })
      connection = opened
      opened.send(syncFrame((writer) => sync.writeSyncStep1(writer, doc)))
    }
  }
}

type Frame = Uint8Array | { digest: string } | { relayTime: number }
interface Link {
  readonly queue: Frame[]
  receive(frame: Frame): void
}
interface Connection {
  send(frame: Frame): void
  close(): void
}
interface Tab {
  document: UserDocument
  connection: Connection | undefined
  isWelcome: boolean
  /** What awaits its turn: storage transactions and hints. */
  readonly work: ((tab: Tab) => void)[]
}

function syncFrame(write: (writer: ReturnType<typeof createEncoder>) => void): Uint8Array {
  const writer = createEncoder()
  writeVarUint(writer, 0)
  write(writer)
  return toUint8Array(writer)
}

/** As y-websocket's client does it: an answer goes out where there is one. */
function receiveSync(doc: Y.Doc, frame: Uint8Array, connection: Connection): void {
  const reader = createDecoder(frame)
  readVarUint(reader)
  const answer = syncFrame((writer) => sync.readSyncMessage(reader, writer, doc, connection))
  if (answer.length > 1) connection.send(answer)
}

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const newWriterId = (random: Random): string => Array.from({ length: 22 }, () => BASE64URL[Math.floor(random() * 64)]).join('')

function mulberry32(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
