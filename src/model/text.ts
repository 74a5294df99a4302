/** What people write, made safe to show anywhere: NFC, one line, no control or direction-changing characters, bounded. */
import { LIMITS } from './limits.js'

// C0, C1, bidi marks/embeddings/overrides/isolates, deprecated formats, BOM; ZWJ and ZWNJ stay, emoji and scripts need them.
const UNPRINTABLE = /[\p{Cc}\u00AD\u061C\u180E\u200B\u200E\u200F\u202A-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB]/gu
const LINE_BREAKS = /[\t-\r\u0085\u2028\u2029]+/g
const LONE_SURROGATE = /\p{Cs}/gu
const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

export const cleanText = (text: string): string =>
  text.replace(LINE_BREAKS, ' ').replace(LONE_SURROGATE, '').replace(UNPRINTABLE, '').normalize('NFC').trim()

/** Stops counting past `limit`, so that a megabyte costs no more than a line. */
export function countGraphemes(text: string, limit: number): number {
  let count = 0
  for (const _ of segmenter.segment(text)) if (++count > limit) break
  return count
}

/** True where the text is what `cleanText` would make of it, and within the bound. */
export const isCleanText = (text: string, maximumGraphemes: number = LIMITS.customStatusGraphemes): boolean =>
  text.length <= LIMITS.textUnits && cleanText(text) === text && countGraphemes(text, maximumGraphemes) <= maximumGraphemes

/** Exactly one grapheme that can be seen; a person may well choose a letter. */
export const isEmoji = (text: string): boolean =>
  text.length <= 64 && isCleanText(text) && countGraphemes(text, 1) === 1
