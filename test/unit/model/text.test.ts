import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanText, countGraphemes, isCleanText, isEmoji } from '../../../src/model/text.js'
import { hostileTexts } from './hostile-values.js'

const FAMILY = '\u{1F468}\u200D\u{1F469}\u200D\u{1F467}\u200D\u{1F466}'

/** Letters among everything that cleaning is about. */
const untidy = fc.array(fc.oneof(
  fc.constantFrom('a', ' ', '\n', '\u0000', '\u0301', '\u200B', '\u200D', '\u202E', '\u2028', '\uFEFF', '\uD83D', '\uDE00', '\u{1F600}', '\u1100', '\u1161', '\u212B', '\u2000', '\u0344', '\uFB2C'),
  fc.string({ unit: 'binary', maxLength: 2 }),
), { maxLength: 12 }).map((parts) => parts.join(''))

describe('cleaning', () => {
  it.each(hostileTexts)('[T24, C4] %s', (_, text, cleaned) => {
    expect(cleanText(text)).toBe(cleaned)
    expect(isCleanText(cleaned)).toBe(true)
    expect(isCleanText(text)).toBe(text === cleaned)
  })

  it('[T24] once is as good as twice', () => fc.assert(fc.property(untidy, (text) => {
    const once = cleanText(text)
    expect(cleanText(once)).toBe(once)
    expect(isCleanText(once, 1_000)).toBe(true)
  }), { numRuns: 500 }))

  it('[T24] leaves no control, line break, direction or half character', () => fc.assert(fc.property(untidy, (text) => {
    expect(cleanText(text)).not.toMatch(/[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}]/u)
  }), { numRuns: 500 }))
})

describe('bounds', () => {
  it.each<[name: string, text: string, expected: boolean]>([
    ['128 letters', 'a'.repeat(128), true],
    ['129 letters', 'a'.repeat(129), false],
    ['64 emoji of 11 units', FAMILY.repeat(64), true],
    ['over 1,024 units, however few graphemes', FAMILY.repeat(94), false],
    ['1,024 units in one grapheme', `\u1EB9${'\u0323'.repeat(1_023)}`, true],
    ['1,025 units in one grapheme', `\u1EB9${'\u0323'.repeat(1_024)}`, false],
    ['a megabyte', 'a'.repeat(1_000_000), false],
    ['10,000 joiners', '\u200D'.repeat(10_000), false],
  ])('[F33] %s', (_, text, expected) => expect(isCleanText(text)).toBe(expected))

  it('[F33] stops counting past the bound', () => {
    expect(countGraphemes('a'.repeat(1_000_000), 3)).toBe(4)
    expect(countGraphemes('abc', 3)).toBe(3)
    expect(countGraphemes(FAMILY, 3)).toBe(1)
    expect(countGraphemes('', 3)).toBe(0)
  })
})

it.each<[name: string, text: string, expected: boolean]>([
  ['one emoji', '📅', true],
  ['one of many code points', FAMILY, true],
  ['a flag', '\u{1F1EA}\u{1F1FA}', true],
  ['a keycap', '1\uFE0F\u20E3', true],
  ['two emoji', '📅📅', false],
  ['none', '', false],
  ['a space', ' ', false],
  ['a control character', '\u0007', false],
  ['10,000 joined', Array.from({ length: 10_000 }, () => '👨').join('\u200D'), false],
  ['64 units', `\u1EA1${'\u0323'.repeat(63)}`, true],
  ['65 units', `\u1EA1${'\u0323'.repeat(64)}`, false],
])('[F33] an emoji is exactly one character: %s', (_, text, expected) => expect(isEmoji(text)).toBe(expected))
