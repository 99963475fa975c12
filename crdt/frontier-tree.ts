/**
 * The frontier as a tree by the digits of the chains' ids: two logs find where they differ in a few steps, however many chains they have,
 * and a chain that goes on costs the digests on its way to the root.
 *
 * The subtree of a prefix (0 … 32 hex digits) is a *leaf* when at most `frontier_leaf_entries_max` chains with commits begin with it, else a
 * *node* of 16 subtrees, one a digit. Its digest: of an empty one 32 zeros; of a leaf SHA-256("mnemesh/frontier-leaf/1" ‖ its entries,
 * ascending by chain, 56 bytes each); of a node SHA-256("mnemesh/frontier-node/1" ‖ the digests of its 16 subtrees).
 *
 * Invariant: all of it is a function of the set of entries alone, in whatever order they came. Digests are worked out when they are asked for.
 */
import { joined, sha256 } from './hash.ts'
import { DIGIT, type ChainId, type CommitHash } from './ids.ts'
import { limits } from './limits.ts'

export type Head = { readonly seq: number; readonly hash: CommitHash }

/** What lies under a prefix: the chains with their heads, ascending, or the digests of 16 subtrees. */
export type FrontierNode =
  | { readonly kind: 'leaf'; readonly entries: readonly ({ readonly chain: ChainId } & Head)[] }
  | { readonly kind: 'node'; readonly digests: readonly Uint8Array[] }

export type FrontierTree = {
  /** The chain's head is another one now, or it is gone. To be told of each change. */
  touch(chain: ChainId): void
  /** 32 bytes: of two trees equal when their entries are. */
  root(): Uint8Array
  at(prefix: string): FrontierNode
  /** Of the subtree of any prefix, as if it stood alone; zeros when it is empty. */
  digestAt(prefix: string): Uint8Array
  clear(): void
}

type Leaf = { readonly chains: ChainId[]; digest: Uint8Array | null }
type Inner = { readonly below: Subtree[]; digest: Uint8Array | null }
type Subtree = Leaf | Inner

export const EMPTY_SUBTREE: Uint8Array = new Uint8Array(32)
const ENTRY_BYTES = 56

/** @param headOf the chain's head; undefined, or at 0, when nothing of it counts. */
export const createFrontierTree = (headOf: (chain: ChainId) => Head | undefined): FrontierTree => {
  let top: Subtree = emptyLeaf()

  const digestOf = (tree: Subtree): Uint8Array => {
    tree.digest ??= isInner(tree) ? digestOfNode(tree.below.map(digestOf)) : digestOfLeaf(tree.chains, headOf)
    return tree.digest
  }

  /** @returns the subtree as it is then: a leaf that is too full is parted, a node that is a leaf again is joined. */
  const put = (tree: Subtree, chain: ChainId, depth: number, isThere: boolean): Subtree => {
    tree.digest = null
    if (isInner(tree)) {
      const digit = digitAt(chain, depth)
      tree.below[digit] = put(tree.below[digit]!, chain, depth + 1, isThere)
      return isThere ? tree : joinedAgain(tree)
    }
    const place = placeOf(tree.chains, chain)
    const isHere = tree.chains[place] === chain
    if (isThere && !isHere) tree.chains.splice(place, 0, chain)
    else if (!isThere && isHere) tree.chains.splice(place, 1)
    return tree.chains.length > limits.frontier_leaf_entries_max ? parted(tree, depth) : tree
  }

  /** The subtree that holds all of a prefix: its own, or a leaf above it. */
  const holderOf = (prefix: string): { readonly tree: Subtree; readonly depth: number } => {
    let tree = top
    let depth = 0
    for (; depth < prefix.length && isInner(tree); depth++) tree = tree.below[digitAt(prefix, depth)]!
    return { tree, depth }
  }
  const chainsAt = (leaf: Leaf, prefix: string): readonly ChainId[] =>
    leaf.chains.filter((chain) => chain.startsWith(prefix))

  return {
    touch: (chain) => {
      top = put(top, chain, 0, (headOf(chain)?.seq ?? 0) > 0)
    },
    root: () => digestOf(top),
    at: (prefix) => {
      const { tree } = holderOf(prefix)
      return isInner(tree)
        ? { kind: 'node', digests: tree.below.map(digestOf) }
        : { kind: 'leaf', entries: chainsAt(tree, prefix).map((chain) => entryOf(chain, headOf(chain)!)) }
    },
    digestAt: (prefix) => {
      const { tree, depth } = holderOf(prefix)
      return isInner(tree) || depth === prefix.length ? digestOf(tree) : digestOfLeaf(chainsAt(tree, prefix), headOf)
    },
    clear: () => {
      top = emptyLeaf()
    },
  }
}

const entryOf = (chain: ChainId, { seq, hash }: Head): { readonly chain: ChainId } & Head => ({ chain, seq, hash })
const emptyLeaf = (): Leaf => ({ chains: [], digest: null })
const isInner = (tree: Subtree): tree is Inner => 'below' in tree
const digitAt = (hex: string, at: number): number => DIGIT[hex.charCodeAt(at)]!

/** Where the chain stands, or would. */
const placeOf = (chains: readonly ChainId[], chain: ChainId): number => {
  let place = 0
  while (place < chains.length && chains[place]! < chain) place++
  return place
}

/** Chains are 32 digits and none is twice in it, so it ends before the digits do. */
const parted = ({ chains }: Leaf, depth: number): Subtree => {
  const below = Array.from({ length: 16 }, emptyLeaf)
  for (const chain of chains) below[digitAt(chain, depth)]!.chains.push(chain)
  return {
    below: below.map((leaf) =>
      leaf.chains.length > limits.frontier_leaf_entries_max ? parted(leaf, depth + 1) : leaf,
    ),
    digest: null,
  }
}

const joinedAgain = (tree: Inner): Subtree => {
  const chains: ChainId[] = []
  for (const part of tree.below) {
    if (isInner(part) || chains.length + part.chains.length > limits.frontier_leaf_entries_max) return tree
    for (const chain of part.chains) chains.push(chain)
  }
  return { chains, digest: null }
}

const digestOfNode = (digests: readonly Uint8Array[]): Uint8Array => sha256('mnemesh/frontier-node/1', joined(digests))

const digestOfLeaf = (chains: readonly ChainId[], headOf: (chain: ChainId) => Head | undefined): Uint8Array => {
  if (chains.length === 0) return EMPTY_SUBTREE
  const bytes = new Uint8Array(chains.length * ENTRY_BYTES)
  const view = new DataView(bytes.buffer)
  for (const [n, chain] of chains.entries()) {
    const { seq, hash } = headOf(chain)!
    const at = n * ENTRY_BYTES
    putHex(bytes, at, chain)
    // A u64: seqs have 48 bits.
    view.setUint32(at + 16, Math.floor(seq / 2 ** 32))
    view.setUint32(at + 20, seq >>> 0)
    putHex(bytes, at + 24, hash)
  }
  return sha256('mnemesh/frontier-leaf/1', bytes)
}

const putHex = (bytes: Uint8Array, at: number, hex: string): void => {
  for (let i = 0; i < hex.length / 2; i++)
    bytes[at + i] = (DIGIT[hex.charCodeAt(2 * i)]! << 4) | DIGIT[hex.charCodeAt(2 * i + 1)]!
}
