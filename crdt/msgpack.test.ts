/** MessagePack: one byte form for each value, and nothing a hostile message does lasts beyond it. */
import * as fc from 'fast-check'
import { Packr } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { hexToBytes, bytesToHex } from './ids.ts'
import { limits } from './limits.ts'
import { equalBytes, pack, unpack, type Packable } from './msgpack.ts'
import { fastestMs } from './timing.test-support.ts'

const packableArb: fc.Arbitrary<Packable> = fc.letrec<{ value: Packable; list: Packable[] }>((tie) => ({
  list: fc.array(tie('value'), { maxLength: 5 }),
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeNat(),
    fc.constantFrom(127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array({ maxLength: 300 }),
    tie('list'),
  ),
})).value

/** The same value, written as `pack` would not. */
const OTHER_FORMS: Readonly<Record<string, string>> = {
  '0 as uint 8': 'cc00',
  '127 as uint 8': 'cc7f',
  '255 as uint 16': 'cd00ff',
  '65535 as uint 32': 'ce0000ffff',
  '1 as uint 64': 'cf0000000000000001',
  '2^32 as uint 64': 'cf0000000100000000',
  '1 as int 64': 'd30000000000000001',
  '1 as float 64': 'cb3ff0000000000000',
  '1.5 as float 64': 'cb3ff8000000000000',
  NaN: 'cb7ff8000000000000',
  '1 as float 32': 'ca3f800000',
  'negative fixint': 'ff',
  'int 8': 'd0ff',
  '2^53 as int 64': 'd30020000000000000',
  '2^53 + 1 as int 64': 'd30020000000000001',
  '2^63 - 1': 'd37fffffffffffffff',
  '2^64 - 1': 'cfffffffffffffffff',
  'string with a long header': 'd90161',
  'bin 16 for one byte': 'c5000101',
  'bin 32 for one byte': 'c60000000101',
  'array 16 for one item': 'dc000101',
  'array 32 for one item': 'dd0000000101',
  'a map': '810102',
  'an empty map': '80',
  'a date': 'd6ff00000001',
  'a regular expression': 'c7057892a161a0c0',
  'a set': 'd4730090',
  'a record': '92d4724091a1610540',
  'an unknown extension': 'd40100',
  'a byte after': '0100',
  cut: '92c0',
  nothing: '',
  undefined: 'd40000',
  'never used': 'c1',
  'text that is no UTF-8': 'a1ff',
}

describe('pack', () => {
  it.each<[string, Packable, string]>([
    ['nil, booleans', [null, true, false], '93c0c3c2'],
    [
      'every width of number',
      [0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, limits.seq_max],
      '9a007fcc80ccffcd0100cdffffce00010000ceffffffffd30000000100000000d30001000000000000',
    ],
    ['text', 'team/é', 'a77465616d2fc3a9'],
    ['bytes', Uint8Array.of(1, 2), 'c4020102'],
  ])('%s', (_, value, hex) => {
    expect(bytesToHex(pack(value))).toBe(hex)
    expect(unpack(hexToBytes(hex))).toEqual(value)
  })

  it('and unpack are inverse', () => {
    fc.assert(
      fc.property(packableArb, (value) => {
        const bytes = pack(value)
        const back = unpack(bytes)
        expect(back).toEqual(value)
        expect(equalBytes(pack(back), bytes)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it.each([-1, 0.5, NaN, Infinity, 2 ** 53])('has no form for %s', (value) =>
    expect(() => pack(value)).toThrow(RangeError),
  )
})

const lenient = new Packr({
  useRecords: false,
  mapsAsObjects: false,
  int64AsType: 'number',
  copyBuffers: true,
  bundleStrings: false,
})

/** Reads whatever can be read, and writes it again: the dumb way to know whether bytes are what `pack` writes. */
const rewritten = (bytes: Uint8Array): Packable | null => {
  try {
    const value = lenient.unpack(bytes) as Packable
    return value !== undefined && equalBytes(pack(value), bytes) ? value : null
  } catch {
    return null
  }
}

describe('unpack', () => {
  it('takes exactly what is the same when it is written again', () => {
    const mutated = fc.tuple(
      packableArb.map(pack),
      fc.array(
        fc.tuple(
          fc.nat(400),
          fc.oneof(fc.nat(255), fc.constantFrom(0xa0, 0xc4, 0xc5, 0xcc, 0xcd, 0xce, 0xd3, 0xd9, 0xda, 0xdc, 0xdd)),
        ),
        { maxLength: 3 },
      ),
      fc.nat(3),
    )
    let [taken, refused] = [0, 0]
    fc.assert(
      fc.property(mutated, ([bytes, changes, cut]) => {
        const given = bytes.slice(0, bytes.length - cut)
        for (const [at, byte] of changes) if (given.length > 0) given[at % given.length] = byte
        const value = unpack(given)
        expect(value).toEqual(rewritten(given))
        if (value === null) refused++
        else taken++
      }),
      { numRuns: 3_000 },
    )
    expect(Math.min(taken, refused)).toBeGreaterThan(300)
  })

  it.each(Object.entries(OTHER_FORMS))('refuses %s, alone and within', (_, hex) => {
    expect(unpack(hexToBytes(hex))).toBeNull()
    if (hex !== '') expect(unpack(hexToBytes(`92${hex}01`))).toBeNull()
  })

  it('answers one value for one byte string: any changed byte is another value or none', () => {
    const bytes = pack([1, 'team/api', Uint8Array.of(1, 2, 3), 300, 2 ** 40, [null, true]])
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const value = unpack(bytes.with(at, bytes[at]! ^ (1 << bit)))
        expect(value === null || !equalBytes(pack(value), bytes)).toBe(true)
      }
    }
  })

  it('keeps nothing of a hostile message: neither its records, nor its depth, nor its announced sizes', () => {
    const honest = pack([64, 65, 127, ['x']])
    const hostile = [
      hexToBytes('92d4724091a1610540'),
      hexToBytes('d4724191a1'),
      new Uint8Array(limits.commit_bytes_max).fill(0x91),
      Uint8Array.from({ length: 5_000 }, (_, i) => [0xdd, 0x01, 0xff, 0xff, 0xff][i % 5]!),
      hexToBytes('dbffffffff'),
      hexToBytes('c6ffffffff'),
      hexToBytes('dfffffffff'),
    ]
    for (const bytes of hostile) {
      const before = process.memoryUsage().rss
      expect(unpack(bytes)).toBeNull()
      expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
      expect(unpack(honest)).toEqual([64, 65, 127, ['x']])
    }
  })

  it('refuses more values than it was told to take, of any kind, unread', () => {
    expect(unpack(pack([1, [2, 'x'], Uint8Array.of(0x91, 0x91)]), 6)).not.toBeNull()
    expect(unpack(pack([1, [2, 'x'], Uint8Array.of(0x91, 0x91)]), 5)).toBeNull()
    for (const type of [0xc0, 0x00, 0x90, 0xa0, 0x91]) {
      const bytes = Uint8Array.from([0xdd, 0, 8, 0, 0, ...new Uint8Array(limits.commit_bytes_max).fill(type)])
      expect(fastestMs(() => expect(unpack(bytes)).toBeNull())).toBeLessThan(20)
    }
  })

  it('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const value = unpack(bytes)
        if (value !== null) expect(equalBytes(pack(value), bytes)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })
})
