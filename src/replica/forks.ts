/**
 * Forks known here: found, learned, remembered, and what they leave out.
 *
 * Invariants: of a forked chain the lowest proven place counts, and it never rises; a proof is durable before it is told;
 * what a fork leaves out is a function of the set of proofs alone.
 */
import { decodeHeader, type Commit, type CommitHeader } from '../../crdt/commit.ts'
import { makeForkProof, placeOfHeader, verifyForkProof, type Fork } from '../../crdt/fork.ts'
import type { ChainId, CommitHash, MeshId, PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'
import type { CommitStore, StoreBatch } from '../ports.ts'
import type { Commits } from './commits.ts'

export type KnownFork = Fork & { readonly proof: Uint8Array }

export type Forks = {
  /** From this seq on the chain does not count; Infinity when it has not forked. */
  at(chain: ChainId): number
  isFrozen(peer: PeerId): boolean
  all(): readonly KnownFork[]
  /** A proof from outside, or made here: true when it says something new. It counts once `applied`. */
  learn(proof: Uint8Array): boolean
  /** Verified commits that part from ours at `at` (theirs begin there, or right behind it): makes the proof if it can. @param waiting ours from `at` on; null: those in the log. */
  found(chain: ChainId, at: number, theirs: readonly Commit[], waiting: readonly Commit[] | null): boolean
  /** What the next flush must make durable. */
  takeFacts(): NonNullable<StoreBatch['facts']>
  /** Those facts are on disk: the forks that count from now on. */
  applied(): readonly KnownFork[]
  /** The disk refused them: they rest until `retry`, for by themselves they would ask it again and again. */
  failed(): void
  retry(): void
  restore(): void
  /** A header that was asked for: remembered when it stands on a forked branch. */
  meetHeader(hash: CommitHash, header: Uint8Array): boolean
  /** The header of a commit that will never come, because it stands on a forked branch. */
  header(hash: CommitHash): CommitHeader | null
}

const INDEX = 'forks'
const factOf = (chain: ChainId): string => `fork/${chain}`
/** Commits of ours looked at for one that its peer signed itself: an honest peer signs each. */
const BRANCH_COMMITS_MAX = 256
/** Headers of forked branches remembered; asked for again when needed. */
const HEADERS_MAX = 16_384

export const createForks = (mesh: MeshId, store: CommitStore, commits: Commits): Forks => {
  const byChain = new Map<ChainId, KnownFork>()
  const waiting = new Map<ChainId, KnownFork>()
  let writing: readonly KnownFork[] = []
  let resting = false
  const headers = new Map<CommitHash, CommitHeader>()

  const learn = (proof: Uint8Array): boolean => {
    const fork = verifyForkProof(proof, mesh)
    if (fork === null || byChain.size + waiting.size >= limits.forks_max) return false
    const known = waiting.get(fork.chain) ?? writing.find(({ chain }) => chain === fork.chain) ?? byChain.get(fork.chain)
    if (known !== undefined && known.at <= fork.at) return false
    waiting.set(fork.chain, { ...fork, proof })
    return true
  }
  const hashes = (chain: ChainId, upto: number): CommitHash[] => Array.from({ length: upto }, (_, i) => store.commit(chain, i + 1)?.hash).filter((hash) => hash !== undefined)
  /** Ours from `seq` on, until one that its peer signed itself. */
  const ours = function* (chain: ChainId, seq: number): Generator<Commit> {
    for (let next = commits.at(chain, seq); next !== null; next = commits.at(chain, next.header.seq + 1)) yield next
  }

  return {
    at: (chain) => byChain.get(chain)?.at ?? Number.POSITIVE_INFINITY,
    isFrozen: (peer) => [...byChain.values()].some((fork) => fork.peer === peer),
    all: () => [...byChain.values()],
    learn,
    found: (chain, at, theirs, waiting) => {
      const before = hashes(chain, at - 1)
      const [first] = theirs
      // Where their commit `at` is not here, the one behind it names it.
      const named = first !== undefined && first.header.seq > at ? [first.header.prev] : []
      const proof = makeForkProof(at, { before, commits: (waiting ?? [...ours(chain, at)]).slice(0, BRANCH_COMMITS_MAX) }, { before: [...before, ...named], commits: theirs })
      return proof !== null && learn(proof)
    },
    takeFacts: () => {
      if (resting) return []
      writing = [...waiting.values()]
      waiting.clear()
      if (writing.length === 0) return []
      const chains = new Set([...byChain.keys(), ...writing.map(({ chain }) => chain)])
      return [[INDEX, pack([...chains])], ...writing.map(({ chain, proof }) => [factOf(chain), proof] as const)]
    },
    applied: () => {
      const now = writing
      writing = []
      for (const fork of now) byChain.set(fork.chain, fork)
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
      const bytes = store.fact(INDEX)
      // What was damaged is told again by whoever else knows of it.
      const chains = bytes instanceof Uint8Array ? unpack(bytes) : null
      for (const chain of Array.isArray(chains) ? chains : []) {
        const proof = typeof chain === 'string' ? store.fact(factOf(chain as ChainId)) : null
        const fork = proof instanceof Uint8Array ? verifyForkProof(proof, mesh) : null
        if (proof instanceof Uint8Array && fork) byChain.set(fork.chain, { ...fork, proof })
      }
    },
    meetHeader: (hash, bytes) => {
      const place = placeOfHeader(hash, bytes)
      const header = place && place.seq >= (byChain.get(place.chain)?.at ?? Number.POSITIVE_INFINITY) ? decodeHeader(bytes) : null
      if (header === null || headers.has(hash)) return false
      if (headers.size >= HEADERS_MAX) headers.delete(headers.keys().next().value as CommitHash)
      headers.set(hash, header)
      return true
    },
    header: (hash) => headers.get(hash) ?? null,
  }
}
