/**
 * Forks known here: found, learned, remembered, and what they leave out.
 *
 * Whom a proof is about must be a member, or have been one: nobody else's commits enter a log, and keys can be made up without end.
 * Of a member whose chains forked in more than `forks_per_peer_max` cases nothing counts any more, so that further proofs say
 * nothing new; whichever were kept, the same follows from them.
 *
 * Invariants: of a forked chain the lowest proven place counts, and it never rises; a proof is durable before it is told;
 * what a fork leaves out is a function of the set of proofs alone; at most `forks_per_peer_max` + 1 proofs a member are kept.
 */
import { decodeHeader, type Commit, type CommitHeader } from '../../crdt/commit.ts'
import { makeForkProof, placeOfHeader, readForkProof, type Fork } from '../../crdt/fork.ts'
import type { ChainId, CommitHash, MeshId, PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { CommitStore, StoreBatch } from '../ports/store.ts'
import type { Commits } from './commits.ts'
import { createForkFacts, headerFact } from './fork-facts.ts'

export type KnownFork = Fork & { readonly proof: Uint8Array }

export type Forks = {
  /** From this seq on the chain does not count; Infinity when it has not forked. @param peer whose chain it is. */
  at(chain: ChainId, peer: PeerId): number
  isFrozen(peer: PeerId): boolean
  /** Whether so many of its chains forked that none counts. */
  isOut(peer: PeerId): boolean
  all(): readonly KnownFork[]
  /** A proof from outside, or made here: true when it says something new. It counts once `applied`. @param from null: made here. */
  learn(proof: Uint8Array, from: PeerId | null): boolean
  /** Verified commits that part from ours at `at` (theirs begin there, or right behind it): makes the proof if it can. @param waiting ours from `at` on; null: those in the log. */
  found(chain: ChainId, at: number, theirs: readonly Commit[], waiting: readonly Commit[] | null): boolean
  /** The control log has grown: proofs about those who were no members by the shorter one are looked at again. */
  membersChanged(): void
  /** What the next flush must make durable. */
  takeFacts(): NonNullable<StoreBatch['facts']>
  /** The chains that those facts are about. */
  writing(): readonly ChainId[]
  /** Those facts are on disk: the forks that count from now on. */
  applied(): readonly KnownFork[]
  /** The disk refused them: they rest until `retry`, for by themselves they would ask it again and again. */
  failed(): void
  retry(): void
  restore(): void
  /** A header that was asked for: remembered when it stands on a forked branch. */
  meetHeader(hash: CommitHash, header: Uint8Array): boolean
  /** The header of a commit that will never come, because it stands on a forked branch; null when it has not been met since the start. */
  header(hash: CommitHash): CommitHeader | null
  /** Its bytes, for whoever asks; from the disk, where a commit of the log rests on it. */
  headerBytes(hash: CommitHash): Uint8Array | null
  /** What makes durable the headers by which these commits were judged: whoever takes the commits from us needs them, and may find them nowhere else. */
  headerFacts(commits: readonly Commit[]): NonNullable<StoreBatch['facts']>
  /** Proofs by sender that prove nothing, or are about nobody who is known to be a member. */
  refused(): ReadonlyMap<PeerId, { readonly invalid: number; readonly unknown: number }>
}

/** Commits of ours looked at for one that its peer signed itself: an honest peer signs each. */
const BRANCH_COMMITS_MAX = 256
/** Headers of forked branches in memory; those that a commit of the log rests on are on disk, others are asked for again when needed. */
const HEADERS_MAX = 16_384
/** Proofs made durable by one flush: the rest wait for the next. */
const PROOFS_PER_FLUSH_MAX = 256
/** Proofs of one sender about nobody who is a member by our control log, 512 KiB: the next session tells all again. */
const UNKNOWN_PER_SENDER_MAX = 32

export type ForksOptions = {
  readonly mesh: MeshId
  readonly store: Pick<CommitStore, 'fact' | 'commit'>
  readonly commits: Pick<Commits, 'at'>
  /** Whether it was ever enrolled, by the control log as far as it is here. */
  readonly wasWriter: (peer: PeerId) => boolean
}

export const createForks = ({ mesh, store, commits, wasWriter }: ForksOptions): Forks => {
  const facts = createForkFacts(store)
  const byChain = new Map<ChainId, KnownFork>()
  const waiting = new Map<ChainId, KnownFork>()
  let writing: readonly KnownFork[] = []
  let resting = false
  /** Of those that count, those that wait and those on their way to the disk. */
  const chainsByPeer = new Map<PeerId, Set<ChainId>>()
  const frozen = new Set<PeerId>()
  const out = new Set<PeerId>()
  const unknownBySender = new Map<PeerId, Map<string, Uint8Array>>()
  const refusedBySender = new Map<PeerId, { invalid: number; unknown: number }>()
  const headers = new Map<CommitHash, { readonly header: CommitHeader; readonly bytes: Uint8Array }>()

  const refuse = (from: PeerId | null, why: 'invalid' | 'unknown'): false => {
    if (from === null) return false
    const counts = refusedBySender.get(from) ?? { invalid: 0, unknown: 0 }
    counts[why]++
    refusedBySender.set(from, counts)
    return false
  }
  const keepUnknown = (from: PeerId, fork: Fork, proof: Uint8Array): void => {
    const kept = unknownBySender.get(from) ?? new Map<string, Uint8Array>()
    unknownBySender.set(from, kept)
    if (kept.size < UNKNOWN_PER_SENDER_MAX) kept.set(`${fork.chain} ${fork.at}`, proof)
  }
  const note = (fork: Fork): void => {
    chainsByPeer.set(fork.peer, (chainsByPeer.get(fork.peer) ?? new Set()).add(fork.chain))
  }
  const count = (fork: KnownFork): void => {
    byChain.set(fork.chain, fork)
    frozen.add(fork.peer)
    const counting = [...(chainsByPeer.get(fork.peer) ?? [])].filter((chain) => byChain.has(chain)).length
    if (counting > limits.forks_per_peer_max) out.add(fork.peer)
  }
  const learn = (proof: Uint8Array, from: PeerId | null): boolean => {
    const read = readForkProof(proof, mesh)
    if (read === null) return refuse(from, 'invalid')
    const { fork } = read
    if (!wasWriter(fork.peer)) {
      if (from !== null) keepUnknown(from, fork, proof)
      return refuse(from, 'unknown')
    }
    const chains = chainsByPeer.get(fork.peer)
    if (chains !== undefined && chains.size > limits.forks_per_peer_max) return false
    const known =
      waiting.get(fork.chain) ?? writing.find(({ chain }) => chain === fork.chain) ?? byChain.get(fork.chain)
    if (known !== undefined && known.at <= fork.at) return false
    if (!read.isProven()) return refuse(from, 'invalid')
    waiting.set(fork.chain, { ...fork, proof })
    note(fork)
    return true
  }
  const at = (chain: ChainId, peer: PeerId): number =>
    out.has(peer) ? 1 : (byChain.get(chain)?.at ?? Number.POSITIVE_INFINITY)
  const hashes = (chain: ChainId, upto: number): CommitHash[] =>
    Array.from({ length: upto }, (_, i) => store.commit(chain, i + 1)?.hash).filter((hash) => hash !== undefined)
  /** Ours from `seq` on, until one that its peer signed itself. */
  const ours = function* (chain: ChainId, seq: number): Generator<Commit> {
    for (let next = commits.at(chain, seq); next !== null; next = commits.at(chain, next.header.seq + 1)) yield next
  }

  return {
    at,
    isFrozen: (peer) => frozen.has(peer),
    isOut: (peer) => out.has(peer),
    all: () => [...byChain.values()],
    learn,
    found: (chain, seq, theirs, waitingOurs) => {
      const before = hashes(chain, seq - 1)
      const [first] = theirs
      // Where their commit `at` is not here, the one behind it names it.
      const named = first !== undefined && first.header.seq > seq ? [first.header.prev] : []
      const proof = makeForkProof(
        seq,
        { before, commits: (waitingOurs ?? [...ours(chain, seq)]).slice(0, BRANCH_COMMITS_MAX) },
        { before: [...before, ...named], commits: theirs },
      )
      return proof !== null && learn(proof, null)
    },
    membersChanged: () => {
      const kept = [...unknownBySender]
      unknownBySender.clear()
      for (const [from, proofs] of kept) for (const proof of proofs.values()) learn(proof, from)
    },
    takeFacts: () => {
      if (resting) return []
      writing = [...waiting.values()].slice(0, PROOFS_PER_FLUSH_MAX)
      for (const { chain } of writing) waiting.delete(chain)
      return writing.length === 0
        ? []
        : facts.of(writing, (peer) =>
            [...chainsByPeer.get(peer)!].filter((chain) => !waiting.has(chain) || byChain.has(chain)),
          )
    },
    writing: () => writing.map(({ chain }) => chain),
    applied: () => {
      const now = writing
      writing = []
      if (now.length > 0) facts.written()
      for (const fork of now) count(fork)
      return now
    },
    failed: () => {
      resting = true
      for (const fork of writing) if (!waiting.has(fork.chain)) waiting.set(fork.chain, fork)
      writing = []
    },
    retry: () => {
      resting = false
    },
    restore: () => {
      for (const proof of facts.read()) {
        const read = readForkProof(proof, mesh)
        if (read === null || !read.isProven()) continue
        note(read.fork)
        count({ ...read.fork, proof })
      }
    },
    meetHeader: (hash, bytes) => {
      const place = placeOfHeader(hash, bytes)
      const header = place && decodeHeader(bytes)
      if (place === null || header === null || place.seq < at(place.chain, header.peer) || headers.has(hash))
        return false
      if (headers.size >= HEADERS_MAX) headers.delete(headers.keys().next().value as CommitHash)
      headers.set(hash, { header, bytes })
      return true
    },
    header: (hash) => headers.get(hash)?.header ?? null,
    headerBytes: (hash) => headers.get(hash)?.bytes ?? facts.header(hash),
    headerFacts: (fresh) => {
      if (headers.size === 0) return []
      const named = new Set(fresh.flatMap(({ header }) => header.deps))
      return [...named].flatMap((dep) => {
        const met = headers.get(dep)
        return met === undefined ? [] : [headerFact(dep, met.bytes)]
      })
    },
    refused: () => refusedBySender,
  }
}
