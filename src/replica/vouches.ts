/**
 * The acks of a commit as they vouch for it: the part of each that names its chain, and what ties a later watermark back.
 *
 * One commit answers many requests, and all of them are shown the same: what was made last is kept while the acks are the same ones, and
 * given out as the same list, so that whoever encodes it need not do so again for each request.
 */
import { partOf, type SignedAck } from '../../crdt/ack.ts'
import type { Position } from '../../crdt/frontier.ts'
import type { ChainId } from '../../crdt/ids.ts'
import type { Counted } from '../../crdt/quorum.ts'
import type { Tie, Vouch } from '../../crdt/receipt.ts'

export type Shown = { readonly header: Uint8Array; readonly acks: readonly Vouch[] }

export type Vouches = {
  /** `counted`, which cover the commit at `where`, as they vouch for it; those that cannot be tied to it now are left out. */
  of(where: Position, counted: readonly Counted[]): readonly Vouch[]
  /** The same with the commit's header; null while that, or any tie, cannot be read (damage). */
  whole(where: Position, counted: readonly Counted[]): Shown | null
}

export const createVouches = (
  headerOf: (chain: ChainId, seq: number) => Uint8Array | null,
  tie: (chain: ChainId, seq: number, later: number) => Tie | null,
): Vouches => {
  let last: { readonly where: Position; readonly by: readonly SignedAck[]; readonly shown: Shown } | null = null

  const of = (where: Position, counted: readonly Counted[]): readonly Vouch[] =>
    counted.flatMap(({ ack, watermark }) => {
      const part = partOf(ack, where.chain)
      const tied = watermark.seq === where.seq ? null : tie(where.chain, where.seq, watermark.seq)
      return part === null || (tied === null && watermark.seq !== where.seq) ? [] : [{ ...part, tie: tied }]
    })
  const isLast = ({ chain, seq }: Position, counted: readonly Counted[]): boolean =>
    last !== null &&
    last.where.chain === chain &&
    last.where.seq === seq &&
    last.by.length === counted.length &&
    last.by.every((ack, i) => ack === counted[i]!.ack)

  return {
    of,
    whole: (where, counted) => {
      if (isLast(where, counted)) return last!.shown
      const [header, acks] = [headerOf(where.chain, where.seq), of(where, counted)]
      if (header === null || acks.length < counted.length) return null
      const shown = { header, acks }
      last = { where, by: counted.map(({ ack }) => ack), shown }
      return shown
    },
  }
}
