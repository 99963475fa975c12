/**
 * The core's foundations against deliberately dumb versions of themselves, written from the sources' text and sharing no code
 * with them: recursive Merkle trees (RFC 6962 §2.1), character-wise JCS (RFC 8785), the clock as a pair (Kulkarni et al.).
 *
 * A failure prints its seed and the shrunk input: `fc.assert(…, { seed, path })` replays it.
 */
import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalize, encodeCanonical, isJson, parseCanonical, type Json } from '../crdt/canonical.ts'
import { HLC_ZERO, hlcCounter, hlcMs, observe, parseHlc, tick, type Hlc } from '../crdt/hlc.ts'
import { limits } from '../crdt/limits.ts'
import { appendLeaf, consistencyProof, emptyHistory, historyRoot, inclusionProof, leafHash, merkleRoot, verifyConsistency, verifyInclusion } from '../crdt/merkle.ts'

// ── Merkle trees ────────────────────────────────────────────────────────────────────────────────────────────────────

const H = (...parts: readonly (Uint8Array | number)[]): Buffer =>
  createHash('sha256').update(Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : part)))).digest()

/** k of RFC 6962 §2.1: k < n ≤ 2k. */
const k = (n: number): number => (n <= 2 ? 1 : 2 * k(Math.ceil(n / 2)))

const MTH = (D: readonly Uint8Array[]): Buffer =>
  D.length === 0 ? H() : D.length === 1 ? H(0, D[0]!) : H(1, MTH(D.slice(0, k(D.length))), MTH(D.slice(k(D.length))))

const PATH = (m: number, D: readonly Uint8Array[]): Buffer[] => {
  if (D.length === 1) return []
  const [left, right] = [D.slice(0, k(D.length)), D.slice(k(D.length))]
  return m < left.length ? [...PATH(m, left), MTH(right)] : [...PATH(m - left.length, right), MTH(left)]
}

const SUBPROOF = (m: number, D: readonly Uint8Array[], whole: boolean): Buffer[] => {
  if (m === D.length) return whole ? [] : [MTH(D)]
  const [left, right] = [D.slice(0, k(D.length)), D.slice(k(D.length))]
  return m <= left.length ? [...SUBPROOF(m, left, whole), MTH(right)] : [...SUBPROOF(m - left.length, right, false), MTH(left)]
}

/** Walks down the tree's shape, taking the proof's hashes from its end; null where the proof does not have that shape. */
const rootByPath = (leaf: Uint8Array, index: number, size: number, proof: readonly Uint8Array[]): Uint8Array | null => {
  if (size === 1) return proof.length === 0 ? leaf : null
  const sibling = proof.at(-1)
  if (sibling === undefined) return null
  const isLeft = index < k(size)
  const inner = isLeft ? rootByPath(leaf, index, k(size), proof.slice(0, -1)) : rootByPath(leaf, index - k(size), size - k(size), proof.slice(0, -1))
  return inner && (isLeft ? H(1, inner, sibling) : H(1, sibling, inner))
}

const rootsByProof = (m: number, n: number, old: Uint8Array | null, proof: readonly Uint8Array[]): readonly [Uint8Array, Uint8Array] | null => {
  const sibling = proof.at(-1)
  if (m === n && old !== null) return proof.length === 0 ? [old, old] : null
  if (sibling === undefined) return null
  if (m === n) return proof.length === 1 ? [sibling, sibling] : null
  const endsLeft = m <= k(n)
  const inner = endsLeft ? rootsByProof(m, k(n), old, proof.slice(0, -1)) : rootsByProof(m - k(n), n - k(n), null, proof.slice(0, -1))
  return inner && (endsLeft ? [inner[0], H(1, inner[1], sibling)] : [H(1, sibling, inner[0]), H(1, sibling, inner[1])])
}

const hex = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString('hex')
const hexes = (hashes: readonly Uint8Array[]): (string | null)[] => hashes.map(hex)
const flip = (bytes: Uint8Array, bit: number): Uint8Array =>
  bytes.map((byte, i) => (i === Math.floor(bit / 8) % bytes.length ? byte ^ (1 << (bit % 8)) : byte))

/** Distinct leaves: among equal ones a proof of the one is a proof of the other. */
const leavesArb = (min: number): fc.Arbitrary<Uint8Array[]> =>
  fc.uniqueArray(fc.uint8Array({ maxLength: 40 }), { minLength: min, maxLength: 40, size: 'max', selector: (leaf) => String(hex(leaf)) })
const pick = (n: number, count: number): number => n % count

describe('Merkle trees', () => {
  it('have the root of the recursive definition, built at once or leaf by leaf', () => {
    fc.assert(
      fc.property(leavesArb(0), (leaves) => {
        expect(hex(merkleRoot(leaves))).toBe(hex(MTH(leaves)))
        let history = emptyHistory
        leaves.forEach((leaf, i) => {
          history = appendLeaf(history, leafHash(leaf))
          expect(hex(historyRoot(history))).toBe(hex(MTH(leaves.slice(0, i + 1))))
        })
      }),
      { numRuns: 40 },
    )
  })

  it('prove each leaf, and nothing once any bit, the place or the length of the proof is another', () => {
    fc.assert(
      fc.property(leavesArb(1), fc.nat(), fc.nat(), fc.nat(255), (leaves, a, b, bit) => {
        const [size, index, other] = [leaves.length, pick(a, leaves.length), pick(b, leaves.length)]
        const [leaf, root, proof] = [leafHash(leaves[index]!), MTH(leaves), inclusionProof(leaves, index)]
        expect(hexes(proof)).toEqual(hexes(PATH(index, leaves)))
        expect(verifyInclusion(leaf, index, size, proof, root)).toBe(true)
        expect(verifyInclusion(leaf, other, size, proof, root)).toBe(other === index)
        expect(verifyInclusion(flip(leaf, bit), index, size, proof, root)).toBe(false)
        expect(verifyInclusion(leaf, index, size, proof, flip(root, bit))).toBe(false)
        expect(verifyInclusion(leaf, index, size, [...proof, leaf], root)).toBe(false)
        proof.forEach((_, i) => {
          expect(verifyInclusion(leaf, index, size, proof.with(i, flip(proof[i]!, bit)), root)).toBe(false)
          expect(verifyInclusion(leaf, index, size, proof.toSpliced(i, 1), root)).toBe(false)
        })
      }),
      { numRuns: 60 },
    )
  })

  it('verify under a wrong size exactly when the recursive walk does', () => {
    fc.assert(
      fc.property(leavesArb(1), fc.nat(), fc.nat(80), fc.nat(80), (leaves, a, index, size) => {
        const right = pick(a, leaves.length)
        const [leaf, root, proof] = [leafHash(leaves[right]!), MTH(leaves), inclusionProof(leaves, right)]
        const valid = index < size && hex(rootByPath(leaf, index, size, proof)) === hex(root)
        expect(verifyInclusion(leaf, index, size, proof, root)).toBe(valid)
        const sameLeaf = right < size && hex(rootByPath(leaf, right, size, proof)) === hex(root)
        expect(verifyInclusion(leaf, right, size, proof, root)).toBe(sameLeaf)
      }),
      { numRuns: 300 },
    )
  })

  it('prove that they grew, and nothing once any bit, a size or the length of the proof is another', () => {
    fc.assert(
      fc.property(leavesArb(2), fc.nat(), fc.nat(80), fc.nat(80), fc.nat(255), (leaves, a, m2, n2, bit) => {
        const n = leaves.length
        const m = 1 + pick(a, n - 1)
        const [rootM, rootN, proof] = [MTH(leaves.slice(0, m)), MTH(leaves), consistencyProof(leaves, m)]
        expect(hexes(proof)).toEqual(hexes(SUBPROOF(m, leaves, true)))
        expect(verifyConsistency(m, n, rootM, rootN, proof)).toBe(true)
        expect(verifyConsistency(m, n, flip(rootM, bit), rootN, proof)).toBe(false)
        expect(verifyConsistency(m, n, rootM, flip(rootN, bit), proof)).toBe(false)
        expect(verifyConsistency(m, n, rootM, rootN, [...proof, rootM])).toBe(false)
        proof.forEach((_, i) => {
          expect(verifyConsistency(m, n, rootM, rootN, proof.with(i, flip(proof[i]!, bit)))).toBe(false)
          expect(verifyConsistency(m, n, rootM, rootN, proof.toSpliced(i, 1))).toBe(false)
        })
        for (const [wrongM, wrongN] of [[m2, n2], [m, n2], [m2, n]] as const) {
          const roots = wrongM > 0 && wrongM <= wrongN ? rootsByProof(wrongM, wrongN, rootM, proof) : null
          const valid = roots !== null && hex(roots[0]) === hex(rootM) && hex(roots[1]) === hex(rootN)
          expect(verifyConsistency(wrongM, wrongN, rootM, rootN, proof)).toBe(valid)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('show a rewritten past: no proof of the new tree links it to the old root', () => {
    fc.assert(
      fc.property(leavesArb(2), fc.nat(), fc.nat(), (leaves, a, b) => {
        const m = 1 + pick(a, leaves.length - 1)
        const forged = leaves.with(pick(b, m), new Uint8Array(41))
        expect(verifyConsistency(m, leaves.length, MTH(leaves.slice(0, m)), MTH(forged), consistencyProof(forged, m))).toBe(false)
      }),
      { numRuns: 60 },
    )
  })
})

// ── canonical JSON ──────────────────────────────────────────────────────────────────────────────────────────────────

const byCodeUnits = (a: string, b: string): number => {
  for (let i = 0; i < a.length && i < b.length; i++) if (a.charCodeAt(i) !== b.charCodeAt(i)) return a.charCodeAt(i) - b.charCodeAt(i)
  return a.length - b.length
}

const SHORT: Readonly<Record<string, string>> = { '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r', '"': '\\"', '\\': '\\\\' }
const escapeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
const dumbString = (text: string): string => `"${text.split('').map((unit) => SHORT[unit] ?? (unit < ' ' ? escapeUnit(unit) : unit)).join('')}"`

const dumbCanonical = (value: unknown): string => {
  if (typeof value === 'string') return dumbString(value)
  if (Array.isArray(value)) return `[${value.map(dumbCanonical).join()}]`
  if (typeof value !== 'object' || value === null) return String(value)
  return `{${Object.entries(value).sort(([a], [b]) => byCodeUnits(a, b)).map(([key, member]) => `${dumbString(key)}:${dumbCanonical(member)}`).join()}}`
}

/** The same value in another hand: `choices` say where white space, escapes and another order go. */
const spell = (value: unknown, choices: () => number): string => {
  const space = (): string => ['', '', '', ' ', '\n'][choices()]!
  const text = (from: string): string => `"${from.split('').map((unit) => (choices() === 1 ? escapeUnit(unit) : dumbString(unit).slice(1, -1))).join('')}"`
  if (typeof value === 'string') return text(value)
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) < 2 ** 53 && choices() === 1 ? `${value}.0` : String(value)
  if (Array.isArray(value)) return `[${space()}${value.map((item) => spell(item, choices)).join(`,${space()}`)}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const members = Object.entries(value)
  if (choices() === 1) members.reverse()
  return `{${members.map(([key, member]) => `${space()}${text(key)}:${space()}${spell(member, choices)}`).join()}}`
}

const textArb = fc.oneof(fc.string({ unit: 'binary', maxLength: 8 }), fc.string({ maxLength: 8 }), fc.constantFrom('\u0000', '"', '\\', '\u2028', '\ufb33', '\ud83d\ude00'))
const keyArb = fc.oneof(textArb, fc.constantFrom('__proto__', 'constructor', 'toJSON', '1', '10', '9'))
const { json: jsonArb } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(fc.constant(null), fc.boolean(), fc.integer(), fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true }), textArb),
    fc.array(tie('json'), { maxLength: 4 }),
    // fromEntries defines `__proto__` as an own property, as JSON.parse does.
    fc.array(fc.tuple(keyArb, tie('json')), { maxLength: 4 }).map((members) => Object.fromEntries(members)),
  ),
}))
const json = (value: unknown): Json => {
  if (!isJson(value)) throw new Error('the generator made something that is no JSON')
  return value
}
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
      fc.property(jsonArb, fc.nat(), fc.nat(255), fc.constantFrom('flip', 'cut', 'insert'), (value, place, byte, change) => {
        const bytes = encodeCanonical(json(value))
        const i = place % bytes.length
        const changed = change === 'flip' ? flip(bytes, 8 * i + (byte % 8)) : change === 'cut' ? bytes.slice(0, i) : Uint8Array.from([...bytes.slice(0, i), byte, ...bytes.slice(i)])
        const parsed = parseCanonical(changed)
        if (parsed.ok) {
          expect(hex(encodeCanonical(parsed.value))).toBe(hex(changed))
          expect(canonicalize(parsed.value)).not.toBe(canonicalize(json(value)))
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('never throws on any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => typeof parseCanonical(bytes).ok === 'boolean'), { numRuns: 1_000 })
  })

  it('of whatever isJson lets through is readable again', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true, withMap: true, withSparseArray: true, withTypedArray: true, stringUnit: 'binary' }), (value) => {
        if (isJson(value)) expect(parseCanonical(encodeCanonical(value)).ok).toBe(true)
        else expect(() => canonicalize(value as Json)).toThrow(TypeError)
      }),
      { numRuns: 500 },
    )
  })
})

// ── the clock ───────────────────────────────────────────────────────────────────────────────────────────────────────

type Pair = { readonly l: number; readonly c: number }
/** Figure 5 of the paper, with the counter's carry. @param from the clocks seen, own first. */
const dumbClock = (from: readonly Pair[], pt: number): Pair => {
  const l = Math.max(pt, ...from.map((pair) => pair.l))
  const counters = from.filter((pair) => pair.l === l).map((pair) => pair.c)
  const c = counters.length === 0 ? 0 : Math.max(...counters) + 1
  return c > limits.hlc_counter_max ? { l: l + 1, c: 0 } : { l, c }
}

const NOW = 1_770_000_000_000
const wallArb = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: NOW - 3, max: NOW + 3 }) },
  { weight: 1, arbitrary: fc.double() },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity, -1, 0, 2 ** 60) },
)
const remoteArb = fc.record({ l: fc.integer({ min: NOW - 3, max: NOW + 3 }), c: fc.constantFrom(0, 1, 1022, 1023) })
const toHlc = ({ l, c }: Pair): Hlc => {
  const hlc = parseHlc(l * 1024 + c)
  if (hlc === null) throw new Error(`no clock value: ${l}, ${c}`)
  return hlc
}

describe('the hybrid logical clock', () => {
  it('is the paper’s pair in one number, and only ever grows', () => {
    const stepArb = fc.record({ nowMs: wallArb, remote: fc.option(remoteArb) })
    fc.assert(
      fc.property(fc.array(stepArb, { maxLength: 40 }), (steps) => {
        let clock = HLC_ZERO
        let pair: Pair = { l: 0, c: 0 }
        for (const { nowMs, remote } of steps) {
          const usable = Number.isFinite(nowMs) && nowMs >= 0 && nowMs < 2 ** 43 ? Math.floor(nowMs) : 0
          const next = remote === null ? tick(clock, nowMs) : observe(clock, toHlc(remote), nowMs)
          pair = dumbClock(remote === null ? [pair] : [pair, remote], usable)
          expect({ l: hlcMs(next), c: hlcCounter(next) }).toEqual(pair)
          expect(next).toBeGreaterThan(clock)
          if (remote !== null) expect(next).toBeGreaterThan(toHlc(remote))
          clock = next
        }
      }),
      { numRuns: 300 },
    )
  })
})
