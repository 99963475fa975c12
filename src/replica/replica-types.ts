/**
 * The replica as others see it: what it is made of, what may be asked of it. `replica.ts` is the one.
 */
import type { Commit } from '../../crdt/commit.ts'
import type { Reads } from '../../crdt/event-schema.ts'
import type { ChainId, EventId, Incarnation, MeshId, PeerId, Ref } from '../../crdt/ids.ts'
import type { Counted } from '../../crdt/quorum.ts'
import type { Receipt } from '../../crdt/receipt.ts'
import type { KeyPair } from '../../crdt/signature.ts'
import type { CommitStore, StoreFailure } from '../ports/store.ts'
import type { Said } from './author.ts'
import type { MemberBudget } from './budgets.ts'
import type { Clocks } from './clocks.ts'
import type { Commits } from './commits.ts'
import type { ControlBranches } from './control-branches.ts'
import type { DocumentDigests } from './document-digests.ts'
import type { Documents } from './documents.ts'
import type { FrontierDigests } from './frontier-digest.ts'
import type { Forks } from './forks.ts'
import type { Governance } from './governance.ts'
import type { Intake } from './intake.ts'
import type { LogIndex } from './log-index.ts'
import type { MissingBodies } from './missing-bodies.ts'
import type { MayWrite } from './may-write.ts'
import type { RefusedFrom } from './refusals.ts'
import type { Revision } from './revision.ts'
import type { Effect, Input, Refusal } from './types.ts'

export type ReplicaOptions = {
  readonly mesh: MeshId
  readonly keys: KeyPair
  /** Present on the peer that may enrol and revoke. */
  readonly authority: KeyPair | null
  readonly store: CommitStore
  /** What the first chains are written under: a new one, or, by the composition root's decision, the one before. */
  readonly incarnation: Incarnation
  /** null: the mesh's default. */
  readonly quorum: number | null
  /** Ms that have passed since some moment; never goes back. Absent where nobody tells of others' clocks. */
  readonly monotonic?: () => number
  /** What this peer's build reads; this program's own when absent. */
  readonly reads?: Reads
}

export type Replica = {
  handle(input: Input, nowMs: number): Effect[]
  /** Once, after the opening scan. */
  booted(nowMs: number): void
  readonly self: PeerId
  readonly index: LogIndex
  readonly documents: Documents
  readonly documentDigests: DocumentDigests
  readonly forks: Forks
  /** What the authority's peer has said and the mesh has not certified yet. */
  readonly governance: Pick<Governance, 'pending' | 'standing'>
  /** Other lines of the control log than the one that is followed. */
  readonly branches: ControlBranches
  readonly commits: Commits
  readonly intake: Intake
  readonly missing: MissingBodies
  readonly mayWrite: MayWrite
  readonly clocks: Pick<Clocks, 'standing' | 'others' | 'isDoubted'>
  /** Why nothing can be sealed now, for the time that our clock shows; null: nothing is amiss. */
  clockIsOff(nowMs: number): Refusal | null
  /** The same, or that our own commits were sealed in. */
  clockRefusal(nowMs: number): Refusal | null
  /** Whether the commit is read: neither a fork nor a revocation leaves it out, nor what it rests on. */
  counts(commit: Commit): boolean
  /** The bytes of a text as UTF-8, for comparing; null when it is not here. What its field allows is for whoever shows it. */
  text(ref: Ref): string | null
  /** The event of this derived id, when it is on stable storage and counts. */
  said(event: EventId): Said | null
  /** One more each time that something already read reads differently, and what that touched. */
  readonly revision: Pick<Revision, 'current' | 'after' | 'shown'>
  /** After the opening scan: what a build that reads more, or less, left behind is shown anew. Answers, for health, why it could not be. */
  restoreReadLevel(): Promise<string | null>
  incarnation(): Incarnation
  voters(): ReadonlySet<PeerId>
  /** Voters needed when a request names no number. */
  quorum(): number
  /** The voters' acks that cover a commit. */
  covering(position: { chain: ChainId; seq: number }): readonly Counted[]
  /** The same as it can be shown to anybody: with the commit's header, and what ties each ack to it. Null when the commit cannot be read. */
  receipt(position: { chain: ChainId; seq: number }): Receipt | null
  /** Voters that refuse what this peer writes: from where on, and why, the first of what each told. */
  refusedBy(): ReadonlyMap<PeerId, RefusedFrom>
  frontierDigest(key?: Uint8Array): Uint8Array
  /** Of each of these namespaces' chains. */
  readonly frontierDigestsOf: FrontierDigests['of']
  /** True while a flush is under way: documents may hold what is not yet durable. */
  flushing(): boolean
  /** What each member has that is held back or was refused, of those that have any. */
  budgets(nowMs: number): ReadonlyMap<PeerId, MemberBudget>
  /** Members over whose link something was heard lately. */
  readonly linked: ReadonlySet<PeerId>
  queued(): { readonly requests: number; readonly bytes: number }
  nextDeadlineMs(): number | null
  lastFailure(): StoreFailure | null
}
