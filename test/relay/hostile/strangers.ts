/** T1, T5, T24, S21 and J12: what people without a right to it get of somebody, and do to them. */
import { describe, expect, it } from 'vitest'
import { TYPE, decodeDeviceReply, encodeAuth, encodeDeviceRequest, encodeLeave, encodeWatch, QUERY_AWARENESS } from '../../../src/protocol/messages.js'
import { writeVarUint } from '../../../src/protocol/wire.js'
import { cleanText } from '../../../src/model/text.js'
import { LAPTOP, PHONE, type AttackedRelay } from '../../support/attacked-relay.js'
import { entriesOf } from '../../support/bad-awareness.js'
import { BAD_SYNC } from '../../support/bad-sync.js'
import { STEP_1, STEP_2, UPDATE, deviceFrame, helloOf, openClient, syncFrame } from '../../support/hostile-client.js'
import { edit, rawBytes, varUints, written } from '../../support/raw-yjs.js'
import { openStockClient } from '../../support/stock-client.js'
import { hostileTexts } from '../../unit/model/hostile-values.js'

const custom = (text: string): object => ({ text, emoji: null, expiresAt: null })

export function describeStrangers(attacked: AttackedRelay): void {
  /** Every way to say something, aimed at alice. */
  const everything = async (): Promise<(readonly [what: string, frame: Uint8Array])[]> => {
    const forged = written({ custom: custom('forged'), status: { choice: 'offline', expiresAt: null } }, LAPTOP, Date.now() + 50_000)
    return [
      ['hello', helloOf(LAPTOP)], ['Step1', syncFrame(STEP_1, varUints(0))], ['Step2', syncFrame(STEP_2, forged)], ['an update', syncFrame(UPDATE, forged)],
      ['awareness', entriesOf(1)], ['a device', deviceFrame(LAPTOP)], ['a query', Uint8Array.of(QUERY_AWARENESS)], ['a watch', encodeWatch([{ verb: 'watch', id: 'alice' }, { verb: 'join', id: 'general' }])],
      ['a device request', encodeDeviceRequest({ requestId: 1, deviceId: LAPTOP, status: 'dnd' })], ['a goodbye', encodeLeave('gone')], ['a token', encodeAuth(await attacked.token('mallory'))],
      ['nonsense', Uint8Array.of(99)], ['nothing', Uint8Array.of()], ...BAD_SYNC.slice(0, 3).map(([what, make]) => [`a message ${what}`, make()] as const),
    ]
  }

  attacked.attacks('[T1] somebody else\'s room', () => {
    it('is closed with 4403, whatever is said there, and nothing is heard', async () => {
      const said = await everything()
      for (const frames of [said.map(([, frame]) => frame), ...said.map(([, frame]) => [frame])]) {
        const client = await attacked.connect('mallory', 'alice')
        client.send(...frames)
        expect([await client.code(), client.frames]).toEqual([4_403, []])
      }
    })

    it('[S21] is closed with 4401 to one without a token, whatever is said there', async () => {
      for (const [what, frame] of await everything()) {
        const client = openClient(`${attacked.relay.url}/user/alice`, null)
        client.send(frame)
        expect([what, await client.code(), client.frames]).toEqual([what, 4_401, []])
      }
    })

    it('[J12] is closed with 4403, however it is spelled', async () => {
      for (const room of ['%61lice', 'alic%65', 'alice%00', 'alice%2f..%2fmallory', 'ALICE']) {
        const client = openClient(`${attacked.relay.url}/user/${room}`, await attacked.token('mallory'))
        client.send(helloOf(LAPTOP))
        // The last three are names of nobody, or no names.
        expect([room, [4_403, 1_006].includes(await client.code()), client.frames]).toEqual([room, true, []])
      }
    })

    it('[S21] has nothing of what is said in one\'s own', async () => {
      const mallory = await attacked.connectOurs('mallory')
      mallory.send(syncFrame(STEP_2, written({ custom: custom('mine') }, LAPTOP)))
      await mallory.heard(TYPE.stored)
      expect([await attacked.registersOf('mallory'), await attacked.registersOf('alice')]).toEqual([expect.stringContaining('mine'), expect.not.stringContaining('mine')])
      mallory.close()
    })

    it('has devices that nobody else can change', async () => {
      const carol = await attacked.connectOurs('carol', PHONE)
      carol.send(deviceFrame(PHONE))
      const mallory = await attacked.watch('mallory', 'carol')
      await mallory.untilSeen('carol', { status: 'online' })
      mallory.client.send(encodeDeviceRequest({ requestId: 3, deviceId: PHONE, status: 'offline' }))
      const [reply] = await mallory.client.heard(TYPE.device)
      expect([decodeDeviceReply(reply!), mallory.seen('carol')?.status]).toEqual([{ ok: true, value: { requestId: 3, isDone: false } }, 'online'])
      for (const { close } of [carol, mallory.client]) close()
    })
  })

  attacked.attacks('[J12] the room of those who only watch', () => {
    it('is closed with 4403 to one who does anything else', async () => {
      const said = (await everything()).filter(([what]) => !['hello', 'a watch', 'a token', 'nothing'].includes(what))
      for (const [what, frame] of said) {
        const client = openClient(`${attacked.relay.url}/watch`, await attacked.token('mallory'))
        client.send(helloOf(LAPTOP), frame)
        expect([what, await client.code()]).toEqual([what, 4_403])
      }
    })
  })

  describe('[T5] whoever watches somebody', () => {
    it('is sent nothing of their devices, documents and addresses', async () => {
      const [deviceId, deviceName] = ['SecretDeviceOfDora00-_', 'Doras secret laptop']
      const viewer = await attacked.watch('peeper', 'dora')
      viewer.client.send(encodeWatch([{ verb: 'ask', id: 'dora' }, { verb: 'join', id: 'office' }]))
      const dora = await attacked.connectOurs('dora', deviceId, { name: deviceName })
      dora.send(deviceFrame(deviceId, { name: deviceName, holds: ['secret call'] }), encodeWatch([{ verb: 'join', id: 'office' }]))
      const stock = openStockClient(attacked.relay.url, 'dora', await attacked.token('dora'))
      stock.provider.awareness.setLocalStateField('cursor', 'secret cursor')
      stock.write(`device/${deviceId}`, { name: deviceName })
      stock.write('privateNote', 'secret note')
      stock.write('custom', { text: 'seen by all', emoji: null, expiresAt: null })
      await viewer.untilSeen('dora', { status: 'online', customStatus: 'seen by all' })
      dora.send(deviceFrame(deviceId, { locked: true, override: 'dnd' }, 2))
      dora.send(encodeLeave('gone'))
      stock.write('custom', { text: 'seen by all, still', emoji: null, expiresAt: null })
      await viewer.untilSeen('dora', { customStatus: 'seen by all, still' })

      const heard = Buffer.concat(viewer.client.frames.map((frame) => Buffer.from(frame)))
      const numbers = [stock.provider.doc.clientID, stock.provider.awareness.clientID]
      const secrets = [
        deviceId, deviceName, stock.writerId, 'secret', 'locked', 'registers', 'privateNote', '127.0.0.1', '::1', ...numbers.map(String),
        ...numbers.map((number) => Buffer.from(rawBytes((writer) => writeVarUint(writer, number)))), ...numbers.map((number) => Buffer.from(Uint32Array.of(number).buffer)),
      ]
      expect(secrets.filter((secret) => heard.includes(secret)).map(String)).toEqual([])
      // What it was sent is read as bytes indeed.
      expect(heard.includes('seen by all')).toBe(true)
      for (const { close } of [dora, stock, viewer.client]) close()
    })
  })

  attacked.attacks('[T24] a text', () => {
    it.each(hostileTexts.map(([what, text]) => [what, Buffer.from(text).toString()] as const))('that a client did not clean reaches nobody, and costs nothing else its way: %s', async (what, text) => {
      const userId = `writer of ${what}`
      const writer = await attacked.connectOurs(userId)
      const reader = await attacked.watch('reader', userId)
      const at = [Date.now(), 0, LAPTOP]
      writer.send(syncFrame(STEP_2, edit((map) => {
        map.set(`profile/${LAPTOP}`, { at, value: { name: text, avatarUrl: 'javascript:alert(1)' } })
        map.set(`status/${LAPTOP}`, { at, value: { choice: 'dnd', expiresAt: null } })
        map.set(`custom/${LAPTOP}`, { at, value: custom(text) })
      })))
      await writer.heard(TYPE.stored)
      const isClean = cleanText(text) === text
      // Told after all of it, since in the order of what was done.
      writer.send(syncFrame(STEP_2, written({ profile: { name: 'Last', avatarUrl: null } }, PHONE)))
      await reader.untilSeen(userId, { name: 'Last', ...(isClean ? { customStatus: text } : {}) })
      const heard = Buffer.concat(reader.client.frames.map((frame) => Buffer.from(frame)))
      expect([heard.includes(text), heard.includes(JSON.stringify(text)), heard.includes('javascript:')]).toEqual([isClean, isClean, false])
      for (const { close } of [writer, reader.client]) close()
    })
  })
}
