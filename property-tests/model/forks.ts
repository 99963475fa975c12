/**
 * What a history reads like when chains have forked: a commit counts when it stands before its chain's fork and everything it
 * rests on counts. A loop over sets; nothing of the core's index is used.
 */
import type { Commit } from '../../crdt/commit.ts'
import type { ChainId } from '../../crdt/ids.ts'

/** By chain: the seq from which on nothing of it counts. */
export type ForkAt = ReadonlyMap<ChainId, number>

export const countsAt = (forkAt: ForkAt, chain: ChainId, seq: number): boolean => seq < (forkAt.get(chain) ?? Number.POSITIVE_INFINITY)

/** @param commits in an order in which every commit comes after those of its deps that are here. */
export const withoutForks = (commits: readonly Commit[], forkAt: ForkAt): Commit[] => {
  const counting = new Set<string>()
  return commits.filter(({ hash, chain, header }) => {
    const counts = countsAt(forkAt, chain, header.seq) && header.deps.every((dep) => counting.has(dep))
    if (counts) counting.add(hash)
    return counts
  })
}
