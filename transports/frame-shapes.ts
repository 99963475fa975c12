/**
 * The table of frames (PROTOCOL SE4, SE7, MB1): for each tag from whom it is taken, how large it may be, and how its fields are read.
 *
 * A shape reads its fields in their order with a bound on each list, number and length, and builds nothing else.
 */
import { isAscending, type Watermark } from '../crdt/ack.ts'
import { refOf, SALT_BYTES, type Body } from '../crdt/body.ts'
import { bytesToHex, type ChainId, type CommitHash, type PeerId, type Ref } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import type { PackedReader } from '../crdt/packed-reader.ts'
import type { FrontierEntry, Parcel, RefusedCommit, Run } from './host.ts'
import { ADDRESS_DIGEST_BYTES, DIGEST_BYTES, NODE_DIGEST_BYTES, TAGS, type Message, type NodeTold } from './messages.ts'
import { REASON_NAME } from './refusals.ts'

/** Who is at the other end: nobody we know, a member whose link is not open yet, or a member whose link is. */
export type Standing = 'stranger' | 'member' | 'open'

export type Shape = {
  readonly from: Standing
  /** The largest such frame before the link is open, bytes; later it is `frame_bytes_max` for all. */
  readonly earlyBytesMax: number
  readonly fields: number
  /** @param only the one chain that may be spoken of; null when every chain may. @throws what `PackedReader` throws, and `OTHER_CHAIN`. */
  readonly read: (reader: PackedReader, only: ChainId | null) => Message
}

/** Thrown, and caught in `decode.ts`: before the link is open only the control chain is spoken of. */
export const OTHER_CHAIN = new Error('another chain than the control chain')

export const shapeOf = (tag: number): Shape | undefined => SHAPES.get(tag)

const SHAPES: ReadonlyMap<number, Shape> = new Map<number, Shape>([
  [TAGS.control, { from: 'stranger', earlyBytesMax: 16, fields: 1, read: (r) => ({ type: 'control', seq: count(r) }) }],
  [
    TAGS.open,
    {
      from: 'stranger',
      earlyBytesMax: 128,
      fields: 5,
      read: (r) => ({
        type: 'open',
        epoch: bytesToHex(r.bin(0, EPOCH_BYTES_MAX)),
        arrivals: count(r),
        digest: r.bin(DIGEST_BYTES),
        addresses: r.bin(ADDRESS_DIGEST_BYTES),
        clock: clock(r),
      }),
    },
  ],
  [TAGS.ping, { from: 'stranger', earlyBytesMax: 64, fields: 3, read: (r) => ({ type: 'ping', ...standing(r) }) }],
  [
    TAGS.pong,
    {
      from: 'stranger',
      earlyBytesMax: 64,
      fields: 4,
      read: (r) => ({ type: 'pong', ...standing(r), clock: clock(r) }),
    },
  ],
  [
    TAGS.credit,
    {
      from: 'stranger',
      earlyBytesMax: 16,
      fields: 1,
      read: (r) => ({ type: 'credit', bytes: r.uint(1, limits.credit_bytes_initial) }),
    },
  ],
  [
    TAGS.want,
    {
      from: 'stranger',
      earlyBytesMax: 256,
      fields: 2,
      read: (r, only) => ({ type: 'want', runs: runs(r, limits.want_runs_max, only) }),
    },
  ],
  [
    TAGS.absent,
    {
      from: 'stranger',
      earlyBytesMax: 32,
      fields: 2,
      read: (r, only) => ({ type: 'absent', chain: chain(r, only), from: seq(r) }),
    },
  ],
  [
    TAGS.parcels,
    {
      from: 'stranger',
      earlyBytesMax: limits.control_frame_bytes_max,
      fields: 3,
      read: (r, only) => {
        const of = chain(r, only)
        return {
          type: 'parcels',
          chain: of,
          parcels: parcels(r, of, seq(r), only === null ? limits.frame_bodies_max : 0),
        }
      },
    },
  ],
  [
    TAGS.line,
    {
      from: 'stranger',
      earlyBytesMax: 64 + 32 * limits.control_branches_told_max,
      fields: 3,
      read: (r) => ({
        type: 'line',
        place: count(r),
        head: r.hex(32) as CommitHash,
        others: hashes<CommitHash>(r, limits.control_branches_told_max),
      }),
    },
  ],
  [
    TAGS.want_line,
    {
      from: 'stranger',
      earlyBytesMax: 64 + 32 * limits.control_locator_hashes_max,
      fields: 2,
      read: (r) => ({
        type: 'want_line',
        head: r.hex(32) as CommitHash,
        known: hashes<CommitHash>(r, limits.control_locator_hashes_max),
      }),
    },
  ],
  [
    TAGS.statements,
    {
      from: 'stranger',
      earlyBytesMax: limits.control_frame_bytes_max,
      fields: 1,
      read: (r) => ({
        type: 'statements',
        commits: bins(r, limits.control_want_commits_max, limits.control_commit_bytes_max),
      }),
    },
  ],
  // Told to one that is frozen, before the link ends; of strangers nothing is verified.
  [
    TAGS.forks,
    {
      from: 'member',
      earlyBytesMax: limits.parcel_frame_bytes_target + 2 * limits.fork_proof_bytes_max,
      fields: 1,
      read: (r) => ({ type: 'forks', proofs: bins(r, limits.forks_per_frame_max, limits.fork_proof_bytes_max) }),
    },
  ],
  [TAGS.since, { from: 'open', earlyBytesMax: 0, fields: 1, read: (r) => ({ type: 'since', cursor: count(r) }) }],
  [
    TAGS.runs,
    {
      from: 'open',
      earlyBytesMax: 0,
      fields: 5,
      read: (r) => ({
        type: 'runs',
        runs: runs(r, limits.log_page_arrivals_max, null),
        cursor: count(r),
        end: r.flag(),
        digest: r.bin(DIGEST_BYTES),
      }),
    },
  ],
  [
    TAGS.frontier_ask,
    { from: 'open', earlyBytesMax: 0, fields: 1, read: (r) => ({ type: 'frontier_ask', prefixes: prefixes(r) }) },
  ],
  [
    TAGS.frontier,
    {
      from: 'open',
      earlyBytesMax: 0,
      fields: 2,
      read: (r) => ({ type: 'frontier', nodes: nodes(r), arrivals: count(r) }),
    },
  ],
  [TAGS.have, { from: 'open', earlyBytesMax: 0, fields: 1, read: (r) => ({ type: 'have', cursor: count(r) }) }],
  [
    TAGS.want_bodies,
    {
      from: 'open',
      earlyBytesMax: 0,
      fields: 1,
      read: (r) => ({ type: 'want_bodies', refs: hashes<Ref>(r, limits.want_bodies_max) }),
    },
  ],
  [
    TAGS.bodies,
    {
      from: 'open',
      earlyBytesMax: 0,
      fields: 1,
      read: (r) => ({ type: 'bodies', bodies: bodies(r, r.list(0, limits.want_bodies_max)) }),
    },
  ],
  [
    TAGS.absent_bodies,
    {
      from: 'open',
      earlyBytesMax: 0,
      fields: 1,
      read: (r) => ({ type: 'absent_bodies', refs: hashes<Ref>(r, limits.want_bodies_max) }),
    },
  ],
  [
    TAGS.dropped_bodies,
    {
      from: 'open',
      earlyBytesMax: 0,
      fields: 1,
      read: (r) => ({ type: 'dropped_bodies', refs: hashes<Ref>(r, limits.want_bodies_max) }),
    },
  ],
  [
    TAGS.ack,
    {
      from: 'open',
      earlyBytesMax: 0,
      fields: 3,
      read: (r) => ({
        type: 'ack',
        ack: { voter: r.hex(32) as PeerId, watermarks: watermarks(r), signature: r.bin(64) },
      }),
    },
  ],
  [
    TAGS.want_acks,
    {
      from: 'open',
      earlyBytesMax: 0,
      fields: 1,
      read: (r) => ({ type: 'want_acks', chains: ids<ChainId>(r, CHAIN_BYTES, limits.ack_watermarks_max) }),
    },
  ],
  [
    TAGS.addresses,
    {
      from: 'open',
      earlyBytesMax: 0,
      fields: 1,
      read: (r) => ({
        type: 'addresses',
        records: bins(r, limits.addresses_per_frame_max, limits.address_record_bytes_max),
      }),
    },
  ],
  [
    TAGS.want_headers,
    {
      from: 'open',
      earlyBytesMax: 0,
      fields: 1,
      read: (r) => ({ type: 'want_headers', hashes: hashes<CommitHash>(r, limits.want_headers_max) }),
    },
  ],
  [
    TAGS.propose,
    {
      from: 'open',
      earlyBytesMax: 0,
      fields: 1,
      read: (r) => ({ type: 'propose', commit: r.bin(0, limits.proposal_bytes_max) }),
    },
  ],
  [
    TAGS.vote,
    {
      from: 'open',
      earlyBytesMax: 0,
      fields: 4,
      read: (r) => ({
        type: 'vote',
        vote: { epoch: count(r), seq: seq(r), hash: r.hex(32) as CommitHash, signature: r.bin(64) },
      }),
    },
  ],
  [
    TAGS.refused,
    { from: 'open', earlyBytesMax: 0, fields: 1, read: (r) => ({ type: 'refused', refused: refusals(r) }) },
  ],
  [
    TAGS.headers,
    {
      from: 'open',
      earlyBytesMax: 0,
      fields: 1,
      read: (r) => ({ type: 'headers', headers: bins(r, limits.want_headers_max, limits.header_bytes_max) }),
    },
  ],
])

/** A log's epoch is 16 bytes. */
const EPOCH_BYTES_MAX = 32

const count = (r: PackedReader): number => r.uint(0, limits.seq_max)
const clock = (r: PackedReader): number => r.uint(0, Number.MAX_SAFE_INTEGER)
const seq = (r: PackedReader): number => r.uint(1, limits.seq_max)
const standing = (
  r: PackedReader,
): { readonly id: number; readonly arrivals: number; readonly digest: Uint8Array } => ({
  id: count(r),
  arrivals: count(r),
  digest: r.bin(DIGEST_BYTES),
})

const chain = (r: PackedReader, only: ChainId | null): ChainId => {
  const id = r.hex(16) as ChainId
  if (only !== null && id !== only) throw OTHER_CHAIN
  return id
}

const CHAIN_BYTES = 16
const hashes = <Hash extends Ref | CommitHash>(r: PackedReader, countMax: number): readonly Hash[] =>
  ids<Hash>(r, 32, countMax)

/** So many bytes each, joined. */
const ids = <Id extends string>(r: PackedReader, each: number, countMax: number): readonly Id[] => {
  const bytes = r.bin(0, each * countMax)
  if (bytes.length % each !== 0) r.misfit()
  return Array.from(
    { length: bytes.length / each },
    (_, n) => bytesToHex(bytes.subarray(each * n, each * n + each)) as Id,
  )
}

const bins = (r: PackedReader, countMax: number, bytesMax: number): readonly Uint8Array[] => {
  const list: Uint8Array[] = []
  for (let left = r.list(0, countMax); left > 0; left--) list.push(r.bin(0, bytesMax))
  return list
}

const runs = (r: PackedReader, runsMax: number, only: ChainId | null): readonly Run[] => {
  const places: { readonly chain: ChainId; next: number }[] = []
  for (let left = pairs(r, runsMax); left > 0; left--) places.push({ chain: chain(r, only), next: seq(r) })
  const list: Run[] = []
  const total = pairs(r, runsMax)
  if (places.length > total) r.misfit()
  for (let left = total; left > 0; left--) {
    const place = places[count(r)]
    const commits = seq(r)
    if (place === undefined || place.next + commits - 1 > limits.seq_max) return r.misfit()
    list.push({ chain: place.chain, from: place.next, count: commits })
    place.next += commits
  }
  return list
}

/** How many pairs a flat list holds. */
const pairs = (r: PackedReader, pairsMax: number): number => {
  const items = r.list(0, 2 * pairsMax)
  return items % 2 === 0 ? items / 2 : r.misfit()
}

/** A byte a digit. */
const prefix = (r: PackedReader): string => {
  const digits = r.bin(0, 2 * CHAIN_BYTES)
  let text = ''
  for (const digit of digits) text += digit < 16 ? digit.toString(16) : r.misfit()
  return text
}

const prefixes = (r: PackedReader): readonly string[] => {
  const list: string[] = []
  for (let left = r.list(1, limits.frontier_nodes_per_frame_max); left > 0; left--) list.push(prefix(r))
  return list
}

/** Flat: prefix, whether it is a leaf, its entries or its digests. */
const nodes = (r: PackedReader): readonly NodeTold[] => {
  const items = r.list(3, 3 * limits.frontier_nodes_per_frame_max)
  if (items % 3 !== 0) r.misfit()
  const list: NodeTold[] = []
  for (let left = items / 3; left > 0; left--) {
    const of = prefix(r)
    list.push(
      r.flag()
        ? { prefix: of, kind: 'leaf', entries: entries(r) }
        : { prefix: of, kind: 'node', digests: r.bin(16 * NODE_DIGEST_BYTES) },
    )
  }
  return list
}

const entries = (r: PackedReader): readonly FrontierEntry[] => {
  const items = r.list(0, 3 * limits.frontier_leaf_entries_max)
  if (items % 3 !== 0) r.misfit()
  const list: FrontierEntry[] = []
  for (let left = items / 3; left > 0; left--)
    list.push({ chain: chain(r, null), seq: seq(r), hash: r.hex(32) as CommitHash })
  return list
}

/** Flat, ascending by chain: the one order that a signature stands for. */
const watermarks = (r: PackedReader): readonly Watermark[] => {
  const items = r.list(4, 4 * limits.ack_watermarks_max)
  if (items % 4 !== 0) r.misfit()
  const list: Watermark[] = []
  for (let left = items / 4; left > 0; left--)
    list.push({ chain: chain(r, null), seq: seq(r), hash: r.hex(32) as CommitHash, whole: r.flag() })
  return isAscending(list) ? list : r.misfit()
}

const refusals = (r: PackedReader): readonly RefusedCommit[] => {
  const items = r.list(4, 4 * limits.refusals_per_frame_max)
  if (items % 4 !== 0) r.misfit()
  const list: RefusedCommit[] = []
  for (let left = items / 4; left > 0; left--)
    list.push({ chain: chain(r, null), seq: seq(r), hash: r.hex(32) as CommitHash, reason: reason(r) })
  return list
}
const reason = (r: PackedReader): string => {
  const text = r.text(limits.refusal_reason_bytes_max)
  return REASON_NAME.test(text) ? text : r.misfit()
}

/** Flat: commit, count of bodies, each body, the next commit. */
const parcels = (r: PackedReader, of: ChainId, from: number, bodiesMax: number): readonly Parcel[] => {
  const list: Parcel[] = []
  let bodiesLeft = bodiesMax
  let items = r.list(2, 2 * limits.frame_commits_max + bodiesMax)
  while (items > 0) {
    if (items === 1 || list.length === limits.frame_commits_max || from + list.length > limits.seq_max)
      return r.misfit()
    const bytes = r.bin(0, limits.commit_bytes_max)
    const bodyCount = r.uint(0, Math.min(bodiesLeft, items - 2))
    list.push({ chain: of, seq: from + list.length, bytes, bodies: bodies(r, bodyCount) })
    bodiesLeft -= bodyCount
    items -= 2 + bodyCount
  }
  return list
}

const bodies = (r: PackedReader, bodyCount: number): readonly Body[] => {
  const list: Body[] = []
  for (let left = bodyCount; left > 0; left--) {
    const bytes = r.bin(SALT_BYTES, SALT_BYTES + limits.content_bytes_max)
    const [salt, text] = [bytes.subarray(0, SALT_BYTES), bytes.subarray(SALT_BYTES)]
    list.push({ ref: refOf(salt, text), salt, text })
  }
  return list
}
