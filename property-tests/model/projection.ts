/**
 * A projection made of maps: what the real ones must hold, in the plainest form. Rows are kept as they come, by id; a search
 * looks for the question as it stands. For the simulated world, and as the dumb side of comparisons with PGlite.
 */
import { tokenOf } from '../../crdt/frontier-token.ts'
import type { ChainId } from '../../crdt/ids.ts'
import { addToSet, emptySetHash, setDigest } from '../../crdt/set-hash.ts'
import {
  frontierOf,
  ProjectionFailure,
  type ChainPlace,
  type ConflictRow,
  type EpisodeRow,
  type EventRow,
  type FrontierForm,
  type LinkRow,
  type LogPlace,
  type MemoryFilter,
  type MemoryRow,
  type Projection,
  type ProjectionCursor,
  type Reflects,
} from '../../src/ports/projection.ts'
import { rowHash } from '../../src/projection/digest.ts'
import { formatCursor, parseCursor, type Place } from '../../src/projection/list-cursor.ts'
import { canonical } from '../../src/projection/rows.ts'

export type DumbProjection = Projection & {
  memories(): readonly MemoryRow[]
  allLinks(): readonly LinkRow[]
  allEpisodes(): readonly EpisodeRow[]
  allEvents(): readonly EventRow[]
  allConflicts(): readonly ConflictRow[]
  cursor(): ProjectionCursor | null
  chains(): readonly ChainPlace[]
  /** Every row is gone, as when somebody deleted the folder. */
  lose(): void
}

export const createDumbProjection = (): DumbProjection => {
  const memoryById = new Map<string, MemoryRow>()
  const linkById = new Map<string, LinkRow>()
  const episodeById = new Map<string, EpisodeRow>()
  const eventByPlace = new Map<string, EventRow>()
  const conflictsById = new Map<string, readonly ConflictRow[]>()
  let cursor: ProjectionCursor | null = null
  const chainById = new Map<ChainId, ChainPlace>()
  const shows = (form: FrontierForm | undefined): Reflects => {
    const frontier = frontierOf(
      [...chainById.values()].flatMap(({ chain, namespace, arrived, counted }) =>
        namespace === null || Math.min(arrived, counted) === 0
          ? []
          : [{ chain, namespace, seq: Math.min(arrived, counted) }],
      ),
    )
    return { at: cursor, frontier: form === 'full' ? frontier : tokenOf(frontier) }
  }
  const lose = (): void => {
    for (const rows of [memoryById, linkById, episodeById, eventByPlace, conflictsById, chainById]) rows.clear()
    cursor = null
    next = null
  }
  const unsupported = async (): Promise<never> => {
    throw new ProjectionFailure('the dumb projection neither follows links nor counts')
  }
  const sorted = <Row extends { readonly id: string }>(rows: Map<string, Row>): Row[] =>
    [...rows.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  let next: DumbProjection | null = null
  const isOf = (at: ProjectionCursor, log: LogPlace): boolean =>
    at.epoch === log.epoch && at.arrival <= log.arrival && at.revision <= log.revision
  return {
    unfinished: async () => next !== null,
    begin: async (log) => {
      const at = next?.cursor() ?? null
      if (next === null || (at !== null && !isOf(at, log))) next = createDumbProjection()
      return next.cursor()
    },
    applyNext: async (batch) => {
      if (next === null) throw new ProjectionFailure('no second generation was begun', true)
      await next.apply(batch)
    },
    takeOver: async () => {
      if (next === null) throw new ProjectionFailure('no second generation was begun', true)
      const [made, conflicts, chains] = [next, next.allConflicts(), next.chains()]
      lose()
      for (const row of made.memories()) memoryById.set(row.id, row)
      for (const row of made.allLinks()) linkById.set(row.id, row)
      for (const row of made.allEpisodes()) episodeById.set(row.id, row)
      for (const row of made.allEvents()) eventByPlace.set(`${row.commit} ${row.event_id}`, row)
      for (const id of memoryById.keys())
        conflictsById.set(
          id,
          conflicts.filter(({ memory }) => memory === id),
        )
      for (const place of chains) chainById.set(place.chain, place)
      cursor = made.cursor()
    },
    open: async () => cursor,
    apply: async (batch) => {
      for (const row of batch.memories) memoryById.set(row.id, row)
      for (const row of batch.links) linkById.set(row.id, row)
      for (const row of batch.episodes) episodeById.set(row.id, row)
      for (const row of batch.events) eventByPlace.set(`${row.commit} ${row.event_id}`, row)
      for (const { id } of batch.memories)
        conflictsById.set(
          id,
          batch.conflicts.filter(({ memory }) => memory === id),
        )
      const { memories = [], links = [], episodes = [], commits = [] } = batch.removed ?? {}
      for (const [place, { commit }] of eventByPlace) if (commits.includes(commit)) eventByPlace.delete(place)
      for (const id of memories) for (const rows of [memoryById, conflictsById]) rows.delete(id)
      for (const id of links) linkById.delete(id)
      for (const id of episodes)
        if (![...eventByPlace.values()].some(({ event_id }) => event_id === id)) episodeById.delete(id)
      for (const { chain, namespace, arrived, counted } of batch.chains) {
        const before = chainById.get(chain) ?? { chain, namespace: null, arrived: 0, counted: 0 }
        chainById.set(chain, {
          chain,
          namespace: namespace ?? before.namespace,
          arrived: Math.max(arrived, before.arrived),
          counted: arrived === 0 ? counted : Math.max(counted, before.counted),
        })
      }
      cursor = batch.cursor
    },
    arrivedOf: async (after, limit) =>
      [...chainById.values()]
        .map(({ chain, arrived }) => ({ chain, seq: arrived }))
        .sort((a, b) => (a.chain < b.chain ? -1 : 1))
        .filter(({ chain }) => after === null || chain > after)
        .slice(0, limit),
    reset: async () => lose(),
    lose,
    list: async (filter, { limit, cursor: after, now }, form) => {
      const from = after === undefined ? null : parseCursor(after, filter)
      const rows = [...memoryById.values()]
        .filter((row) => isShown(row, filter, now) && (from === null || comparePlaces(from, placeOf(row)) < 0))
        .sort((a, b) => comparePlaces(placeOf(a), placeOf(b)))
      const shown = rows.slice(0, limit)
      return {
        rows: shown,
        next_cursor: rows.length > limit ? formatCursor(placeOf(shown.at(-1)!), filter) : null,
        ...shows(form),
      }
    },
    recall: async ({ q, limit, ...filter }, now, form) => ({
      memories: [...memoryById.values()]
        .filter((row) => isShown(row, filter, now) && row.content?.includes(q) === true)
        .slice(0, limit)
        .map((row) => ({ ...row, score: 1 })),
      mode: 'lexical',
      ...shows(form),
    }),
    graph: unsupported,
    abilities: async () => ({ age: null, lacks: [] }),
    links: async (of) => [...linkById.values()].filter(({ from, to }) => from === of || to === of),
    episodes: async ({ agent_id, limit }, form) => ({
      rows: [...episodeById.values()].filter((row) => row.agent_id === agent_id).slice(0, limit),
      ...shows(form),
    }),
    namespaces: async (form) => {
      const shown = [...memoryById.values()].filter((row) => !row.forgotten && !row.erased)
      const rows = [...new Set(shown.map(({ namespace }) => namespace))].sort().map((namespace) => {
        const own = shown.filter((row) => row.namespace === namespace)
        return {
          namespace,
          memories: own.length,
          updated_at: own
            .map((row) => row.updated_at)
            .sort()
            .at(-1)!,
        }
      })
      return { rows, ...shows(form) }
    },
    stats: unsupported,
    digest: async () => {
      const rows = [
        ...sorted(memoryById).map((row) => ({
          table: 'memories' as const,
          row: { ...row, tags: [...row.tags].sort() },
        })),
        ...sorted(linkById).map((row) => ({ table: 'links' as const, row })),
        ...sorted(episodeById).map((row) => ({ table: 'episodes' as const, row })),
      ]
      const digestOf = (some: typeof rows): string => {
        const set = emptySetHash()
        for (const { table, row } of some) addToSet(set, rowHash(table, canonical(row)))
        return setDigest(set)
      }
      const names = [...new Set(rows.map(({ row }) => row.namespace))]
      return {
        all: digestOf(rows),
        by_namespace: Object.fromEntries(
          names.map((name) => [name, digestOf(rows.filter(({ row }) => row.namespace === name))]),
        ),
      }
    },
    close: async () => undefined,
    memories: () => sorted(memoryById),
    allLinks: () => sorted(linkById),
    allEpisodes: () => sorted(episodeById),
    allEvents: () => [...eventByPlace.values()],
    allConflicts: () => [...conflictsById.values()].flat(),
    cursor: () => cursor,
    chains: () => [...chainById.values()],
  }
}

const placeOf = (row: MemoryRow): Place => [Date.parse(row.occurred_at ?? row.created_at), row.id]
/** Newest first; of one moment the greater id first. */
const comparePlaces = ([a, idA]: Place, [b, idB]: Place): number =>
  a === b ? (idA === idB ? 0 : idA > idB ? -1 : 1) : b - a

const isShown = (row: MemoryRow, { namespace, tags, agent_id }: MemoryFilter, now: string): boolean =>
  !row.forgotten &&
  !row.erased &&
  (row.expires_at === null || row.expires_at > now) &&
  (namespace === undefined || row.namespace === namespace) &&
  (tags ?? []).every((tag) => row.tags.includes(tag)) &&
  (agent_id === undefined || row.agent_id === agent_id)
