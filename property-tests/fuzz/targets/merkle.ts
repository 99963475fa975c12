/** Merkle proofs: verified exactly when the tree's definition says so, and then of the right leaf. */
import {
  consistencyProof,
  emptyHistory,
  appendLeaf,
  historyRoot,
  inclusionProof,
  leafHash,
  merkleRoot,
  verifyConsistency,
  verifyInclusion,
} from '../../../crdt/merkle.ts'
import { equalBytes, pack, type Packable } from '../../../crdt/msgpack.ts'
import { rootByInclusion, rootsByConsistency } from '../dumb/merkle.ts'
import { unpackLoose } from '../loose.ts'
import { mutatePacked } from '../mutate-packed.ts'
import { ACCEPTED, judge, mutant, refused, type Target } from '../target.ts'

/** Sizes around powers of two, where the shape changes. */
const SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 33, 70]
/** The oracle recurses; real proofs are far below. */
const SIZE_MAX = 2 ** 40

const leaves = Array.from({ length: 70 }, (_, n) => Uint8Array.of(n, n + 1, n + 2))
const treeOf = (size: number): readonly Uint8Array[] => leaves.slice(0, size)
const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isProof = (value: unknown): value is readonly Uint8Array[] =>
  Array.isArray(value) && value.every((hash) => hash instanceof Uint8Array)
const areHashes = (hashes: readonly Uint8Array[]): boolean => hashes.every((hash) => hash.length === 32)

const inclusion: Target = {
  name: 'merkle inclusion',
  micros: 40,
  open: () => {
    const sizeByRoot = new Map(SIZES.map((size) => [Buffer.from(merkleRoot(treeOf(size))).toString('hex'), size]))
    const samples = SIZES.flatMap((size) =>
      [0, size >> 1, size - 1].map((index) =>
        pack([
          leafHash(leaves[index]!),
          index,
          size,
          inclusionProof(treeOf(size), index) as readonly Packable[],
          merkleRoot(treeOf(size)),
        ]),
      ),
    )
    return {
      make: (draw) => mutant(draw, samples, mutatePacked),
      feed: (input) => {
        const [leaf, index, size, proof, root] = fieldsOf(input)
        if (
          !(leaf instanceof Uint8Array) ||
          !isSize(index) ||
          !isSize(size) ||
          !isProof(proof) ||
          !(root instanceof Uint8Array)
        )
          return refused('test_envelope')
        const verified = verifyInclusion(leaf, index, size, proof, root)
        if (size <= SIZE_MAX) {
          const reached =
            index < size && proof.length <= 64 && areHashes([leaf, root, ...proof])
              ? rootByInclusion(leaf, index, size, proof)
              : null
          judge(
            verified === (reached !== null && equalBytes(reached, root)),
            verified ? 'verifies, and the definition says it must not' : 'refused, though it leads to the root',
          )
        }
        if (!verified) return refused('not_in_the_tree')
        if (sizeByRoot.get(Buffer.from(root).toString('hex')) === size)
          judge(equalBytes(leaf, leafHash(leaves[index]!)), 'a leaf that is not in the tree verifies')
        return ACCEPTED
      },
    }
  },
}

const consistency: Target = {
  name: 'merkle consistency',
  micros: 50,
  open: () => {
    const rootBySize = new Map([0, ...SIZES].map((size) => [size, merkleRoot(treeOf(size))]))
    const samples = SIZES.flatMap((n) =>
      [0, 1, 2, n >> 1, n - 1, n]
        .filter((m) => m >= 0 && m <= n)
        .map((m) =>
          pack([
            m,
            n,
            merkleRoot(treeOf(m)),
            merkleRoot(treeOf(n)),
            consistencyProof(treeOf(n), m) as readonly Packable[],
          ]),
        ),
    )
    return {
      make: (draw) => mutant(draw, samples, mutatePacked),
      feed: (input) => {
        const [m, n, rootM, rootN, proof] = fieldsOf(input)
        if (
          !isSize(m) ||
          !isSize(n) ||
          !(rootM instanceof Uint8Array) ||
          !(rootN instanceof Uint8Array) ||
          !isProof(proof)
        )
          return refused('test_envelope')
        const verified = verifyConsistency(m, n, rootM, rootN, proof)
        if (m > 0 && m < n && n <= SIZE_MAX) {
          const roots =
            proof.length <= 64 && areHashes([rootM, rootN, ...proof]) ? rootsByConsistency(m, n, proof, rootM) : null
          judge(
            verified === (roots !== null && equalBytes(roots[0], rootM) && equalBytes(roots[1], rootN)),
            verified ? 'verifies, and the definition says it must not' : 'refused, though it leads to both roots',
          )
        }
        if (!verified) return refused('did_not_grow_so')
        const [knownM, knownN] = [rootBySize.get(m), rootBySize.get(n)]
        if (knownN !== undefined && equalBytes(knownN, rootN) && knownM !== undefined && m > 0)
          judge(equalBytes(knownM, rootM), 'another past of the tree verifies')
        return ACCEPTED
      },
    }
  },
}

/** A tree that grows and the tree at once have one root, however the leaves come. */
const history: Target = {
  name: 'merkle history',
  micros: 60,
  open: () => ({
    make: (draw) => draw.bytes(draw.small(80)),
    feed: (input) => {
      const data = Array.from(input, (byte, n) => Uint8Array.of(byte, n))
      const grown = data.reduce((tree, leaf) => appendLeaf(tree, leafHash(leaf)), emptyHistory)
      judge(equalBytes(historyRoot(grown), merkleRoot(data)), 'the grown tree has another root')
      judge(grown.size === data.length, 'the grown tree has another size')
      return ACCEPTED
    },
  }),
}

const fieldsOf = (input: Uint8Array): readonly unknown[] => {
  const value = unpackLoose(input)
  return Array.isArray(value) ? value : []
}

export const merkleTargets: readonly Target[] = [inclusion, consistency, history]
