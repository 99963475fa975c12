/**
 * What a history reads like when chains have forked, or their peers were taken out: a commit counts when it stands before its chain's
 * fork, or not beyond what the revocation names, and everything it rests on counts. Loops over sets; nothing of the core's index is used.
 */
import type { Commit } from '../../crdt/commit.ts'
import type { ChainId, PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'

/** By chain: the seq from which on nothing of it counts. */
export type ForkAt = ReadonlyMap<ChainId, number>

export const countsAt = (forkAt: ForkAt, chain: ChainId, seq: number): boolean => seq < (forkAt.get(chain) ?? Number.POSITIVE_INFINITY)

export type KnownForks = readonly { readonly chain: ChainId; readonly peer: PeerId; readonly at: number }[]

/** Members of whom so many chains forked that nothing of them counts. */
export const outOf = (forks: KnownForks): ReadonlySet<PeerId> => {
  const chains = new Map<PeerId, number>()
  for (const { peer } of forks) chains.set(peer, (chains.get(peer) ?? 0) + 1)
  return new Set([...chains].flatMap(([peer, many]) => (many > limits.forks_per_peer_max ? [peer] : [])))
}

/** What proven forks do to these commits. */
export const outsAlso = (forks: KnownForks, commits: readonly Commit[]): ForkAt => {
  const out = outOf(forks)
  const forkAt = new Map(forks.map(({ chain, at }) => [chain, at]))
  if (out.size > 0) for (const { chain, header } of commits) if (out.has(header.peer)) forkAt.set(chain, 1)
  return forkAt
}

/** What the revocations among these commits leave out. @param forkAt what forks do. */
export const withRevoked = (commits: readonly Commit[], forkAt: ForkAt): ForkAt => {
  const outFrom = new Map(forkAt)
  for (const { event } of commits.flatMap(({ events }) => events)) {
    if (event.kind !== 'peer.revoke') continue
    const chains = new Set(commits.flatMap(({ chain, header }) => (header.peer === event.peer ? [chain] : [])))
    for (const chain of chains) outFrom.set(chain, Math.min(outFrom.get(chain) ?? Number.POSITIVE_INFINITY, (event.last[chain] ?? 0) + 1))
  }
  return outFrom
}

/** @param commits in an order in which every commit comes after those of its deps that are here. */
export const withoutForks = (commits: readonly Commit[], forkAt: ForkAt): Commit[] => {
  const counting = new Set<string>()
  return commits.filter(({ hash, chain, header }) => {
    const counts = countsAt(forkAt, chain, header.seq) && header.deps.every((dep) => counting.has(dep))
    if (counts) counting.add(hash)
    return counts
  })
}
