/** Merkle trees: the reference vectors of Certificate Transparency, and verifiers against wrong sizes and shapes. */
import { describe, expect, it } from 'vitest'
import { bytesToHex, hexToBytes } from './ids.ts'
import { limits } from './limits.ts'
import {
  EMPTY_ROOT,
  appendLeaf,
  consistencyProof,
  emptyHistory,
  historyRoot,
  inclusionProof,
  leafHash,
  merkleRoot,
  nodeHash,
  verifyConsistency,
  verifyInclusion,
  type History,
} from './merkle.ts'

const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(
  hexToBytes,
)
/** By tree size. */
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]
const hex = (hashes: readonly Uint8Array[]): string[] => hashes.map(bytesToHex)
const root = (size: number): Uint8Array => hexToBytes(ROOTS[size]!)
const leaf = (index: number): Uint8Array => leafHash(LEAVES[index]!)
const node = (...indexes: readonly number[]): Uint8Array =>
  indexes.length === 1
    ? leaf(indexes[0]!)
    : nodeHash(node(...indexes.slice(0, indexes.length / 2)), node(...indexes.slice(indexes.length / 2)))

const grow = (leaves: readonly Uint8Array[]): History =>
  leaves.reduce((history, data) => appendLeaf(history, leafHash(data)), emptyHistory)

describe('roots', () => {
  it.each(ROOTS.map((expected, size) => [size, expected] as const))(
    'of the first %i reference leaves',
    (size, expected) => {
      expect(bytesToHex(merkleRoot(LEAVES.slice(0, size)))).toBe(expected)
      expect(bytesToHex(historyRoot(grow(LEAVES.slice(0, size))))).toBe(expected)
    },
  )

  it('of nothing is SHA-256 of nothing', () => {
    expect(bytesToHex(EMPTY_ROOT)).toBe(ROOTS[0])
  })
})

describe('a history', () => {
  it('holds the complete subtrees, largest first', () => {
    const history = grow(LEAVES.slice(0, 7))
    expect(history.size).toBe(7)
    expect(hex(history.peaks)).toEqual(hex([node(0, 1, 2, 3), node(4, 5), leaf(6)]))
  })

  it('is a value: appending leaves the old one as it was', () => {
    const before = grow(LEAVES.slice(0, 3))
    const peaks = hex(before.peaks)
    appendLeaf(before, leaf(3))
    appendLeaf(before, leaf(4))
    expect(hex(before.peaks)).toEqual(peaks)
    expect(bytesToHex(historyRoot(before))).toBe(ROOTS[3])
  })

  it('goes on beyond 2^31 leaves', () => {
    const size = 2 ** 40 - 1
    const history = appendLeaf({ size, peaks: Array.from({ length: 40 }, () => leaf(0)) }, leaf(1))
    expect(history.size).toBe(2 ** 40)
    expect(history.peaks.length).toBe(1)
  })
})

describe('inclusion (paths of RFC 6962 §2.1.3)', () => {
  const seven = LEAVES.slice(0, 7)
  it.each([
    [0, [leaf(1), node(2, 3), nodeHash(node(4, 5), leaf(6))]],
    [3, [leaf(2), node(0, 1), nodeHash(node(4, 5), leaf(6))]],
    [4, [leaf(5), leaf(6), node(0, 1, 2, 3)]],
    [6, [node(4, 5), node(0, 1, 2, 3)]],
  ])('of leaf %i of 7', (index, path) => {
    expect(hex(inclusionProof(seven, index))).toEqual(hex(path))
    expect(verifyInclusion(leaf(index), index, 7, path, root(7))).toBe(true)
  })

  it('of the only leaf is empty', () => {
    expect(inclusionProof(LEAVES.slice(0, 1), 0)).toEqual([])
    expect(verifyInclusion(leaf(0), 0, 1, [], root(1))).toBe(true)
  })

  it.each([-1, 7, 0.5, NaN])('has no proof for leaf %s of 7', (index) => {
    expect(() => inclusionProof(seven, index)).toThrow(RangeError)
    expect(verifyInclusion(leaf(0), index, 7, inclusionProof(seven, 0), root(7))).toBe(false)
  })

  it('refuses hashes of another length, though the bytes in a row are the same', () => {
    const [first, second] = [leaf(0), leaf(1)]
    const longer = new Uint8Array([...first, second[0]!])
    expect(verifyInclusion(first, 0, 2, [second], root(2))).toBe(true)
    expect(verifyInclusion(longer, 0, 2, [second.slice(1)], root(2))).toBe(false)
    expect(verifyInclusion(first, 0, 2, [new Uint8Array([...second, 0])], root(2))).toBe(false)
    expect(verifyInclusion(first, 0, 1, [], first.slice(0, 31))).toBe(false)
  })

  it('takes no inner node for a leaf', () => {
    expect(verifyInclusion(node(0, 1), 0, 2, [node(2, 3)], root(4))).toBe(true)
    expect(verifyInclusion(leafHash(new Uint8Array([...leaf(0), ...leaf(1)])), 0, 2, [node(2, 3)], root(4))).toBe(false)
  })
})

describe('consistency (examples of RFC 6962 §2.1.3)', () => {
  const seven = LEAVES.slice(0, 7)
  it.each([
    [3, [leaf(2), leaf(3), node(0, 1), nodeHash(node(4, 5), leaf(6))]],
    [4, [nodeHash(node(4, 5), leaf(6))]],
    [6, [node(4, 5), leaf(6), node(0, 1, 2, 3)]],
    [7, []],
    [0, []],
  ])('of 7 with %i', (m, proof) => {
    expect(hex(consistencyProof(seven, m))).toEqual(hex(proof))
    expect(verifyConsistency(m, 7, root(m), root(7), proof)).toBe(true)
  })

  it.each([-1, 8, 0.5, NaN])('has no proof for size %s of 7', (m) => {
    expect(() => consistencyProof(seven, m)).toThrow(RangeError)
    expect(verifyConsistency(m, 7, root(4), root(7), consistencyProof(seven, 4))).toBe(false)
  })

  it('holds an empty tree to its root, and equal sizes to equal roots', () => {
    expect(verifyConsistency(0, 7, root(1), root(7), [])).toBe(false)
    expect(verifyConsistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])).toBe(true)
    expect(verifyConsistency(0, 0, root(1), root(1), [])).toBe(false)
    expect(verifyConsistency(7, 7, root(7), root(6), [])).toBe(false)
    expect(verifyConsistency(7, 7, root(7), root(7), [root(7)])).toBe(false)
    expect(verifyConsistency(0, 7, EMPTY_ROOT, root(7), [root(7)])).toBe(false)
    expect(verifyConsistency(3, 7, root(3), root(7), [])).toBe(false)
  })
})

describe('hostile proofs', () => {
  it('are refused unread when longer than the limit', () => {
    const endless = Array.from({ length: limits.merkle_proof_hashes_max + 1 }, () => leaf(0))
    const read = (): never => {
      throw new Error('a hash was looked at')
    }
    Object.defineProperty(endless, 0, { get: read })
    expect(verifyInclusion(leaf(0), 0, Number.MAX_SAFE_INTEGER, endless, root(1))).toBe(false)
    expect(verifyConsistency(1, Number.MAX_SAFE_INTEGER, root(1), root(1), endless)).toBe(false)
  })

  it('do not reach above the root of the size they name', () => {
    expect(verifyInclusion(leaf(1), 0, 1, [leaf(0)], root(2))).toBe(false)
    expect(verifyInclusion(leaf(0), 1, 1, [], root(1))).toBe(false)
    expect(verifyConsistency(3, 4, root(7), root(8), consistencyProof(LEAVES, 7))).toBe(false)
    expect(verifyConsistency(7, 8, root(7), root(8), consistencyProof(LEAVES, 7))).toBe(true)
  })

  it('answers for the largest sizes there are', () => {
    let top = leaf(0)
    const path = Array.from({ length: 53 }, () => leaf(1))
    for (const sibling of path) top = nodeHash(top, sibling)
    expect(verifyInclusion(leaf(0), 0, Number.MAX_SAFE_INTEGER, path, top)).toBe(true)
    expect(verifyInclusion(leaf(0), 0, 2 ** 53, path, top)).toBe(false)
    expect(verifyConsistency(1, Number.MAX_SAFE_INTEGER, leaf(0), top, path)).toBe(true)
  })
})
