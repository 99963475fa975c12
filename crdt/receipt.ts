/**
 * Receipts: what shows, without any log, that certain voters have signed that a commit lies, whole, on their stable storage.
 *
 * A receipt holds the commit's header (its hash names the commit, its peer, incarnation and namespace the chain) and one part of an ack a
 * voter. Where a voter named a later commit of the chain, a tie leads back: the header of that commit, whose hash the voter signed, and the
 * RFC 6962 path of ours in its `history`. Whether the voters were voters is for the control log to say.
 *
 * Invariant: in JSON each receipt has one form, and no bit of it is free: what differs from what was signed is refused.
 */
import { isGenuinePart, type AckPart } from './ack.ts'
import { toBase64Url } from './base64.ts'
import { chainId, commitHash, decodeHeader, type CommitHeader } from './commit.ts'
import { joined } from './hash.ts'
import {
  hexToBytes,
  parseCommitHash,
  parsePeerId,
  type ChainId,
  type CommitHash,
  type MeshId,
  type PeerId,
} from './ids.ts'
import { bytesIn, fieldsOf, hashesIn, isCount } from './json-fields.ts'
import { limits } from './limits.ts'
import { leafHash, verifyInclusion } from './merkle.ts'

/** `header` of the commit that an ack names, and the path of leaf `seq` − 1 in its history. */
export type Tie = { readonly header: Uint8Array; readonly path: readonly Uint8Array[] }
/** `tie` is null exactly where the ack names the receipt's own commit. */
export type Vouch = AckPart & { readonly tie: Tie | null }
export type Receipt = { readonly header: Uint8Array; readonly acks: readonly Vouch[] }

/** As it stands in answers: bytes in base64url, paths as their hashes joined. `seq` and `hash` of an ack are what its voter signed. */
export type ReceiptJson = {
  readonly commit: string
  readonly chain: string
  readonly seq: number
  readonly header: string
  readonly acks: readonly {
    readonly voter: string
    readonly seq: number
    readonly hash: string
    readonly index: number
    readonly count: number
    readonly path: string
    readonly signature: string
    readonly tie: { readonly header: string; readonly path: string } | null
  }[]
}

/** What a receipt shows. Each voter stands in it once. */
export type Shown = {
  readonly commit: CommitHash
  readonly chain: ChainId
  readonly seq: number
  readonly header: CommitHeader
  readonly voters: readonly PeerId[]
}
export type ReceiptFault = 'malformed' | 'other_commit' | 'foreign_mesh' | 'voter_twice' | 'bad_signature' | 'not_tied'
export type ReceiptResult =
  ({ readonly ok: true } & Shown) | { readonly ok: false; readonly fault: ReceiptFault; readonly voter: PeerId | null }

/** Voters that one receipt may name: as many as a mesh has members that are linked, and more. */
export const RECEIPT_ACKS_MAX = 256

export const encodeReceipt = ({ header, acks }: Receipt): ReceiptJson => {
  const { seq, chain } = placeOf(decodeHeader(header)!)
  return {
    commit: commitHash(header),
    chain,
    seq,
    header: toBase64Url(header),
    acks: acks.map(({ voter, watermark, index, count, path, signature, tie }) => ({
      voter,
      seq: watermark.seq,
      hash: watermark.hash,
      index,
      count,
      path: toBase64Url(joined(path)),
      signature: toBase64Url(signature),
      tie: tie && { header: toBase64Url(tie.header), path: toBase64Url(joined(tie.path)) },
    })),
  }
}

/** Reads a receipt and checks all of it: each ack must be genuine and cover the commit. Takes any value, never throws. */
export const verifyReceipt = (value: unknown, mesh: MeshId): ReceiptResult => {
  const receipt = readReceipt(value)
  return receipt === null ? { ok: false, fault: 'malformed', voter: null } : checkReceipt(receipt, mesh)
}

/** The same of a receipt that has been read, or just made. */
export const checkReceipt = (receipt: Receipt, mesh: MeshId): ReceiptResult => {
  const header = decodeHeader(receipt.header)
  const fault = (reason: ReceiptFault, voter: PeerId | null = null): ReceiptResult => ({
    ok: false,
    fault: reason,
    voter,
  })
  if (header === null) return fault('malformed')
  if (header.mesh !== mesh) return fault('foreign_mesh')
  const [commit, { chain, seq }] = [commitHash(receipt.header), placeOf(header)]
  const voters = new Set<PeerId>()
  for (const vouch of receipt.acks) {
    if (voters.has(vouch.voter)) return fault('voter_twice', vouch.voter)
    voters.add(vouch.voter)
    if (!isTied(vouch, { chain, seq, commit })) return fault('not_tied', vouch.voter)
    if (!isGenuinePart(vouch, mesh)) return fault('bad_signature', vouch.voter)
  }
  return { ok: true, commit, chain, seq, header, voters: [...voters] }
}

/** Whether the ack's entry, by itself or by its tie, says that the commit at this place is `commit`. Its signature is another matter. */
const isTied = (
  { watermark, tie }: Vouch,
  at: { readonly chain: ChainId; readonly seq: number; readonly commit: CommitHash },
): boolean => {
  if (watermark.chain !== at.chain || !watermark.whole) return false
  if (tie === null) return watermark.seq === at.seq && watermark.hash === at.commit
  const later = decodeHeader(tie.header)
  if (later === null || commitHash(tie.header) !== watermark.hash) return false
  const place = placeOf(later)
  return (
    place.chain === at.chain &&
    place.seq === watermark.seq &&
    place.seq > at.seq &&
    verifyInclusion(leafHash(hexToBytes(at.commit)), at.seq - 1, place.seq - 1, tie.path, hexToBytes(later.history))
  )
}

const placeOf = (header: CommitHeader): { readonly chain: ChainId; readonly seq: number } => ({
  chain: chainId(header.peer, header.incarnation, header.namespace),
  seq: header.seq,
})

// ── JSON: exactly these fields, each in its one form ─────────────────────────────────────────────────────────────────

/** The receipt that a value from outside says, when its commit, chain and seq are those of its header; null for anything else. */
export const readReceipt = (value: unknown): Receipt | null => {
  const said = fieldsOf(value, ['commit', 'chain', 'seq', 'header', 'acks'])
  const header = said && bytesIn(said['header'], limits.header_bytes_max)
  const read = header && decodeHeader(header)
  if (!said || !header || !read || !Array.isArray(said['acks']) || said['acks'].length > RECEIPT_ACKS_MAX) return null
  const { chain, seq } = placeOf(read)
  if (said['commit'] !== commitHash(header) || said['chain'] !== chain || said['seq'] !== seq) return null
  const acks = (said['acks'] as readonly unknown[]).map((ack) => readVouch(ack, chain))
  return acks.every((ack) => ack !== null) ? { header, acks } : null
}

const readVouch = (value: unknown, chain: ChainId): Vouch | null => {
  const said = fieldsOf(value, ['voter', 'seq', 'hash', 'index', 'count', 'path', 'signature', 'tie'])
  if (!said || typeof said['voter'] !== 'string' || typeof said['hash'] !== 'string') return null
  const [voter, hash] = [parsePeerId(said['voter']), parseCommitHash(said['hash'])]
  const [seq, index, count] = [said['seq'], said['index'], said['count']]
  const [path, signature] = [hashesIn(said['path']), bytesIn(said['signature'], 64)]
  if (
    !voter ||
    !hash ||
    !path ||
    signature?.length !== 64 ||
    !isCount(seq, limits.seq_max) ||
    !isCount(index, limits.ack_watermarks_max) ||
    !isCount(count, limits.ack_watermarks_max)
  )
    return null
  const part = { voter, watermark: { chain, seq, hash, whole: true }, index, count, path, signature }
  if (said['tie'] === null) return { ...part, tie: null }
  const tie = fieldsOf(said['tie'], ['header', 'path'])
  const [header, back] = [tie && bytesIn(tie['header'], limits.header_bytes_max), tie && hashesIn(tie['path'])]
  return header && back ? { ...part, tie: { header, path: back } } : null
}
