/**
 * Acks: a member's signed, cumulative word that everything of a chain up to a watermark lies on its stable storage.
 *
 * statement = pack([1, mesh, voter, [[chain, seq, commit hash, whole], …]]), signed under 'mnemesh/ack/1'. One statement a
 * flush, not one an event. `whole` is false where a body is missing below the watermark: such an entry never counts.
 */
import { hexToBytes, type ChainId, type CommitHash, type MeshId, type PeerId } from './ids.ts'
import { limits } from './limits.ts'
import { pack } from './msgpack.ts'
import { readPacked } from './packed-reader.ts'
import { sign, verify, type KeyPair } from './signature.ts'

export type Watermark = { readonly chain: ChainId; readonly seq: number; readonly hash: CommitHash; readonly whole: boolean }
export type AckStatement = { readonly mesh: MeshId; readonly voter: PeerId; readonly watermarks: readonly Watermark[] }
export type SignedAck = { readonly statement: Uint8Array; readonly signature: Uint8Array }
/** An ack whose statement has been read, once for all who look at it. That its voter signed it is yet to be checked (`isGenuine`). */
export type ReadAck = { readonly ack: SignedAck; readonly says: AckStatement }

export const encodeAckStatement = (ack: AckStatement): Uint8Array =>
  pack([1, hexToBytes(ack.mesh), hexToBytes(ack.voter), ack.watermarks.map((w) => [hexToBytes(w.chain), w.seq, hexToBytes(w.hash), w.whole])])

export const signAck = (ack: AckStatement, keys: KeyPair): SignedAck => {
  const statement = encodeAckStatement(ack)
  return { statement, signature: sign('mnemesh/ack/1', statement, keys) }
}

/** The statement's content, unverified, or null when it is malformed. */
export const decodeAckStatement = (statement: Uint8Array): AckStatement | null => {
  if (statement.length > limits.ack_bytes_max) return null
  const read = readPacked(statement, (reader): AckStatement => {
    reader.list(4, 4)
    reader.uint(1, 1)
    const mesh = reader.hex(32) as MeshId
    const voter = reader.hex(32) as PeerId
    const watermarks: Watermark[] = []
    for (let left = reader.list(0, limits.ack_watermarks_max); left > 0; left--) {
      reader.list(4, 4)
      watermarks.push({ chain: reader.hex(16) as ChainId, seq: reader.uint(1, limits.seq_max), hash: reader.hex(32) as CommitHash, whole: reader.flag() })
    }
    return { mesh, voter, watermarks }
  })
  return read.ok ? read.value : null
}

/** Null when its statement is malformed. */
export const readAck = (ack: SignedAck): ReadAck | null => {
  const says = decodeAckStatement(ack.statement)
  return says && { ack, says }
}

/** Whether the voter it names signed it, for this mesh. */
export const isGenuine = ({ ack, says }: ReadAck, mesh: MeshId): boolean =>
  says.mesh === mesh && verify('mnemesh/ack/1', ack.statement, ack.signature, says.voter)

/** The statement, if it is well formed, of this mesh, and signed by the voter it names. */
export const verifyAck = (ack: SignedAck, mesh: MeshId): AckStatement | null => {
  const read = readAck(ack)
  return read !== null && isGenuine(read, mesh) ? read.says : null
}
