/**
 * Acks: a member's signed, cumulative word that everything of a chain up to a watermark lies on its stable storage.
 *
 * statement = pack([2, mesh, voter, root, count]), signed under 'mnemesh/ack/1'; `root` is the RFC 6962 root over the entries in ascending
 * order of chain, each a leaf pack([chain, seq, commit hash, whole]). So one signature a flush serves all its chains, and a part of it, one
 * entry with its path, proves itself and tells nothing of the others. `whole` is false where a body is missing below the watermark:
 * such an entry never counts.
 */
import { hexToBytes, type ChainId, type CommitHash, type MeshId, type PeerId } from './ids.ts'
import { limits } from './limits.ts'
import { inclusionProof, leafHash, merkleRoot, rootOfInclusion } from './merkle.ts'
import { pack } from './msgpack.ts'
import { sign, verify, type KeyPair } from './signature.ts'

/** First field of what a voter signs: another one is another format. */
export const ACK_VERSION = 2

export type Watermark = {
  readonly chain: ChainId
  readonly seq: number
  readonly hash: CommitHash
  readonly whole: boolean
}
/** Invariant of one that `signAck` made: 1 … `ack_watermarks_max` watermarks, ascending by chain, none twice. */
export type SignedAck = {
  readonly voter: PeerId
  readonly watermarks: readonly Watermark[]
  readonly signature: Uint8Array
}
/** One entry of an ack: number `index` of its `count`, and the siblings on the way to the root that the voter signed. */
export type AckPart = {
  readonly voter: PeerId
  readonly watermark: Watermark
  readonly index: number
  readonly count: number
  readonly path: readonly Uint8Array[]
  readonly signature: Uint8Array
}

/** What a voter signs. @param root 32 bytes. */
export const ackStatement = (mesh: MeshId, voter: PeerId, root: Uint8Array, count: number): Uint8Array =>
  pack([ACK_VERSION, hexToBytes(mesh), hexToBytes(voter), root, count])

/** @param watermarks of different chains, in any order, 1 … `ack_watermarks_max`. @param voter whose keys these are. */
export const signAck = (
  { mesh, voter, watermarks }: Omit<SignedAck, 'signature'> & { readonly mesh: MeshId },
  keys: KeyPair,
): SignedAck => {
  const sorted = [...watermarks].sort((a, b) => (a.chain < b.chain ? -1 : 1))
  return {
    voter,
    watermarks: sorted,
    signature: sign('mnemesh/ack/1', ackStatement(mesh, voter, merkleRoot(sorted.map(leafOf)), sorted.length), keys),
  }
}

/** Whether these may be the watermarks of one ack: enough, not too many, ascending by chain. */
export const isAscending = (watermarks: readonly Watermark[]): boolean =>
  watermarks.length > 0 &&
  watermarks.length <= limits.ack_watermarks_max &&
  watermarks.every(({ chain }, i) => i === 0 || watermarks[i - 1]!.chain < chain)

/** Whether the voter that it names signed it, for this mesh. Never throws. */
export const isGenuine = ({ voter, watermarks, signature }: SignedAck, mesh: MeshId): boolean =>
  isAscending(watermarks) &&
  verify(
    'mnemesh/ack/1',
    ackStatement(mesh, voter, merkleRoot(watermarks.map(leafOf)), watermarks.length),
    signature,
    voter,
  )

/** The part of an ack that speaks of this chain, or null. */
export const partOf = ({ voter, watermarks, signature }: SignedAck, chain: ChainId): AckPart | null => {
  const index = watermarks.findIndex((watermark) => watermark.chain === chain)
  const watermark = watermarks[index]
  return watermark === undefined
    ? null
    : {
        voter,
        watermark,
        index,
        count: watermarks.length,
        path: inclusionProof(watermarks.map(leafOf), index),
        signature,
      }
}

/** Whether the voter that it names signed an ack, for this mesh, in which this is entry `index` of `count`. Never throws. */
export const isGenuinePart = ({ voter, watermark, index, count, path, signature }: AckPart, mesh: MeshId): boolean => {
  if (count > limits.ack_watermarks_max) return false
  const root = rootOfInclusion(leafHash(leafOf(watermark)), index, count, path)
  return root !== null && verify('mnemesh/ack/1', ackStatement(mesh, voter, root, count), signature, voter)
}

const leafOf = ({ chain, seq, hash, whole }: Watermark): Uint8Array =>
  pack([hexToBytes(chain), seq, hexToBytes(hash), whole])
