import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createInOrder } from '../../../server/relay/in-order.js'

const turns = async (count = 20): Promise<void> => { for (let turn = 0; turn < count; turn++) await Promise.resolve() }

describe('questions in order', () => {
  it('are answered at once where the answers are there', () => {
    const used: number[] = []
    const questions = createInOrder(2)
    for (const number of [1, 2, 3]) questions.add(() => number, (answer) => used.push(answer))
    expect([used, questions.waiting()]).toEqual([[1, 2, 3], 0])
  })

  it('wait for the one before, whatever comes back first', async () => {
    const used: string[] = []
    const questions = createInOrder(10)
    const settle = new Map<string, () => void>()
    for (const name of ['a', 'b']) questions.add(() => new Promise<string>((resolve) => settle.set(name, () => resolve(name))), (answer) => used.push(answer))
    questions.add(() => 'c', (answer) => used.push(answer))
    settle.get('b')!()
    await turns()
    expect([used, questions.waiting()]).toEqual([[], 3])
    settle.get('a')!()
    await turns()
    expect(used).toEqual(['a', 'b', 'c'])
  })

  it('are asked a few at a time', async () => {
    let open = 0
    let most = 0
    const questions = createInOrder(3)
    const used: number[] = []
    for (let index = 0; index < 20; index++) {
      questions.add(async () => {
        most = Math.max(most, ++open)
        await turns(index % 4)
        open--
        return index
      }, (answer) => used.push(answer))
    }
    await turns(200)
    expect([most, used]).toEqual([3, Array.from({ length: 20 }, (_, index) => index)])
  })

  it('that were stopped are used no more', async () => {
    const used: number[] = []
    const questions = createInOrder(3)
    questions.add(async () => 1, () => {
      used.push(1)
      questions.stop()
    })
    questions.add(async () => 2, () => used.push(2))
    questions.add(() => 3, () => used.push(3))
    await turns()
    expect(used).toEqual([1])
  })

  it('keep their order, whatever some of them ask in turn', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.nat(5), { maxLength: 30 }), fc.integer({ min: 1, max: 4 }), async (delays, atOnce) => {
      const used: string[] = []
      const questions = createInOrder(atOnce)
      delays.forEach((delay, index) => questions.add<number>(delay === 0 ? () => index : () => turns(delay).then(() => index), (answer) => {
        used.push(`${answer}`)
        if (delay === 1) questions.add(() => answer, () => used.push(`${answer} again`))
      }))
      await turns(400)
      expect(used.filter((name) => !name.endsWith('again'))).toEqual(delays.map((_, index) => `${index}`))
      expect(used.filter((name) => name.endsWith('again'))).toEqual(delays.flatMap((delay, index) => (delay === 1 ? [`${index} again`] : [])))
    }))
  })
})
