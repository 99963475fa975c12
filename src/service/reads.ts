/**
 * Reads: from the documents by id, from the projection by list and search, each after what its token has seen.
 *
 * A read without a token sees what was durable here when it came; lists and searches wait a moment for a projection that is
 * nearly there, and say by their frontier what they show. As of a time they are read from the documents, lists too: no row tells of
 * what was. Peers answer alike once they hold the same commits.
 */
import { endOfMs } from '../../crdt/hlc.ts'
import { covers, decodeToken, encodeToken } from '../../crdt/frontier.ts'
import type { Namespace, RecordId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { Node, PastOptions, ReadOptions, Shown } from '../api.ts'
import { NodeError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Embedding } from '../ports/embedding.ts'
import {
  BadCursor,
  ProjectionFailure,
  reaches,
  type FrontierForm,
  type ListAnswer,
  type LogPlace,
  type MemoryFilter,
  type MemoryRow,
  type Projection,
  type Reflects,
} from '../ports/projection.ts'
import { createLogList } from './list-from-log.ts'
import { createLogFrontier } from './log-frontier.ts'
import { createPastGraph } from './graph-past.ts'
import { createPastRecall } from './recall-past.ts'
import { createNamespaceDiff } from './namespace-diff.ts'
import { isErased, segmentsOf, wholeUpTo } from '../replica/log-index.ts'
import type { Shell } from '../replica/effects.ts'
import type { Replica } from '../replica/replica-types.ts'
import { embeddingStats, notYetShown, unavailable } from './not-now.ts'
import { conflictsPage, linksPage, versionsPage } from './pages.ts'
import type { Prove } from './proofs.ts'
import type { Reader } from './rows.ts'
import { createTurn } from './turns.ts'
import type { Warm } from './warming.ts'

export type ReadContext = {
  readonly replica: Replica
  readonly shell: Shell
  readonly reader: Reader
  readonly warm: Warm
  readonly projection: Projection
  readonly embedding: Embedding | null
  readonly feed: {
    lag(): number
    cursor(): LogPlace | null
    place(): LogPlace
    waitFor(place: LogPlace, ms: number): Promise<boolean>
    recheck(why: string): void
    trouble(): string | null
  }
  readonly clock: Clock
  readonly after: (ms: number, call: () => void) => () => void
  readonly prove: Prove
}

type Reads = Pick<
  Node,
  | 'get'
  | 'list'
  | 'history'
  | 'diff'
  | 'proof'
  | 'conflicts'
  | 'recall'
  | 'links'
  | 'graph'
  | 'episodes'
  | 'namespaces'
  | 'stats'
>

export const createReads = (context: ReadContext): Reads => {
  const { replica, shell, reader, warm, projection, feed, clock } = context
  const pause = async (): Promise<void> => {
    await new Promise<void>((resolve) => void context.after(0, resolve))
    await shell.settled()
  }
  const shows = createLogFrontier(replica.index, pause)
  const logList = createLogList({ replica, reader, warm, nowMs: clock.now, pause, shows })
  const pastRecall = createPastRecall({ replica, reader, warm, pause, shows })
  const namespaceDiff = createNamespaceDiff({ replica, reader, warm, nowMs: clock.now, pause })
  let waiting = 0
  const turn = () => createTurn(context.after)
  /** Looked at right behind it, the documents of a record are hot, and hold nothing that a flush under way has not made durable. */
  const ready = async (id: RecordId): Promise<void> => {
    await warm(segmentsOf(replica.index, id))
    await shell.settled()
  }
  const pastGraph = createPastGraph({ reader, turn, ready, shows })

  /** Waits until the log has what the token saw; answers the ms that are left for the projection. */
  const logCovers = async ({ token, wait_ms }: ReadOptions): Promise<number> => {
    const ms = Math.min(wait_ms ?? limits.causal_wait_ms_default, limits.causal_wait_ms_max)
    if (token === undefined) return 0
    const positions = decodeToken(replica.index.mesh, token)
    if (positions === null)
      throw new NodeError(
        'malformed',
        'X-Causal-Token is no token of this mesh: send back what a write answered, unchanged',
      )
    const isHere = (): boolean => covers((chain) => wholeUpTo(replica.index, chain), positions)
    if (isHere()) return ms
    if (waiting >= limits.causal_waiters_max)
      throw new NodeError('too_many_requests', 'too many reads wait for their token: try again in a second', {
        retry_after: 1,
      })
    const from = clock.now()
    waiting++
    const arrived = await new Promise<boolean>((resolve) => {
      const end = (answer: boolean): void => {
        stopTimer()
        stopListening()
        resolve(answer)
      }
      const stopTimer = context.after(ms, () => end(false))
      const stopListening = shell.onGrown(() => {
        if (isHere()) end(true)
      })
    })
    waiting--
    if (!arrived)
      throw new NodeError(
        'not_yet_here',
        `what the token saw has not arrived within ${ms} ms: try again, or ask the peer that gave it`,
      )
    return Math.max(1, ms - (clock.now() - from))
  }

  const assertRuns = (): void => {
    if (shell.isStopping())
      throw new NodeError('shutting_down', 'this peer is stopping: ask another, or this one in a moment')
  }

  /** The memory's documents hold what the token saw, and nothing that is not durable. */
  const documentsAt = async (id: RecordId, options: ReadOptions): Promise<void> => {
    // What a document lacks is known once it is open.
    if (options.token !== undefined) {
      await warm(segmentsOf(replica.index, id))
      for (const segment of segmentsOf(replica.index, id)) replica.documents.open(segment)
      await shell.toldOfDamage()
    }
    await logCovers(options)
    await ready(id)
    assertRuns()
  }
  /** So does the projection, which is to reach the place that is answered; without a token it is given a moment when it is nearly there. */
  const rowsAt = async (options: ReadOptions): Promise<LogPlace> => {
    const left = await logCovers(options)
    assertRuns()
    const target = feed.place()
    if (options.token !== undefined) {
      if (!(await feed.waitFor(target, left))) throw notYetShown(feed.trouble())
    } else if (feed.lag() > 0 && feed.lag() <= limits.fresh_read_lag_arrivals_max)
      await feed.waitFor(target, limits.fresh_read_wait_ms)
    return target
  }
  const askRows = async <T>(ask: () => Promise<T>): Promise<T> => {
    // Rows that are being made anew are fewer than there are: that is no answer.
    if (feed.cursor() === null && replica.index.namespaces.size > 0)
      throw unavailable(feed.trouble() ?? 'the search index is opening, or is made from the log; try again')
    try {
      return await ask()
    } catch (error) {
      if (error instanceof BadCursor) throw new NodeError('malformed', error.message)
      if (!(error instanceof ProjectionFailure)) throw error
      feed.recheck(error.message)
      throw unavailable(error.message)
    }
  }
  /** Held to where the answer itself says that it stands, for the database may have lost rows since we last heard of it: there all that the token saw is in it. */
  const fromShown = async <T extends Reflects>(
    options: ReadOptions,
    ask: (form: FrontierForm | undefined) => Promise<T>,
  ): Promise<Shown<T>> => {
    const target = await rowsAt(options)
    // Before they are read: behind it the rows may have come nearer than what was read.
    const lag = feed.lag()
    const { at, ...answer } = await askRows(() => ask(options.frontier))
    if (options.token === undefined || reaches(at, target)) return { lag, ...answer }
    feed.recheck(SHOWS_LESS)
    throw notYetShown(feed.trouble())
  }

  /** What was is read from the log, once that has what the token saw. */
  const fromLog = async <T extends Reflects>(
    options: ReadOptions,
    ask: (form: FrontierForm | undefined) => Promise<T>,
  ): Promise<Shown<T>> => {
    await logCovers(options)
    assertRuns()
    const { at: _at, ...answer } = await ask(options.frontier)
    return { lag: 0, ...answer }
  }

  /** The rows' page when it shows all of a log at `target`, else null. */
  const rowsPage = async (
    filter: MemoryFilter,
    page: ListPage,
    target: LogPlace,
    form: FrontierForm | undefined,
  ): Promise<ListAnswer | null> => {
    if (!(await feed.waitFor(target, feed.lag() <= limits.fresh_read_lag_arrivals_max ? limits.fresh_read_wait_ms : 0)))
      return null
    try {
      const answer = await projection.list(filter, { ...page, now: new Date(clock.now()).toISOString() }, form)
      if (reaches(answer.at, target)) return answer
      feed.recheck(SHOWS_LESS)
    } catch (error) {
      if (error instanceof BadCursor || !(error instanceof ProjectionFailure)) throw error
      feed.recheck(error.message)
    }
    return null
  }
  /** What was durable here when it was asked for is in it: by the rows where they show that, else by the log. */
  const list = async (filter: MemoryFilter, page: ListPage, options: ReadOptions): Promise<Shown<ListAnswer>> => {
    await logCovers(options)
    assertRuns()
    const target = feed.place()
    const past = page.as_of !== undefined
    try {
      const answer =
        (past ? null : await rowsPage(filter, page, target, options.frontier)) ??
        (await logList(filter, page, options.frontier))
      if (answer !== null) {
        const { at: _at, ...shown } = answer
        return { lag: replica.index.arrivals - target.arrival, ...shown }
      }
    } catch (error) {
      throw error instanceof BadCursor ? new NodeError('malformed', error.message) : error
    }
    if (past)
      throw new NodeError(
        'too_large',
        'so many memories are not looked through as of a time: ask for one namespace, with since and until, or with fewer filters',
      )
    const trouble = feed.trouble()
    throw unavailable(
      `the search index is ${feed.lag()} commits behind${trouble === null ? '' : ` (${trouble})`}, and so many memories are not looked through without it; try again, or ask for one namespace, without other filters`,
    )
  }

  /** The documents as they are, or as of a time. */
  const readerAt = ({ as_of }: PastOptions): Pick<Reader, 'memory' | 'link' | 'linkIdsOf' | 'conflicts'> =>
    as_of === undefined ? reader : { ...reader.asOf(endOfMs(Date.parse(as_of))), linkIdsOf: reader.linkIdsOf }
  const visible = (id: RecordId, { as_of }: PastOptions): MemoryRow => {
    const row = readerAt(as_of === undefined ? {} : { as_of }).memory(id)
    const [is, then] = as_of === undefined ? ['is', ''] : ['was', ' then']
    if (row === null || row.forgotten || (as_of === undefined && row.erased))
      throw new NodeError('not_found', `there ${is} no such memory${then}, or it is not visible to you`)
    return row
  }
  const known = (id: RecordId): void => {
    if (reader.memoryState(id) === null)
      throw new NodeError('not_found', 'there is no such memory, or it is not visible to you')
  }
  const tokenFor = (namespace: Namespace): string =>
    encodeToken(
      replica.index.mesh,
      replica.index.chains.latestIn(namespace).map(({ id, seq }) => ({ chain: id, seq })),
    )

  return {
    get: async (id, options) => {
      await documentsAt(id, options)
      const row = visible(id, options)
      const shown = readerAt(options)
      const conflicts = conflictsPage(shown.conflicts(id), {})
      const links = await linksPage(shown, id, {}, turn(), ready)
      return {
        memory: row,
        links: links.rows,
        conflicts: conflicts.rows,
        links_next_cursor: links.next_cursor,
        conflicts_next_cursor: conflicts.next_cursor,
        token: tokenFor(row.namespace),
      }
    },
    list,
    recall: async ({ as_of, ...query }, options) => {
      if (as_of !== undefined) return fromLog(options, (form) => pastRecall({ ...query, as_of }, form))
      return fromShown(options, async (form) => {
        const found = await projection.recall(
          { ...query, ...(await context.embedding?.vectorOf(query.q)) },
          new Date(clock.now()).toISOString(),
          form,
        )
        // Rows may be behind an erasing, as long as a rebuild takes; nobody is shown what the log says is gone.
        return { ...found, memories: found.memories.filter(({ id }) => !isErased(replica.index, id)) }
      })
    },
    links: async (id, options) => {
      await documentsAt(id, options)
      known(id)
      return linksPage(readerAt(options), id, options, turn(), ready)
    },
    graph: async ({ as_of, valid_at, ...query }, options) => {
      const now = new Date(clock.now()).toISOString()
      const graph =
        as_of === undefined
          ? await fromShown(options, (form) => projection.graph({ ...query, as_of: valid_at ?? now }, now, form))
          : await fromLog(options, (form) => pastGraph({ ...query, as_of, valid_at: valid_at ?? as_of }, form))
      if (graph.nodes.length === 0)
        throw new NodeError('not_found', 'there is no such memory, or it is not visible to you')
      return graph
    },
    episodes: (filter, options) => fromShown(options, (form) => projection.episodes(filter, form)),
    namespaces: (options) => fromShown(options, (form) => projection.namespaces(form)),
    stats: (options) =>
      fromShown(options, async (form) => ({
        ...(await projection.stats(form)),
        commits: replica.index.arrivals,
        segments: replica.index.segments.size,
        hot_segments: replica.documents.hot,
        ...embeddingStats(context.embedding),
      })),
    conflicts: async (id, options) => {
      await documentsAt(id, options)
      known(id)
      return conflictsPage(readerAt(options).conflicts(id), options)
    },
    history: async (id, options) => {
      await documentsAt(id, options)
      known(id)
      return versionsPage(reader, replica.text, id, options, turn())
    },
    diff: async (namespace, between, options) => {
      await logCovers(options)
      assertRuns()
      return namespaceDiff(namespace, between, options)
    },
    proof: async (id, options) => {
      await documentsAt(id, options)
      known(id)
      return context.prove(id, options)
    },
  }
}

type ListPage = { readonly limit: number; readonly cursor?: string } & PastOptions
const SHOWS_LESS = 'projection: its rows show less than was stored in them; they are caught up from the log'
