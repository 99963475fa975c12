/**
 * Whether this peer may write now, and how far it knows the control log.
 *
 * Who the voters are, and so how many acks a write needs, stands in the control log. A peer whose disk lost a part of it would take
 * a smaller mesh for the whole, and call one copy a quorum: how far the log has been read is therefore remembered beside it, and
 * until that much is here again nothing is written.
 */
import type { Commit } from '../../crdt/commit.ts'
import { CONTROL_NAMESPACE, type PeerId } from '../../crdt/ids.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'
import type { CommitStore, StoreBatch } from '../ports.ts'
import type { Forks } from './forks.ts'
import { controlChain, type LogIndex } from './log-index.ts'
import type { Refusal } from './types.ts'

export type MayWrite = {
  /** Why not, or null. */
  refusal(): Refusal | null
  /** Everything of the control log that was ever here is here. */
  isControlWhole(): boolean
  /** What a flush that takes these in makes durable besides. */
  factsAfter(commits: readonly Commit[]): NonNullable<StoreBatch['facts']>
  /** After the opening scan: what the log shows is remembered, if it is more. */
  restore(): Promise<void>
}

const SEEN = 'control/seen'

export const createMayWrite = (index: LogIndex, forks: Forks, store: CommitStore, self: PeerId): MayWrite => {
  const control = controlChain(index)
  let seen = 0
  const factOf = (seq: number): NonNullable<StoreBatch['facts']>[number] => [SEEN, pack(seq)]
  const isControlWhole = (): boolean =>
    index.control.seq >= seen && ![...index.holes.values()].some(({ chain }) => chain === control)
  return {
    isControlWhole,
    refusal: () => {
      if (forks.isFrozen(self)) return FROZEN
      if (!isControlWhole()) return CONTROL_LOST
      return index.control.members.has(self) ? null : NOT_A_MEMBER
    },
    factsAfter: (commits) => {
      const before = seen
      for (const { header } of commits) if (header.namespace === CONTROL_NAMESPACE) seen = Math.max(seen, header.seq)
      return seen > before ? [factOf(seen)] : []
    },
    restore: async () => {
      const fact = store.fact(SEEN)
      const value = fact instanceof Uint8Array ? unpack(fact) : null
      seen = typeof value === 'number' ? value : 0
      if (index.control.seq <= seen) return
      seen = index.control.seq
      // A disk that refuses is the first flush's matter; the next start remembers it then.
      await store.write({ facts: [factOf(seen)] }).catch(() => undefined)
    },
  }
}

const NOT_A_MEMBER: Refusal = { code: 'forbidden', message: 'by its control log this peer is not a member (yet): write to another, or enrol it with `mesh invite` and `mesh join`', fields: { local_committed: false } }
const CONTROL_LOST: Refusal = { code: 'not_ready', message: 'this peer lost a part of its control log, so it does not know who the voters are; it is fetching it from the others: write to one of them meanwhile', fields: { local_committed: false } }
const FROZEN: Refusal = { code: 'forbidden', message: 'this peer\'s key wrote two histories (a copied folder?), so the mesh has frozen it: join again in a new folder', fields: { local_committed: false } }
