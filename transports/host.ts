/**
 * What the mesh asks of the replica, and tells it. Reads are synchronous; `receive*` return at once, and what they were
 * given counts against the link's credit until `done` is called.
 */
import type { SignedAck } from '../crdt/ack.ts'
import type { Body } from '../crdt/body.ts'
import type { FrontierTree } from '../crdt/frontier-tree.ts'
import type { ChainId, CommitHash, MeshId, PeerId, Ref } from '../crdt/ids.ts'
import type { KeyPair } from '../crdt/signature.ts'
import type { Growth } from './growth.ts'

export type FrontierEntry = { readonly chain: ChainId; readonly seq: number; readonly hash: CommitHash }
/** `count` commits of `chain` from `from` on. */
export type Run = { readonly chain: ChainId; readonly from: number; readonly count: number }
/** A commit's bytes with those of its bodies that the sender has. */
export type Parcel = {
  readonly chain: ChainId
  readonly seq: number
  readonly bytes: Uint8Array
  readonly bodies: readonly Body[]
}

/** `frozen`: a chain of its was proven forked; it is told the proof and kept out, as a revoked one. */
export type MemberState = 'voter' | 'observer' | 'revoked' | 'frozen' | 'unknown'

/** A vote for the commit of this hash, at that place of the control log, by whoever sends it. */
export type VoteMessage = {
  readonly epoch: number
  readonly seq: number
  readonly hash: CommitHash
  readonly signature: Uint8Array
}

/**
 * A commit that whoever tells it refuses, and why: a name in lower case, of which others may come with a later format. `hash` is zeros
 * where its bytes could not be read: whatever the receiver sent for that place.
 */
export type RefusedCommit = {
  readonly chain: ChainId
  readonly seq: number
  readonly hash: CommitHash
  readonly reason: string
}

export type MeshHost = {
  readonly mesh: MeshId
  readonly self: KeyPair
  readonly peer: PeerId
  member(peer: PeerId): MemberState

  /** All chains with their heads; they cost nothing as long as nobody looks. */
  readonly frontier: Pick<FrontierTree, 'at' | 'digestAt'>
  seqOf(chain: ChainId): number
  /** Of all chains together. */
  commits(): number
  /** The latest chains that went on, and from where. */
  readonly growth: Pick<Growth, 'mark' | 'since'>
  /** `frontierDigest` of all chains: 32 bytes. */
  frontierDigest(key: Uint8Array): Uint8Array
  /** Hex id of this arrival log; cursors into it are worth nothing under another. */
  readonly logEpoch: string
  arrivals(): number
  /** The runs that arrived after cursor `after` (up to `limit` arrivals), joined; and the cursor behind them. */
  arrivalRuns(after: number, limit: number): { readonly runs: readonly Run[]; readonly cursor: number }
  /** The cursor we keep into `peer`'s log, if any. */
  cursorInto(peer: PeerId): { readonly epoch: string; readonly cursor: number } | null
  keepCursor(peer: PeerId, epoch: string, cursor: number): void

  /** Commits of a run, oldest first, until `bytesMax` (at least one if there is one). Stops at a hole. */
  readRun(run: Run, bytesMax: number): readonly Parcel[]
  readBodies(refs: readonly Ref[]): readonly Body[]
  /** Whether a policy let the text go that is not here. */
  isDropped(ref: Ref): boolean
  /** Missing bodies that no open link has, and of which one said that a policy let them go (AE16). */
  bodiesGone(refs: readonly Ref[]): void
  /** Holes in chains that we hold (quarantined commits), to be asked for again. */
  holes(): readonly Run[]
  /** Bodies that some commit names and that are not here. */
  missingBodies(limit: number): readonly Ref[]

  /** Proofs of forks, one a forked chain (`crdt/fork.ts`): told first, before any frontier. Of such a chain `frontier`, `seqOf` and `readRun` end before the fork. */
  forkProofs(): readonly Uint8Array[]
  /** Verifies and deduplicates; what is new becomes `Mesh.announceForks`. */
  receiveForkProofs(from: PeerId, proofs: readonly Uint8Array[]): void
  /** The first seq of the chain that is out, by the proofs known; Infinity when it is not known to fork. Falls, never rises. */
  forkAt(chain: ChainId): number
  /** Our commit at this place (at most `seqOf`), or null when it is not here. The head's is asked often, others rarely. */
  hashAt(chain: ChainId, seq: number): CommitHash | null
  /** Commits that waiting ones name as deps and that may belong to a fork: their headers are asked for. */
  missingHeaders(limit: number): readonly CommitHash[]
  /** Header bytes of those commits that are here, on whichever branch. */
  readHeaders(hashes: readonly CommitHash[]): readonly Uint8Array[]
  receiveHeaders(from: PeerId, headers: readonly Uint8Array[]): void

  receive(from: PeerId, parcels: readonly Parcel[], done: () => void): void
  receiveBodies(from: PeerId, bodies: readonly Body[], done: () => void): void
  /** An ack of `from` itself, by its own session. */
  receiveAck(from: PeerId, ack: SignedAck): void
  /** A member's link is about to open: which format levels its build reads, by its hello (HS11). */
  receiveLevel(peer: PeerId, level: number): void
  /** `from` asks how far these chains are on our disk: answered by `Mesh.announce` to it alone. */
  ackWanted(from: PeerId, chains: readonly ChainId[]): void
  /** A control statement that wants our vote, or has its sender's. */
  receiveProposal(from: PeerId, commit: Uint8Array): void
  receiveVote(from: PeerId, vote: VoteMessage): void
  /** `from` itself refuses these, of the commits that were sent to it. */
  receiveRefused(from: PeerId, refused: readonly RefusedCommit[]): void
  linkUp(peer: PeerId): void
  linkDown(peer: PeerId, reason: string): void
  /** An open link fell silent (HB4), or was heard again. After `linkUp` and `linkDown` it is not quiet. */
  linkQuiet(peer: PeerId, quiet: boolean): void

  /** Our wall clock, ms, as others are told it. */
  wallMs(): number
  /** Another's wall clock, as an open link told it (HB5). */
  receiveClock(
    from: PeerId,
    reading: { readonly theirMs: number; readonly agoMs: number; readonly errorMs: number },
  ): void
  /** Whether its clock is to be read again soon. */
  isClockDoubted(peer: PeerId): boolean

  /** The control log's chain: exchanged before a session's other side must be a member. Its commits prove themselves. */
  readonly controlChain: ChainId
  /** Where our control log ends, as far as it is whole here; and the ends of others that are known, at most `control_branches_told_max`. */
  controlLine(): { readonly place: number; readonly head: CommitHash; readonly others: readonly CommitHash[] }
  /** Whether this statement, and all on the way to it, are here: in our control log, or in another line of it. */
  knowsStatement(hash: CommitHash): boolean
  /** Some statements of ours, the last first: all of the last few, then ever fewer. At most `control_locator_hashes_max`. */
  controlLocator(): readonly CommitHash[]
  /** What leads to `head` behind the first of `known` that lies on the way, from the beginning where none does; at most `bytesMax`, or one. */
  statementsTo(head: CommitHash, known: readonly CommitHash[], bytesMax: number): readonly Uint8Array[]
  /** The hash that a control commit bears; null when its bytes are none. */
  statementHash(bytes: Uint8Array): CommitHash | null
  /** Control commits in the order of a line. */
  receiveStatements(from: PeerId, commits: readonly Uint8Array[], done: () => void): void
  /** Whether it is a chain of our control log. */
  isControl(chain: ChainId): boolean
  /** Signed address records of members (`transports/addresses.ts`), kept across restarts. */
  addresses(): readonly Uint8Array[]
  keepAddress(peer: PeerId, record: Uint8Array): void
}

/** What the replica's shell may ask of the mesh. */
export type Mesh = {
  start(): void
  stop(): Promise<void>
  /** Fresh commits of our own, given before the own flush returns: sent at once to every link that can take them. False when nothing went to anybody. */
  push(parcels: readonly Parcel[]): boolean
  /** Our signed word on how far we are: to every link (`to` null) but that of `but`, or to one peer, who wrote what it speaks of or asked for it. */
  announce(ack: SignedAck, to: PeerId | null, but?: PeerId | null): void
  /** Asks one peer, or (null) all, how far these chains are on their disks. */
  wantAcks(chains: readonly ChainId[], to: PeerId | null): void
  /** To every open link (`to` null), or to that of one peer, if it is open. */
  propose(commit: Uint8Array, to: PeerId | null): void
  vote(vote: VoteMessage, to: PeerId): void
  /** Tells one peer what we refuse of it, if its link is open and its build takes it. */
  refuse(refused: readonly RefusedCommit[], to: PeerId): void
  /** A fork was found or learned: told to every link at once. */
  announceForks(proofs: readonly Uint8Array[]): void
  /** The control log has grown: sessions of members that are out are cut, waiting ones go on. */
  membershipChanged(): void
  links(): readonly LinkInfo[]
  /** Own address, to be signed and spread. */
  advertise(urls: readonly string[]): void
}

export type LinkInfo = {
  readonly peer: PeerId
  /** `silent`: open, and nothing heard for `quiet_ms`. */
  readonly state: 'connecting' | 'up' | 'silent' | 'down'
  readonly url: string | null
  readonly round_trip_ms: number | null
  /** Commits of ours that the other side has not announced yet. */
  readonly commits_behind: number | null
  /** Whether there was a moment on this link at which we held all that the other side had. */
  readonly held_all: boolean
  readonly buffered_bytes: number
  readonly last_error: string | null
}
