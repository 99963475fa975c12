/**
 * Quorum: which voters have signed that a commit lies, whole, on their stable storage.
 *
 * Invariants: a voter counts once; only enrolled, unrevoked voters count; a watermark counts only when its hash is that of
 * our own commit at its place (so an ack for another history never does); an entry that is not `whole` never counts. What a
 * voter says of commits that are not here waits, bounded, so that a lying one displaces only its own words.
 */
import type { SignedAck, Watermark } from './ack.ts'
import type { Position } from './frontier.ts'
import type { ChainId, CommitHash, PeerId } from './ids.ts'
import { limits } from './limits.ts'

export type Counted = { readonly voter: PeerId; readonly ack: SignedAck; readonly watermark: Watermark }

/** What the voters have said: the furthest acceptable watermark by chain and voter. */
export type AckTable = {
  /** @param hashOf our commit's hash at (chain, seq), or null when we do not have it (then the entry waits for `recheck`). */
  record(ack: SignedAck, hashOf: HashOf): void
  /** Whether it says anything that was not said before: only news is worth a signature check. */
  isNews(ack: SignedAck): boolean
  /** Looks again at entries that were ahead of us, now that `chain` has grown. */
  recheck(chain: ChainId, hashOf: HashOf): void
  /** The acks that cover `position`, one a voter, for the voters given. */
  covering(position: Position, voters: ReadonlySet<PeerId>): readonly Counted[]
  forget(voter: PeerId): void
  /** Words of each voter on what is not here that were given up for its later ones, since the start. */
  displaced(): ReadonlyMap<PeerId, number>
}
export type HashOf = (chain: ChainId, seq: number) => CommitHash | null

export const createAckTable = (): AckTable => {
  const countedByChain = new Map<ChainId, Map<PeerId, Counted>>()
  const aheadByVoter = new Map<PeerId, Ahead>()
  const displacedByVoter = new Map<PeerId, number>()

  const count = (entry: Counted): void => {
    const byVoter = countedByChain.get(entry.watermark.chain) ?? new Map<PeerId, Counted>()
    if (isFurther(entry, byVoter.get(entry.voter))) byVoter.set(entry.voter, entry)
    countedByChain.set(entry.watermark.chain, byVoter)
  }
  const wait = (entry: Counted): void => {
    const ahead = aheadByVoter.get(entry.voter) ?? createAhead()
    aheadByVoter.set(entry.voter, ahead)
    const displaced = ahead.keep(entry)
    if (displaced > 0) displacedByVoter.set(entry.voter, (displacedByVoter.get(entry.voter) ?? 0) + displaced)
  }
  const judge = (entry: Counted, hashOf: HashOf): void => {
    const ours = hashOf(entry.watermark.chain, entry.watermark.seq)
    if (ours === null) wait(entry)
    else if (ours === entry.watermark.hash) count(entry)
  }

  return {
    record: (ack, hashOf) => {
      for (const watermark of ack.watermarks) if (watermark.whole) judge({ voter: ack.voter, ack, watermark }, hashOf)
    },
    isNews: ({ voter, watermarks }) =>
      watermarks.some(
        ({ chain, seq, whole }) => whole && seq > (countedByChain.get(chain)?.get(voter)?.watermark.seq ?? 0),
      ),
    recheck: (chain, hashOf) => {
      for (const ahead of aheadByVoter.values()) {
        const entry = ahead.take(chain)
        if (entry !== null) judge(entry, hashOf)
      }
    },
    covering: ({ chain, seq }, voters) =>
      [...(countedByChain.get(chain)?.values() ?? [])].filter(
        (entry) => entry.watermark.seq >= seq && voters.has(entry.voter),
      ),
    displaced: () => displacedByVoter,
    forget: (voter) => {
      aheadByVoter.delete(voter)
      for (const byVoter of countedByChain.values()) byVoter.delete(voter)
    },
  }
}

/** One voter's words on what is not here, bounded in chains and in the watermarks of the acks that they hold on to: the oldest go. */
type Ahead = { keep(entry: Counted): number; take(chain: ChainId): Counted | null }
const createAhead = (): Ahead => {
  const waiting = new Map<ChainId, Counted>()
  const usesByAck = new Map<SignedAck, number>()
  let held = 0
  const take = (chain: ChainId): Counted | null => {
    const entry = waiting.get(chain)
    if (entry === undefined) return null
    waiting.delete(chain)
    const uses = usesByAck.get(entry.ack)! - 1
    if (uses > 0) usesByAck.set(entry.ack, uses)
    else if (usesByAck.delete(entry.ack)) held -= entry.ack.watermarks.length
    return entry
  }
  return {
    take,
    keep: (entry) => {
      const {
        ack,
        watermark: { chain },
      } = entry
      if (!isFurther(entry, waiting.get(chain))) return 0
      take(chain)
      waiting.set(chain, entry)
      const uses = usesByAck.get(ack) ?? 0
      usesByAck.set(ack, uses + 1)
      if (uses === 0) held += ack.watermarks.length
      let displaced = 0
      for (
        ;
        waiting.size > limits.ack_ahead_chains_per_voter_max || held > limits.ack_ahead_held_per_voter_max;
        displaced++
      )
        take(waiting.keys().next().value!)
      return displaced
    },
  }
}

const isFurther = (entry: Counted, known: Counted | undefined): boolean =>
  known === undefined || known.watermark.seq < entry.watermark.seq

/** Two voters or more make two copies the default; a mesh of one voter answers alone. */
export const defaultQuorum = (voters: number): number => (voters >= 2 ? 2 : 1)
