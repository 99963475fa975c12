/**
 * Bodies that some commit names and that are not here: what is asked for, and what keeps a chain from being called whole.
 *
 * Kept as one small fact in the store, so that a start need not look for every body. When there are more than fit, the fact says
 * so and the next start looks for all.
 */
import type { Body } from '../../crdt/body.ts'
import type { Commit } from '../../crdt/commit.ts'
import { bodyRefs } from '../../crdt/event.ts'
import { bytesToHex, hexToBytes, type ChainId, type Ref } from '../../crdt/ids.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'
import type { CommitStore, StoreBatch } from '../ports.ts'

const FACT = 'missing-bodies'
/** (32 + 16 bytes) × 1,000 fits a fact of 64 KiB. */
const REMEMBERED_MAX = 1_000

export type MissingBodies = {
  has(ref: Ref): boolean
  isMissingIn(chain: ChainId): boolean
  list(limit: number): readonly Ref[]
  readonly size: number
  /** A read met damage. */
  add(ref: Ref): void
  /** What the store should remember once this flush is on disk. */
  factsAfter(commits: readonly Commit[], bodies: readonly Body[], loose: readonly Body[], erase: readonly Ref[]): NonNullable<StoreBatch['facts']>
  /** @param settled texts that are here now, or never will be. */
  persisted(commits: readonly Commit[], settled: readonly Ref[]): void
  /** Chains that were not whole and are now; asked once. */
  chainsMadeWhole(): readonly ChainId[]
  /** Reads the fact back; true when every body must be looked for instead. */
  restore(): boolean
  /** During the opening scan: is each body of this commit here? */
  check(commit: Commit): void
}

export const createMissingBodies = (store: CommitStore): MissingBodies => {
  /** Chains that name a text: two do when one request was written twice. None: a read met damage. */
  const chainsByRef = new Map<Ref, Set<ChainId>>()
  const countByChain = new Map<ChainId, number>()
  const madeWhole = new Set<ChainId>()

  const note = (ref: Ref, chain: ChainId | null): void => {
    const chains = chainsByRef.get(ref) ?? new Set()
    chainsByRef.set(ref, chains)
    if (chain === null || chains.has(chain)) return
    chains.add(chain)
    countByChain.set(chain, (countByChain.get(chain) ?? 0) + 1)
  }
  const found = (ref: Ref): void => {
    const chains = chainsByRef.get(ref) ?? []
    chainsByRef.delete(ref)
    for (const chain of chains) {
      const left = (countByChain.get(chain) ?? 1) - 1
      if (left > 0) countByChain.set(chain, left)
      else {
        countByChain.delete(chain)
        madeWhole.add(chain)
      }
    }
  }
  /** Each with each of its chains, as the fact keeps them. */
  const pairs = (): (readonly [Ref, ChainId | null])[] =>
    [...chainsByRef].flatMap(([ref, chains]) => (chains.size === 0 ? [null] : [...chains]).map((chain) => [ref, chain] as const))
  const missingOf = (commit: Commit, here: (ref: Ref) => boolean): Ref[] =>
    commit.events.flatMap(({ event }) => bodyRefs(event)).flatMap(({ ref }) => (here(ref) || store.body(ref) !== null ? [] : [ref]))

  return {
    has: (ref) => chainsByRef.has(ref),
    isMissingIn: (chain) => countByChain.has(chain),
    list: (limit) => [...chainsByRef.keys()].slice(0, limit),
    get size() {
      return chainsByRef.size
    },
    add: (ref) => note(ref, null),
    factsAfter: (commits, bodies, loose, erase) => {
      const given = new Set([...bodies, ...loose].map(({ ref }) => ref).concat(erase))
      const fresh = commits.flatMap((commit) => missingOf(commit, (ref) => given.has(ref)).map((ref) => [ref, commit.chain] as const))
      const filled = [...given].some((ref) => chainsByRef.has(ref))
      if (fresh.length === 0 && !filled) return []
      const left = [...pairs().filter(([ref]) => !given.has(ref)), ...fresh]
      const kept = left.length > REMEMBERED_MAX ? true : left.map(([ref, chain]) => [hexToBytes(ref), hexToBytes(chain ?? '')])
      return [[FACT, pack([kept])]]
    },
    persisted: (commits, settled) => {
      const here = new Set(settled)
      for (const ref of settled) found(ref)
      for (const commit of commits) for (const ref of missingOf(commit, (candidate) => here.has(candidate))) note(ref, commit.chain)
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
        if (!Array.isArray(entry) || !(entry[0] instanceof Uint8Array) || !(entry[1] instanceof Uint8Array)) return true
        note(bytesToHex(entry[0]) as Ref, entry[1].length === 0 ? null : (bytesToHex(entry[1]) as ChainId))
      }
      return false
    },
    check: (commit) => {
      for (const ref of missingOf(commit, () => false)) note(ref, commit.chain)
    },
  }
}
