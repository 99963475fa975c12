/**
 * Canonical JSON against a deliberately dumb version: RFC 8785 character by character, sharing no code with ours.
 * A failure prints its seed and the shrunk input: `fc.assert(…, { seed, path })` replays it.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalize, encodeCanonical, isJson, parseCanonical, type Json } from '../crdt/canonical.ts'
import { bytesToHex } from '../crdt/ids.ts'

const byCodeUnits = (a: string, b: string): number => {
  for (let i = 0; i < a.length && i < b.length; i++)
    if (a.charCodeAt(i) !== b.charCodeAt(i)) return a.charCodeAt(i) - b.charCodeAt(i)
  return a.length - b.length
}

const SHORT: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
}
const escapeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
const dumbString = (text: string): string =>
  `"${text
    .split('')
    .map((unit) => SHORT[unit] ?? (unit < ' ' ? escapeUnit(unit) : unit))
    .join('')}"`

const dumbCanonical = (value: unknown): string => {
  if (typeof value === 'string') return dumbString(value)
  if (Array.isArray(value)) return `[${value.map(dumbCanonical).join()}]`
  if (typeof value !== 'object' || value === null) return String(value)
  return `{${Object.entries(value)
    .sort(([a], [b]) => byCodeUnits(a, b))
    .map(([key, member]) => `${dumbString(key)}:${dumbCanonical(member)}`)
    .join()}}`
}

/** The same value in another hand: `choices` say where white space, escapes and another order go. */
const spell = (value: unknown, choices: () => number): string => {
  const space = (): string => ['', '', '', ' ', '\n'][choices()]!
  const text = (from: string): string =>
    `"${from
      .split('')
      .map((unit) => (choices() === 1 ? escapeUnit(unit) : dumbString(unit).slice(1, -1)))
      .join('')}"`
  if (typeof value === 'string') return text(value)
  if (typeof value === 'number')
    return Number.isInteger(value) && Math.abs(value) < 2 ** 53 && choices() === 1 ? `${value}.0` : String(value)
  if (Array.isArray(value)) return `[${space()}${value.map((item) => spell(item, choices)).join(`,${space()}`)}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const members = Object.entries(value)
  if (choices() === 1) members.reverse()
  return `{${members.map(([key, member]) => `${space()}${text(key)}:${space()}${spell(member, choices)}`).join()}}`
}

const textArb = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({ maxLength: 8 }),
  fc.constantFrom('\u0000', '"', '\\', '\u2028', '\ufb33', '\ud83d\ude00'),
)
const keyArb = fc.oneof(textArb, fc.constantFrom('__proto__', 'constructor', 'toJSON', '1', '10', '9'))
const { json: jsonArb } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      textArb,
    ),
    fc.array(tie('json'), { maxLength: 4 }),
    // fromEntries defines `__proto__` as an own property, as JSON.parse does.
    fc.array(fc.tuple(keyArb, tie('json')), { maxLength: 4 }).map((members) => Object.fromEntries(members)),
  ),
}))
const json = (value: unknown): Json => {
  if (!isJson(value)) throw new Error('the generator made something that is no JSON')
  return value
}
const flip = (bytes: Uint8Array, bit: number): Uint8Array =>
  bytes.map((byte, i) => (i === Math.floor(bit / 8) % bytes.length ? byte ^ (1 << (bit % 8)) : byte))
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('canonical JSON', () => {
  it('is what the character-wise version writes, and comes back as the same value', () => {
    fc.assert(
      fc.property(jsonArb, (value) => {
        const text = canonicalize(json(value))
        expect(text).toBe(dumbCanonical(value))
        const parsed = parseCanonical(utf8(text))
        expect(parsed).toEqual({ ok: true, value: JSON.parse(JSON.stringify(value)) })
      }),
      { numRuns: 500 },
    )
  })

  it('is the one spelling that is taken', () => {
    fc.assert(
      fc.property(jsonArb, fc.array(fc.nat(4), { minLength: 1, maxLength: 50 }), (value, choices) => {
        let at = 0
        const spelling = spell(value, () => choices[at++ % choices.length]!)
        const text = canonicalize(json(value))
        expect(canonicalize(json(JSON.parse(spelling)))).toBe(text)
        const parsed = parseCanonical(utf8(spelling))
        expect(parsed.ok ? 'accepted' : parsed.reason).toBe(spelling === text ? 'accepted' : 'not_canonical')
      }),
      { numRuns: 500 },
    )
  })

  it('of changed bytes is refused, or is another value in its own one form', () => {
    fc.assert(
      fc.property(
        jsonArb,
        fc.nat(),
        fc.nat(255),
        fc.constantFrom('flip', 'cut', 'insert'),
        (value, place, byte, change) => {
          const bytes = encodeCanonical(json(value))
          const i = place % bytes.length
          const changed =
            change === 'flip'
              ? flip(bytes, 8 * i + (byte % 8))
              : change === 'cut'
                ? bytes.slice(0, i)
                : Uint8Array.from([...bytes.slice(0, i), byte, ...bytes.slice(i)])
          const parsed = parseCanonical(changed)
          if (parsed.ok) {
            expect(bytesToHex(encodeCanonical(parsed.value))).toBe(bytesToHex(changed))
            expect(canonicalize(parsed.value)).not.toBe(canonicalize(json(value)))
          }
        },
      ),
      { numRuns: 1_000 },
    )
  })

  it('never throws on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => typeof parseCanonical(bytes).ok === 'boolean'),
      { numRuns: 1_000 },
    )
  })

  it('of whatever isJson lets through is readable again', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSparseArray: true,
          withTypedArray: true,
          stringUnit: 'binary',
        }),
        (value) => {
          if (isJson(value)) expect(parseCanonical(encodeCanonical(value)).ok).toBe(true)
          else expect(() => canonicalize(value as Json)).toThrow(TypeError)
        },
      ),
      { numRuns: 500 },
    )
  })
})
