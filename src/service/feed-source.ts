/**
 * The projection's source: rows that arrivals touched, as the documents say now, with the frontier they bring it to.
 */
import type { Commit } from '../../crdt/commit.ts'
import type { ChainId, Namespace, RecordId } from '../../crdt/ids.ts'
import { CONTROL_NAMESPACE } from '../../crdt/ids.ts'
import type { CommitStore, EpisodeRow, EventRow, LinkRow, MemoryRow, ProjectionBatch } from '../ports.ts'
import type { Shell } from '../replica/effects.ts'
import { isExcluded } from '../replica/log-index.ts'
import type { Replica } from '../replica/replica.ts'
import { conflictRows, episodeRow, eventFacts, type Reader } from './rows.ts'

type Frontier = Map<Namespace, Map<ChainId, number>>

/** @param wantsRows false where nobody keeps them (no projection): then only the cursor moves. */
export const createFeedSource = (replica: Replica, store: CommitStore, shell: Shell, reader: Reader, wantsRows: boolean) => {
  /** The frontier after `at` arrivals: carried from batch to batch, made anew when a batch starts elsewhere. */
  let known: { at: number; frontier: Frontier } = { at: 0, frontier: new Map() }

  /** Which log, and which reading of it. */
  const epoch = (): string => `${store.opening.epoch}.${replica.revision()}`

  /** Whether it is part of what all hold alike: before a fork or a revocation of its chain, and not built on what is out. */
  const counts = (commit: Commit): boolean => {
    const { namespace, segment } = commit.header
    return !isExcluded(replica.index, commit) && (segment === null || !replica.documents.open({ namespace, id: segment }).segment.refused.has(commit.hash))
  }

  const advance = (to: number): void => {
    for (let n = known.at + 1; n <= to; n++) {
      const arrival = store.arrival(n)
      const namespace = arrival && replica.index.chains.get(arrival.chain)?.namespace
      if (!arrival || !namespace || namespace === CONTROL_NAMESPACE) continue
      const byChain = known.frontier.get(namespace) ?? new Map<ChainId, number>()
      byChain.set(arrival.chain, Math.max(byChain.get(arrival.chain) ?? 0, arrival.seq))
      known.frontier.set(namespace, byChain)
    }
    known.at = Math.max(known.at, to)
  }

  return {
    epoch,
    arrivals: () => replica.index.arrivals,
    onGrown: (listener: () => void) => shell.onGrown(listener),
    batch: async (after: number, limit: number): Promise<ProjectionBatch | null> => {
      // Documents may hold what a flush under way has not made durable: rows never do.
      await shell.settled()
      const last = Math.min(replica.index.arrivals, after + limit)
      if (last <= after) return null
      if (known.at !== after) known = { at: 0, frontier: new Map() }
      advance(last)
      const memories = new Map<RecordId, MemoryRow>()
      const links = new Map<RecordId, LinkRow>()
      const episodes: EpisodeRow[] = []
      const events: EventRow[] = []
      for (let n = after + 1; wantsRows && n <= last; n++) {
        const commit = replica.commits.arrived(n)
        if (commit === null) continue
        const counted = counts(commit)
        for (const { event } of commit.events) {
          // Its texts are gone, whatever becomes of it.
          if (event.kind === 'memory.erase') put(memories, event.record, reader.memory)
          if (!counted) continue
          events.push({ ...eventFacts(commit, event), hlc: commit.header.hlc })
          if (event.kind === 'episode.append') episodes.push(episodeRow(commit, event, reader.texts))
          else if (event.kind.startsWith('link.') && 'record' in event) put(links, event.record, reader.link)
          else if ('record' in event) put(memories, event.record, reader.memory)
        }
      }
      const conflicts = [...memories.values()].flatMap(({ id, conflicts: many }) => (many === 0 ? [] : conflictRows(id, reader.conflicts(id))))
      const frontier = Object.fromEntries([...known.frontier].map(([namespace, byChain]) => [namespace, Object.fromEntries(byChain)]))
      return { memories: [...memories.values()], links: [...links.values()], episodes, events, conflicts, cursor: { epoch: epoch(), arrival: last, frontier }, after }
    },
  }
}

const put = <Row>(rows: Map<RecordId, Row>, id: RecordId, read: (id: RecordId) => Row | null): void => {
  if (rows.has(id)) return
  const row = read(id)
  if (row !== null) rows.set(id, row)
}
