/**
 * How far a log is, as a short token: equal where the same commits are shown, on any peer, and kept up chain by chain, for a frontier may
 * name a hundred thousand of them.
 *
 * token = `f2.` commits, in base 36 `.` base64url(first 16 bytes of the set hash's digest); one element of the set is what one chain shows:
 * `mnemesh/frontier/1` ‖ newline ‖ chain (32 hex digits) ‖ blank ‖ seq (decimal). A chain's id follows from its namespace.
 */
import { toBase64Url } from './base64.ts'
import { hexToBytes, type ChainId } from './ids.ts'
import { addToSet, emptySetHash, removeFromSet, setDigest, type SetHash } from './set-hash.ts'

/** Changed in place. `commits`: how many are shown in all. */
export type FrontierSum = { commits: number; readonly set: SetHash }

export const emptyFrontierSum = (): FrontierSum => ({ commits: 0, set: emptySetHash() })

/** What is shown of a chain ended at `from` and ends at `to` from now on; 0: nothing of it. Takes two hashes, however many chains there are. */
export const moveChain = (sum: FrontierSum, chain: ChainId, from: number, to: number): void => {
  if (from === to) return
  if (from > 0) removeFromSet(sum.set, elementOf(chain, from))
  if (to > 0) addToSet(sum.set, elementOf(chain, to))
  sum.commits += to - from
}

export const frontierToken = ({ commits, set }: FrontierSum): string =>
  `f2.${commits.toString(36)}.${toBase64Url(hexToBytes(setDigest(set)).subarray(0, 16))}`

/** The token of a whole frontier, made at once. */
export const tokenOf = (frontier: Readonly<Record<string, Readonly<Record<ChainId, number>>>>): string => {
  const sum = emptyFrontierSum()
  for (const seqByChain of Object.values(frontier))
    for (const [chain, seq] of Object.entries(seqByChain)) moveChain(sum, chain as ChainId, 0, seq)
  return frontierToken(sum)
}

const elementOf = (chain: ChainId, seq: number): string => `mnemesh/frontier/1\n${chain} ${seq}`
