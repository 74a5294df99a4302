/** FAULTS 4.3, T2, T3, T19, and T24 as far as devices say their own names: awareness frames that are none, and sound ones that lie. */
import { expect, it } from 'vitest'
import type { JsonObject } from '../../../src/model/json.js'
import { decodeAwareness, encodeAwareness } from '../../../src/protocol/awareness-frames.js'
import { AWARENESS, QUERY_AWARENESS } from '../../../src/protocol/messages.js'
import { LAPTOP, PHONE, type AttackedRelay } from '../../support/attacked-relay.js'
import { BAD_AWARENESS, OVERSIZED_AWARENESS, entriesOf, withState } from '../../support/bad-awareness.js'
import { deviceFrame, type HostileClient } from '../../support/hostile-client.js'
import { lookOn } from '../../support/onlooker.js'
import { openStockClient } from '../../support/stock-client.js'
import { until } from '../../support/until.js'

const QUERY = Uint8Array.of(QUERY_AWARENESS)
/** What stock clients are heard to say, by their ids. */
const heardBy = (client: HostileClient): (readonly [clientId: number, state: JsonObject | null])[] => client.frames.filter(([type]) => type === AWARENESS)
  .flatMap((frame) => { const read = decodeAwareness(frame); return read.ok ? read.value.map(({ clientId, state }) => [clientId, state] as const) : [] })

export function describeBadAwareness(attacked: AttackedRelay): void {
  attacked.attacks('an awareness frame', () => {
    it.each([
      ...BAD_AWARENESS.map(([what, frame]) => [what, 4_400, frame] as const), ...OVERSIZED_AWARENESS.map(([what, frame]) => [what, 1_009, frame] as const),
    ])('%s closes with %i', async (_, code, frame) => {
      for (const client of [await attacked.connect('mallory'), await attacked.connectOurs('mallory')]) {
        await attacked.cheaply(async () => {
          client.send(frame)
          expect(await client.code()).toBe(code)
        })
      }
    })
  })

  attacked.attacks('a sound awareness frame', () => {
    it.each<[what: string, attack: readonly Uint8Array[]]>([
      ['[T2] [A4] that overwrites a sibling', [encodeAwareness([{ clientId: 11, clock: 99, state: { name: 'forged' } }])]],
      ['[T2] [A4] that says goodbye for a sibling', [encodeAwareness([{ clientId: 11, clock: 99, state: null }])]],
      ['[T3] [A5] that poisons a sibling\'s clock', [encodeAwareness([{ clientId: 11, clock: Number.MAX_SAFE_INTEGER, state: { name: 'forged' } }])]],
      ['[A4] that says oneself twice', [encodeAwareness([{ clientId: 22, clock: 5, state: { name: 'mallory' } }, { clientId: 22, clock: 6, state: { name: 'again' } }])]],
      ['[A3] of somebody named 0', [encodeAwareness([{ clientId: 0, clock: 1, state: { name: 'zero' } }])]],
      ['[T19] of 64 ids, thirty times', Array.from({ length: 30 }, (_, index) => entriesOf(64, { name: 'flood' }, 1_000 + index * 64))],
    ])('%s is heard by nobody', async (what, attack) => {
      const userId = `aware ${what}`
      const [alice, observer, mallory] = [await attacked.connect(userId), await attacked.connect(userId), await attacked.connect(userId)]
      observer.send(QUERY)
      alice.send(encodeAwareness([{ clientId: 11, clock: 1, state: { name: 'alice' } }]))
      mallory.send(encodeAwareness([{ clientId: 22, clock: 1, state: { name: 'mallory' } }]))
      await observer.until(() => heardBy(observer).length >= 2, 'both are heard')
      mallory.send(...attack)
      const namesOfAlice = (): unknown[] => heardBy(observer).filter(([clientId]) => clientId === 11).map(([, state]) => state?.['name'])
      for (const name of ['first', 'second', 'third']) {
        alice.send(encodeAwareness([{ clientId: 11, clock: 2, state: { name } }]))
        await observer.until(() => namesOfAlice().at(-1) === name, `Alice says "${name}"`)
      }
      expect(namesOfAlice()).toEqual(['alice', 'first', 'second', 'third'])
      expect(new Set(heardBy(observer).map(([clientId]) => clientId))).toEqual(new Set([11, 22]))
      expect(heardBy(alice).every(([clientId, state]) => clientId === 22 && state?.['name'] === 'mallory')).toBe(true)
      expect(mallory.closed).toBeNull()
      for (const client of [alice, observer, mallory]) client.close()
    })

    it('[A5] of any clock is the device\'s own word', async () => {
      const [client, watcher] = [await attacked.connectOurs('clocks'), await attacked.watch('watcher', 'clocks')]
      for (const [override, clock] of [['dnd', Number.MAX_SAFE_INTEGER], ['away', 0], ['dnd', 5], ['online', 4]] as const) {
        client.send(deviceFrame(LAPTOP, { override }, clock))
        await watcher.untilSeen('clocks', { status: override })
      }
      for (const { close } of [client, watcher.client]) close()
    })

    it('[A8] of 500 a second is coalesced, then sent away for a while', async () => {
      const [client, watcher] = [await attacked.connectOurs('flood'), await attacked.watch('watcher', 'flood')]
      client.send(...Array.from({ length: 500 }, (_, index) => deviceFrame(LAPTOP, { override: index % 2 ? 'dnd' : 'away' }, index)))
      expect(await client.code()).toBe(4_529)
      await watcher.client.until(() => watcher.seen('flood')?.status !== 'offline', 'the device was seen')
      expect(watcher.client.frames.length).toBeLessThan(100)
      watcher.client.close()
    })

    it('[T19] that floods with ids costs an honest sibling no memory', async () => {
      const honest = openStockClient(attacked.relay.url, 'family', await attacked.token('family'))
      await until(() => honest.provider.synced, 'the honest sibling is here')
      const mallory = await attacked.connect('family')
      mallory.send(encodeAwareness([{ clientId: 1, clock: 1, state: { name: 'mallory' } }]))
      for (let index = 0; index < 30; index++) mallory.send(entriesOf(64, { name: 'x'.repeat(500) }, 1_000 + index * 64))
      mallory.send(encodeAwareness([{ clientId: 1, clock: 2, state: { name: 'done' } }]))
      await until(() => JSON.stringify(honest.others()) === '[{"name":"done"}]', 'the flood is over')
      expect([honest.provider.awareness.getStates().size, honest.provider.awareness.meta.size]).toEqual([2, 2])
      mallory.close()
      honest.close()
    })
  })

  attacked.attacks('[A7] [T24] a name', () => {
    it.each<[what: string, said: string, shown: string]>([
      ['of HTML is plain text', '<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
      ['that colours a terminal is not coloured', '\u001b[31mred\u001b[0m', '[31mred[0m'],
      ['with NUL has none', 'a\u0000b', 'ab'],
      ['that turns text around does not', 'a\u202eb\u2066c', 'abc'],
      ['of several lines is one', 'a\r\nb\u2028c', 'a b c'],
      ['of nothing to see is none', '\u200b\u2060\ufeff', ''],
      ['with half a surrogate pair has none', 'a\ud800b', 'a\ufffdb'],
    ])('%s', async (_, said, shown) => {
      const named = await attacked.connectOurs('named', LAPTOP, { name: said })
      named.send(deviceFrame(LAPTOP, { name: said }))
      const sibling = lookOn(await attacked.connectOurs('named', PHONE))
      await sibling.client.until(() => sibling.devicesOf('named').some(({ id, name }) => id === LAPTOP && name === shown), `it is named ${JSON.stringify(shown)}`)
      for (const { close } of [named, sibling.client]) close()
    })

    it('of any kind that a stock client says is passed on as plain JSON', async () => {
      const [mallory, observer] = [await attacked.connect('plainly'), await attacked.connect('plainly')]
      observer.send(QUERY)
      for (const [index, state] of ['{"<script>":"</script>"}', '{"\\u0000":"\\u001b[2J"}', '{"a":"\\ud800"}'].entries()) {
        mallory.send(withState(state, { clock: index + 1 }))
        await observer.until(() => JSON.stringify(heardBy(observer).at(-1)) === `[7,${state}]`, `${state} is passed on`)
      }
      for (const client of [mallory, observer]) client.close()
    })
  })
}
