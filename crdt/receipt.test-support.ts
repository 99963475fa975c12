/** Receipts for tests and vectors: a chain of one peer, voters who have signed how far they hold it, and what ties their words to one commit. */
import { partOf, signAck, type Watermark } from './ack.ts'
import { emptyChain, extendChain } from './chain.ts'
import { chainId, eventsRoot, sealCommit, type Commit } from './commit.ts'
import { sha256Hex } from './hash.ts'
import { bytesToHex, hexToBytes, incarnation, type ChainId, type CommitHash, type MeshId, type PeerId } from './ids.ts'
import { historyRoot, inclusionProof } from './merkle.ts'
import type { Receipt, Vouch } from './receipt.ts'
import { publicKeyHex, type KeyPair } from './signature.ts'
import { NOW_MS, NS, hlcAt, said, sealEvents } from './test-support.ts'

/** So many commits of one chain; what they say matters nowhere here. */
export const chainOfCommits = (mesh: MeshId, keys: KeyPair, count: number): readonly Commit[] => {
  const peer = publicKeyHex(keys) as PeerId
  const started = incarnation(NOW_MS, 1)
  let chain = emptyChain(chainId(peer, started, NS), peer, started, NS)
  return Array.from({ length: count }, (_, n) => {
    const events = sealEvents([{ ...said('episode.append', n), event_type: 'note' }])
    const commit = sealCommit(
      {
        mesh,
        namespace: NS,
        peer,
        incarnation: started,
        seq: n + 1,
        prev: chain.hash,
        history: bytesToHex(historyRoot(chain.history)),
        hlc: hlcAt(NOW_MS + n),
        policy: sha256Hex('a control commit') as CommitHash,
        segment: null,
        deps: [],
        eventsRoot: eventsRoot(events),
        eventCount: 1,
        changeHash: null,
      },
      events,
      keys,
    )
    chain = extendChain(chain, commit, 1)
    return commit
  })
}

const others = (count: number): readonly Watermark[] =>
  Array.from({ length: count }, (_, n) => ({
    chain: sha256Hex(`chain ${n}`).slice(0, 32) as ChainId,
    seq: n + 1,
    hash: sha256Hex(`${n}`) as CommitHash,
    whole: n % 2 === 0,
  }))

/** A voter's word on commit `upTo` of the chain, beside `beside` other chains, as it vouches for commit `seq`. */
export const vouchOf = (
  mesh: MeshId,
  voter: KeyPair,
  commits: readonly Commit[],
  seq: number,
  upTo: number,
  beside = 0,
): Vouch => {
  const named = commits[upTo - 1]!
  const ack = signAck(
    {
      mesh,
      voter: publicKeyHex(voter) as PeerId,
      watermarks: [...others(beside), { chain: named.chain, seq: upTo, hash: named.hash, whole: true }],
    },
    voter,
  )
  const leaves = commits.slice(0, upTo - 1).map(({ hash }) => hexToBytes(hash))
  return {
    ...partOf(ack, named.chain)!,
    tie: upTo === seq ? null : { header: named.headerBytes, path: inclusionProof(leaves, seq - 1) },
  }
}

export const receiptOf = (commits: readonly Commit[], seq: number, acks: readonly Vouch[]): Receipt => ({
  header: commits[seq - 1]!.headerBytes,
  acks,
})
