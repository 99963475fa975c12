/**
 * Looks for the place where the other side's history of a chain parts from ours, on one link (PROTOCOL FK6–FK8).
 *
 * A digest says that two logs differ, a head that two histories do; only commits of both branches make a proof, and the host
 * makes it from what `receive` brings. So the other side's commits around the difference are wanted, then earlier ones in
 * runs of twice the length, until one is met that we hold too, the chain begins, or the host knows a proof (`seqOf` fell).
 *
 * Invariants: (1) one search a chain, at most `fork_searches_per_link_max` a link; (2) a place is searched once a session, so
 * a host that can make no proof is not asked for ever; (3) each run starts before the last one, so every search ends.
 */
import type { ChainId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { equalBytes } from '../crdt/msgpack.ts'
import type { MeshHost, Parcel, Run } from './host.ts'

/** `from`…`upto` is the run under way; `next` is the length of the one before it; `seq` is where the histories differ. */
type Search = { readonly seq: number; from: number; upto: number; next: number; differs: boolean; over: boolean }

export type ForkSearch = {
  /** The other side has another commit at `seq` than we have. */
  differs(chain: ChainId, seq: number): void
  /** Successive commits of a chain came, and the host has finished with them. */
  taken(parcels: readonly Parcel[]): void
  /** The other side does not have the chain from `from` on: true when that answers a search. */
  absent(chain: ChainId, from: number): boolean
}

export const createForkSearch = (
  host: Pick<MeshHost, 'seqOf' | 'forkAt' | 'readRun'>,
  want: (run: Run) => void,
): ForkSearch => {
  const searchByChain = new Map<ChainId, Search>()

  const ask = (chain: ChainId, search: Search): void =>
    want({ chain, from: search.from, count: search.upto - search.from + 1 })
  const begin = (chain: ChainId, seq: number, from: number, next: number): void => {
    const known = searchByChain.get(chain)
    if (
      known === undefined ? searchByChain.size >= limits.fork_searches_per_link_max : !known.over || known.seq === seq
    )
      return
    const search: Search = { seq, from, upto: seq, next, differs: true, over: false }
    searchByChain.set(chain, search)
    ask(chain, search)
  }
  const goBack = (chain: ChainId, search: Search): void => {
    search.upto = search.from - 1
    search.from = Math.max(1, search.from - search.next)
    search.next = Math.min(2 * search.next, limits.want_commits_max)
    ask(chain, search)
  }
  const isOurs = (parcel: Parcel): boolean => {
    const [ours] = host.readRun({ chain: parcel.chain, from: parcel.seq, count: 1 }, 1)
    return ours !== undefined && equalBytes(ours.bytes, parcel.bytes)
  }

  return {
    differs: (chain, seq) =>
      begin(chain, seq, Math.max(1, seq - limits.fork_search_commits_min), 2 * limits.fork_search_commits_min),

    taken: (parcels) => {
      const [first, last] = [parcels[0]!, parcels.at(-1)!]
      const { chain } = first
      const have = host.seqOf(chain)
      const search = searchByChain.get(chain)
      // The host knows a proof by now. Where the heads still differ, the next search is of a lower place.
      if (search !== undefined && have < search.seq) return void searchByChain.delete(chain)
      if (search === undefined || search.over) {
        // The very next commit came and does not count: mostly it waits for something, or it follows another than ours.
        if (have > 0 && have === first.seq - 1 && first.seq < host.forkAt(chain))
          begin(chain, have, have, limits.fork_search_commits_min)
        return
      }
      const start = parcels[search.from - first.seq]
      if (start !== undefined) search.differs = !isOurs(start)
      if (last.seq < search.upto || first.seq > search.upto) return
      if (search.differs && search.from > 1) goBack(chain, search)
      else search.over = true
    },

    absent: (chain, from) => {
      const search = searchByChain.get(chain)
      if (search === undefined || search.over || from < search.from || from > search.upto) return false
      search.over = true
      return true
    },
  }
}
