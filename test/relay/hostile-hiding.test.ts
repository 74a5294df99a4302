/**
 * T6 against real relays: in one a person hides, and goes on doing things; in the other they close. Whoever looks on, before or after, must
 * not be able to tell the two apart: the same frames, byte for byte, in the same order.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as Y from 'yjs'
import { KEEPALIVE } from '../../src/protocol/awareness-frames.js'
import { TYPE, decodePage, decodeWelcome, encodeDeviceRequest, encodeLeave, encodeWatch, typeOf, type WatchVerb } from '../../src/protocol/messages.js'
import { LAPTOP, PHONE } from '../support/attacked-relay.js'
import { STEP_2, UPDATE, deviceFrame, helloOf, openClient, syncFrame, type HostileClient } from '../support/hostile-client.js'
import { lookOn, type Onlooker } from '../support/onlooker.js'
import { varUints } from '../support/raw-yjs.js'
import { startRelayProcess, type RelayProcess } from '../support/relay-process.js'

type Ending = 'hides' | 'closes'
/** People whose changes show that whatever came before has been told: several, since one's are told twice a second at most. */
const FENCES = ['erin', 'fred', 'gwen', 'hugo']
const relays = new Map<Ending, RelayProcess>()

beforeAll(async () => {
  for (const ending of ['hides', 'closes'] as const) relays.set(ending, await startRelayProcess())
}, 60_000)
afterAll(() => Promise.all([...relays.values()].map((relay) => relay.close())))

it('[T6] [VS2] nobody can tell who hides from who is gone, by any frame they get', async () => {
  // Ages are told in whole minutes, which the two must have begun and ended in alike.
  for (let attempt = 0; ; attempt++) {
    const minute = Math.floor(Date.now() / 60_000)
    const [hiding, closing] = await Promise.all((['hides', 'closes'] as const).map((ending) => play(relays.get(ending)!, ending, attempt)))
    if (minute !== Math.floor(Date.now() / 60_000)) continue
    expect(hiding).toEqual(closing)
    expect(closing!.length).toBeGreaterThan(20)
    return
  }
}, 120_000)

/** What everybody else is sent from then on. */
async function play(relay: RelayProcess, ending: Ending, attempt: number): Promise<string[]> {
  const name = (who: string): string => `${who}-${attempt}`
  const onlookers: Onlooker[] = []
  const fences: Actor[] = []
  // One after the other, here too: their integers are in the order of their coming.
  for (const who of FENCES) fences.push(createActor(await enter(who, LAPTOP)))
  let fenceCount = 0
  const bob = await arrive('bob')
  await isSettled(bob.client)

  const alice = createActor(await enter('alice', LAPTOP))
  await step('alice', { status: 'online' }, () => alice.client.send(deviceFrame(LAPTOP)))
  await step('alice', { name: 'Alice' }, () => alice.write({ profile: { name: 'Alice', avatarUrl: null } }))
  await step('alice', { customStatus: 'Lunch' }, () => alice.write({ custom: { text: 'Lunch', emoji: null, expiresAt: null } }))
  alice.client.send(encodeWatch([{ verb: 'join', id: 'room' }]))
  await fence()

  const before = bob.client.frames.length
  await step('alice', { status: 'offline' }, () => (ending === 'hides' ? alice.write({ status: { choice: 'offline', expiresAt: null } }) : alice.leave()))
  await fence()
  for (const doing of doings(alice)) {
    if (ending === 'hides') await doing()
    await ask(bob, 'ask', name('alice'))
    await fence()
  }
  await arrive('carol')
  if (ending === 'hides') await alice.leave()
  await fence()
  await arrive('dave')
  await fence()
  for (const { client } of [...fences, ...onlookers]) client.close()
  return onlookers.flatMap((onlooker) => onlooker.client.frames.slice(onlooker === bob ? before : 0).filter((frame) => !Buffer.from(frame).equals(KEEPALIVE)).map(textOf))

  async function enter(who: string, deviceId: string): Promise<HostileClient> {
    const client = openClient(`${relay.url}/user/${name(who)}`, await relay.token(name(who)))
    client.send(helloOf(deviceId), syncFrame(STEP_2, varUints(0, 0)))
    await client.heard(TYPE.hello)
    return client
  }

  async function arrive(who: string): Promise<Onlooker> {
    const onlooker = lookOn(await enter(who, LAPTOP))
    onlookers.push(onlooker)
    await onlooker.client.heard(TYPE.feed)
    // One after the other: what is told in the same turn shares a frame, and which turn that is depends on the machine.
    for (const who of [...FENCES, 'alice']) await ask(onlooker, 'watch', name(who))
    for (const who of ['alice', 'nobody']) await ask(onlooker, 'ask', name(who))
    for (const channel of ['room', 'hall']) await ask(onlooker, 'watch-channel', channel)
    return onlooker
  }

  async function ask({ client }: Onlooker, verb: WatchVerb, id: string): Promise<void> {
    const type = verb === 'watch-channel' ? TYPE.page : TYPE.feed
    const count = client.types().filter((each) => each === type).length
    client.send(encodeWatch([{ verb, id }]))
    await client.heard(type, count + 1)
  }

  async function step(who: string, seen: Parameters<Onlooker['untilSeen']>[1], act: () => unknown): Promise<void> {
    await act()
    await bob.untilSeen(name(who), seen)
  }

  /** Whatever was to be told before this has been told by then. */
  async function fence(): Promise<void> {
    const [index, text] = [fenceCount % FENCES.length, `fence ${++fenceCount}`]
    await fences[index]!.write({ custom: { text, emoji: null, expiresAt: null } })
    for (const onlooker of onlookers) await onlooker.untilSeen(name(FENCES[index]!), { customStatus: text })
  }

  /** What a person who hides may go on doing; each is done when the relay has worked on it. */
  function doings({ client, write }: Actor): (() => Promise<void>)[] {
    const say = async (frame: Uint8Array): Promise<void> => {
      client.send(frame)
      await hasWorkedOn(client)
    }
    return [
      () => say(deviceFrame(LAPTOP, { sinceInputMs: 0 }, 2)),
      () => say(deviceFrame(LAPTOP, { locked: true, holds: ['call'], override: 'dnd' }, 3)),
      () => write({ custom: { text: 'Secret', emoji: '🤫', expiresAt: null } }),
      () => write({ profile: { name: 'Alicia', avatarUrl: 'https://example.com/a.png' } }),
      () => write({ [`device/${LAPTOP}`]: { name: 'Secret' }, note: 'unknown to this relay' }),
      () => say(encodeWatch([{ verb: 'join', id: 'hall' }, { verb: 'watch', id: name('bob') }])),
      async () => {
        const phone = createActor(await enter('alice', PHONE))
        phone.client.send(deviceFrame(PHONE))
        await hasWorkedOn(phone.client)
        await phone.leave()
      },
      () => say(encodeWatch([{ verb: 'leave', id: 'room' }])),
    ]
  }
}

interface Actor {
  readonly client: HostileClient
  /** Resolves once the relay has stored it. */
  write(registers: Readonly<Record<string, unknown>>): Promise<void>
  /** As our own client closes. */
  leave(): Promise<void>
}
function createActor(client: HostileClient): Actor {
  const doc = new Y.Doc()
  return {
    client,
    async write(registers) {
      const [before, stored] = [Y.encodeStateVector(doc), client.types().filter((type) => type === TYPE.stored).length]
      const at = [Date.now(), 0, LAPTOP]
      doc.transact(() => Object.entries(registers).forEach(([name, value]) => doc.getMap('registers').set(`${name}/${LAPTOP}`, { at, value })))
      client.send(syncFrame(UPDATE, Y.encodeStateAsUpdate(doc, before)))
      await client.heard(TYPE.stored, stored + 1)
    },
    async leave() {
      client.send(encodeLeave('gone'))
      client.close()
      await client.code()
    },
  }
}

/** One request is answered behind what was said before. */
async function hasWorkedOn(client: HostileClient): Promise<void> {
  const answers = client.types().filter((type) => type === TYPE.device).length
  client.send(encodeDeviceRequest({ requestId: answers, deviceId: 'unknown', status: 'online' }))
  await client.heard(TYPE.device, answers + 1)
}

/** Ten seconds after a start a relay has heard of everybody who is there (LV7). */
async function isSettled(client: HostileClient): Promise<void> {
  await client.until(() => client.frames.some((frame) => {
    const page = typeOf(frame) === TYPE.page ? decodePage(frame) : null
    return page?.ok && page.value.kind === 'counts' && page.value.page.isSettled
  }), 'the relay has settled', 15_000)
}

/** Only what the protocol itself has differ from one relay to another is left out: its time, its number, and how many have come. */
function textOf(frame: Uint8Array): string {
  if (typeOf(frame) !== TYPE.hello) return Buffer.from(frame).toString('latin1')
  const welcome = decodeWelcome(frame)
  return welcome.ok ? `welcome ${welcome.value.version} ${[...welcome.value.stored].join()}` : welcome.reason
}
