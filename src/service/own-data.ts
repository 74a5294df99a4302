/** What this device holds of its own person: the document in storage, shared with other tabs, and the notes beside it. */
import type { Stamp } from '../model/hybrid-clock.js'
import type { Register, Registers } from '../model/registers.js'
import type { Random, Storage, TabChannel } from '../ports.js'
import type { ActivityEvent, DeviceId, JsonValue, Stop } from '../presence-service.js'
import type { ActivityDetails } from '../model/arguments.js'
import { mergeReplicas, openUserDocument, type UserDocument } from '../replica/user-document.js'
import {
  encodeActivity, encodeContact, encodeDeviceId, parseActivityRows, parseContact, parseDeviceNote, type ContactNote,
} from './stored-notes.js'

export interface OwnData {
  /** Another one once `storageIsBack` found the one kept on disk. */
  readonly deviceId: DeviceId
  /** As it was when this page opened. */
  readonly contact: ContactNote
  document(): UserDocument
  registers(): Registers
  /** SY1: resolves once the values are in storage. */
  edit(values: ReadonlyMap<string, JsonValue>): Promise<void>
  /** Another tab stored something, or may have. */
  readAgain(): Promise<void>
  /** Gives this device's own registers another stamp where `shift` returns one (TM2). */
  restamp(shift: (name: string, register: Register) => Stamp | null): void
  /** A document that has grown for long is written afresh. */
  rebaseIfNeeded(): Promise<void>
  rebase(): Promise<void>
  /** What was slow or denied when the page opened can be read now. */
  storageIsBack(): Promise<void>
  keepContact(note: ContactNote): void
  addActivity(details: ActivityDetails): Promise<ActivityEvent>
  activity(): Promise<readonly ActivityEvent[]>
  onChange(listener: () => void): Stop
  /** The document was replaced: whatever syncs it has to start anew. */
  onReplaced(listener: () => void): Stop
  /** Another tab had all of this deleted. */
  isForgotten(): Promise<boolean>
  /** What is under way is written first. */
  close(options: { readonly forget: boolean }): Promise<void>
}

export interface OwnDataOptions {
  readonly storage: Storage
  readonly random: Random
  readonly tabs: TabChannel | null
  /** Relay time, once a relay has been met. */
  readonly now: () => number
}

const DOCUMENT = 'document'
const DEVICE = 'device'
const CONTACT = 'contact'
const ACTIVITY = 'activity'

export async function openOwnData({ storage, random, tabs, now }: OwnDataOptions): Promise<OwnData> {
  // Drawn once: storage that is away at first runs the change again when it is back, and the id is in use by then.
  const fresh = encodeDeviceId(newId(random))
  const [deviceNote, stored, contactNote] = await Promise.all([
    // Two tabs that open at once agree on the id that was stored first.
    storage.update(DEVICE, (note) => (parseDeviceNote(note) ? note! : fresh)),
    storage.read(DOCUMENT), storage.read(CONTACT),
  ])
  let deviceId = parseDeviceNote(deviceNote)!
  const changeListeners = new Set<() => void>()
  const replacedListeners = new Set<() => void>()
  let document = open(stored)
  /** Reading validates every entry: once per change, not once per look. */
  let registers: Registers | null = null
  let isClosed = false
  let persisting: Promise<void> | null = null
  return {
    get deviceId() { return deviceId },
    contact: parseContact(contactNote), storageIsBack,
    document: () => document, registers: () => registers ??= document.registers(now()),
    edit, readAgain, rebase, keepContact, addActivity, close,
    isForgotten: async () => parseDeviceNote(await storage.read(DEVICE)) !== deviceId,
    restamp(shift) {
      document.restamp(shift)
      persist()
    },
    rebaseIfNeeded: async () => { if (document.needsRebase(now())) await rebase() },
    activity: async () => parseActivityRows(await storage.read(ACTIVITY)),
    onChange: (listener) => add(changeListeners, listener),
    onReplaced: (listener) => add(replacedListeners, listener),
  }

  function open(bytes: Uint8Array | undefined): UserDocument {
    const opened = openUserDocument(bytes, { writerId: deviceId })
    opened.onChange((_, isFromRelay) => {
      registers = null
      if (isFromRelay) persist()
      changeListeners.forEach((listener) => listener())
    })
    return opened
  }

  async function edit(values: ReadonlyMap<string, JsonValue>): Promise<void> {
    const at = now()
    let edited: Uint8Array | null = null
    // Storage may run this again, and later: the edit keeps the stamps it was given first.
    const bytes = await storage.update(DOCUMENT, (found) => {
      if (edited) return mergeReplicas(found, edited)
      edited = document.edit(found, values, at).bytes
      return edited
    })
    takeIn(bytes)
    tabs?.send({ type: 'stored' })
  }

  async function readAgain(): Promise<void> {
    const bytes = await storage.read(DOCUMENT)
    if (bytes && !isClosed) takeIn(bytes)
  }

  function takeIn(bytes: Uint8Array): void {
    if (document.absorb(bytes) === 'rebased') replace(bytes)
  }

  /** What came from the relay; several updates at once are written once. */
  function persist(): void {
    persisting ??= Promise.resolve().then(async () => {
      persisting = null
      if (isClosed) return
      takeIn(await storage.update(DOCUMENT, (found) => mergeReplicas(found, document.encode())))
      tabs?.send({ type: 'stored' })
    }).catch(() => undefined)
  }

  async function rebase(): Promise<void> {
    if (isClosed) return
    const at = now()
    let fresh: Uint8Array | null = null
    const bytes = await storage.update(DOCUMENT, (found) => {
      fresh = fresh ? mergeReplicas(found, fresh) : document.rebase(found, at)
      return fresh
    })
    if (isClosed) return
    replace(bytes)
    tabs?.send({ type: 'stored' })
  }

  function replace(bytes: Uint8Array): void {
    document.close()
    document = open(bytes)
    registers = null
    replacedListeners.forEach((listener) => listener())
    changeListeners.forEach((listener) => listener())
  }

  /** A disk that answered late may have kept an id: this page then is that device, not a new one. */
  async function storageIsBack(): Promise<void> {
    const kept = parseDeviceNote(await storage.read(DEVICE))
    if (isClosed || kept === undefined || kept === deviceId) return
    deviceId = kept
    const bytes = await storage.update(DOCUMENT, (found) => mergeReplicas(found, document.encode()))
    if (!isClosed) replace(bytes)
  }

  function keepContact(note: ContactNote): void {
    const bytes = encodeContact(note)
    if (!isClosed) storage.update(CONTACT, () => bytes).catch(() => undefined)
  }

  async function addActivity(details: ActivityDetails): Promise<ActivityEvent> {
    let event: ActivityEvent | null = null
    await storage.update(ACTIVITY, (found) => {
      const rows = parseActivityRows(found)
      if (event && rows.some(({ id }) => id === event!.id)) return found!
      event = { ...details, deviceId, id: `${deviceId}:${1 + Math.max(0, ...rows.map(sequenceOf))}` }
      return encodeActivity([...rows, event])
    })
    return event!
  }

  function sequenceOf({ id, deviceId: of }: ActivityEvent): number {
    return of === deviceId ? Number(id.slice(deviceId.length + 1)) || 0 : 0
  }

  async function close({ forget }: { readonly forget: boolean }): Promise<void> {
    await persisting
    isClosed = true
    document.close()
    if (forget) {
      // The id goes first: other tabs believe what they are told by it.
      await storage.update(DEVICE, () => new Uint8Array()).catch(() => undefined)
      tabs?.send({ type: 'forget' })
    }
    await storage.close({ forget })
  }
}

function add(listeners: Set<() => void>, listener: () => void): Stop {
  listeners.add(listener)
  return () => { listeners.delete(listener) }
}

/** 16 random bytes as base64url: 22 characters. */
function newId(random: Random): string {
  return btoa(String.fromCharCode(...random.bytes(16))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '')
}
