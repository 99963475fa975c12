/**
 * The byte vectors: what another implementation of the formats has to reproduce, made through the public functions.
 *
 * Bytes are lower-case hex, sizes and times plain numbers. Nothing here is random: keys come of the seeds 01…, 02…, salts and
 * ids of counting bytes, so making them again gives the same files. `vectors.test.ts` reads the files as a stranger would.
 */
import { makeBody, SALT_BYTES } from '../../crdt/body.ts'
import { encodeCanonical, parseCanonical, type Json, type ParseFault } from '../../crdt/canonical.ts'
import { HLC_ZERO, hlcCounter, hlcMs, observe, parseHlc, tick, type Hlc } from '../../crdt/hlc.ts'
import { bytesToHex, hexToBytes } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { consistencyProof, inclusionProof, leafHash, merkleRoot } from '../../crdt/merkle.ts'
import { makeAckVectors, type AckVectors } from './ack-cases.ts'

export type JcsVectors = {
  readonly numbers: readonly { readonly ieee754: string; readonly text: string }[]
  /** `json` is any spelling of the value. */
  readonly canonical: readonly { readonly name: string; readonly json: string; readonly canonical: string }[]
  readonly refused: readonly { readonly name: string; readonly bytes: string; readonly reason: ParseFault }[]
}
export type MerkleVectors = {
  readonly leaves: readonly string[]
  readonly leaf_hashes: readonly string[]
  /** By tree size, from 0. */
  readonly roots: readonly string[]
  readonly inclusion: readonly { readonly index: number; readonly size: number; readonly proof: readonly string[] }[]
  readonly consistency: readonly { readonly from: number; readonly to: number; readonly proof: readonly string[] }[]
}
export type HlcVectors = {
  readonly parts: readonly { readonly hlc: number; readonly ms: number; readonly counter: number }[]
  readonly tick: readonly { readonly last: number; readonly now_ms: number; readonly next: number }[]
  readonly observe: readonly {
    readonly last: number
    readonly remote: number
    readonly now_ms: number
    readonly next: number
  }[]
  readonly refused: readonly number[]
}
export type BodyVectors = {
  readonly bodies: readonly {
    readonly name: string
    readonly salt: string
    readonly text: string
    readonly ref: string
  }[]
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const counting = (count: number, from = 0): Uint8Array => Uint8Array.from({ length: count }, (_, i) => from + i)
const must = <T>(value: T | null): T => {
  if (value === null) throw new Error('a case of the vectors is malformed: mend its id or number')
  return value
}

// ── canonical JSON ──────────────────────────────────────────────────────────────────────────────────────────────────

const DOUBLES = [
  '0000000000000000',
  '8000000000000000',
  '0000000000000001',
  '8000000000000001',
  '7fefffffffffffff',
  'ffefffffffffffff',
  '4340000000000000',
  'c340000000000000',
  '4430000000000000',
  '44b52d02c7e14af5',
  '44b52d02c7e14af6',
  '44b52d02c7e14af7',
  '444b1ae4d6e2ef4e',
  '444b1ae4d6e2ef4f',
  '444b1ae4d6e2ef50',
  '3eb0c6f7a0b5ed8c',
  '3eb0c6f7a0b5ed8d',
  '41b3de4355555553',
  '41b3de4355555554',
  '41b3de4355555555',
  '41b3de4355555556',
  '41b3de4355555557',
  'becbf647612f3696',
  '43143ff3c1cb0959',
]

const SPELLINGS: Readonly<Record<string, string>> = {
  'RFC 8785 §3.2.2': String.raw`{ "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001], "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false] }`,
  'RFC 8785 §3.2.3': String.raw`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`,
  'key __proto__': '{"toString":1,"__proto__":{"x":1}}',
  'NFC and NFD are two keys': '{"\u00e9":1,"e\u0301":2}',
  'empty containers': '[ {}, [], "" ]',
  'an event':
    '{"v":1,"id":"018bcfe5-6800-7000-8000-000000000001","ns":"team/api","kind":"memory.put","record":"018bcfe5-6800-7000-8000-000000000002","agent":"ai:alice","at":"2023-11-14T22:13:20.000Z","set":{"kind":"fact","tier":"mid","priority":5},"tags":{"add":["x"],"remove":[]}}',
}

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
const REFUSED_JSON: Readonly<Record<string, Uint8Array>> = {
  'duplicate key': utf8('{"a":1,"a":1}'),
  'keys out of order': utf8('{"b":1,"a":2}'),
  'white space': utf8('[1, 2]'),
  'minus zero': utf8('-0'),
  'beyond doubles': utf8('1e400'),
  'integer beyond 2^53': utf8('9007199254740993'),
  'another exponent': utf8('1E3'),
  'escaped letter': utf8('"\\u0061"'),
  'escaped lone surrogate': utf8('"\\ud800"'),
  'raw lone surrogate': hexToBytes('22eda08022'),
  'overlong UTF-8': hexToBytes('22c0a222'),
  'byte order mark': hexToBytes('efbbbf31'),
  nothing: new Uint8Array(0),
  'too deep': utf8(nested(limits.json_depth_max + 1)),
}

const double = (hex: string): number => new DataView(hexToBytes(hex).buffer).getFloat64(0)
const faultOf = (bytes: Uint8Array): ParseFault | null => {
  const parsed = parseCanonical(bytes)
  return parsed.ok ? null : parsed.reason
}

const jcs = (): JcsVectors => ({
  numbers: DOUBLES.map((ieee754) => ({ ieee754, text: new TextDecoder().decode(encodeCanonical(double(ieee754))) })),
  canonical: Object.entries({ ...SPELLINGS, 'the deepest': nested(limits.json_depth_max) }).map(([name, json]) => ({
    name,
    json: bytesToHex(utf8(json)),
    canonical: bytesToHex(encodeCanonical(JSON.parse(json) as Json)),
  })),
  refused: Object.entries(REFUSED_JSON).map(([name, bytes]) => ({
    name,
    bytes: bytesToHex(bytes),
    reason: must(faultOf(bytes)),
  })),
})

// ── Merkle trees ────────────────────────────────────────────────────────────────────────────────────────────────────

const merkle = (): MerkleVectors => {
  // The first eight are those of the Certificate Transparency reference implementation.
  const leaves = [
    '',
    '00',
    '10',
    '2021',
    '3031',
    '40414243',
    '5051525354555657',
    '606162636465666768696a6b6c6d6e6f',
    '70',
    '80',
    'ff',
  ].map(hexToBytes)
  const sizes = leaves.map((_, i) => i + 1)
  return {
    leaves: leaves.map(bytesToHex),
    leaf_hashes: leaves.map((leaf) => bytesToHex(leafHash(leaf))),
    roots: [0, ...sizes].map((size) => bytesToHex(merkleRoot(leaves.slice(0, size)))),
    inclusion: sizes.flatMap((size) =>
      sizes
        .slice(0, size)
        .map((_, index) => ({ index, size, proof: inclusionProof(leaves.slice(0, size), index).map(bytesToHex) })),
    ),
    consistency: sizes.flatMap((to) =>
      [0, ...sizes.slice(0, to)].map((from) => ({
        from,
        to,
        proof: consistencyProof(leaves.slice(0, to), from).map(bytesToHex),
      })),
    ),
  }
}

// ── the clock ───────────────────────────────────────────────────────────────────────────────────────────────────────

const NOW = 1_700_000_000_000
const [BOUND, DAY] = [limits.clock_bound_ms, 86_400_000]
const at = (ms: number, counter: number): Hlc => must(parseHlc(ms * (limits.hlc_counter_max + 1) + counter))

const hlc = (): HlcVectors => ({
  parts: [HLC_ZERO, at(0, 1023), at(NOW, 0), at(NOW, 7), at(2 ** 43 - 1, 1023)].map((value) => ({
    hlc: value,
    ms: hlcMs(value),
    counter: hlcCounter(value),
  })),
  tick: (
    [
      [HLC_ZERO, NOW],
      [at(NOW, 0), NOW],
      [at(NOW, 5), NOW + 1],
      [at(NOW, 5), NOW - 1000],
      [at(NOW, 1023), NOW],
      [at(NOW, 5), -1],
      [at(NOW, 5), 1e300],
      [HLC_ZERO, 2 ** 43 - 1],
    ] as const
  ).map(([last, now_ms]) => ({ last, now_ms, next: tick(last, now_ms) })),
  observe: (
    [
      [at(NOW, 3), at(NOW, 9), NOW],
      [at(NOW, 9), at(NOW, 3), NOW],
      [at(NOW, 3), at(NOW + 10, 0), NOW],
      [at(NOW, 3), at(NOW + 10, 1023), NOW],
      [at(NOW, 3), at(NOW + 10, 0), NOW + 11],
      [at(NOW, 3), at(NOW + BOUND, 1023), NOW],
      [at(NOW, 3), at(NOW + BOUND + 1, 0), NOW],
      [at(NOW, 3), at(NOW + 400 * DAY, 0), NOW],
      [at(NOW + 400 * DAY, 3), at(NOW, 0), NOW],
    ] as const
  ).map(([last, remote, now_ms]) => ({ last, remote, now_ms, next: observe(last, remote, now_ms) })),
  refused: [-1, 0.5, 2 ** 53, 2 ** 63],
})

// ── bodies ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const body = (): BodyVectors => {
  const texts = {
    empty: '',
    'one letter': 'a',
    'NFC é': '\u00e9',
    'NFD é': 'e\u0301',
    emoji: '\u{1f600}',
    'two blocks of SHA-256': 'mnemesh '.repeat(12),
  }
  const salted = Object.entries(texts).map(([name, text], i) => ({
    name,
    salt: counting(SALT_BYTES, i),
    text: utf8(text),
  }))
  const same = { name: 'one letter, another salt', salt: counting(SALT_BYTES, 0x80), text: utf8('a') }
  return {
    bodies: [...salted, same].map(({ name, salt, text }) => ({
      name,
      salt: bytesToHex(salt),
      text: bytesToHex(text),
      ref: makeBody(salt, text).ref,
    })),
  }
}

/** By file name, without `.json`. */
export const makeVectors = (): {
  readonly jcs: JcsVectors
  readonly merkle: MerkleVectors
  readonly hlc: HlcVectors
  readonly body: BodyVectors
  readonly ack: AckVectors
} => ({ jcs: jcs(), merkle: merkle(), hlc: hlc(), body: body(), ack: makeAckVectors() })
