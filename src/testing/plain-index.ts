/**
 * All that an index of the log says, in an order of its own, so that two can be compared.
 *
 * Left out is what says nothing: chains of which nothing counts, and of one that ends before a fork what stood behind it (its history, its
 * time), as nothing follows on it.
 */
import type { LogIndex } from '../replica/log-index.ts'

/** @param heads and events that are yet to be said again are looked for in documents: not everybody has done that equally far. */
export const plainIndex = (index: LogIndex, heads = true): unknown => ({
  arrivals: index.arrivals,
  unknownEvents: index.unknownEvents,
  control: index.control,
  chains: [...index.chains.values()]
    .filter(({ seq }) => seq > 0)
    .map((chain) =>
      index.forkedAt.has(chain.id)
        ? [chain.id, chain.peer, chain.incarnation, chain.namespace, chain.seq, chain.hash, chain.begunAt]
        : Object.values(chain),
    )
    .sort(byText),
  root: index.chains.tree.root(),
  latest: [...index.namespaces].sort().map((namespace) => index.chains.latestIn(namespace).map(({ id }) => id)),
  commits: index.chains.commits,
  blocks: entriesOf([...index.blocks].filter(([chain]) => !index.forkedAt.has(chain))),
  segments: [...index.segments.values()]
    .map((entry) => [
      entry.namespace,
      entry.id,
      entry.arrivals,
      entriesOf(entry.lastSeqs),
      heads ? entriesOf(entry.heads) : [],
      entry.memories,
      entry.oldestAt,
      entry.newestAt,
    ])
    .sort(byText),
  segmentsByRecord: entriesOf(
    [...index.segmentsByRecord].map(
      ([record, entry]) => [record, [entry].flat().map(({ namespace, id }) => `${namespace} ${id}`)] as const,
    ),
  ),
  linksByRecord: entriesOf([...index.linksByRecord].map(([record, links]) => [record, [...links].sort()] as const)),
  namespaces: [...index.namespaces].sort(),
  sortedNamespaces: index.sortedNamespaces.of(index.namespaces),
  events: entriesOf(index.events.entries()),
  erasures: entriesOf(index.erasures),
  ownSegment: entriesOf(index.ownSegment),
  gaps: [index.holes, index.setAside].map((gaps) => [...gaps.keys()].sort()),
  unsaid: heads ? entriesOf(index.unsaid) : [],
  forkedAt: entriesOf(index.forkedAt),
  out: [...index.out].sort(),
  branchEnds: entriesOf(index.branchEnds),
})

const entriesOf = <Key, Value>(entries: Iterable<readonly [Key, Value]>): readonly (readonly [Key, Value])[] =>
  [...entries].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
const byText = (a: readonly unknown[], b: readonly unknown[]): number =>
  JSON.stringify(a) < JSON.stringify(b) ? -1 : 1
