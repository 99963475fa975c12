/** RFC 8785 known answers, and everything that must be refused. */
import { describe, expect, it } from 'vitest'
import { canonicalize, encodeCanonical, isJson, jsonFault, parseCanonical, type Json } from './canonical.ts'
import { bytesToHex, hexToBytes } from './ids.ts'
import { limits } from './limits.ts'
import { fastestMs } from './timing.test-support.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const parse = (text: string) => parseCanonical(utf8(text))
const reason = (text: string) => {
  const parsed = parse(text)
  return parsed.ok ? 'accepted' : parsed.reason
}
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

const double = (hex: string): number => new DataView(hexToBytes(hex).buffer).getFloat64(0)

describe('RFC 8785 known answers', () => {
  it.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('appendix B: %s is %s', (hex, text) => {
    expect(canonicalize(double(hex))).toBe(text)
    expect(parse(text)).toEqual({ ok: true, value: double(hex) + 0 })
  })

  it.each(['7fffffffffffffff', '7ff0000000000000', 'fff0000000000000'])('appendix B: %s has no form', (hex) => {
    expect(() => canonicalize(double(hex))).toThrow(TypeError)
  })

  it('§3.2.4: the bytes of the worked example', () => {
    const value = JSON.parse(
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],' +
        '"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
    ) as Json
    expect(bytesToHex(encodeCanonical(value))).toBe(
      '7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333332e333333333333' +
        '332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75303030665c6e41274' +
        '25c225c5c5c5c5c222f227d',
    )
  })

  it('§3.2.3: keys sort by UTF-16 code units', () => {
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    }
    const order = [...canonicalize(value).matchAll(/:"([^"]*)"/g)].map((match) => match[1])
    expect(order).toEqual([
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ])
  })

  it('§3.2.3: the French example sorts by code point, not by locale', () => {
    expect(canonicalize({ péché: 'followed by', pêche: 'last', peach: 'first', sin: 'very last' })).toBe(
      '{"peach":"first","péché":"followed by","pêche":"last","sin":"very last"}',
    )
  })

  it('§3.2.2.2: escapes are the two-letter ones, lower-case hex for other controls, nothing else', () => {
    const controls = Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join('')
    expect(canonicalize(controls + '"\\/\u007f\u2028')).toBe(
      '"\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u000f' +
        '\\u0010\\u0011\\u0012\\u0013\\u0014\\u0015\\u0016\\u0017\\u0018\\u0019\\u001a\\u001b\\u001c\\u001d\\u001e\\u001f\\"\\\\/\u007f\u2028"',
    )
  })
})

describe('parseCanonical refuses what is not the one form', () => {
  it.each([
    ['duplicate keys', '{"a":1,"a":2}', 'not_canonical'],
    ['duplicate keys, one escaped', '{"a":1,"\\u0061":2}', 'not_canonical'],
    ['keys out of order', '{"b":1,"a":2}', 'not_canonical'],
    ['minus zero', '-0', 'not_canonical'],
    ['a number beyond doubles', '1e400', 'not_canonical'],
    ['an integer beyond 2^53', '9007199254740993', 'not_canonical'],
    ['a trailing zero', '1.0', 'not_canonical'],
    ['another exponent', '1E3', 'not_canonical'],
    ['white space', '{"a": 1}', 'not_canonical'],
    ['a trailing line break', '1\n', 'not_canonical'],
    ['an escaped letter', '"\\u0061"', 'not_canonical'],
    ['an escaped slash', '"\\/"', 'not_canonical'],
    ['upper-case hex', '"\\u001F"', 'not_canonical'],
    ['an escaped lone surrogate', '"\\ud800"', 'not_canonical'],
    ['an escaped lone surrogate in a key', '{"\\udc00":1}', 'not_canonical'],
    ['an escaped pair', '"\\ud83d\\ude00"', 'not_canonical'],
    ['nothing', '', 'not_json'],
    ['NaN', 'NaN', 'not_json'],
    ['two values', '1 2', 'not_json'],
    ['a raw control', '"\u0001"', 'not_json'],
    ['a byte order mark', '\ufeff1', 'not_json'],
    ['an open string', '"abc', 'not_json'],
    ['a string that ends in a backslash', '"abc\\', 'not_json'],
    ['closing brackets first', ']]]][[[[', 'not_json'],
  ])('%s', (_, text, expected) => {
    expect(reason(text)).toBe(expected)
  })

  it.each([
    ['a raw lone surrogate', 'eda080'],
    ['an overlong quote', 'c0a2'],
    ['a cut sequence', '22e282'],
    ['a byte above UTF-8', 'ff'],
  ])('%s is no UTF-8', (_, hex) => {
    expect(parseCanonical(hexToBytes(hex))).toEqual({ ok: false, reason: 'not_utf8' })
  })

  it('depth: as deep as the limit and no deeper, brackets in strings not counted', () => {
    const max = limits.json_depth_max
    expect(reason(nested(max))).toBe('accepted')
    expect(reason(nested(max + 1))).toBe('too_deep')
    expect(reason('{"a":'.repeat(max + 1) + '1' + '}'.repeat(max + 1))).toBe('too_deep')
    expect(reason(`"${'['.repeat(100)}"`)).toBe('accepted')
    expect(reason(`"\\"${'['.repeat(100)}"`)).toBe('accepted')
    expect(reason(`["\\\\",${nested(max)}]`)).toBe('too_deep')
    expect(reason(`[${Array(50).fill('[]').join(',')}]`)).toBe('accepted')
  })

  it('size: the limit is inclusive, and may be given', () => {
    const text = (bytes: number): Uint8Array => utf8(`"${'a'.repeat(bytes - 2)}"`)
    expect(parseCanonical(text(limits.event_bytes_max)).ok).toBe(true)
    expect(parseCanonical(text(limits.event_bytes_max + 1))).toEqual({ ok: false, reason: 'too_large' })
    expect(parseCanonical(text(limits.event_bytes_max + 1), limits.episode_body_bytes_max).ok).toBe(true)
  })

  it('answers hostile sizes at once, whatever it is told to take', () => {
    const [deep, long] = [utf8(nested(200_000)), new Uint8Array(16 * 1024 * 1024).fill(0x61)]
    expect(fastestMs(() => expect(parseCanonical(deep)).toEqual({ ok: false, reason: 'too_large' }))).toBeLessThan(50)
    expect(
      fastestMs(() => expect(parseCanonical(deep, Infinity)).toEqual({ ok: false, reason: 'too_deep' })),
    ).toBeLessThan(50)
    expect(fastestMs(() => expect(parseCanonical(long)).toEqual({ ok: false, reason: 'too_large' }))).toBeLessThan(50)
  })

  it('keeps NFC and NFD apart', () => {
    expect(parse('"\u00e9"')).toEqual({ ok: true, value: '\u00e9' })
    expect(parse('"e\u0301"')).toEqual({ ok: true, value: 'e\u0301' })
  })
})

describe('keys that mean something to JavaScript', () => {
  it.each(['__proto__', 'constructor', 'toString', 'toJSON', 'hasOwnProperty'])('%s is data', (key) => {
    const text = `{"${key}":{"polluted":true}}`
    const parsed = parse(text)
    if (!parsed.ok) throw new Error(`refused as ${parsed.reason}`)
    const value = parsed.value as { readonly [key: string]: Json }
    expect(Object.keys(value)).toEqual([key])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect('polluted' in value).toBe(false)
    expect(canonicalize({ ...value })).toBe(text)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  it('integer-like keys sort as text', () => {
    expect(canonicalize({ 10: 1, 9: 1, a: 1 })).toBe('{"10":1,"9":1,"a":1}')
  })
})

describe('jsonFault', () => {
  const deep = (depth: number): unknown => JSON.parse(nested(depth))
  const cyclic: unknown[] = []
  cyclic.push(cyclic)

  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'a value of type undefined'],
    ['a member that is undefined', { a: undefined }, 'a value of type undefined'],
    ['a hole', [, 1], 'a value of type undefined'],
    ['a bigint', 1n, 'a value of type bigint'],
    ['a function', () => 1, 'a value of type function'],
    ['a symbol', Symbol('s'), 'a value of type symbol'],
    ['NaN', [NaN], 'a number that is not finite'],
    ['a lone surrogate', 'a\ud800', 'a string with a lone surrogate'],
    ['a pair the wrong way round', '\ude00\ud83d', 'a string with a lone surrogate'],
    ['a lone surrogate in a key', { '\udfff': 1 }, 'a key with a lone surrogate'],
    ['a date', new Date(0), 'an object that is neither plain nor an array'],
    ['bytes', new Uint8Array(1), 'an object that is neither plain nor an array'],
    ['a map', new Map(), 'an object that is neither plain nor an array'],
    ['too deep', deep(limits.json_depth_max + 1), `nested deeper than ${limits.json_depth_max}`],
    ['a cycle', cyclic, `nested deeper than ${limits.json_depth_max}`],
  ])('%s', (_, value, fault) => {
    expect(jsonFault(value)).toBe(fault)
    expect(isJson(value)).toBe(false)
    expect(() => canonicalize(value as Json)).toThrow(new TypeError(`not a JSON value: ${fault}`))
  })

  it('has nothing against the deepest value, a pair, or an object without a prototype', () => {
    const bare = Object.assign(Object.create(null) as Record<string, Json>, { b: 1, a: '\ud83d\ude00' })
    expect(jsonFault(deep(limits.json_depth_max))).toBeNull()
    expect(canonicalize(bare)).toBe('{"a":"\ud83d\ude00","b":1}')
  })
})
