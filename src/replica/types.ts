/**
 * What goes into the replica and what comes out: `handle(input) → Effect[]`, synchronous, without I/O.
 *
 * The order in which effects are performed is the order in which they are listed, and it is part of the guarantee:
 *
 *   PERSIST  completes BEFORE the `persisted` input is given, and with it BEFORE any ACK, RESOLVE or GROWN that it causes.
 *   PUSH     may be performed while PERSIST is under way: what others hold early is still signed, and lost by nobody.
 *   ACK      says 'on stable storage': it speaks only of what `persisted` was given for.
 */
import type { SignedAck } from '../../crdt/ack.ts'
import type { Body } from '../../crdt/body.ts'
import type { ControlEvent, MemorySet, TagChange } from '../../crdt/event.ts'
import type { Position } from '../../crdt/frontier.ts'
import type { AgentId, ChainId, EventId, Namespace, PeerId, RecordId, Ref } from '../../crdt/ids.ts'
import type { Vouch } from '../../crdt/receipt.ts'
import type { Parcel, RefusedCommit, VoteMessage } from '../../transports/host.ts'
import type { ErrorCode } from '../errors.ts'
import type { ClockReading } from './clocks.ts'
import type { StoreBatch, StoreFailure } from '../ports/store.ts'
import type { SegmentEntry } from './log-index.ts'

/** One thing an agent wants said; the replica finds its segment. `event` is its id (where that was drawn, a second twin's event derives one from it). */
export type Draft = { readonly event: EventId; readonly agent: AgentId; readonly at: string } & (
  | {
      readonly op: 'put'
      readonly record: RecordId
      readonly set: MemorySet & { readonly content: { readonly ref: Ref } }
      readonly tags: TagChange | null
      /** Of a memory that is here: in another segment, so that each field that says something else is a conflict. */
      readonly beside?: true
    }
  | {
      readonly op: 'patch'
      readonly record: RecordId
      readonly set: MemorySet
      readonly tags: TagChange | null
      /** All tags it is to have, where the request names them. */ readonly wanted?: readonly string[]
    }
  | { readonly op: 'forget' | 'restore' | 'erase'; readonly record: RecordId }
  | {
      readonly op: 'link'
      readonly record: RecordId
      readonly from: RecordId
      readonly to: RecordId
      readonly relation: string
      readonly valid_from?: string
      readonly valid_until?: string
    }
  | { readonly op: 'unlink'; readonly record: RecordId }
  | {
      readonly op: 'episode'
      readonly event_type: string
      readonly sender?: string
      readonly recipient?: string
      readonly body?: { readonly ref: Ref }
      readonly inference_receipt_id?: string
      readonly audit_event_hash?: string
    }
)

/** Answers why the write may not be, judged in one step with its authoring (so `If-Match` cannot be raced). */
export type Precondition = () => Refusal | null
export type Refusal = {
  readonly code: ErrorCode
  readonly message: string
  readonly fields?: Readonly<Record<string, unknown>>
}

export type RequestId = number
export type WriteRequest = {
  readonly id: RequestId
  readonly namespace: Namespace
  readonly drafts: readonly Draft[]
  readonly bodies: readonly Body[]
  readonly precondition: Precondition | null
  /** Its event's id follows from a key: where the log has that event, it must say the same, and is the answer (`Idempotency-Key`). */
  readonly idempotent: boolean
  /** Said before and left out by a fork: a put is made again even where a twin of its record stands in another's document. */
  readonly again: boolean
  /** Voters that must have it on disk; null: the mesh's default. */
  readonly quorum: number | null
  readonly deadlineMs: number
}

/** `header` is that of the first commit that was written, and every ack that counted is there with what ties it to that commit. `existing`: the event that was written when the same request had been made before; null when its own events were written. */
export type WriteOutcome =
  | {
      readonly kind: 'acknowledged'
      readonly written: readonly WrittenAt[]
      readonly header: Uint8Array
      readonly acks: readonly Vouch[]
      readonly existing: EventId | null
    }
  /** On our disk, not at the quorum in time: it stays and goes on replicating. */
  | {
      readonly kind: 'quorum_not_met'
      readonly written: readonly WrittenAt[]
      readonly got: number
      readonly needed: number
      readonly reason: string
      readonly cause: Unmet
      readonly refusedBy: readonly RefusedBy[]
      readonly existing: EventId | null
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/**
 * Why a wait ended without its quorum. `too_few`: more voters are needed than the mesh has; `refused`: so many voters refuse it that too
 * few are left, or it counts nowhere any more, for this peer itself has forked or was taken out.
 */
export type Unmet = 'timeout' | 'away' | 'too_few' | 'stopping' | 'refused'
/** A voter and the reason that it gave, a name. */
export type RefusedBy = { readonly peer: PeerId; readonly reason: string }

/** Where a request's events came to stand. */
export type WrittenAt = Position & { readonly hash: string }

export type Input =
  | { readonly kind: 'write'; readonly request: WriteRequest }
  /** Sealed by the authority's key; for the peer that holds it. */
  | {
      readonly kind: 'control'
      readonly id: RequestId
      readonly events: readonly ControlEvent[]
      readonly deadlineMs: number
    }
  /** A member proposes a control statement, or hands on the one that has its vote. */
  | { readonly kind: 'proposed'; readonly from: PeerId; readonly commit: Uint8Array }
  | { readonly kind: 'voted'; readonly from: PeerId; readonly vote: VoteMessage }
  | { readonly kind: 'received'; readonly from: PeerId; readonly parcels: readonly Parcel[]; readonly delivery: number }
  /** Control commits in the order of a line, which may be another than ours. */
  | {
      readonly kind: 'statements'
      readonly from: PeerId
      readonly commits: readonly Uint8Array[]
      readonly delivery: number
    }
  | { readonly kind: 'bodies'; readonly from: PeerId; readonly bodies: readonly Body[]; readonly delivery: number }
  | { readonly kind: 'forks'; readonly from: PeerId; readonly proofs: readonly Uint8Array[] }
  /** Headers of commits on forked branches that waiting ones name. */
  | { readonly kind: 'headers'; readonly from: PeerId; readonly headers: readonly Uint8Array[] }
  | { readonly kind: 'acked'; readonly from: PeerId; readonly ack: SignedAck }
  /** Another peer refuses these of our commits. */
  | { readonly kind: 'refused'; readonly from: PeerId; readonly refused: readonly RefusedCommit[] }
  /** Another peer asks how far these chains are on our disk. */
  | { readonly kind: 'ackWanted'; readonly from: PeerId; readonly chains: readonly ChainId[] }
  /** We ask everybody, ourselves too, how far these chains are; and whoever comes up without having said so. */
  | { readonly kind: 'wantAcks'; readonly chains: readonly ChainId[] }
  /** A session has opened: it is asked for what is waited for. */
  | { readonly kind: 'linkUp'; readonly peer: PeerId }
  /** Its link has ended or fell silent, or it was heard again. */
  /** Texts that were missing and are not waited for any longer: the store remembers them as dropped. */
  | { readonly kind: 'dropped'; readonly refs: readonly Ref[] }
  | { readonly kind: 'reach'; readonly peer: PeerId; readonly reachable: boolean }
  /** Another's wall clock, as its link told it. */
  | { readonly kind: 'clock'; readonly reading: ClockReading }
  /** Of a flush under way something went out: should it fail, what it held may be with others. */
  | { readonly kind: 'pushed'; readonly flush: number }
  | { readonly kind: 'persisted'; readonly flush: number; readonly failure: StoreFailure | null }
  /** Time has passed: waits end, commits from 'tomorrow' are looked at again. */
  | { readonly kind: 'tick' }
  /** Nobody waits any longer: what is on disk stays, and is said to be. */
  | { readonly kind: 'stopping' }
  /** A reader met damage on the disk. */
  | {
      readonly kind: 'damaged'
      readonly what:
        | { readonly kind: 'commit'; readonly chain: string; readonly seq: number }
        | { readonly kind: 'body'; readonly ref: Ref }
    }

export type Effect =
  /** One synced batch. Its end is given back as `persisted`, BEFORE anything that claims durability. */
  /** `opens`: documents that it will change when it is on disk. */
  | {
      readonly kind: 'PERSIST'
      readonly flush: number
      readonly batch: StoreBatch
      readonly opens: readonly Pick<SegmentEntry, 'namespace' | 'id'>[]
    }
  /** Own fresh commits, to every link that can take them; does not wait for PERSIST. */
  | { readonly kind: 'PUSH'; readonly flush: number; readonly parcels: readonly Parcel[] }
  /** How far our stable storage reaches. `to`: null for all neighbours, but for `but`. */
  | { readonly kind: 'ACK'; readonly ack: SignedAck; readonly to: PeerId | null; readonly but?: PeerId | null }
  | { readonly kind: 'WANT_ACKS'; readonly chains: readonly ChainId[]; readonly to: PeerId | null }
  /** What we refuse of a peer's commits, to that peer. */
  | { readonly kind: 'REFUSED'; readonly refused: readonly RefusedCommit[]; readonly to: PeerId }
  /** A control statement to be countersigned; to all neighbours (`to` null), or to one. */
  | { readonly kind: 'PROPOSE'; readonly commit: Uint8Array; readonly to: PeerId | null }
  /** Our vote, which is on our disk. */
  | { readonly kind: 'VOTE'; readonly vote: VoteMessage; readonly to: PeerId }
  | { readonly kind: 'RESOLVE'; readonly request: RequestId; readonly outcome: WriteOutcome }
  /** A delivery was taken in: its credit goes back to the sender. */
  | { readonly kind: 'TAKEN'; readonly delivery: number }
  /** The arrival log has grown to this length, and the documents with it. */
  | { readonly kind: 'GROWN'; readonly arrivals: number }
  /** Forks were found or learned, and their proofs are durable: told to every link before anything else. */
  | { readonly kind: 'FORKS'; readonly proofs: readonly Uint8Array[] }
  /** Members have changed. */
  | { readonly kind: 'MEMBERSHIP' }

export const refuse = (request: RequestId, refusal: Refusal): Effect => ({
  kind: 'RESOLVE',
  request,
  outcome: { kind: 'refused', refusal },
})
export const STOPPING: Refusal = {
  code: 'shutting_down',
  message: 'this peer is stopping: ask another',
  fields: { local_committed: false },
}
export const taken = (delivery: number): Effect => ({ kind: 'TAKEN', delivery })
