/**
 * Merkle trees against a deliberately dumb version: the recursive definitions of RFC 6962 §2.1, sharing no code with ours.
 * A failure prints its seed and the shrunk input: `fc.assert(…, { seed, path })` replays it.
 */
import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  appendLeaf,
  consistencyProof,
  emptyHistory,
  historyRoot,
  inclusionProof,
  leafHash,
  merkleRoot,
  verifyConsistency,
  verifyInclusion,
} from '../crdt/merkle.ts'

const H = (...parts: readonly (Uint8Array | number)[]): Buffer =>
  createHash('sha256')
    .update(Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : part))))
    .digest()

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
  return m <= left.length
    ? [...SUBPROOF(m, left, whole), MTH(right)]
    : [...SUBPROOF(m - left.length, right, false), MTH(left)]
}

/** Walks down the tree's shape, taking the proof's hashes from its end; null where the proof does not have that shape. */
const rootByPath = (leaf: Uint8Array, index: number, size: number, proof: readonly Uint8Array[]): Uint8Array | null => {
  if (size === 1) return proof.length === 0 ? leaf : null
  const sibling = proof.at(-1)
  if (sibling === undefined) return null
  const isLeft = index < k(size)
  const inner = isLeft
    ? rootByPath(leaf, index, k(size), proof.slice(0, -1))
    : rootByPath(leaf, index - k(size), size - k(size), proof.slice(0, -1))
  return inner && (isLeft ? H(1, inner, sibling) : H(1, sibling, inner))
}

const rootsByProof = (
  m: number,
  n: number,
  old: Uint8Array | null,
  proof: readonly Uint8Array[],
): readonly [Uint8Array, Uint8Array] | null => {
  const sibling = proof.at(-1)
  if (m === n && old !== null) return proof.length === 0 ? [old, old] : null
  if (sibling === undefined) return null
  if (m === n) return proof.length === 1 ? [sibling, sibling] : null
  const endsLeft = m <= k(n)
  const inner = endsLeft
    ? rootsByProof(m, k(n), old, proof.slice(0, -1))
    : rootsByProof(m - k(n), n - k(n), null, proof.slice(0, -1))
  return inner && (endsLeft ? [inner[0], H(1, inner[1], sibling)] : [H(1, sibling, inner[0]), H(1, sibling, inner[1])])
}

const hex = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString('hex')
const hexes = (hashes: readonly Uint8Array[]): (string | null)[] => hashes.map(hex)
const flip = (bytes: Uint8Array, bit: number): Uint8Array =>
  bytes.map((byte, i) => (i === Math.floor(bit / 8) % bytes.length ? byte ^ (1 << (bit % 8)) : byte))

/** Distinct leaves: among equal ones a proof of the one is a proof of the other. */
const leavesArb = (min: number): fc.Arbitrary<Uint8Array[]> =>
  fc.uniqueArray(fc.uint8Array({ maxLength: 40 }), {
    minLength: min,
    maxLength: 40,
    size: 'max',
    selector: (leaf) => String(hex(leaf)),
  })
/** By size − 1: trees of 1 to 9 leaves. */
const TREES = Array.from({ length: 9 }, (_, i) => Array.from({ length: i + 1 }, (_, leaf) => Uint8Array.of(leaf)))
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

  it('verify at any index and size exactly when the recursive walk does (all of them up to 9 leaves)', () => {
    const wrong: string[] = []
    for (const tree of TREES) {
      const root = MTH(tree)
      for (const [right, data] of tree.entries()) {
        const [leaf, proof] = [leafHash(data), inclusionProof(tree, right)]
        for (let size = 0; size <= TREES.length + 1; size++) {
          for (let index = 0; index <= size; index++) {
            const valid = index < size && hex(rootByPath(leaf, index, size, proof)) === hex(root)
            if (verifyInclusion(leaf, index, size, proof, root) !== valid)
              wrong.push(`leaf ${right} of ${tree.length} as ${index} of ${size}: not ${valid}`)
          }
        }
      }
    }
    expect(wrong).toEqual([])
  })

  it('prove that they grew, and nothing once any bit or the length of the proof is another', () => {
    fc.assert(
      fc.property(leavesArb(2), fc.nat(), fc.nat(255), (leaves, a, bit) => {
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
      }),
      { numRuns: 100 },
    )
  })

  it('grew from any size to any size exactly when the recursive walk says so (all of them up to 9 leaves)', () => {
    const wrong: string[] = []
    for (const tree of TREES) {
      for (let right = 1; right < tree.length; right++) {
        const [rootM, rootN, proof] = [MTH(tree.slice(0, right)), MTH(tree), consistencyProof(tree, right)]
        for (let n = 0; n <= TREES.length + 1; n++) {
          for (let m = 0; m <= n + 1; m++) {
            const roots = m > 0 && m <= n ? rootsByProof(m, n, rootM, proof) : null
            const valid = roots !== null && hex(roots[0]) === hex(rootM) && hex(roots[1]) === hex(rootN)
            if (verifyConsistency(m, n, rootM, rootN, proof) !== valid)
              wrong.push(`${right} to ${tree.length} as ${m} to ${n}: not ${valid}`)
          }
        }
      }
    }
    expect(wrong).toEqual([])
  })

  it('show a rewritten past: no proof of the new tree links it to the old root', () => {
    fc.assert(
      fc.property(leavesArb(2), fc.nat(), fc.nat(), (leaves, a, b) => {
        const m = 1 + pick(a, leaves.length - 1)
        const forged = leaves.with(pick(b, m), new Uint8Array(41))
        expect(
          verifyConsistency(m, leaves.length, MTH(leaves.slice(0, m)), MTH(forged), consistencyProof(forged, m)),
        ).toBe(false)
      }),
      { numRuns: 60 },
    )
  })
})
