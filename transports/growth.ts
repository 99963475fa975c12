/**
 * The latest chains that went on in a log, and from where: whoever knew how far all of them were at a mark learns what changed since then
 * without a walk through all.
 */
import type { ChainId } from '../crdt/ids.ts'

type Grown = { readonly chain: ChainId; readonly before: number }

export type Growth = {
  /** The chain was at `before`, and is further now. */
  note(chain: ChainId, before: number): void
  /** Now; greater after each note. */
  mark(): number
  /** What was noted since the mark, in its order; null when that is not remembered any more. */
  since(mark: number): Iterable<Grown> | null
}

/** A second's worth at the fastest that a log takes in: links look once a second. */
const REMEMBERED_MAX = 16_384

export const createGrowth = (remembered: number = REMEMBERED_MAX): Growth => {
  const latest: Grown[] = []
  let noted = 0
  return {
    note: (chain, before) => {
      latest[noted++ % remembered] = { chain, before }
    },
    mark: () => noted,
    since: (mark) => (noted - mark > remembered ? null : range(latest, mark, noted, remembered)),
  }
}

function* range(latest: readonly Grown[], from: number, to: number, remembered: number): Iterable<Grown> {
  for (let n = from; n < to; n++) yield latest[n % remembered]!
}
