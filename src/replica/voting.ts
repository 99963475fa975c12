/**
 * The voter: which proposal this peer has countersigned, and that before anybody hears of it.
 *
 * Invariants: one commit a place of a chain, for ever, as far as this disk remembers; a vote is on the disk before it is sent; who proposes
 * another commit for a place that has our vote is handed the one that has it, so that it is finished first.
 */
import { decodeCommit, epochOf, type Commit } from '../../crdt/commit.ts'
import type { ChainId, PeerId } from '../../crdt/ids.ts'
import type { KeyPair } from '../../crdt/signature.ts'
import { signVote } from '../../crdt/vote.ts'
import type { CommitStore, StoreBatch } from '../ports/store.ts'
import { lastVoted, votedFacts } from './control-seen.ts'
import type { Effect } from './types.ts'

export type Voting = {
  /** A valid proposal for the next place: answered now when we have voted there, else after the next flush. */
  proposed(from: PeerId, commit: Commit): Effect[]
  /** Whether a vote for it breaks no word of ours. */
  mayVoteFor(commit: Commit): boolean
  /** Our vote for it becomes durable with the next flush; it may be shown to nobody before. */
  cast(commit: Commit): void
  facts(): NonNullable<StoreBatch['facts']>
  persisted(): Effect[]
  failed(): void
  /** @param controlSeq how far the control log is here, which ends in `chain`. */
  restore(chain: ChainId, controlSeq: number): void
}

/** @param mayVote this peer is a voter, and has its whole control log. */
export const createVoting = (keys: KeyPair, store: Pick<CommitStore, 'fact'>, mayVote: () => boolean): Voting => {
  let voted: Commit | null = null
  /** The disk has lost for what we voted: up to this place of the chain we vote no more. */
  let lostUpTo: { readonly chain: ChainId; readonly seq: number } | null = null
  /** `tell`: who proposed it, and who proposed another meanwhile (true). */
  let casting: { readonly commit: Commit; readonly tell: Map<PeerId, boolean>; isWriting: boolean } | null = null

  const handOn = (commit: Commit, to: PeerId, isAnother: boolean): Effect[] => [
    ...(isAnother ? [{ kind: 'PROPOSE', commit: commit.bytes, to } satisfies Effect] : []),
    {
      kind: 'VOTE',
      vote: {
        epoch: epochOf(commit.header),
        seq: commit.header.seq,
        hash: commit.hash,
        signature: signVote(commit, keys).signature,
      },
      to,
    },
  ]
  const mayVoteFor = (commit: Commit): boolean => {
    if (!mayVote() || (commit.chain === lostUpTo?.chain && commit.header.seq <= lostUpTo.seq)) return false
    if (casting !== null && casting.commit.hash !== commit.hash) return false
    return voted === null || voted.hash === commit.hash || isBefore(voted, commit)
  }

  return {
    mayVoteFor,
    proposed: (from, commit) => {
      if (voted !== null && !isBefore(voted, commit))
        return isSamePlace(voted, commit) ? handOn(voted, from, voted.hash !== commit.hash) : []
      if (casting !== null) {
        casting.tell.set(from, casting.commit.hash !== commit.hash)
        return []
      }
      if (mayVoteFor(commit)) casting = { commit, tell: new Map([[from, false]]), isWriting: false }
      return []
    },
    cast: (commit) => {
      casting ??= { commit, tell: new Map(), isWriting: false }
    },
    facts: () => {
      if (casting === null) return []
      casting.isWriting = true
      return votedFacts(casting.commit)
    },
    persisted: () => {
      if (casting?.isWriting !== true) return []
      const { commit, tell } = casting
      voted = commit
      casting = null
      return [...tell].flatMap(([to, isAnother]) => handOn(commit, to, isAnother))
    },
    failed: () => {
      casting = null
    },
    restore: (chain, controlSeq) => {
      const fact = lastVoted(store)
      const decoded = fact instanceof Uint8Array ? decodeCommit(fact) : null
      if (decoded?.ok) voted = decoded.commit
      else if (fact !== null) lostUpTo = { chain, seq: controlSeq + 1 }
    },
  }
}

/** Of another chain: the line that the vote before was for has been left for one that outranks it, and is never gone back to. */
const isBefore = (a: Commit, b: Commit): boolean => a.chain !== b.chain || a.header.seq < b.header.seq
const isSamePlace = (a: Commit, b: Commit): boolean => a.chain === b.chain && a.header.seq === b.header.seq
