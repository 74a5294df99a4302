import { expect, it } from 'vitest'
import { PresenceError } from '../../../src/errors.js'
import { createProblems } from '../../../src/service/problems.js'

const failed = (message: string) => new PresenceError('unauthenticated', { message, remedy: 'Wait.' })

it('is told once, however often it happens, and since when', () => {
  let now = 5
  const problems = createProblems(() => now)
  expect(problems.note('relay', failed('No token.'))).toBe(true)
  now = 9
  expect(problems.note('relay', failed('No token.'))).toBe(false)
  expect(problems.list()).toEqual([{ code: 'unauthenticated', message: 'No token.', since: 5 }])
})

it('is told anew where it is another one, and when it is over', () => {
  const problems = createProblems(() => 5)
  problems.note('relay', failed('No token.'))
  expect(problems.note('storage', failed('No disk.'))).toBe(true)
  expect(problems.note('relay', failed('Another reason.'))).toBe(true)
  expect(problems.note('relay', null)).toBe(true)
  expect(problems.note('relay', null)).toBe(false)
  expect(problems.list().map(({ message }) => message)).toEqual(['No disk.'])
})
