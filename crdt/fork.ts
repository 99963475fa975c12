/**
 * Forks: proof that a peer wrote two histories, short enough to be told first.
 *
 * proof = pack([1, at, side, side]), side = [header, signature, leaf, [inclusion hash…]]. A side shows, under the peer's own
 * signature, which commit stands at seq `at` of its history: the signed header itself (then leaf and inclusion are empty), or,
 * where only a later commit was signed, `leaf` by an RFC 6962 inclusion proof in that header's `history`. Two sides of one
 * chain that show different commits are a fork; nobody but the peer's key can make one.
 *
 * Rule: with proofs known, every commit of the chain from the lowest `at` on, and all that causally follows one, is out of the
 * documents; logs count the chain up to `at` − 1. With proofs of more than `forks_per_peer_max` chains of one peer known, every chain
 * of that peer counts up to 0. That is a function of the set of proofs alone. A proof counts when its peer was ever enrolled.
 */
import { chainId, commitHash, decodeHeader, hasValidSignature, type Commit, type CommitHeader } from './commit.ts'
import { hexToBytes, type ChainId, type CommitHash, type MeshId, type PeerId } from './ids.ts'
import { limits } from './limits.ts'
import { inclusionProof, leafHash, verifyInclusion } from './merkle.ts'
import { equalBytes, pack } from './msgpack.ts'
import { readPacked, type PackedReader } from './packed-reader.ts'
import { verify } from './signature.ts'

export type Fork = { readonly chain: ChainId; readonly peer: PeerId; readonly at: number }
type Side = readonly [header: Uint8Array, signature: Uint8Array, leaf: Uint8Array, inclusion: readonly Uint8Array[]]

/** One branch: successive commits from `at` (or right behind it) on, and the hashes of the chain's commits before them. */
export type Branch = { readonly before: readonly CommitHash[]; readonly commits: readonly Commit[] }

/** The proof, or null when a branch holds no commit that its peer signed itself (its cover has not come yet). */
export const makeForkProof = (at: number, a: Branch, b: Branch): Uint8Array | null => {
  const [sideA, sideB] = [sideOf(at, a), sideOf(at, b)]
  return sideA === null || sideB === null ? null : pack([1, at, [...sideA], [...sideB]])
}

/** What the proof proves, or null when it proves nothing in this mesh. Never throws. */
export const verifyForkProof = (bytes: Uint8Array, mesh: MeshId): Fork | null => {
  const read = readForkProof(bytes, mesh)
  return read !== null && read.isProven() ? read.fork : null
}

/**
 * What the proof claims, without a look at its two signatures (`isProven`), which cost more than all else: whoever has no use for
 * the claim need not check it. Null when it shows no two commits in one place of a chain of this mesh. Never throws.
 */
export const readForkProof = (bytes: Uint8Array, mesh: MeshId): { readonly fork: Fork; isProven(): boolean } | null => {
  if (bytes.length > limits.fork_proof_bytes_max) return null
  const read = readPacked(bytes, (reader) => {
    reader.list(4, 4)
    reader.uint(1, 1)
    return { at: reader.uint(1, limits.seq_max), a: readSide(reader), b: readSide(reader) }
  })
  if (!read.ok) return null
  const { at, a, b } = read.value
  const [headerA, headerB] = [decodeHeader(a[0]), decodeHeader(b[0])]
  if (headerA === null || headerB === null || headerA.mesh !== mesh || headerB.mesh !== mesh) return null
  const chain = chainId(headerA.peer, headerA.incarnation, headerA.namespace)
  if (chain !== chainId(headerB.peer, headerB.incarnation, headerB.namespace)) return null
  const [shownA, shownB] = [shownAt(at, a, headerA), shownAt(at, b, headerB)]
  if (shownA === null || shownB === null || equalBytes(shownA, shownB)) return null
  const isSigned = [
    [a, headerA],
    [b, headerB],
  ] as const
  return {
    fork: { chain, peer: headerA.peer, at },
    isProven: () => isSigned.every(([side, header]) => verify('mnemesh/commit/1', side[0], side[1], header.peer)),
  }
}

const sideOf = (at: number, { before, commits }: Branch): Side | null => {
  const signed = commits.find(hasValidSignature)
  if (signed === undefined) return null
  const { seq } = signed.header
  if (seq === at) return [signed.headerBytes, signed.signature, EMPTY, []]
  const leaves = [...before, ...commits.map(({ hash }) => hash)].slice(0, seq - 1).map(hexToBytes)
  const leaf = leaves[at - 1]
  return leaf === undefined || leaves.length !== seq - 1
    ? null
    : [signed.headerBytes, signed.signature, leaf, inclusionProof(leaves, at - 1)]
}

/** The commit hash that a side shows at `at`, or null when it shows none. */
const shownAt = (at: number, [headerBytes, , leaf, inclusion]: Side, header: CommitHeader): Uint8Array | null => {
  if (header.seq === at) return leaf.length === 0 && inclusion.length === 0 ? hexToBytes(commitHash(headerBytes)) : null
  if (header.seq < at || leaf.length !== 32) return null
  return verifyInclusion(leafHash(leaf), at - 1, header.seq - 1, inclusion, hexToBytes(header.history)) ? leaf : null
}

const readSide = (reader: PackedReader): Side => {
  reader.list(4, 4)
  const [header, signature, leaf] = [reader.bin(0, limits.header_bytes_max), reader.bin(64), reader.bin(0, 32)]
  const inclusion: Uint8Array[] = []
  for (let left = reader.list(0, limits.merkle_proof_hashes_max); left > 0; left--) inclusion.push(reader.bin(32))
  return [header, signature, leaf, inclusion]
}

const EMPTY = new Uint8Array(0)

/** A header that somebody vouches for by naming its hash: where that commit stands. Null when the bytes are not its header. */
export const placeOfHeader = (
  hash: CommitHash,
  headerBytes: Uint8Array,
): { readonly chain: ChainId; readonly seq: number } | null => {
  const header =
    headerBytes.length <= limits.header_bytes_max && commitHash(headerBytes) === hash ? decodeHeader(headerBytes) : null
  return header && { chain: chainId(header.peer, header.incarnation, header.namespace), seq: header.seq }
}
