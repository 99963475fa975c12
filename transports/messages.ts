/**
 * Every frame after the handshake, as data, and how it is written (PROTOCOL, 'Frames'). `decode.ts` reads it back.
 *
 * A frame is a MessagePack array whose first element is its tag. Bodies travel as salt ‖ text; their ref is computed by the
 * receiver, so it cannot lie. Digests are the first 16 bytes of the session-keyed frontier digest.
 */
import type { SignedAck } from '../crdt/ack.ts'
import type { Body } from '../crdt/body.ts'
import { concat, joined } from '../crdt/hash.ts'
import { hexToBytes, type ChainId, type CommitHash, type Ref } from '../crdt/ids.ts'
import { pack, type Packable } from '../crdt/msgpack.ts'
import type { FrontierEntry, Parcel, RefusedCommit, Run, VoteMessage } from './host.ts'

export const DIGEST_BYTES = 16
export const ADDRESS_DIGEST_BYTES = 8
/** What is told of each subtree's digest. */
export const NODE_DIGEST_BYTES = 8

export const TAGS = {
  control: 1,
  open: 2,
  ping: 3,
  pong: 4,
  since: 5,
  runs: 6,
  frontier_ask: 7,
  frontier: 8,
  have: 9,
  want: 10,
  absent: 11,
  parcels: 12,
  want_bodies: 13,
  bodies: 14,
  absent_bodies: 15,
  credit: 16,
  ack: 17,
  addresses: 18,
  deflated: 19,
  forks: 20,
  want_headers: 21,
  headers: 22,
  want_acks: 23,
  propose: 24,
  vote: 25,
  refused: 26,
  line: 27,
  want_line: 28,
  statements: 29,
  dropped_bodies: 30,
} as const

/** Where the sender's log stands: `arrivals` and `digest` (16 bytes) are of the same moment. */
type Standing = { readonly arrivals: number; readonly digest: Uint8Array }

/** A subtree of the sender's frontier: its entries, or 16 keyed digests of `NODE_DIGEST_BYTES` each, joined; zeros for an empty one. */
export type NodeTold =
  | { readonly prefix: string; readonly kind: 'leaf'; readonly entries: readonly FrontierEntry[] }
  | { readonly prefix: string; readonly kind: 'node'; readonly digests: Uint8Array }

export type Message =
  /** How far the sender's control chain goes. */
  | { readonly type: 'control'; readonly seq: number }
  /** 'You are a member, and here is where I stand.' */
  | ({
      readonly type: 'open'
      readonly epoch: string
      readonly addresses: Uint8Array
      readonly clock: number
    } & Standing)
  | ({ readonly type: 'ping'; readonly id: number } & Standing)
  /** `clock`: the sender's wall clock, ms; here as in `open`. */
  | ({ readonly type: 'pong'; readonly id: number; readonly clock: number } & Standing)
  /** 'What arrived in your log after this?' */
  | { readonly type: 'since'; readonly cursor: number }
  /** The next page of the log, in its order. `end`: nothing was behind it at that moment. */
  | {
      readonly type: 'runs'
      readonly runs: readonly Run[]
      readonly cursor: number
      readonly end: boolean
      readonly digest: Uint8Array
    }
  /** 'What lies in your frontier under these prefixes?' Of 0 … 32 hex digits each. */
  | { readonly type: 'frontier_ask'; readonly prefixes: readonly string[] }
  /** `arrivals` is where the log stood when it was answered. */
  | { readonly type: 'frontier'; readonly nodes: readonly NodeTold[]; readonly arrivals: number }
  /** 'I hold everything of your log up to this.' */
  | { readonly type: 'have'; readonly cursor: number }
  | { readonly type: 'want'; readonly runs: readonly Run[] }
  /** 'Of what you wanted I do not have this chain from here on.' */
  | { readonly type: 'absent'; readonly chain: ChainId; readonly from: number }
  /** Successive commits of one chain. */
  | { readonly type: 'parcels'; readonly chain: ChainId; readonly parcels: readonly Parcel[] }
  | { readonly type: 'want_bodies'; readonly refs: readonly Ref[] }
  | { readonly type: 'bodies'; readonly bodies: readonly Body[] }
  | { readonly type: 'absent_bodies'; readonly refs: readonly Ref[] }
  | { readonly type: 'dropped_bodies'; readonly refs: readonly Ref[] }
  /** 'So many bytes more you may send.' */
  | { readonly type: 'credit'; readonly bytes: number }
  | { readonly type: 'ack'; readonly ack: SignedAck }
  /** 'How far are these chains on your disk?' Answered by an ack of those that are. */
  | { readonly type: 'want_acks'; readonly chains: readonly ChainId[] }
  | { readonly type: 'addresses'; readonly records: readonly Uint8Array[] }
  /** Proofs of forks (`crdt/fork.ts`). */
  | { readonly type: 'forks'; readonly proofs: readonly Uint8Array[] }
  | { readonly type: 'want_headers'; readonly hashes: readonly CommitHash[] }
  /** The answer to one `want_headers`: those that are here, of what was asked. */
  | { readonly type: 'headers'; readonly headers: readonly Uint8Array[] }
  /** A control statement without votes, to be countersigned; or one that has the sender's vote. */
  | { readonly type: 'propose'; readonly commit: Uint8Array }
  | { readonly type: 'vote'; readonly vote: VoteMessage }
  /** 'These of your commits I do not take, and why.' */
  | { readonly type: 'refused'; readonly refused: readonly RefusedCommit[] }
  /** Where the sender's control log ends, zeros where it is empty; and the ends of other lines of it that the sender knows and does not follow. */
  | { readonly type: 'line'; readonly place: number; readonly head: CommitHash; readonly others: readonly CommitHash[] }
  /** 'What leads to this statement, behind the first of these that you find on the way?' */
  | { readonly type: 'want_line'; readonly head: CommitHash; readonly known: readonly CommitHash[] }
  /** The answer to one `want_line`: control commits in their order, as many as a frame takes. */
  | { readonly type: 'statements'; readonly commits: readonly Uint8Array[] }

export const encode = (message: Message): Uint8Array => pack(toPackable(message))

const toPackable = (m: Message): Packable => {
  switch (m.type) {
    case 'control':
      return [TAGS.control, m.seq]
    case 'open':
      return [TAGS.open, hexToBytes(m.epoch), m.arrivals, m.digest, m.addresses, m.clock]
    case 'ping':
      return [TAGS.ping, m.id, m.arrivals, m.digest]
    case 'pong':
      return [TAGS.pong, m.id, m.arrivals, m.digest, m.clock]
    case 'since':
      return [TAGS.since, m.cursor]
    case 'runs':
      return [TAGS.runs, ...packRuns(m.runs), m.cursor, m.end, m.digest]
    case 'frontier_ask':
      return [TAGS.frontier_ask, m.prefixes.map(digitsOf)]
    case 'frontier':
      return [TAGS.frontier, m.nodes.flatMap(packNode), m.arrivals]
    case 'have':
      return [TAGS.have, m.cursor]
    case 'want':
      return [TAGS.want, ...packRuns(m.runs)]
    case 'absent':
      return [TAGS.absent, hexToBytes(m.chain), m.from]
    case 'parcels':
      return [TAGS.parcels, hexToBytes(m.chain), m.parcels[0]?.seq ?? 0, m.parcels.flatMap(packParcel)]
    case 'want_bodies':
    case 'absent_bodies':
    case 'dropped_bodies':
      return [TAGS[m.type], joined(m.refs.map(hexToBytes))]
    case 'bodies':
      return [TAGS.bodies, m.bodies.map(packBody)]
    case 'credit':
      return [TAGS.credit, m.bytes]
    case 'ack':
      return [
        TAGS.ack,
        hexToBytes(m.ack.voter),
        m.ack.watermarks.flatMap((w) => [hexToBytes(w.chain), w.seq, hexToBytes(w.hash), w.whole]),
        m.ack.signature,
      ]
    case 'want_acks':
      return [TAGS.want_acks, joined(m.chains.map(hexToBytes))]
    case 'addresses':
      return [TAGS.addresses, m.records]
    case 'forks':
      return [TAGS.forks, m.proofs]
    case 'want_headers':
      return [TAGS.want_headers, joined(m.hashes.map(hexToBytes))]
    case 'headers':
      return [TAGS.headers, m.headers]
    case 'propose':
      return [TAGS.propose, m.commit]
    case 'vote':
      return [TAGS.vote, m.vote.epoch, m.vote.seq, hexToBytes(m.vote.hash), m.vote.signature]
    case 'refused':
      return [TAGS.refused, m.refused.flatMap((r) => [hexToBytes(r.chain), r.seq, hexToBytes(r.hash), r.reason])]
    case 'line':
      return [TAGS.line, m.place, hexToBytes(m.head), joined(m.others.map(hexToBytes))]
    case 'want_line':
      return [TAGS.want_line, hexToBytes(m.head), joined(m.known.map(hexToBytes))]
    case 'statements':
      return [TAGS.statements, m.commits]
  }
}

/** A byte a digit. */
const digitsOf = (prefix: string): Uint8Array => Uint8Array.from(prefix, (digit) => Number.parseInt(digit, 16))
const packNode = (node: NodeTold): readonly Packable[] => [
  digitsOf(node.prefix),
  node.kind === 'leaf',
  node.kind === 'node' ? node.digests : node.entries.flatMap((e) => [hexToBytes(e.chain), e.seq, hexToBytes(e.hash)]),
]

/** bytes, count of bodies, each body: flat, for a parcel's frame should cost a hundredth of the parcel. */
const packParcel = (parcel: Parcel): Packable[] => [parcel.bytes, parcel.bodies.length, ...parcel.bodies.map(packBody)]
const packBody = (body: Body): Uint8Array => concat(body.salt, body.text)

/**
 * Runs as a table of (chain, from) and an order of (index, count): a log in which three chains alternate names each
 * chain once, and then costs some three bytes a run. A run's `from` follows from the runs of its index before it.
 */
const packRuns = (runs: readonly Run[]): readonly [table: Packable, order: Packable] => {
  const table: Packable[] = []
  const order: number[] = []
  const openByChain = new Map<ChainId, { readonly index: number; next: number }>()
  for (const run of runs) {
    let open = openByChain.get(run.chain)
    if (open === undefined || open.next !== run.from) {
      open = { index: table.length / 2, next: run.from }
      openByChain.set(run.chain, open)
      table.push(hexToBytes(run.chain), run.from)
    }
    order.push(open.index, run.count)
    open.next += run.count
  }
  return [table, order]
}
