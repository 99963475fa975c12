/**
 * Proofs of RFC 6962 checked by recursion on the tree's shape, as §2.1 defines it: nothing of the loops of `crdt/merkle.ts`.
 */
import { createHash } from 'node:crypto'

const node = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  createHash('sha256').update(Uint8Array.of(1)).update(left).update(right).digest()
const split = (size: number): number => (size <= 2 ? 1 : 2 * split(Math.ceil(size / 2)))

/** The root that `proof` leads to from leaf `index` of `size`, or null when it has another length than the shape needs. */
export const rootByInclusion = (
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
): Uint8Array | null => {
  if (size === 1) return proof.length === 0 ? leaf : null
  const sibling = proof.at(-1)
  if (sibling === undefined) return null
  const middle = split(size)
  const inside =
    index < middle
      ? rootByInclusion(leaf, index, middle, proof.slice(0, -1))
      : rootByInclusion(leaf, index - middle, size - middle, proof.slice(0, -1))
  if (inside === null) return null
  return index < middle ? node(inside, sibling) : node(sibling, inside)
}

/** Roots of the old tree (m leaves) and the new (n > m > 0) that `proof` leads to; `whole` while the old tree is a subtree whose root is known. */
export const rootsByConsistency = (
  m: number,
  n: number,
  proof: readonly Uint8Array[],
  rootM: Uint8Array,
  whole = true,
): readonly [Uint8Array, Uint8Array] | null => {
  if (m === n) {
    if (whole) return proof.length === 0 ? [rootM, rootM] : null
    return proof.length === 1 ? [proof[0]!, proof[0]!] : null
  }
  const last = proof.at(-1)
  if (last === undefined) return null
  const middle = split(n)
  if (m <= middle) {
    const inside = rootsByConsistency(m, middle, proof.slice(0, -1), rootM, whole)
    return inside === null ? null : [inside[0], node(inside[1], last)]
  }
  const inside = rootsByConsistency(m - middle, n - middle, proof.slice(0, -1), rootM, false)
  return inside === null ? null : [node(last, inside[0]), node(last, inside[1])]
}
