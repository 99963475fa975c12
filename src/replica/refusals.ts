/**
 * Refusals: what this peer tells others that it refuses of their commits, and what voters told that they refuse of ours.
 *
 * A refusal is told to the author where its link is open, for the commit is the author's own by its signature; of bytes that nobody can
 * read, and where the author is not linked, to whoever brought them. It is never passed on, as an ack is not: who is not linked to a voter
 * waits for nothing of it.
 *
 * Invariant: what a voter refuses of ours is its own word on its own disk. It ends no wait that the acks of others can still end well.
 */
import type { LogView } from '../../crdt/admission.ts'
import { ZERO_HASH, type ChainId, type CommitHash, type PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { RefusedCommit } from '../../transports/host.ts'
import type { Refused } from './intake.ts'
import type { Effect, WrittenAt } from './types.ts'

/** What to tell whom of that. @param control the control chain: its commits prove themselves, and what is refused of them may be taken from others. */
export const refusalsToTell = (
  refused: readonly Refused[],
  linked: ReadonlySet<PeerId>,
  isControl: (chain: ChainId) => boolean,
): Effect[] => {
  const byPeer = new Map<PeerId, RefusedCommit[]>()
  for (const { peer, from, chain, seq, hash, reason } of refused) {
    if (isControl(chain)) continue
    const to = hash !== null && linked.has(peer) ? peer : from
    const told: RefusedCommit = { chain, seq, hash: hash ?? (ZERO_HASH as CommitHash), reason }
    const before = byPeer.get(to)
    if (before === undefined) byPeer.set(to, [told])
    else before.push(told)
  }
  return [...byPeer].map(([to, told]) => ({ kind: 'REFUSED', refused: told, to }))
}

/** One voter's word: from this place on it takes nothing of the chain. */
export type RefusedFrom = { readonly chain: ChainId; readonly seq: number; readonly reason: string }

export type RefusedByVoters = {
  note(voter: PeerId, refused: RefusedCommit): void
  /** It has that much of the chain on its disk after all. */
  taken(voter: PeerId, chain: ChainId, seq: number): void
  /** Its link is new: another build may run there now. */
  forget(voter: PeerId): void
  /** Why it will not acknowledge all of these; null when nothing is known against it. */
  why(voter: PeerId, written: readonly WrittenAt[]): string | null
  /** What each voter refused first, of those that refuse anything. */
  standing(): ReadonlyMap<PeerId, RefusedFrom>
}

export const createRefusedByVoters = (): RefusedByVoters => {
  const byVoter = new Map<PeerId, Map<ChainId, RefusedFrom>>()
  return {
    note: (voter, { chain, seq, reason }) => {
      const byChain = byVoter.get(voter) ?? new Map<ChainId, RefusedFrom>()
      byVoter.set(voter, byChain)
      if (seq < (byChain.get(chain)?.seq ?? Number.POSITIVE_INFINITY)) byChain.set(chain, { chain, seq, reason })
      for (const oldest of byChain.keys())
        if (byChain.size > limits.refused_chains_per_voter_max) byChain.delete(oldest)
    },
    taken: (voter, chain, seq) => {
      const byChain = byVoter.get(voter)
      if (byChain === undefined || seq < (byChain.get(chain)?.seq ?? Number.POSITIVE_INFINITY)) return
      byChain.delete(chain)
      if (byChain.size === 0) byVoter.delete(voter)
    },
    forget: (voter) => byVoter.delete(voter),
    why: (voter, written) => {
      const byChain = byVoter.get(voter)
      if (byChain === undefined) return null
      for (const { chain, seq } of written) {
        const from = byChain.get(chain)
        if (from !== undefined && seq >= from.seq) return from.reason
      }
      return null
    },
    standing: () =>
      new Map(
        [...byVoter].flatMap(([voter, byChain]) => {
          const [first] = byChain.values()
          return first === undefined ? [] : [[voter, first] as const]
        }),
      ),
  }
}

/** Those that are about commits of ours, also of a flush on its way to the disk: what was pushed may be refused before. */
export const aboutOurs = (
  refused: readonly RefusedCommit[],
  self: PeerId,
  log: Pick<LogView, 'chain' | 'hashAt'>,
): readonly RefusedCommit[] =>
  refused.filter((each) => {
    const ours = log.chain(each.chain)
    return ours?.peer === self && isAbout(each, ours, (seq) => log.hashAt(each.chain, seq))
  })

/** Whether `refused` is about a commit of ours: that one, or, of bytes that could not be read, whatever stands there. */
export const isAbout = (
  { seq, hash }: RefusedCommit,
  ours: { readonly seq: number } | null,
  hashAt: (seq: number) => CommitHash | null,
): boolean => ours !== null && seq <= ours.seq && (hash === ZERO_HASH || hashAt(seq) === hash)
