/**
 * Another control log takes the place of ours: one that recovery keys have begun anew behind a statement which both hold.
 *
 * All of it is one flush: the statements that are not here yet, which line is followed from now on, and what is left for it, which stays
 * as the evidence of what was. Then the log is read anew, since who is a member, whose chains end where, and at which format level commits
 * are read may all be otherwise than before: some seconds for a million commits, once.
 *
 * Invariant: nothing leaves the disk. A commit that was written under a statement that is left counts as under the last one that stays.
 */
import type { Commit } from '../../crdt/commit.ts'
import { activeMembers, type ControlState } from '../../crdt/control.ts'
import type { PeerId } from '../../crdt/ids.ts'
import type { CommitStore, StoreBatch, StoredCommit } from '../ports/store.ts'
import type { ControlBranches, Outranking } from './control-branches.ts'
import { lineFact, nowFollowing } from './control-places.ts'
import { controlSeenFact } from './control-seen.ts'
import type { DocumentDigests } from './document-digests.ts'
import type { LogIndex } from './log-index.ts'
import type { MayWrite } from './may-write.ts'
import type { Past } from './past.ts'
import type { Revision } from './revision.ts'

export type Adopting = {
  /** The line that is to be followed; null mostly. */
  next(): Outranking | null
  batch(next: Outranking): StoreBatch
  /** It is on disk. Answers whose word counts no more. */
  adopted(next: Outranking): readonly PeerId[]
}

export type AdoptingOptions = {
  readonly index: LogIndex
  readonly self: PeerId
  readonly store: Pick<CommitStore, 'commit'>
  readonly branches: ControlBranches
  readonly mayWrite: Pick<MayWrite, 'isControlWhole' | 'adopted'>
  readonly past: Pick<Past, 'reindex'>
  readonly revision: Pick<Revision, 'facts' | 'applied'>
  readonly documentDigests: Pick<DocumentDigests, 'facts' | 'read'>
}

export const createAdopting = ({
  index,
  self,
  store,
  branches,
  mayWrite,
  past,
  revision,
  documentDigests,
}: AdoptingOptions): Adopting => ({
  next: () => (mayWrite.isControlWhole() ? branches.outranking() : null),
  batch: (next) => ({
    ...batchFollowing(index, store, next),
    facts: [
      ...batchFollowing(index, store, next).facts,
      ...branches.factsFollowing(next),
      ...documentDigests.facts(true),
      ...revision.facts('everything'),
    ],
  }),
  adopted: (next) => {
    const before = index.control
    revision.applied()
    index.followed = nowFollowing(index.followed, next.line.state.line)
    branches.following(next)
    past.reindex(self)
    branches.persisted()
    mayWrite.adopted()
    documentDigests.read(null)
    return gone(before, index.control)
  },
})

/** The statements that are not in the store, and where the line lies. */
export const batchFollowing = (
  { followed }: Pick<LogIndex, 'followed'>,
  store: Pick<CommitStore, 'commit'>,
  { line: { state }, behind }: Pick<Outranking, 'line' | 'behind'>,
): { readonly commits: readonly StoredCommit[]; readonly facts: NonNullable<StoreBatch['facts']> } => ({
  commits: behind.filter(({ chain, header }) => store.commit(chain, header.seq) === null).map(stored),
  facts: [lineFact(nowFollowing(followed, state.line)), controlSeenFact(state.seq)],
})

const stored = ({ chain, header, hash, bytes }: Commit): StoredCommit => ({ chain, seq: header.seq, hash, bytes })

const gone = (before: ControlState, now: ControlState): readonly PeerId[] => {
  const left = new Set(activeMembers(now).map(({ peer }) => peer))
  return activeMembers(before).flatMap(({ peer }) => (left.has(peer) ? [] : [peer]))
}
