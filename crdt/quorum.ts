/**
 * Quorum: which voters have signed that a commit lies, whole, on their stable storage.
 *
 * Invariants: a voter counts once; only enrolled, unrevoked voters count; a watermark counts only when its hash is that of
 * our own commit at its place (so an ack for another history never does); an entry that is not `whole` never counts.
 */
import type { AckStatement, SignedAck, Watermark } from './ack.ts'
import type { Position } from './frontier.ts'
import type { ChainId, CommitHash, PeerId } from './ids.ts'

export type Counted = { readonly voter: PeerId; readonly ack: SignedAck; readonly watermark: Watermark }

/** What the voters have said: the furthest acceptable watermark by chain and voter. */
export type AckTable = {
  /** @param hashOf our commit's hash at (chain, seq), or null when we do not have it (then the entry waits for `recheck`). */
  record(ack: SignedAck, statement: AckStatement, hashOf: HashOf): void
  /** Looks again at entries that were ahead of us, now that `chain` has grown. */
  recheck(chain: ChainId, hashOf: HashOf): void
  /** The acks that cover `position`, one a voter, for the voters given. */
  covering(position: Position, voters: ReadonlySet<PeerId>): readonly Counted[]
  forget(voter: PeerId): void
}
export type HashOf = (chain: ChainId, seq: number) => CommitHash | null

export const createAckTable = (): AckTable => {
  const countedByChain = new Map<ChainId, Map<PeerId, Counted>>()
  const aheadByChain = new Map<ChainId, Map<PeerId, Counted>>()

  const keep = (table: Map<ChainId, Map<PeerId, Counted>>, entry: Counted): void => {
    const byVoter = table.get(entry.watermark.chain) ?? new Map<PeerId, Counted>()
    const known = byVoter.get(entry.voter)
    if (known === undefined || known.watermark.seq < entry.watermark.seq) byVoter.set(entry.voter, entry)
    table.set(entry.watermark.chain, byVoter)
  }
  const judge = (entry: Counted, hashOf: HashOf): void => {
    const ours = hashOf(entry.watermark.chain, entry.watermark.seq)
    if (ours === null) keep(aheadByChain, entry)
    else if (ours === entry.watermark.hash) keep(countedByChain, entry)
  }

  return {
    record: (ack, statement, hashOf) => {
      for (const watermark of statement.watermarks) if (watermark.whole) judge({ voter: statement.voter, ack, watermark }, hashOf)
    },
    recheck: (chain, hashOf) => {
      const waiting = aheadByChain.get(chain)
      if (waiting === undefined) return
      aheadByChain.delete(chain)
      for (const entry of waiting.values()) judge(entry, hashOf)
    },
    covering: ({ chain, seq }, voters) =>
      [...(countedByChain.get(chain)?.values() ?? [])].filter((entry) => entry.watermark.seq >= seq && voters.has(entry.voter)),
    forget: (voter) => {
      for (const table of [countedByChain, aheadByChain]) for (const byVoter of table.values()) byVoter.delete(voter)
    },
  }
}

/** Two voters or more make two copies the default; a mesh of one voter answers alone. */
export const defaultQuorum = (voters: number): number => (voters >= 2 ? 2 : 1)
