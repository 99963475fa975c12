/**
 * The revision of what the log says: one more each time something already read reads differently (a fork or a revocation left
 * it out, a text or a damaged commit came late). It is written with the very flush that does it, so rows that were projected
 * before never outlive a crash in between: their cursor names an older revision, and they are made again.
 */
import type { Commit } from '../../crdt/commit.ts'
import type { ChainId, PeerId } from '../../crdt/ids.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'
import type { CommitStore, StoreBatch } from '../ports.ts'
import { placeKey, type LogIndex } from './log-index.ts'

export type Revision = {
  current(): number
  /** What the flush that changes the past makes durable besides. */
  fact(): NonNullable<StoreBatch['facts']>[number]
  /** It is on disk. */
  applied(): void
}

const FACT = 'log/revision'
/** Above all that forks and late texts count up to. */
const AFTER_DAMAGE = 2 ** 40

export const createRevision = (store: CommitStore): Revision => {
  const bytes = store.fact(FACT)
  // Which it was nobody knows: one that no cursor names has the rows made again.
  const value = bytes === 'damaged' ? AFTER_DAMAGE + store.arrivals() : bytes && unpack(bytes)
  let current = typeof value === 'number' ? value : 0
  return {
    current: () => current,
    fact: () => [FACT, pack(current + 1)],
    applied: () => {
      current++
    },
  }
}

/** Whether commits that go to the disk together change what was read before: by standing where something was set aside, or by a revocation. */
export const changesPast = (index: LogIndex, commits: readonly Commit[]): boolean =>
  commits.some(({ chain, header, events }) =>
    index.setAside.has(placeKey(chain, header.seq)) || events.some(({ event }) => event.kind === 'peer.revoke' && leavesOut(index, commits, event.peer, event.last)))

/** Whether a revocation leaves out commits that are in documents already, or come into them with it. */
const leavesOut = (index: LogIndex, fresh: readonly Commit[], peer: PeerId, last: Readonly<Record<ChainId, number>>): boolean =>
  [...index.chains.values()].some((chain) => chain.peer === peer && chain.seq > (last[chain.id] ?? 0)) || fresh.some(({ chain, header }) => header.peer === peer && header.seq > (last[chain] ?? 0))
