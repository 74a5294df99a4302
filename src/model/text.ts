/** What people write, made safe to show anywhere: NFC, one line, no control or direction-changing characters, bounded. */
import { LIMITS } from './limits.js'

// C0, C1, bidi embeddings/overrides/isolates, line separators, BOM; ZWJ and ZWNJ stay, emoji and scripts need them.
const UNPRINTABLE = /[\p{Cc}\u00AD\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF\uFFF9-\uFFFB]/gu
const LONE_SURROGATE = /\p{Cs}/gu
const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

export const cleanText = (text: string): string =>
  text.replace(/[\t\n\r]+/g, ' ').replace(LONE_SURROGATE, '').replace(UNPRINTABLE, '').normalize('NFC').trim()

/** Stops counting past `limit`, so that a megabyte costs no more than a line. */
export function countGraphemes(text: string, limit: number): number {
  let count = 0
  for (const _ of segmenter.segment(text)) if (++count > limit) break
  return count
}

/** True where the text is what `cleanText` would make of it, and within the bound. */
export const isCleanText = (text: string, maximumGraphemes: number = LIMITS.customStatusGraphemes): boolean =>
  text.length <= LIMITS.textUnits && cleanText(text) === text && countGraphemes(text, maximumGraphemes) <= maximumGraphemes

/** One grapheme that is not a plain letter, digit or space. */
export const isEmoji = (text: string): boolean =>
  text.length > 0 && text.length <= 64 && isCleanText(text) && countGraphemes(text, 1) === 1
