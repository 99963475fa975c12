/**
 * The ports: what the replica needs of the outside world, as small types that a driver or a test double fills.
 */
import type { Body } from '../crdt/body.ts'
import type { AgentId, ChainId, CommitHash, EventId, Namespace, PeerId, RecordId, Ref, SegmentId } from '../crdt/ids.ts'

/** Wall clock in ms since 1970. Only the HLC, `at` fields and waits read it; order never does. */
export type Clock = { now(): number }

/** `count` random bytes, cryptographic in production, seeded in simulation. */
export type Random = { bytes(count: number): Uint8Array }

// ── the commit store ────────────────────────────────────────────────────────────────────────────────────────────────

/** One commit as it lies on disk. Invariant: `hash` is the commit hash of `bytes`. */
export type StoredCommit = { readonly chain: ChainId; readonly seq: number; readonly hash: CommitHash; readonly bytes: Uint8Array }

/** A place in the arrival log: the n-th commit (from 1) that this store took in. */
export type Arrival = { readonly n: number; readonly chain: ChainId; readonly seq: number; readonly hash: CommitHash }

/** Everything that one flush makes durable, atomically and in this order. */
export type StoreBatch = {
  /** Appended to the arrival log in this order. Given twice (same chain and seq), a commit's bytes are replaced (healing) and it keeps its arrival. */
  readonly commits?: readonly StoredCommit[]
  readonly bodies?: readonly Body[]
  /** Texts to destroy: the store forgets salt and text, and remembers that the ref was erased. */
  readonly erase?: readonly Ref[]
  /** Small facts under a name (at most 64 KiB each); null removes. */
  readonly facts?: readonly (readonly [name: string, value: Uint8Array | null])[]
}

/**
 * What the opening scan meets, in arrival order. A damaged commit is quarantined: named here, absent from reads, never truncated away.
 * Of a lost one not even the name is left: only that something arrived as the n-th. It comes again under a new number, as if
 * it had never been here; since it may have been of our own chain, a chain must not be continued past a lost arrival.
 */
export type ScannedCommit =
  | { readonly kind: 'commit'; readonly n: number; readonly commit: StoredCommit }
  | { readonly kind: 'damaged'; readonly arrival: Arrival; readonly reason: string }
  | { readonly kind: 'lost'; readonly n: number; readonly reason: string }

export type StoreOpening = {
  /** Random 16-byte id of this log, hex; a new folder or a lost tail gets a new one, so that others' cursors into it end. */
  readonly epoch: string
  /**
   * True only after a clean stop, in the same folder on the same file system, with the tail as the high-water mark says:
   * the condition under which a chain may be continued.
   */
  readonly continuable: boolean
  /** What is wrong with the tail, if anything: shown in health. */
  readonly tail: null | { readonly expected: number; readonly found: number }
  /** What else the opening found amiss (batches lost from the middle, a repaired database, an unreadable mark): a sentence each, for health. */
  readonly notes: readonly string[]
}

/** A record that a read found not to be what was written; the reader was told that it is absent. */
export type StoreDamage =
  | { readonly kind: 'commit'; readonly chain: ChainId; readonly seq: number; readonly reason: string }
  | { readonly kind: 'body'; readonly ref: Ref; readonly reason: string }
  /** An index entry (of the arrival log, or hash to commit) or a fact. The next opening scan restores index entries. */
  | { readonly kind: 'index'; readonly key: string; readonly reason: string }
  | { readonly kind: 'fact'; readonly name: string; readonly reason: string }

/**
 * The truth on disk. One process at a time. Reads are synchronous and hash-checked: what does not match its hash is
 * answered as absent and reported to `onDamage`.
 */
export type CommitStore = {
  readonly opening: StoreOpening
  /** Every commit in arrival order; bytes are hash-checked. Called once, before anything else. */
  scan(): AsyncIterable<readonly ScannedCommit[]>
  /**
   * Resolves AFTER the batch is on stable storage. Rejects with a `StoreFailure`; then nothing of the batch is there as long as this
   * store is open. After a crash, nothing of it or, where the failure's `mayBeThere` is true, all of it.
   */
  write(batch: StoreBatch): Promise<void>
  commit(chain: ChainId, seq: number): StoredCommit | null
  find(hash: CommitHash): { readonly chain: ChainId; readonly seq: number } | null
  arrival(n: number): Arrival | null
  /** How many commits have arrived; their numbers are 1 … arrivals. */
  arrivals(): number
  body(ref: Ref): Body | 'erased' | null
  fact(name: string): Uint8Array | 'damaged' | null
  /** Bytes free on the file system that holds the store. */
  freeBytes(): Promise<number>
  diskBytes(): Promise<number>
  /** Why nothing can be written now, its message a line that names the mend; null when it can. The store comes back by itself. */
  trouble(): StoreFailure | null
  /** Told each time that a store which refused writes takes them again. */
  onHealed(listener: () => void): void
  /** Told of each damaged record that a read met. */
  onDamage(listener: (damage: StoreDamage) => void): void
  /** Marks a clean stop, then closes. */
  close(): Promise<void>
}

export type StoreFailureCode = 'disk_full' | 'io_error' | 'locked' | 'closed' | 'unreadable'
export class StoreFailure extends Error {
  readonly code: StoreFailureCode
  /** Of a write: whether the batch may be there at the next start, when this store is not opened anew before. */
  readonly mayBeThere: boolean
  constructor(code: StoreFailureCode, message: string, mayBeThere = false) {
    super(message)
    this.code = code
    this.mayBeThere = mayBeThere
  }
}

// ── the projection ──────────────────────────────────────────────────────────────────────────────────────────────────

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
export type ConflictRow = { readonly memory: RecordId; readonly field: string; readonly event_id: EventId; readonly agent_id: AgentId; readonly peer_id: PeerId; readonly at: string; readonly shown: boolean }

/** The projection's place: everything up to `arrival` of the log `epoch` is in the rows; `frontier` says the same by namespace and chain. */
export type ProjectionCursor = {
  readonly epoch: string
  /** Which reading of that log: whatever later ones touched may still stand as it was (`src/replica/revision.ts`). */
  readonly revision: number
  readonly arrival: number
  readonly frontier: Readonly<Record<Namespace, Readonly<Record<ChainId, number>>>>
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
  /** Inclusive, on created_at. */
  readonly since?: string
  /** Exclusive, on created_at. */
  readonly until?: string
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
/** `frontier`: what the page reflects. */
export type ListAnswer = Page<MemoryRow> & { readonly frontier: ProjectionCursor['frontier'] }

/** Rows, and what they reflect. */
export type Reflecting<Row> = { readonly rows: readonly Row[]; readonly frontier: ProjectionCursor['frontier'] }
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
export type GraphNode = Pick<MemoryRow, 'id' | 'namespace' | 'title' | 'kind' | 'tier' | 'tags' | 'run_id' | 'occurred_at' | 'agent_id' | 'peer_id' | 'created_at'> & {
  readonly depth: number
  /** How the text begins; null when it is not here. */
  readonly excerpt: string | null
}
/** Nodes nearest first; every valid link between two of them. `truncated`: there are more of either. No nodes: the start is not visible. */
export type GraphAnswer = { readonly nodes: readonly GraphNode[]; readonly edges: readonly LinkRow[]; readonly truncated: boolean; readonly frontier: ProjectionCursor['frontier'] }

export type RecallAnswer = {
  readonly memories: readonly ScoredMemory[]
  readonly mode: 'hybrid' | 'lexical'
  readonly frontier: ProjectionCursor['frontier']
}

/** A hash of all memories, links and episodes, and of those of each namespace that has any: 64 hex digits each. */
export type ProjectionDigest = { readonly all: string; readonly by_namespace: Readonly<Record<Namespace, string>> }

/** How far a log is: rows that show more, or of another epoch, are not of it. */
export type LogPlace = Pick<ProjectionCursor, 'epoch' | 'arrival' | 'revision'>

/** The read model. Forgotten, erased and expired memories are never listed or recalled. A `ProjectionFailure` means: not now. */
export type Projection = {
  /** Runs migrations; answers the cursor that the rows reflect, or null when empty. */
  open(): Promise<ProjectionCursor | null>
  apply(batch: ProjectionBatch): Promise<void>
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
  list(filter: MemoryFilter, page: { readonly limit: number; readonly cursor?: string; readonly now: string }): Promise<ListAnswer>
  recall(query: RecallQuery, now: string): Promise<RecallAnswer>
  links(of: RecordId): Promise<readonly LinkRow[]>
  /** @param now RFC 3339: memories that expire then or before are not there. */
  graph(query: GraphQuery, now: string): Promise<GraphAnswer>
  /** What this database does beside, and what not; known once it is open. */
  abilities(): Promise<Abilities>
  /** Newest first. `since` is inclusive. */
  episodes(filter: { readonly agent_id: AgentId; readonly event_type?: string; readonly since?: string; readonly limit: number }): Promise<Reflecting<EpisodeRow>>
  /** Those with memories that can be seen. `updated_at`: when one that is not forgotten was changed last, an expired one too. */
  namespaces(): Promise<Reflecting<NamespaceCount>>
  stats(): Promise<{ readonly total: number; readonly by_namespace: Readonly<Record<string, number>>; readonly by_kind: Readonly<Record<string, number>>; readonly by_tier: Readonly<Record<string, number>>; readonly links: number; readonly episodes: number; readonly frontier: ProjectionCursor['frontier'] }>
  /** Equal on two members that projected the same commits. Kept up to date with the rows: takes the same whatever their number. */
  digest(): Promise<ProjectionDigest>
  close(): Promise<void>
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

// ── embeddings ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Vectors can be compared when all three are equal. `embedder`: kind and model. `version`: whatever else changes what it answers. */
export type VectorSpace = { readonly embedder: string; readonly version: string; readonly dim: number }

/** Makes vectors of texts. */
export type Embedder = {
  /** `openai:nomic-embed-text`: kind and model. */
  readonly id: string
  readonly version: string
  /** Numbers in a vector; null until the first answer. */
  readonly dim: number | null
  /** What makes it again at another start, as JSON, without secrets: vectors made by it serve on while another takes over. */
  readonly origin: string
  /**
   * One vector a text, in their order, each of `dim` finite numbers that are not all zero. A document's request is tried again
   * within bounds, a query's is not.
   * @throws EmbedderFailure, also when `signal` aborts it.
   */
  embed(texts: readonly string[], kind: 'document' | 'query', signal: AbortSignal): Promise<readonly (readonly number[])[]>
  close(): Promise<void>
}

/** `refused`: it will never take these texts. `unavailable`: not now. `misconfigured`: not until a person has mended it. */
export type EmbedderFailureKind = 'refused' | 'unavailable' | 'misconfigured'
export class EmbedderFailure extends Error {
  readonly kind: EmbedderFailureKind
  constructor(kind: EmbedderFailureKind, message: string) {
    super(message)
    this.kind = kind
  }
}

export type TextToEmbed = { readonly id: RecordId; readonly text: string }
/** `vector` null: the embedder will never take this text; it waits no longer. */
export type EmbeddedText = TextToEmbed & { readonly vector: readonly number[] | null }

export type Unembedded = {
  /** Newest first. */
  readonly texts: readonly TextToEmbed[]
  /** Memories that lack a vector of the wanted space, and that have one. */
  readonly waiting: number
  readonly embedded: number
  /** Whose vectors recall is answered from, with its `origin`: the wanted ones, or older ones until all of the wanted are there. */
  readonly serving: VectorSpace & { readonly origin: string }
}

/** Vectors beside the projection's rows: local, derived, in no digest. Rejects as the projection does. */
export type VectorStore = {
  /** What is to be embedded next; makes `space` the wanted one. Null when the database cannot hold vectors. */
  unembedded(space: VectorSpace, origin: string, limit: number): Promise<Unembedded | null>
  /** Stores vectors of the wanted space whose text is still that of the memory. */
  embed(space: VectorSpace, texts: readonly EmbeddedText[]): Promise<void>
}

export type EmbeddingStatus = {
  readonly embedder: string
  readonly dim: number | null
  /** Its last answer was one, and the rows hold vectors. */
  readonly ready: boolean
  readonly embedded: number
  readonly waiting: number
  /** The embedder whose vectors serve until all of the new are there; null otherwise. */
  readonly replacing: string | null
  /** One line that names cause and mend; null when nothing is wrong. */
  readonly problem: string | null
  readonly failures: number
}

/** What services ask of the embeddings: a question's vector, within `embedding_query_ms_max`, or null. */
export type Embedding = {
  vectorOf(question: string): Promise<{ readonly vector: readonly number[]; readonly space: VectorSpace } | null>
  /** Rows have changed: there may be texts to embed. */
  stir(): void
  status(): EmbeddingStatus
  stop(): Promise<void>
}

// ── the live door ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** What the live door reads: whole documents, as they are on stable storage. */
export type LiveSource = {
  namespaces(): readonly Namespace[]
  segments(namespace: Namespace): readonly SegmentId[]
  /** The document as Automerge's `save` writes it (genesis and applied changes), or null when there is none. */
  save(namespace: Namespace, segment: SegmentId): Uint8Array | null
  /** The document's heads (64 hex digits each, ascending), or null when there is none. */
  heads(namespace: Namespace, segment: SegmentId): readonly string[] | null
  /** The changes that the document has and a reader at these heads lacks, deps first. Heads that the document does not have count for nothing. */
  changesSince(namespace: Namespace, segment: SegmentId, heads: readonly string[]): readonly Uint8Array[]
  /** Told of each segment that has changed, after the change is durable. Answers the function that ends it. */
  onChanged(listener: (namespace: Namespace, segment: SegmentId) => void): () => void
}

/** Bytes: free where the log lies, taken by the log, taken by the embedded database (null where it is none of this disk's). */
export type DiskUse = { readonly free_bytes: number; readonly log_bytes: number; readonly projection_bytes: number | null }

// ── the peer's log ──────────────────────────────────────────────────────────────────────────────────────────────────────

export type Fields = Readonly<Record<string, unknown>>

/** What a peer tells its operator: fields, and a sentence that names cause and mend. A pino logger fits. */
export type PeerLog = { readonly [Level in 'debug' | 'info' | 'warn' | 'error']: (fields: Fields, message: string) => void }
