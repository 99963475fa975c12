/**
 * Whether this peer may write now, and how far it knows the control log.
 *
 * Who the voters are, and so how many acks a write needs, stands in the control log. A peer whose disk lost a part of it would take
 * a smaller mesh for the whole, and call one copy a quorum: how far the log has been read is therefore remembered beside it, and
 * until that much is here again nothing is written.
 */
import type { Commit } from '../../crdt/commit.ts'
import { CONTROL_NAMESPACE, type PeerId } from '../../crdt/ids.ts'
import type { CommitStore, StoreBatch } from '../ports/store.ts'
import { controlSeen, controlSeenFact } from './control-seen.ts'
import type { Forks } from './forks.ts'
import { hasControlHole } from './control-places.ts'
import { levelNow, type LogIndex } from './log-index.ts'
import type { Refusal } from './types.ts'

export type MayWrite = {
  /** Why not, or null. */
  refusal(): Refusal | null
  /** Everything of the control log that was ever here is here. */
  isControlWhole(): boolean
  /** What a flush that takes these in makes durable besides. */
  factsAfter(commits: readonly Commit[]): NonNullable<StoreBatch['facts']>
  /** Such a flush is on disk: what a disk refused was never seen. */
  persisted(): void
  /** Another line is followed, which may be shorter; the fact says so already. */
  adopted(): void
  /** After the opening scan: what the log shows is remembered, if it is more. Answers, for health, why it could not be. */
  restore(): Promise<string | null>
}

export const createMayWrite = (
  index: LogIndex,
  forks: Pick<Forks, 'isFrozen'>,
  store: CommitStore,
  self: PeerId,
): MayWrite => {
  let seen = 0
  /** What of it the disk remembers. */
  let stored = 0
  const isControlWhole = (): boolean => index.control.seq >= seen && !hasControlHole(index)
  return {
    isControlWhole,
    refusal: () => {
      if (forks.isFrozen(self)) return FROZEN
      if (!isControlWhole()) return CONTROL_LOST
      if (levelNow(index) > index.reads.level) return belowLevel(levelNow(index), index.reads.level)
      const member = index.control.members.get(self)
      if (member === undefined) return NOT_A_MEMBER
      return member.revoked !== null ? REVOKED : member.role === 'observer' ? OBSERVER : null
    },
    factsAfter: (commits) => {
      const last = commits.reduce(
        (most, { header }) => (header.namespace === CONTROL_NAMESPACE ? Math.max(most, header.seq) : most),
        seen,
      )
      return last > stored ? [controlSeenFact(last)] : []
    },
    persisted: () => {
      seen = Math.max(seen, index.control.seq)
      stored = seen
    },
    adopted: () => {
      seen = index.control.seq
      stored = seen
    },
    restore: async () => {
      stored = controlSeen(store)
      seen = Math.max(stored, index.control.seq)
      if (seen === stored) return null
      return store.write({ facts: [controlSeenFact(seen)] }).then(
        () => {
          stored = seen
          return null
        },
        (error: unknown) =>
          `how far the control log goes could not be written (${error instanceof Error ? error.message : String(error)}): it is tried again with the next write`,
      )
    },
  }
}

const NOT_A_MEMBER: Refusal = {
  code: 'forbidden',
  message:
    'by its control log this peer is not a member (yet): write to another, or enrol it with `mesh invite` and `mesh join`',
  fields: { local_committed: false },
}
const OBSERVER: Refusal = {
  code: 'observer_may_not_write',
  message:
    'this peer is an observer: it holds and answers everything, and takes no writes; write to a voter (see `mnemesh mesh members`)',
  fields: { local_committed: false },
}
const REVOKED: Refusal = {
  code: 'forbidden',
  message: 'this peer was taken out of the mesh, so nobody would take what it writes: write to another peer',
  fields: { local_committed: false },
}
const CONTROL_LOST: Refusal = {
  code: 'not_ready',
  message:
    'this peer lost a part of its control log, so it does not know who the voters are; it is fetching it from the others: write to one of them meanwhile',
  fields: { local_committed: false },
}
/** What it wrote would mean something else to the others than to itself. */
const belowLevel = (level: number, reads: number): Refusal => ({
  code: 'not_ready',
  message: `the mesh writes format level ${level} and this program reads ${reads}: it keeps and hands on everything, shows no memories written since, and takes no writes; upgrade it, or write to another peer`,
  fields: { local_committed: false, level, reads },
})
const FROZEN: Refusal = {
  code: 'forbidden',
  message:
    "this peer's key wrote two histories (a copied folder?), so the mesh has frozen it: join again in a new folder",
  fields: { local_committed: false },
}
