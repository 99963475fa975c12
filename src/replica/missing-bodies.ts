/**
 * Bodies that some commit names and that are not here: what is asked for, and what keeps a chain from being called whole.
 *
 * What only commits name that a revocation or a fork leaves out is not asked for: nobody reads it, and whoever was taken out may have
 * destroyed the one copy. The chain is not whole all the same.
 *
 * Kept as one small fact in the store, so that a start need not look for every body. When there are more than fit, the fact says
 * so and the next start looks for all.
 */
import type { Body } from '../../crdt/body.ts'
import { textsOf, type Commit } from '../../crdt/commit.ts'
import { bytesToHex, hexToBytes, type ChainId, type Ref } from '../../crdt/ids.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'
import type { CommitStore, StoreBatch } from '../ports/store.ts'
import type { Place } from './touched.ts'

const FACT = 'missing-bodies'
/** (32 + 16 + 9 bytes) × 1,000 fits a fact of 64 KiB. */
const REMEMBERED_MAX = 1_000
/** For whoever fills a store without a replica: the next start looks for every text. */
export const LOOK_FOR_ALL_BODIES = [FACT, pack([true])] as const

export type MissingBodies = {
  has(ref: Ref): boolean
  /** Commits that name it; empty when a read met damage and nobody remembers them, null when it is not missing. */
  placesOf(ref: Ref): readonly Place[] | null
  isMissingIn(chain: ChainId): boolean
  /** What is asked for. */
  list(limit: number): readonly Ref[]
  readonly size: number
  /** A read met damage. */
  add(ref: Ref): void
  /** What the store should remember once this flush is on disk. */
  factsAfter(
    commits: readonly Commit[],
    bodies: readonly Body[],
    loose: readonly Body[],
    erase: readonly Ref[],
  ): NonNullable<StoreBatch['facts']>
  /** @param settled texts that are here now, or never will be. */
  persisted(commits: readonly Commit[], settled: readonly Ref[]): void
  /** Chains that were not whole and are now; asked once. */
  chainsMadeWhole(): readonly ChainId[]
  /** Reads the fact back; true when every body must be looked for instead. */
  restore(): boolean
  /** During the opening scan: is each body of this commit here? */
  check(commit: Commit): void
}

/** @param isLeftOut whether the commit at that place counts for nobody any more. */
export const createMissingBodies = (
  store: CommitStore,
  isLeftOut: (chain: ChainId, seq: number) => boolean,
): MissingBodies => {
  /** Where a text is named, by chain, ascending: in two chains when one request was written twice. None: a read met damage. */
  const seqsByRef = new Map<Ref, Map<ChainId, number[]>>()
  const countByChain = new Map<ChainId, number>()
  const madeWhole = new Set<ChainId>()

  const note = (ref: Ref, place: Place | null): void => {
    const seqs = seqsByRef.get(ref) ?? new Map<ChainId, number[]>()
    seqsByRef.set(ref, seqs)
    if (place === null) return
    const { chain, seq } = place
    const known = seqs.get(chain)
    if (known === undefined) {
      seqs.set(chain, [seq])
      countByChain.set(chain, (countByChain.get(chain) ?? 0) + 1)
    } else if (!known.includes(seq)) {
      known.push(seq)
      known.sort((a, b) => a - b)
    }
  }
  const found = (ref: Ref): void => {
    const seqs = seqsByRef.get(ref)
    seqsByRef.delete(ref)
    for (const chain of seqs?.keys() ?? []) {
      const left = (countByChain.get(chain) ?? 1) - 1
      if (left > 0) countByChain.set(chain, left)
      else {
        countByChain.delete(chain)
        madeWhole.add(chain)
      }
    }
  }
  /** Each with each of its places, as the fact keeps them. */
  const entries = (): (readonly [Ref, Place | null])[] =>
    [...seqsByRef].flatMap(([ref, seqs]) =>
      (seqs.size === 0 ? [null] : placesIn(seqs)).map((place) => [ref, place] as const),
    )
  const placeOf = ({ chain, header }: Commit): Place => ({ chain, seq: header.seq })
  const wanted = (limit: number): readonly Ref[] => {
    const refs: Ref[] = []
    for (const [ref, seqs] of seqsByRef) {
      if (refs.length >= limit) break
      if (seqs.size === 0 || [...seqs].some(([chain, [seq]]) => !isLeftOut(chain, seq!))) refs.push(ref)
    }
    return refs
  }
  const missingOf = (commit: Commit, here: (ref: Ref) => boolean): Ref[] =>
    textsOf(commit).filter((ref) => !here(ref) && store.body(ref) === null)

  return {
    has: (ref) => seqsByRef.has(ref),
    placesOf: (ref) => {
      const seqs = seqsByRef.get(ref)
      return seqs === undefined ? null : placesIn(seqs)
    },
    isMissingIn: (chain) => countByChain.has(chain),
    list: wanted,
    get size() {
      return wanted(Number.POSITIVE_INFINITY).length
    },
    add: (ref) => note(ref, null),
    factsAfter: (commits, bodies, loose, erase) => {
      const given = new Set([...bodies, ...loose].map(({ ref }) => ref).concat(erase))
      const fresh = commits.flatMap((commit) =>
        missingOf(commit, (ref) => given.has(ref)).map((ref) => [ref, placeOf(commit)] as const),
      )
      const filled = [...given].some((ref) => seqsByRef.has(ref))
      if (fresh.length === 0 && !filled) return []
      const left = [...entries().filter(([ref]) => !given.has(ref)), ...fresh]
      const kept =
        left.length > REMEMBERED_MAX
          ? true
          : left.map(([ref, place]) => [hexToBytes(ref), hexToBytes(place?.chain ?? ''), place?.seq ?? 0])
      return [[FACT, pack([kept])]]
    },
    persisted: (commits, settled) => {
      const here = new Set(settled)
      for (const ref of settled) found(ref)
      for (const commit of commits)
        for (const ref of missingOf(commit, (candidate) => here.has(candidate))) note(ref, placeOf(commit))
    },
    chainsMadeWhole: () => {
      const chains = [...madeWhole]
      madeWhole.clear()
      return chains
    },
    restore: () => {
      const bytes = store.fact(FACT)
      if (bytes === 'damaged') return true
      const value = bytes && unpack(bytes)
      if (!Array.isArray(value)) return false
      if (!Array.isArray(value[0])) return true
      for (const entry of value[0]) {
        if (
          !Array.isArray(entry) ||
          !(entry[0] instanceof Uint8Array) ||
          !(entry[1] instanceof Uint8Array) ||
          typeof entry[2] !== 'number'
        )
          return true
        const ref = bytesToHex(entry[0]) as Ref
        // Written down before a policy let it go.
        if (store.body(ref) === 'dropped') continue
        note(ref, entry[1].length === 0 ? null : { chain: bytesToHex(entry[1]) as ChainId, seq: entry[2] })
      }
      return false
    },
    check: (commit) => {
      for (const ref of missingOf(commit, () => false)) note(ref, placeOf(commit))
    },
  }
}

const placesIn = (seqs: ReadonlyMap<ChainId, readonly number[]>): readonly Place[] =>
  [...seqs].flatMap(([chain, all]) => all.map((seq) => ({ chain, seq })))
