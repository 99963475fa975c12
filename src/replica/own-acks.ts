/**
 * Our own acks: what is signed, and who is told when.
 *
 * Invariant: a word of ours speaks of what is in the index, and with it on stable storage.
 */
import { signAck, type SignedAck, type Watermark } from '../../crdt/ack.ts'
import type { ChainId, MeshId, PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { KeyPair } from '../../crdt/signature.ts'
import { controlChain } from './control-places.ts'
import { createGatheredAcks } from './gathered-acks.ts'
import type { LogIndex } from './log-index.ts'
import type { Effect } from './types.ts'

export type OwnAcks = {
  /** Signs how far these chains are on our disk, for one peer or, null, for all. */
  announce(chains: Iterable<ChainId>, to: PeerId | null): Effect[]
  /** A flush has touched these: signed, told to their authors, and to all others soon; of the control log to all at once. */
  flushed(chains: Iterable<ChainId>, nowMs: number): Effect[]
  /** What others are still to be told, when its time has come. */
  tellOthers(nowMs: number): Effect[]
  nextDeadlineMs(): number | null
}

export type OwnAcksOptions = {
  readonly mesh: MeshId
  readonly self: PeerId
  readonly keys: KeyPair
  readonly index: LogIndex
  readonly isWhole: (chain: ChainId) => boolean
  /** Told of each word: it counts here from now on. */
  readonly said: (ack: SignedAck) => void
}

export const createOwnAcks = ({ mesh, self, keys, index, isWhole, said }: OwnAcksOptions): OwnAcks => {
  const gathered = createGatheredAcks()
  /** What was signed last: others hear what the author did, and who comes up what the one before it did. */
  let signed: { readonly ack: SignedAck; readonly watermarks: readonly Watermark[] } | null = null
  const signedAs = (watermarks: readonly Watermark[]): SignedAck => {
    if (signed === null || !isSame(signed.watermarks, watermarks))
      signed = { ack: signAck({ mesh, voter: self, watermarks }, keys), watermarks }
    return signed.ack
  }
  const say = (chains: Iterable<ChainId>): readonly SignedAck[] => {
    const watermarks = [...new Set(chains)].flatMap((chain) => {
      const state = index.chains.get(chain)
      return state === undefined || state.seq === 0
        ? []
        : [{ chain, seq: state.seq, hash: state.hash, whole: isWhole(chain) }]
    })
    const acks: SignedAck[] = []
    for (let at = 0; at < watermarks.length; at += limits.ack_watermarks_max)
      acks.push(signedAs(watermarks.slice(at, at + limits.ack_watermarks_max)))
    acks.forEach(said)
    return acks
  }
  const announce = (chains: Iterable<ChainId>, to: PeerId | null): Effect[] =>
    say(chains).map((ack) => ({ kind: 'ACK', ack, to }))
  const authorOf = (chain: ChainId): PeerId => index.chains.get(chain)?.peer ?? self
  const tellOthers = (nowMs: number): Effect[] => {
    const due = gathered.take(nowMs)
    return due === null ? [] : say(due.chains).map((ack) => ({ kind: 'ACK', ack, to: null, but: due.but }))
  }

  return {
    announce,
    tellOthers,
    nextDeadlineMs: gathered.nextDeadlineMs,
    flushed: (touched, nowMs) => {
      const chains = [...touched]
      // Statements are not pushed: neighbours hear of them by the ack.
      if (chains.includes(controlChain(index))) return announce(chains, null)
      const authors = new Set(chains.map(authorOf))
      authors.delete(self)
      const atOnce = say(chains).flatMap((ack) =>
        [...authors].flatMap((to): Effect[] =>
          ack.watermarks.some(({ chain }) => authorOf(chain) === to) ? [{ kind: 'ACK', ack, to }] : [],
        ),
      )
      for (const chain of chains) gathered.add(chain, authorOf(chain), nowMs)
      return [...atOnce, ...tellOthers(nowMs)]
    },
  }
}

const isSame = (a: readonly Watermark[], b: readonly Watermark[]): boolean =>
  a.length === b.length &&
  a.every(
    ({ chain, seq, hash, whole }, i) =>
      chain === b[i]!.chain && seq === b[i]!.seq && hash === b[i]!.hash && whole === b[i]!.whole,
  )
