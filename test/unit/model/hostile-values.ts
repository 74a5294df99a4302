/** Values that callers and strangers pass where they should not (T23, O2, O7). None is a text, number, boolean or array of use. */
const cyclic: Record<string, unknown> = {}
cyclic['self'] = cyclic

const fails = (): never => {
  throw new Error('a hostile getter')
}
/** Throws whatever is asked of it. */
export const hostileProxy: object = new Proxy({}, { get: fails, has: fails, ownKeys: fails, getOwnPropertyDescriptor: fails, getPrototypeOf: fails })
/** An object whose every named property throws when read. */
export const throwingOn = (...names: readonly string[]): object =>
  Object.defineProperties({}, Object.fromEntries(names.map((name) => [name, { enumerable: true, get: fails }])))

class Example {
  readonly status = 'dnd'
}

export const hostileValues: readonly (readonly [name: string, value: unknown])[] = [
  ['undefined', undefined],
  ['a symbol', Symbol('dnd')],
  ['a big integer', 5n],
  ['a cycle', cyclic],
  ['an instance of a class', new Example()],
  ['a date', new Date(0)],
  ['a function', () => 'dnd'],
  ['a map', new Map([['status', 'dnd']])],
  ['NaN', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['a boxed text', Object('dnd')],
  ['an object that becomes text', { toString: () => 'dnd', valueOf: () => 'dnd' }],
  ['an object whose toJSON lies', { toJSON: () => 'dnd' }],
  ['a getter that throws', throwingOn('status', 'value', 'at', 'expiresAt', 'type', 'name')],
  ['a proxy that throws', hostileProxy],
  ['a revoked proxy', revoked()],
  ['an own __proto__', JSON.parse('{"__proto__":{"polluted":true}}')],
  ['an own constructor', { constructor: { prototype: { polluted: true } } }],
]

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** Text that is dangerous to show, log or count (T24, F33, C4), and what `cleanText` leaves of it. */
export const hostileTexts: readonly (readonly [name: string, text: string, cleaned: string])[] = [
  ['HTML stays, as text', '<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
  ['ANSI', '\u001B[31mred\u001B[0m', '[31mred[0m'],
  ['NUL and BEL', 'a\u0000b\u0007', 'ab'],
  ['C1', 'a\u009Bb', 'ab'],
  ['a second log line', 'one\r\n{"level":"error"}', 'one {"level":"error"}'],
  ['every line break', 'a\nb\vc\fd\re\u0085f\u2028g\u2029h', 'a b c d e f g h'],
  ['a right-to-left override', 'exe.\u202Egpj', 'exe.gpj'],
  ['isolates, embeddings, marks', '\u2066a\u2069\u202Ab\u202C\u200E\u200F\u061C', 'ab'],
  ['zero-width', 'pay\u200Bp\u2060al\uFEFF\u00AD\u180E', 'paypal'],
  ['deprecated formats', 'a\u206Ab\u206Fc', 'abc'],
  ['a lone high surrogate', 'a\uD83D', 'a'],
  ['a lone low surrogate', '\uDE00a', 'a'],
  ['halves that would join', '\uD83D\u200B\uDE00', ''],
  ['halves around a pair', '\uD83D\uD83D\uDE00\uDE00', '\u{1F600}'],
  ['decomposed', 'e\u0301', '\u00E9'],
  ['spaces around', ' \u00A0 hi \u3000', 'hi'],
  ['nothing but spaces', ' \t\n ', ''],
  ['joiners in an emoji stay', '\u{1F468}\u200D\u{1F469}\u200D\u{1F467}', '\u{1F468}\u200D\u{1F469}\u200D\u{1F467}'],
  ['Persian with a non-joiner stays', 'می\u200Cخواهم', 'می\u200Cخواهم'],
]
