/** Values of the wire at their bounds, and frames that went wrong on their way. */
import fc from 'fast-check'
import { LIMITS } from '../../../src/model/limits.js'
import { sizeInBytes } from '../../../src/model/json.js'
import { cleanText } from '../../../src/model/text.js'
import type { Stamp } from '../../../src/model/hybrid-clock.js'

export const text = (maximumBytes: number): fc.Arbitrary<string> =>
  fc.string({ unit: 'grapheme', maxLength: 20 }).filter((value) => sizeInBytes(value) <= maximumBytes)
export const id: fc.Arbitrary<string> = fc.oneof(
  text(LIMITS.idBytes).filter((value) => value !== ''), fc.constant('x'.repeat(LIMITS.idBytes)), fc.constantFrom('__proto__', 'toString', '\uFEFFbom'))
/** As `cleanText` leaves it. */
export const name: fc.Arbitrary<string> = text(LIMITS.idBytes).map(cleanText)
export const writerId: fc.Arbitrary<string> = fc.stringMatching(/^[\w-]{22}$/)
export const whole: fc.Arbitrary<number> = fc.oneof(fc.nat(200), fc.maxSafeNat(), fc.constantFrom(0, 127, 128, 16_383, 16_384, 2 ** 32, Number.MAX_SAFE_INTEGER))
export const stamp: fc.Arbitrary<Stamp> = fc.tuple(fc.nat({ max: 253_402_300_799_999 }), fc.nat({ max: 0xffff_ffff }), writerId)

/** A frame with a few bytes changed, lost or put in: the accidents and attacks of a wire. */
export const damaged = (frame: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.tuple(frame, fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('change', 'drop', 'insert')), { minLength: 1, maxLength: 3 }))
    .map(([bytes, accidents]) => Uint8Array.from(accidents.reduce((rest, [where, byte, kind]) => {
      const at = where % (rest.length + 1)
      return rest.toSpliced(at, kind === 'insert' ? 0 : 1, ...(kind === 'drop' ? [] : [byte]))
    }, [...bytes])))
