/**
 * The projection: the read model in a database, derived and disposable. `src/projection/testing` holds both engines to it.
 */
import type { Position } from '../../crdt/frontier.ts'
import type { AgentId, ChainId, CommitHash, EventId, Namespace, PeerId, RecordId } from '../../crdt/ids.ts'
import type { VectorSpace } from './embedding.ts'

/** A memory as the read model holds it: the folded reading of every twin. Times are RFC 3339 in UTC. */
export type MemoryRow = {
  readonly id: RecordId
  readonly namespace: Namespace
  readonly title: string | null
  /** null when the text is not here (erased, or not arrived yet). */
  readonly content: string | null
  readonly kind: string
  readonly tier: string
  readonly tags: readonly string[]
  readonly priority: number
  readonly confidence: number
  readonly source: string | null
  readonly scope: string | null
  readonly run_id: string | null
  readonly occurred_at: string | null
  readonly expires_at: string | null
  readonly metadata: Readonly<Record<string, unknown>>
  readonly agent_id: AgentId
  readonly peer_id: PeerId
  readonly created_at: string
  readonly updated_at: string
  /** Changes with every visible change; `If-Match` compares it. */
  readonly version: string
  readonly forgotten: boolean
  readonly erased: boolean
  /** How many fields hold concurrent values. */
  readonly conflicts: number
  /** Fields whose text is not what the field allows, and is shown as if it were not here; absent when there is none. */
  readonly unreadable?: readonly string[]
  /** Fields whose text a policy let go; absent when there is none. */
  readonly dropped?: readonly string[]
}

export type LinkRow = {
  readonly id: RecordId
  readonly namespace: Namespace
  readonly from: RecordId
  readonly to: RecordId
  readonly relation: string
  readonly valid_from: string | null
  readonly valid_until: string | null
  readonly agent_id: AgentId
  readonly peer_id: PeerId
  readonly created_at: string
  readonly removed: boolean
}

export type EpisodeRow = {
  readonly id: EventId
  readonly namespace: Namespace
  readonly agent_id: AgentId
  readonly peer_id: PeerId
  readonly event_type: string
  readonly sender: string | null
  readonly recipient: string | null
  readonly body: Readonly<Record<string, unknown>> | null
  readonly inference_receipt_id: string | null
  readonly audit_event_hash: string | null
  readonly created_at: string
  /** `body`, when it is not the JSON object that it should be, and is shown as null. */
  readonly unreadable?: readonly string[]
}

/** One event of the log: who said what of which record, when, in which commit. No text. */
export type EventFacts = {
  readonly event_id: EventId
  readonly namespace: Namespace
  readonly kind: string
  /** null for an episode. */
  readonly record: RecordId | null
  readonly agent_id: AgentId
  readonly peer_id: PeerId
  /** When its agent says that it was. */
  readonly at: string
  readonly commit: CommitHash
}

export type EventRow = EventFacts & {
  /** The commit's time in the order that decides which of two values shows. */
  readonly hlc: number
}

/** One of the values that stand side by side in a field; the value itself is asked of the peer. */
export type ConflictRow = {
  readonly memory: RecordId
  readonly field: string
  readonly event_id: EventId
  readonly agent_id: AgentId
  readonly peer_id: PeerId
  readonly at: string
  readonly shown: boolean
}

/** The projection's place: everything up to `arrival` of the log `epoch` is in the rows. */
export type ProjectionCursor = {
  readonly epoch: string
  /** Which reading of that log: whatever later ones touched may still stand as it was (`src/replica/revision.ts`). */
  readonly revision: number
  readonly arrival: number
}

/** How far each chain is, by namespace. */
export type Frontier = Readonly<Record<Namespace, Readonly<Record<ChainId, number>>>>
export type Named = Position & { readonly namespace: Namespace }

/** A namespace may have any name that a field of an object has. */
export const frontierOf = (named: Iterable<Named>): Frontier => {
  const byNamespace = new Map<Namespace, Map<ChainId, number>>()
  for (const { namespace, chain, seq } of named) {
    const seqByChain = byNamespace.get(namespace) ?? new Map<ChainId, number>()
    byNamespace.set(namespace, seqByChain.set(chain, seq))
  }
  return Object.fromEntries(
    [...byNamespace].map(([namespace, seqByChain]) => [namespace, Object.fromEntries(seqByChain)]),
  )
}

/** How an answer says what it shows: by a short token (`crdt/frontier-token.ts`), or by all chains, which takes as long as there are many. */
export type FrontierForm = 'token' | 'full'
/**
 * What an answer shows. `at`: the place of the rows that it was read from, at that moment; null when there were none, or when it was not
 * read from rows.
 */
export type Reflects = { readonly at: ProjectionCursor | null; readonly frontier: Frontier | string }

/**
 * What a batch says of a chain. `arrived`: the last of its commits among the batch's arrivals, 0 when it is only looked at again.
 * `counted`: how much of it the log counts; what stands behind (a branch, or what waits for its past) is not named. `namespace` is null
 * while all that is here of the chain is damaged: then nothing is named.
 */
export type ChainPlace = {
  readonly chain: ChainId
  readonly namespace: Namespace | null
  readonly arrived: number
  readonly counted: number
}

/** Rows that are to go, with all that hangs on them: a fork or a revocation left out what made them. */
export type RemovedRows = {
  readonly memories: readonly RecordId[]
  readonly links: readonly RecordId[]
  /** Those that no event of a commit that stays says too. */
  readonly episodes: readonly EventId[]
  /** Commits whose events are to go. */
  readonly commits: readonly CommitHash[]
  /** Whether the text of one of those memories is erased, so that it must go from the files too. */
  readonly erased: boolean
}

/** Applied in one transaction together with its cursor: exactly once. Rows replace those with the same id. */
export type ProjectionBatch = {
  readonly memories: readonly MemoryRow[]
  readonly links: readonly LinkRow[]
  readonly episodes: readonly EpisodeRow[]
  readonly events: readonly EventRow[]
  /** All that the batch's memories have now. */
  readonly conflicts: readonly ConflictRow[]
  /** Chains that its arrivals raised, and at the end of a mending those that it touched: each once. */
  readonly chains: readonly ChainPlace[]
  readonly cursor: ProjectionCursor
  /** The arrival that the batch follows: rows that do not reach it must not take it, or what lies between would be missing. */
  readonly after?: number
  /**
   * Present when the batch writes again what a later revision touched: the revision that the rows show before it. The arrival stays;
   * the last such batch moves the revision.
   */
  readonly mends?: number
  readonly removed?: RemovedRows
}

export type MemoryFilter = {
  readonly namespace?: Namespace
  readonly kinds?: readonly string[]
  readonly tier?: string
  /** All of them. */
  readonly tags?: readonly string[]
  readonly agent_id?: AgentId
  readonly run_id?: string
  /** Inclusive, on occurred_at where it is given, else on created_at; lists are ordered by the same. */
  readonly since?: string
  /** Exclusive, on the same. */
  readonly until?: string
  /** Inclusive, on created_at. */
  readonly stored_since?: string
  /** Exclusive, on created_at. */
  readonly stored_until?: string
}

export type Page<Row> = { readonly rows: readonly Row[]; readonly next_cursor: string | null }
export type ScoredMemory = MemoryRow & { readonly score: number; readonly explain?: Readonly<Record<string, unknown>> }

export type RecallQuery = MemoryFilter & {
  readonly q: string
  readonly limit: number
  readonly max_tokens?: number
  readonly explain?: boolean
  /** The question's embedding; without it recall is lexical. */
  readonly vector?: readonly number[]
  /** Whose it is: vectors of another space are not compared with it. */
  readonly space?: VectorSpace
}

export type Abilities = {
  /** The graph in Apache AGE that is kept in step with the links; null when there is none. */
  readonly age: string | null
  /** What is not to be had here, each in one line with its mend. */
  readonly lacks: readonly string[]
}
export type ListAnswer = Page<MemoryRow> & Reflects

export type Reflecting<Row> = { readonly rows: readonly Row[] } & Reflects
export type NamespaceCount = { readonly namespace: Namespace; readonly memories: number; readonly updated_at: string }

/** Which memories hang together with one: links are followed both ways unless `direction` says one. */
export type GraphQuery = {
  readonly from: RecordId
  /** Links between `from` and the farthest node. */
  readonly depth: number
  /** Only links of this relation. */
  readonly relation?: string
  readonly direction: 'out' | 'in' | 'both'
  /** Only memories and links of this namespace. */
  readonly namespace?: Namespace
  /** RFC 3339: links that hold then. */
  readonly as_of: string
  /** Most nodes. */
  readonly limit: number
}

/** `depth`: links on the shortest way from the start. */
export type GraphNode = Pick<
  MemoryRow,
  | 'id'
  | 'namespace'
  | 'title'
  | 'kind'
  | 'tier'
  | 'tags'
  | 'run_id'
  | 'occurred_at'
  | 'agent_id'
  | 'peer_id'
  | 'created_at'
> & {
  readonly depth: number
  /** How the text begins; null when it is not here. */
  readonly excerpt: string | null
}
/** Nodes nearest first; every valid link between two of them. `truncated`: there are more of either. No nodes: the start is not visible. */
export type GraphAnswer = {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly LinkRow[]
  readonly truncated: boolean
} & Reflects

export type RecallAnswer = {
  readonly memories: readonly ScoredMemory[]
  readonly mode: 'hybrid' | 'lexical'
} & Reflects

/** A hash of all memories, links and episodes, and of those of each namespace that has any: 64 hex digits each. */
export type ProjectionDigest = { readonly all: string; readonly by_namespace: Readonly<Record<Namespace, string>> }

/** How far a log is: rows that show more, or of another epoch, are not of it. */
export type LogPlace = ProjectionCursor

/** Whether rows at `at` show all of a log that is at `place`. */
export const reaches = (at: ProjectionCursor | null, place: LogPlace): boolean =>
  at !== null && at.epoch === place.epoch && at.arrival >= place.arrival && at.revision >= place.revision

/** The read model. Each answer says what it shows, in the form that is asked for, which is a token unless given. Forgotten, erased and expired memories are never listed or recalled. A `ProjectionFailure` means: not now. */
export type Projection = {
  /** Runs migrations; answers the cursor that the rows reflect, or null when empty. */
  open(): Promise<ProjectionCursor | null>
  apply(batch: ProjectionBatch): Promise<void>
  /** How much of each chain has arrived in the rows that serve, by the chains' ids, at most `limit` behind `after`. */
  arrivedOf(after: ChainId | null, limit: number): Promise<readonly Position[]>
  /** Drops every row, of both generations; the next batches rebuild it. */
  reset(): Promise<void>
  /** Whether a second generation of rows is being made beside those that serve: a crash leaves it as its last batch did. */
  unfinished(): Promise<boolean>
  /**
   * Goes on with the second generation where its rows are of this log, or of a part of it; else drops it and begins one. Answers what its
   * rows reflect. Until `takeOver` the rows that serve are answered from, and disk is taken twice.
   */
  begin(log: LogPlace): Promise<ProjectionCursor | null>
  /** A batch for the second generation. */
  applyNext(batch: ProjectionBatch): Promise<void>
  /** The second generation serves from now on, in one step; the first is gone, on disk as well. */
  takeOver(): Promise<void>
  /** Newest first by (created_at, id); the cursor is stable under writes. @param now RFC 3339: expiry is judged against it. */
  list(
    filter: MemoryFilter,
    page: { readonly limit: number; readonly cursor?: string; readonly now: string },
    form?: FrontierForm,
  ): Promise<ListAnswer>
  recall(query: RecallQuery, now: string, form?: FrontierForm): Promise<RecallAnswer>
  links(of: RecordId): Promise<readonly LinkRow[]>
  /** @param now RFC 3339: memories that expire then or before are not there. */
  graph(query: GraphQuery, now: string, form?: FrontierForm): Promise<GraphAnswer>
  /** What this database does beside, and what not; known once it is open. */
  abilities(): Promise<Abilities>
  /** Newest first. `since` is inclusive. */
  episodes(
    filter: {
      readonly agent_id: AgentId
      readonly event_type?: string
      readonly since?: string
      readonly limit: number
    },
    form?: FrontierForm,
  ): Promise<Reflecting<EpisodeRow>>
  /** Those with memories that can be seen. `updated_at`: when one that is not forgotten was changed last, an expired one too. */
  namespaces(form?: FrontierForm): Promise<Reflecting<NamespaceCount>>
  stats(
    form?: FrontierForm,
  ): Promise<
    {
      readonly total: number
      readonly by_namespace: Readonly<Record<string, number>>
      readonly by_kind: Readonly<Record<string, number>>
      readonly by_tier: Readonly<Record<string, number>>
      readonly links: number
      readonly episodes: number
    } & Reflects
  >
  /** Equal on two members that projected the same commits. Kept up to date with the rows: takes the same whatever their number. */
  digest(): Promise<ProjectionDigest>
  close(): Promise<void>
}

/** A read model that lets its database go while nobody asks (`src/projection/resting.ts`). */
export type Rest = {
  isResting(): boolean
  /** Resolves once it is open; rejects with a `ProjectionFailure` where it cannot be. */
  wake(): Promise<void>
  /** Refuses whoever waits for it to wake: its peer stops. */
  end(): void
}

export class ProjectionFailure extends Error {
  /** True when the rows are gone or of another log: rebuild from the start. */
  readonly rebuild: boolean
  constructor(message: string, rebuild = false) {
    super(message)
    this.rebuild = rebuild
  }
}

/** The list cursor is not one of ours, or belongs to a list with other filters: ask again from the start. */
export class BadCursor extends ProjectionFailure {}
