import { expect, it } from 'vitest'
import { nearestOf } from '../../../src/model/did-you-mean.js'

const KNOWN = ['a'.repeat(64), 'b'.repeat(65), 'online', 'away', 'dnd', 'offline', 'awayAfterMs', 'constructorName']

it.each<[name: string, nearest: string | undefined]>([
  ['online', 'online'],
  ['onlien', 'online'],
  ['onlin', 'online'],
  ['Away', 'away'],
  ['awayAfterMS', 'awayAfterMs'],
  ['awayAfter', 'awayAfterMs'],
  ['dn', 'dnd'],
  ['ofline', 'offline'],
  ['busy', undefined],
  ['away for a while', undefined],
  ['x', undefined],
  ['', undefined],
  ['__proto__', undefined],
  ['a'.repeat(64), 'a'.repeat(64)],
  ['b'.repeat(65), undefined],
  ['o'.repeat(100_000), undefined],
])('[O2, C1] %s', (name, nearest) => expect(nearestOf(name, KNOWN)).toBe(nearest))
