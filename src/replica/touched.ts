/**
 * What a flush that changes the past touched, in the fewest bytes that lead to it: not the records themselves, which the log
 * answers when the rows are made again, but where to look for them.
 */
import { bytesToHex, hexToBytes, type ChainId, type PeerId, type Ref } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'

export type Place = { readonly chain: ChainId; readonly seq: number }

export type Touched = {
  /** Commits that came late or came back: they count, and so does whatever rests on them. */
  readonly commits: readonly Place[]
  /** Chains that end before a fork: what stands behind it is left out, and whatever rests on that. */
  readonly forked: readonly ChainId[]
  /** Members of whose chains a revocation leaves out the end, in the same way. */
  readonly revoked: readonly PeerId[]
  /** Texts that came behind a commit which names them. */
  readonly texts: readonly (Place & { readonly ref: Ref })[]
}
/** `everything`: more than a fact holds, or nobody knows what. */
export type TouchedOrAll = Touched | 'everything'

/** Everything is touched: more than fits, or a text of which nobody remembers who names it. */
const EVERYTHING = pack([])
const PLACE_BYTES = 16 + 8
const [TEXT_BYTES, CHAIN_BYTES, PEER_BYTES] = [PLACE_BYTES + 32, 16, 32]
/** The four lists' own heads. */
const FRAME_BYTES = 64

export const encodeTouched = (touched: TouchedOrAll): Uint8Array => {
  if (touched === 'everything') return EVERYTHING
  const { commits, forked, revoked, texts } = touched
  const bytes =
    commits.length * PLACE_BYTES + forked.length * CHAIN_BYTES + revoked.length * PEER_BYTES + texts.length * TEXT_BYTES
  if (bytes + FRAME_BYTES > limits.store_fact_bytes_max) return EVERYTHING
  return pack([
    joined(commits.map(placeBytes)),
    joined(forked.map(hexToBytes)),
    joined(revoked.map(hexToBytes)),
    joined(texts.map((text) => joined([placeBytes(text), hexToBytes(text.ref)]))),
  ])
}

/** Whatever it cannot read touched everything. */
export const decodeTouched = (fact: Uint8Array | 'damaged' | null): TouchedOrAll => {
  const lists = fact instanceof Uint8Array ? unpack(fact) : null
  if (!Array.isArray(lists) || lists.length !== 4) return 'everything'
  const [commits, forked, revoked, texts] = lists.map((list, i) =>
    parts(list, [PLACE_BYTES, CHAIN_BYTES, PEER_BYTES, TEXT_BYTES][i]!),
  )
  if (!commits || !forked || !revoked || !texts) return 'everything'
  return {
    commits: commits.map(placeIn),
    forked: forked.map((bytes) => bytesToHex(bytes) as ChainId),
    revoked: revoked.map((bytes) => bytesToHex(bytes) as PeerId),
    texts: texts.map((bytes) => ({ ...placeIn(bytes), ref: bytesToHex(bytes.subarray(PLACE_BYTES)) as Ref })),
  }
}

const placeBytes = ({ chain, seq }: Place): Uint8Array => {
  const bytes = new Uint8Array(PLACE_BYTES)
  bytes.set(hexToBytes(chain))
  new DataView(bytes.buffer).setBigUint64(16, BigInt(seq))
  return bytes
}
const placeIn = (bytes: Uint8Array): Place => ({
  chain: bytesToHex(bytes.subarray(0, 16)) as ChainId,
  seq: Number(new DataView(bytes.buffer, bytes.byteOffset + 16, 8).getBigUint64(0)),
})

const joined = (pieces: readonly Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
const parts = (list: unknown, size: number): readonly Uint8Array[] | null =>
  list instanceof Uint8Array && list.length % size === 0
    ? Array.from({ length: list.length / size }, (_, i) => list.subarray(i * size, (i + 1) * size))
    : null

/** The commits that name these texts, each with those of them. */
export const placesOf = (texts: Touched['texts']): ReadonlyMap<Place, ReadonlySet<Ref>> => {
  const byKey = new Map<string, readonly [Place, Set<Ref>]>()
  for (const { chain, seq, ref } of texts) {
    const key = `${chain} ${seq}`
    const known = byKey.get(key) ?? ([{ chain, seq }, new Set<Ref>()] as const)
    byKey.set(key, known)
    known[1].add(ref)
  }
  return new Map(byKey.values())
}
