/**
 * What a history reads like when chains have forked, or their peers were taken out: a commit counts when it stands before its chain's
 * fork, or not beyond what the revocation names, and everything it rests on counts. Loops over sets; nothing of the core's index is used.
 */
import type { Commit } from '../../crdt/commit.ts'
import { CONTROL_NAMESPACE, type ChainId, type PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'

/** By chain: the seq from which on nothing of it counts. */
export type ForkAt = ReadonlyMap<ChainId, number>

export const countsAt = (forkAt: ForkAt, chain: ChainId, seq: number): boolean =>
  seq < (forkAt.get(chain) ?? Number.POSITIVE_INFINITY)

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

/** What the revocations among these commits leave out, and what members leave behind. @param forkAt what forks do. */
export const withRevoked = (commits: readonly Commit[], forkAt: ForkAt): ForkAt => {
  const outFrom = new Map(forkAt)
  const placeOf = new Map(
    commits.flatMap(({ hash, header }) =>
      header.namespace === CONTROL_NAMESPACE ? [[hash, header.seq] as const] : [],
    ),
  )
  const firsts = new Map<ChainId, Commit>()
  for (const commit of commits)
    if (commit.header.seq < (firsts.get(commit.chain)?.header.seq ?? Number.POSITIVE_INFINITY))
      firsts.set(commit.chain, commit)
  for (const { peer, place, revokes, chains, last } of cutsIn(commits)) {
    if (last.size !== chains) continue
    for (const [chain, { header }] of firsts) {
      const counts = last.get(chain) ?? (revokes || placeOf.get(header.policy)! < place ? 0 : Number.POSITIVE_INFINITY)
      if (header.peer === peer) outFrom.set(chain, Math.min(outFrom.get(chain) ?? Number.POSITIVE_INFINITY, counts + 1))
    }
  }
  return outFrom
}

type ToldCut = {
  readonly peer: PeerId
  readonly place: number
  readonly revokes: boolean
  readonly chains: number
  readonly last: Map<string, number>
}

/** The tables that the control log tells, whole or not; by an honest authority, which tells the pages of each behind it, in order. */
const cutsIn = (commits: readonly Commit[]): readonly ToldCut[] => {
  const told: ToldCut[] = []
  const control = commits
    .filter(({ header }) => header.namespace === CONTROL_NAMESPACE)
    .toSorted((a, b) => a.header.seq - b.header.seq)
  for (const { event, place } of control.flatMap(({ header, events }) =>
    events.map(({ event }) => ({ event, place: header.seq })),
  )) {
    if (event.kind === 'peer.revoke' || event.kind === 'peer.leave_behind') {
      const isOver = told.some(
        ({ peer, revokes, chains, last }) => peer === event.peer && revokes && last.size === chains,
      )
      if (!isOver)
        told.push({
          peer: event.peer,
          place,
          revokes: event.kind === 'peer.revoke',
          chains: event.cut.chains,
          last: new Map(),
        })
    }
    const open = event.kind === 'peer.cut' ? told.findLast(({ peer }) => peer === event.peer) : undefined
    if (event.kind === 'peer.cut' && open !== undefined && open.last.size < open.chains)
      for (const [chain, seq] of Object.entries(event.last)) open.last.set(chain, seq)
  }
  return told
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
