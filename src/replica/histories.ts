/**
 * Paths in the chains' histories: what ties a commit to a later one of its chain, for whoever holds a voter's word on that.
 *
 * The tree over a chain's commits may be long, and a path crosses all of it. So the index keeps the root of each complete block of
 * 256 commits, and what lies between is read: a path takes at most some 500 hashes of commits, and one near the end of a chain
 * that is written now, a few.
 */
import { LRUCache } from 'lru-cache'
import { hexToBytes, type ChainId } from '../../crdt/ids.ts'
import { inclusionPath, leafHash, nodeHash, splitRange } from '../../crdt/merkle.ts'
import type { Tie } from '../../crdt/receipt.ts'
import type { Commits } from './commits.ts'
import { BLOCK_COMMITS, type LogIndex } from './log-index.ts'

export type Histories = {
  /** What ties commit `seq` to the later commit `later` of the chain; null when one of the commits between cannot be read. */
  tie(chain: ChainId, seq: number, later: number): Tie | null
}

/** Roots of complete subtrees within a block, some 150 bytes each: neighbours in a chain share most of their paths. */
const NODES_REMEMBERED_MAX = 16_384

export const createHistories = (index: LogIndex, commits: Pick<Commits, 'at' | 'hashAt'>): Histories => {
  // Bounded by size: by `max` it would take the room for all of them at once.
  const nodes = new LRUCache<string, Uint8Array>({ maxSize: NODES_REMEMBERED_MAX, sizeCalculation: () => 1 })

  /** Null where a commit cannot be read. */
  const rootOf = (chain: ChainId, from: number, to: number): Uint8Array | null => {
    const leaves = to - from
    if (leaves === 1) {
      const hash = commits.hashAt(chain, to)
      return hash && leafHash(hexToBytes(hash))
    }
    if (leaves === BLOCK_COMMITS && from % BLOCK_COMMITS === 0)
      return index.blocks.get(chain)?.[from / BLOCK_COMMITS] ?? null
    const key = `${chain} ${from} ${to}`
    const known = nodes.get(key)
    if (known !== undefined) return known
    const middle = splitRange(from, to)
    const [left, right] = [rootOf(chain, from, middle), rootOf(chain, middle, to)]
    if (left === null || right === null) return null
    const root = nodeHash(left, right)
    // Incomplete ones are of one size of the tree alone.
    if (leaves === 2 * (middle - from)) nodes.set(key, root)
    return root
  }

  return {
    tie: (chain, seq, later) => {
      const header =
        later <= (index.chains.get(chain)?.seq ?? 0) ? (commits.at(chain, later)?.headerBytes ?? null) : null
      if (header === null) return null
      let isWhole = true
      const path = inclusionPath(seq - 1, later - 1, (from, to) => {
        const root = rootOf(chain, from, to)
        isWhole &&= root !== null
        return root ?? UNREADABLE
      })
      return isWhole ? { header, path } : null
    },
  }
}

const UNREADABLE = new Uint8Array(0)
