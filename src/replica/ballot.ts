/**
 * The ballot for the next place of the control log: what was proposed for it, and who has voted for which.
 *
 * The authority's own peer votes last, and only where its vote decides: what it has not signed it can still give to another proposal,
 * one that an old copy of its folder made and others have voted for. So two proposals never block a place.
 */
import { epochOf, withVotes, type Commit, type Vote } from '../../crdt/commit.ts'
import { votersAt, type ControlState } from '../../crdt/control.ts'
import type { CommitHash, PeerId } from '../../crdt/ids.ts'
import { isVoteFor, majorityOf } from '../../crdt/vote.ts'
import type { VoteMessage } from '../../transports/host.ts'

export type Ballot = {
  readonly voters: ReadonlySet<PeerId>
  readonly needed: number
  add(commit: Commit): void
  /** True when the vote is valid and new. */
  vote(from: PeerId, message: VoteMessage): boolean
  hasVoted(voter: PeerId): boolean
  /** Who has voted for this one. */
  votesFor(hash: CommitHash): ReadonlySet<PeerId>
  /** What can be certified now, and whether our own vote must be cast for it. The one with most votes; of two with as many the later one handed on. */
  decided(
    self: PeerId,
    mayVoteFor: (commit: Commit) => boolean,
  ): { readonly commit: Commit; readonly votes: readonly Vote[]; readonly isOursNeeded: boolean } | null
}

/** Copies of the authority's folder that propose at once: each is signed by its key. */
const PROPOSALS_MAX = 8

/** @param before the state of the control log, whose next place this is about. */
export const createBallot = (before: ControlState): Ballot => {
  const voters = votersAt(before, before.seq)
  const needed = majorityOf(voters.size)
  const proposals = new Map<CommitHash, { readonly commit: Commit; readonly votes: Map<PeerId, Vote> }>()
  return {
    voters,
    needed,
    add: (commit) => {
      if (!proposals.has(commit.hash) && proposals.size < PROPOSALS_MAX)
        proposals.set(commit.hash, { commit, votes: new Map() })
    },
    vote: (from, { epoch, seq, hash, signature }) => {
      const proposal = proposals.get(hash)
      const vote = { voter: from, signature }
      if (
        proposal === undefined ||
        !voters.has(from) ||
        proposal.votes.has(from) ||
        proposal.commit.header.seq !== seq ||
        epochOf(proposal.commit.header) !== epoch
      )
        return false
      if (!isVoteFor(proposal.commit, vote)) return false
      proposal.votes.set(from, vote)
      return true
    },
    hasVoted: (voter) => [...proposals.values()].some(({ votes }) => votes.has(voter)),
    votesFor: (hash) => new Set(proposals.get(hash)?.votes.keys()),
    decided: (self, mayVoteFor) => {
      const byVotes = [...proposals.values()].toReversed().toSorted((a, b) => b.votes.size - a.votes.size)
      for (const { commit, votes } of byVotes) {
        const others = [...votes.values()].filter(({ voter }) => voter !== self).slice(0, needed)
        if (others.length >= needed) return { commit, votes: others, isOursNeeded: false }
        if (others.length + 1 === needed && voters.has(self) && mayVoteFor(commit))
          return { commit, votes: others, isOursNeeded: true }
      }
      return null
    },
  }
}

export const certified = <C extends Commit>(commit: C, votes: readonly Vote[]): C => withVotes(commit, votes)
