/**
 * Merkle trees of RFC 6962 §2.1: roots, proofs that a leaf is in a tree, proofs that a tree only grew, and a tree that grows.
 *
 * leaf = SHA-256(0x00 ‖ data), node = SHA-256(0x01 ‖ left ‖ right), root of nothing = SHA-256(""). A tree of n > 1 leaves
 * splits at the largest power of two below n. Hashes are 32 bytes; sizes and indexes are safe integers, counted from 0.
 *
 * Invariants
 * - `historyRoot` after appending the leaf hashes of `leaves` in order is `merkleRoot(leaves)`.
 * - The verifiers never throw, take any numbers and bytes, and refuse whatever is not 32 bytes long: otherwise a byte moved
 *   from one hash to its neighbour would verify as well.
 * A root does not say how many leaves it has: a proof also verifies under another size in which its leaf lies the same way.
 *   So take a size and its root from one signed header, never from the one who brings the proof.
 *
 * Source: RFC 6962 §2.1 (trees and proofs), RFC 9162 §2.1.3.2 and §2.1.4.2 (verifying).
 */
import { sha256 } from './hash.ts'
import { limits } from './limits.ts'
import { equalBytes } from './msgpack.ts'

export const HASH_BYTES = 32
/** The root of a tree without leaves. */
export const EMPTY_ROOT: Uint8Array = sha256('')

/** @param data any bytes. */
export const leafHash = (data: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(1 + data.length)
  bytes.set(data, 1)
  return sha256(bytes)
}

/** @param left, right 32 bytes each. */
export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(1 + 2 * HASH_BYTES)
  bytes[0] = 1
  bytes.set(left, 1)
  bytes.set(right, 1 + HASH_BYTES)
  return sha256(bytes)
}

export const merkleRoot = (leaves: readonly Uint8Array[]): Uint8Array => {
  const hashes = leaves.map(leafHash)
  return hashes.length === 0 ? EMPTY_ROOT : rangeRoot(hashes, 0, hashes.length)
}

// ── a tree that grows ───────────────────────────────────────────────────────────────────────────────────────────────

/**
 * An append-only tree without its leaves: the roots of its complete subtrees, the largest first, one for each bit that is
 * set in `size`. A value: appending answers a new one, at most 53 hashes long.
 */
export type History = { readonly size: number; readonly peaks: readonly Uint8Array[] }

export const emptyHistory: History = { size: 0, peaks: [] }

/** One hash a leaf, amortised. @param leaf a leaf hash, 32 bytes. */
export const appendLeaf = (history: History, leaf: Uint8Array): History => {
  const peaks = history.peaks.slice()
  let peak = leaf
  // Like adding 1 in binary: each trailing 1 of the size is a subtree of the same height to join with.
  for (let rest = history.size; isOdd(rest); rest = half(rest)) peak = nodeHash(peaks.pop()!, peak)
  peaks.push(peak)
  return { size: history.size + 1, peaks }
}

/**
 * The root of the complete subtree of 2^`height` leaves that `leaf` (a leaf hash) completes when it is appended; null when it completes none.
 */
export const completedSubtree = (history: History, leaf: Uint8Array, height: number): Uint8Array | null => {
  if ((history.size + 1) % 2 ** height !== 0) return null
  return history.peaks.slice(history.peaks.length - height).reduceRight((right, left) => nodeHash(left, right), leaf)
}

/** The root over all leaves so far: one hash less than there are peaks. */
export const historyRoot = (history: History): Uint8Array =>
  history.peaks.length === 0 ? EMPTY_ROOT : history.peaks.reduceRight((right, left) => nodeHash(left, right))

// ── a leaf is in the tree ───────────────────────────────────────────────────────────────────────────────────────────

/** The siblings on the way from leaf `index` up to the root, lowest first. Hashes every leaf once. Throws RangeError on an index without a leaf. */
export const inclusionProof = (leaves: readonly Uint8Array[], index: number): readonly Uint8Array[] => {
  const hashes = leaves.map(leafHash)
  return inclusionPath(index, leaves.length, (from, to) => rangeRoot(hashes, from, to))
}

/**
 * The same, for whoever need not hash every leaf. Throws RangeError on an index without a leaf.
 *
 * @param rootOf the root of the subtree over the leaves from `from` to before `to`, which may be any that `splitRange` leads to.
 */
export const inclusionPath = (
  index: number,
  size: number,
  rootOf: (from: number, to: number) => Uint8Array,
): readonly Uint8Array[] => {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size)
    throw new RangeError(`no leaf ${index} in a tree of ${size}: ask for 0 to ${size - 1}`)
  const path: Uint8Array[] = []
  for (let from = 0, to = size; to - from > 1;) {
    const middle = splitRange(from, to)
    const isLeft = index < middle
    path.push(isLeft ? rootOf(middle, to) : rootOf(from, middle))
    if (isLeft) to = middle
    else from = middle
  }
  return path.reverse()
}

/** Where the subtree over the leaves from `from` to before `to`, at least two, parts in two. */
export const splitRange = (from: number, to: number): number => from + splitOf(to - from)

/** Whether `proof` shows that `leaf` (a leaf hash) is number `index` of the `size` leaves under `root`. Never throws. */
export const verifyInclusion = (
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean => {
  const reached = areHashes([root]) ? rootOfInclusion(leaf, index, size, proof) : null
  return reached !== null && equalBytes(reached, root)
}

/** The root that `proof` leads to from `leaf` (a leaf hash), number `index` of `size`; null where no proof of that length leads anywhere. Never throws. */
export const rootOfInclusion = (
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
): Uint8Array | null => {
  if (!isSize(index) || !isSize(size) || index >= size || !areHashes([leaf]) || !areHashes(proof)) return null
  let hash = leaf
  let node = index
  let last = size - 1
  for (const sibling of proof) {
    if (last === 0) return null
    if (isOdd(node) || node === last) {
      hash = nodeHash(sibling, hash)
      // A node without a right neighbour keeps its place until it becomes a right child.
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)]
    } else hash = nodeHash(hash, sibling)
    ;[node, last] = [half(node), half(last)]
  }
  return last === 0 ? hash : null
}

// ── the tree only grew ──────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The nodes that show the first `m` leaves to be what the whole tree began with; empty for m = 0 and m = all.
 * Hashes every leaf once. Throws RangeError on a size that the tree never had.
 */
export const consistencyProof = (leaves: readonly Uint8Array[], m: number): readonly Uint8Array[] => {
  if (!Number.isSafeInteger(m) || m < 0 || m > leaves.length) {
    throw new RangeError(`a tree of ${leaves.length} leaves never had ${m}: ask for 0 to ${leaves.length}`)
  }
  if (m === 0) return []
  const hashes = leaves.map(leafHash)
  const path: Uint8Array[] = []
  let from = 0
  let to = hashes.length
  // SUBPROOF of RFC 6962 §2.1.2: walk to where the old tree ends.
  while (m < to) {
    const middle = from + splitOf(to - from)
    const endsLeft = m <= middle
    path.push(endsLeft ? rangeRoot(hashes, middle, to) : rangeRoot(hashes, from, middle))
    if (endsLeft) to = middle
    else from = middle
  }
  // The subtree that the walk ends in; where it is the whole old tree, the verifier has its root already.
  if (from > 0) path.push(rangeRoot(hashes, from, to))
  return path.reverse()
}

/** Whether `proof` shows that the tree of `m` leaves under `rootM` grew into that of `n` under `rootN`, by appending alone. Never throws. */
export const verifyConsistency = (
  m: number,
  n: number,
  rootM: Uint8Array,
  rootN: Uint8Array,
  proof: readonly Uint8Array[],
): boolean => {
  if (!isSize(m) || !isSize(n) || m > n || !areHashes([rootM, rootN]) || !areHashes(proof)) return false
  if (m === 0 && !equalBytes(rootM, EMPTY_ROOT)) return false
  if (m === n) return proof.length === 0 && equalBytes(rootM, rootN)
  if (m === 0) return proof.length === 0
  let node = m - 1
  let last = n - 1
  while (isOdd(node)) [node, last] = [half(node), half(last)]
  // node = 0: the old tree is one complete subtree, and its root is where both ways up begin.
  const [start, rest] = node === 0 ? [rootM, proof] : [proof[0], proof.slice(1)]
  if (start === undefined) return false
  let older = start
  let newer = start
  for (const sibling of rest) {
    if (last === 0) return false
    if (isOdd(node) || node === last) {
      older = nodeHash(sibling, older)
      newer = nodeHash(sibling, newer)
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)]
    } else newer = nodeHash(newer, sibling)
    ;[node, last] = [half(node), half(last)]
  }
  return last === 0 && equalBytes(older, rootM) && equalBytes(newer, rootN)
}

// ── helpers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** MTH over the leaf hashes from `from` to before `to`, at least one. */
const rangeRoot = (hashes: readonly Uint8Array[], from: number, to: number): Uint8Array => {
  if (to - from === 1) return hashes[from]!
  const middle = from + splitOf(to - from)
  return nodeHash(rangeRoot(hashes, from, middle), rangeRoot(hashes, middle, to))
}

/** The largest power of two below `count`, for count > 1. */
const splitOf = (count: number): number => {
  let split = 1
  while (2 * split < count) split *= 2
  return split
}

// Arithmetic instead of bit operations, which end at 2^31.
const isOdd = (n: number): boolean => n % 2 === 1
const half = (n: number): number => Math.floor(n / 2)
const isSize = (n: number): boolean => Number.isSafeInteger(n) && n >= 0
const areHashes = (hashes: readonly Uint8Array[]): boolean =>
  hashes.length <= limits.merkle_proof_hashes_max && hashes.every((hash) => hash.length === HASH_BYTES)
