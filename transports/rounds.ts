/**
 * Asks around for single things that are missing (bodies, holes in chains, headers): each of one link at a time, of another when
 * that one has it not or does not answer, and from the beginning after a pause (PROTOCOL AE11).
 *
 * Invariants: at most `askedMax` things under way; a thing is asked for only when it was missing twice in a row, for most
 * are just arriving; what is no longer missing is forgotten.
 */
import { limits } from '../crdt/limits.ts'
import type { LinkNumber } from './fetches.ts'

type Search = {
  link: LinkNumber | null
  askedAtMs: number
  readonly tried: Set<LinkNumber>
  restAtMs: number
  /** A link of this round said that a policy let it go. */
  dropped: boolean
}

export type Rounds<Item> = {
  /** What to ask of whom now. @param missing all that is missing. */
  next(missing: readonly Item[], links: readonly LinkNumber[], nowMs: number): ReadonlyMap<LinkNumber, readonly Item[]>
  /** The link does not have it. @param dropped for its policy let it go. */
  absent(item: Item, link: LinkNumber, dropped?: boolean): void
  /** What no link had in a round that has ended, and one let go by its policy: told once a round. */
  gone(): readonly Item[]
  /** The link gave what it has of all it was asked for: what is still missing is asked elsewhere. */
  answered(link: LinkNumber): void
}

export const createRounds = <Item>(keyOf: (item: Item) => string, askedMax: number): Rounds<Item> => {
  let searchByKey = new Map<string, Search>()
  let goneNow: Item[] = []

  /** The link to ask now, or null to wait. */
  const choose = (item: Item, search: Search, links: readonly LinkNumber[], nowMs: number): LinkNumber | null => {
    if (search.link !== null && links.includes(search.link) && nowMs - search.askedAtMs <= limits.want_ms_max)
      return null
    if (search.link !== null) search.tried.add(search.link)
    search.link = null
    let untried = links.filter((link) => !search.tried.has(link))
    if (untried.length === 0) {
      if (search.restAtMs === 0) {
        search.restAtMs = nowMs + limits.mend_retry_ms
        if (search.dropped) goneNow.push(item)
        search.dropped = false
      }
      if (nowMs < search.restAtMs) return null
      search.restAtMs = 0
      search.tried.clear()
      untried = [...links]
    }
    return untried[0] ?? null
  }

  return {
    next: (missing, links, nowMs) => {
      const kept = new Map<string, Search>()
      const itemsByLink = new Map<LinkNumber, Item[]>()
      for (const item of missing.slice(0, askedMax)) {
        const key = keyOf(item)
        const search = searchByKey.get(key)
        if (search === undefined) {
          kept.set(key, { link: null, askedAtMs: nowMs, tried: new Set(), restAtMs: 0, dropped: false })
          continue
        }
        kept.set(key, search)
        const link = choose(item, search, links, nowMs)
        if (link === null) continue
        search.link = link
        search.askedAtMs = nowMs
        const items = itemsByLink.get(link)
        if (items === undefined) itemsByLink.set(link, [item])
        else items.push(item)
      }
      searchByKey = kept
      return itemsByLink
    },
    absent: (item, link, dropped = false) => {
      const search = searchByKey.get(keyOf(item))
      if (search?.link !== link) return
      search.dropped ||= dropped
      search.tried.add(link)
      search.link = null
    },
    gone: () => {
      const gone = goneNow
      goneNow = []
      return gone
    },
    answered: (link) => {
      for (const search of searchByKey.values()) {
        if (search.link !== link) continue
        search.tried.add(link)
        search.link = null
      }
    },
  }
}
