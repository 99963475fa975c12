/**
 * Frontiers: how far a log is, chain by chain; their digest (two logs are equal when it is), and causal tokens.
 *
 * digest = SHA-256(key ‖ root of the frontier's tree, `frontier-tree.ts`).
 * token  = base64url(pack([1, first 8 bytes of the mesh id, [[chain, seq], …]])), chains ascending: 'what I have seen'.
 */
import { fromBase64Url, toBase64Url } from './base64.ts'
import { createFrontierTree } from './frontier-tree.ts'
import { sha256 } from './hash.ts'
import { hexToBytes, type ChainId, type CommitHash, type MeshId } from './ids.ts'
import { limits } from './limits.ts'
import { pack } from './msgpack.ts'
import { readPacked } from './packed-reader.ts'

export type Position = { readonly chain: ChainId; readonly seq: number }
export type FrontierEntry = Position & { readonly hash: CommitHash }

/** @param key empty for a digest that people compare, a session's secret for one that only its two ends can. */
export const frontierDigest = (entries: Iterable<FrontierEntry>, key: Uint8Array = new Uint8Array(0)): Uint8Array => {
  const headByChain = new Map(Array.from(entries, (entry) => [entry.chain, entry]))
  const tree = createFrontierTree((chain) => headByChain.get(chain))
  for (const chain of headByChain.keys()) tree.touch(chain)
  return digestOfRoot(tree.root(), key)
}

/** The digest of a frontier whose tree has this root. */
export const digestOfRoot = (root: Uint8Array, key: Uint8Array = new Uint8Array(0)): Uint8Array => sha256(key, root)

/** Whether a log at `seqOf` has everything that `positions` saw. */
export const covers = (seqOf: (chain: ChainId) => number, positions: readonly Position[]): boolean =>
  positions.every(({ chain, seq }) => seqOf(chain) >= seq)

/**
 * At most `limits.token_chains_max` chains, the first given ones; of a chain given twice the greater seq. Logs are causally closed, so one position
 * stands for all that its commit had seen; a write's token is one entry.
 */
export const encodeToken = (mesh: MeshId, positions: readonly Position[]): string => {
  const seqByChain = new Map<ChainId, number>()
  for (const { chain, seq } of positions) {
    if (seqByChain.size < limits.token_chains_max || seqByChain.has(chain))
      seqByChain.set(chain, Math.max(seq, seqByChain.get(chain) ?? 0))
  }
  const kept = [...seqByChain].sort(([a], [b]) => (a < b ? -1 : 1))
  return toBase64Url(pack([1, hexToBytes(mesh).subarray(0, 8), kept.map(([chain, seq]) => [hexToBytes(chain), seq])]))
}

/** Null for anything that `encodeToken` would not have written for this mesh. */
export const decodeToken = (mesh: MeshId, token: string): readonly Position[] | null => {
  if (token.length > limits.token_chains_max * 40 + 64) return null
  const bytes = fromBase64Url(token)
  const read =
    bytes &&
    readPacked(bytes, (reader) => {
      reader.list(3, 3)
      reader.uint(1, 1)
      const prefix = reader.hex(8)
      const list: Position[] = []
      for (let left = reader.list(0, limits.token_chains_max); left > 0; left--) {
        reader.list(2, 2)
        list.push({ chain: reader.hex(16) as ChainId, seq: reader.uint(1, limits.seq_max) })
      }
      return { prefix, list }
    })
  if (!read?.ok || read.value.prefix !== mesh.slice(0, 16)) return null
  const positions = read.value.list
  return positions.every(({ chain }, i) => i === 0 || positions[i - 1]!.chain < chain) ? positions : null
}
