/**
 * Chains: the commits of one peer in one namespace in one incarnation, each naming the one before and all before it.
 *
 * Invariants of `ChainState`: `hash` is the hash of commit `seq`, `history` the Merkle tree over commits 1 … seq.
 */
import { hasValidSignature, isControlCommit, type Commit, type VerifiedCommit } from './commit.ts'
import type { Hlc } from './hlc.ts'
import {
  ZERO_HASH,
  bytesToHex,
  hexToBytes,
  type ChainId,
  type CommitHash,
  type Incarnation,
  type Namespace,
  type PeerId,
} from './ids.ts'
import { appendLeaf, emptyHistory, historyRoot, leafHash, type History } from './merkle.ts'

export type ChainState = {
  readonly id: ChainId
  readonly peer: PeerId
  readonly incarnation: Incarnation
  readonly namespace: Namespace
  /** 0 before the first commit. */
  readonly seq: number
  readonly hash: CommitHash
  readonly history: History
  readonly hlc: Hlc
  /** Place in the control log of the latest commit's `policy`; it never goes back along a chain. */
  readonly policySeq: number
  /** The same of its first commit that could be read; null while there is none. */
  readonly begunAt: number | null
}

export const emptyChain = (id: ChainId, peer: PeerId, incarnation: Incarnation, namespace: Namespace): ChainState => ({
  id,
  peer,
  incarnation,
  namespace,
  seq: 0,
  hash: ZERO_HASH as CommitHash,
  history: emptyHistory,
  hlc: 0 as Hlc,
  policySeq: 0,
  begunAt: null,
})

/** What is wrong with `commit` as the successor of `chain`, or null. The hash of `prev` already binds the rest of the past. */
export const chainFault = (
  chain: ChainState,
  commit: Commit,
): 'gap' | 'bad_prev' | 'bad_history' | 'hlc_not_after' | null => {
  const { header } = commit
  if (header.seq !== chain.seq + 1) return 'gap'
  if (header.prev !== chain.hash) return 'bad_prev'
  if (header.history !== bytesToHex(historyRoot(chain.history))) return 'bad_history'
  return header.hlc > chain.hlc ? null : 'hlc_not_after'
}

export const extendChain = (chain: ChainState, commit: Commit, policySeq: number): ChainState => ({
  ...chain,
  seq: commit.header.seq,
  hash: commit.hash,
  hlc: commit.header.hlc,
  policySeq,
  begunAt: chain.begunAt ?? policySeq,
  history: appendLeaf(chain.history, leafHash(hexToBytes(commit.hash))),
})

/**
 * How many of `run` (consecutive commits of one chain, each naming the one before) are covered: everything up to the last
 * one that bears a valid signature. One check for a whole honest run (60 µs a signature against 1 µs a hash).
 * Of the control log all count as covered: who must sign each, admission knows, and looks at every one.
 */
export const coveredCommits = (run: readonly Commit[]): readonly VerifiedCommit[] => {
  if (run[0] !== undefined && isControlCommit(run[0])) return run as readonly VerifiedCommit[]
  for (let last = run.length - 1; last >= 0; last--) {
    if (hasValidSignature(run[last]!)) return run.slice(0, last + 1) as readonly Commit[] as readonly VerifiedCommit[]
  }
  return []
}
