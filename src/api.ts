/**
 * What the doors (HTTP, command line, MCP) may ask of a node. `src/node.ts` implements it; a door parses, asks, answers.
 *
 * Every method rejects with a `NodeError` and nothing else. Field shapes are already checked by the door's schema; the node
 * checks what only it can know (existence, versions, quorum, disk).
 */
import type { AgentId, EventId, Namespace, PeerId, RecordId } from '../crdt/ids.ts'
import type { ReceiptJson } from '../crdt/receipt.ts'
import type { DiskUse } from './ports/live.ts'
import type {
  ConflictRow,
  EpisodeRow,
  EventFacts,
  Frontier,
  FrontierForm,
  GraphAnswer,
  GraphQuery,
  LinkRow,
  ListAnswer,
  MemoryFilter,
  MemoryRow,
  NamespaceCount,
  RecallAnswer,
  RecallQuery,
  Reflecting,
  Reflects,
} from './ports/projection.ts'

/** Fields of a memory as an agent gives them; in a patch, null clears. */
export type MemoryInput = {
  readonly content?: string
  readonly title?: string | null
  readonly kind?: string
  readonly tier?: string
  readonly tags?: readonly string[]
  readonly priority?: number
  readonly confidence?: number
  readonly source?: string | null
  readonly scope?: string | null
  readonly run_id?: string | null
  readonly occurred_at?: string | null
  readonly expires_at?: string | null
  readonly metadata?: Readonly<Record<string, unknown>> | null
}

export type WriteOptions = {
  readonly agent: AgentId
  /** Voters that must have it on disk, this peer among them; default the node's. */
  readonly quorum?: number
  readonly timeout_ms?: number
  readonly idempotency_key?: string
  readonly imported?: Imported
}

/**
 * Said elsewhere, and brought here by the one who writes: under which name it stands (it names both), and when it was said. `id`: of a
 * memory, where none has it here; `beside`: as another value beside what that memory says, which becomes a conflict.
 */
export type Imported = { readonly agent: AgentId; readonly at?: string; readonly id?: RecordId; readonly beside?: true }

/** What every write answers; `WriteAnswer` is that of a memory. */
export type Written = {
  readonly id: RecordId
  readonly namespace: Namespace
  readonly agent_id: AgentId
  readonly event_id: EventId
  /** Voters that acknowledged, this peer included. */
  readonly quorum_acks: number
  /** Which voters have signed that it lies on their stable storage; whoever knows the mesh's voters can check it (`crdt/FORMAT.md`, receipts). */
  readonly receipt: ReceiptJson
  /** Causal token. */
  readonly token: string
}
export type WriteAnswer = Written & { readonly title: string | null; readonly tier: string }

/** `frontier`: how the answer says what it reflects; `token` unless given. */
export type ReadOptions = { readonly token?: string; readonly wait_ms?: number; readonly frontier?: FrontierForm }

/** `as_of`: shows what was said by then (RFC 3339, UTC), and nothing since, but that a text was destroyed. */
export type PastOptions = { readonly as_of?: string }

/** `version`: its number in the memory's history, from 1; `event` its id. At most one of them. */
export type ProofOptions = ReadOptions & { readonly event?: EventId; readonly version?: number }

export type PageOptions = { readonly limit?: number; readonly cursor?: string }
/** `next_cursor` is null only at the end. */
export type Paged<Row> = { readonly rows: readonly Row[]; readonly next_cursor: string | null }
/** `lag`: commits of this peer that the answer does not reflect yet. */
export type Lagging = { readonly lag: number }
/** An answer that says what it reflects, in the form that was asked for. */
export type Shown<Answer extends Reflects> = Omit<Answer, 'at'> & Lagging

export type Version = {
  readonly event_id: EventId
  readonly kind: string
  readonly agent_id: AgentId
  readonly peer_id: PeerId
  readonly at: string
  /** Fields that this event set; a text that is no longer here is null. */
  readonly set: Readonly<Record<string, unknown>>
  readonly tags?: { readonly add: readonly string[]; readonly remove: readonly string[] }
  /** Fields of `set` whose text is not what the field allows, and is shown as if it were not here. */
  readonly unreadable?: readonly string[]
  /** Fields of `set` whose text a policy let go (`serve --keep-history`); absent when there is none. */
  readonly dropped?: readonly string[]
  /** Where it was asked for: of each text that it changed, the lines, against what was said of that field before it (a unified diff). */
  readonly diff?: Readonly<Record<string, string>>
}

/** A memory that is not the same at two times. `fields`: those that differ; `diff`: of texts, the lines. `title`, `agent_id`, `at`: as it was last. */
export type Change = {
  readonly id: RecordId
  readonly change: 'added' | 'changed' | 'removed'
  readonly title: string | null
  readonly agent_id: AgentId
  readonly at: string
  readonly fields: readonly string[]
  readonly diff: Readonly<Record<string, string>>
  /** Its texts were destroyed since. */
  readonly erased: boolean
}

export type ConflictValue = Omit<ConflictRow, 'memory' | 'field'> & {
  readonly value: unknown
  readonly unreadable?: true
  readonly dropped?: true
}
export type Conflict = { readonly field: string; readonly values: readonly ConflictValue[] }

export type MemoryAnswer = {
  readonly memory: MemoryRow
  readonly links: readonly LinkRow[]
  readonly conflicts: readonly Conflict[]
  /** Where the rest of either is to be had (`links`, `conflicts`), or null. */ readonly links_next_cursor:
    string | null
  readonly conflicts_next_cursor: string | null
  readonly token: string
}

export type BulkAnswer = {
  readonly created: number
  /** In the order of the request; null where the entry was refused. */
  readonly ids: readonly (RecordId | null)[]
  /** `may_be_elsewhere`: not stored here, and a peer may keep it all the same; repeated with its key it is written once. `id`: of the memory whose key it was. */
  readonly errors: readonly {
    readonly index: number
    readonly error: string
    readonly message: string
    readonly may_be_elsewhere?: true
    readonly id?: RecordId
  }[]
  readonly quorum_acks: number
  readonly token: string
}

export type LinkInput = {
  readonly from: RecordId
  readonly to: RecordId
  readonly relation: string
  readonly valid_from?: string | null
  readonly valid_until?: string | null
}

export type EpisodeInput = {
  readonly event_type: string
  readonly sender?: string
  readonly recipient?: string
  readonly body?: Readonly<Record<string, unknown>>
  readonly inference_receipt_id?: string
  readonly audit_event_hash?: string
}

/** One event of the log, in arrival order at this peer. */
export type LogEntry = EventFacts & {
  readonly cursor: string
  readonly chain: string
  readonly seq: number
  /** The event as it was said, whether all of it is understood or not. */
  readonly event: Readonly<Record<string, unknown>>
  /** What of it means nothing at the format level at which it was written, or to this build: `kind`, or fields such as `set.x`. */
  readonly unknown?: readonly string[]
}

export type PeerAnswer = {
  readonly peer_id: PeerId
  readonly name: string
  readonly role: 'voter' | 'observer'
  readonly self: boolean
  readonly revoked: boolean
  /** Its key wrote two histories: proven, and out for good. */
  readonly forked: boolean
  readonly link: 'self' | 'up' | 'silent' | 'connecting' | 'down'
  readonly addresses: readonly string[]
  readonly round_trip_ms: number | null
  readonly commits_behind: number | null
  readonly last_error: string | null
  /** Up to which format level its build reads, as it told last; null when it has told none. */
  readonly reads_level: number | null
  /** What is held back or was refused of it here, as it used up what a member may. */
  readonly budget: Readonly<
    Record<
      | 'chains_waiting'
      | 'commits_waiting'
      | 'commits_dropped'
      | 'ahead_ms'
      | 'forked_chains'
      | 'fork_proofs_refused'
      | 'acks_displaced',
      number
    >
  >
}

/** Voters by whether their signed ack covers control statement `seq`. */
export type Applied = {
  readonly seq: number
  readonly applied: readonly { readonly peer_id: PeerId; readonly name: string }[]
  readonly not_yet: readonly { readonly peer_id: PeerId; readonly name: string; readonly connected: boolean }[]
}

/** The level from now on, and the observers that show no documents written since, as they told last. */
export type LevelAnswer = {
  readonly level: number
  readonly observers_below: readonly {
    readonly peer_id: PeerId
    readonly name: string
    readonly reads: number | null
  }[]
}

export type Health = {
  /** `degraded` while writes cannot succeed, or the search index is behind or out for a failure. */
  readonly status: 'ok' | 'degraded'
  /** Whether writes can succeed. */
  readonly writes: boolean
  readonly version: string
  readonly peer_id: PeerId
  readonly name: string
  readonly mesh_id: string
  readonly members: number
  readonly voters: number
  readonly quorum: number
  readonly connected: number
  readonly projection: string
  readonly projection_lag: number
  /** `resting`: its database was let go, and the next search opens it; `opening`: at a start, or while it is made anew, and searches are refused; `behind`: they answer, from old rows; `out`: they are refused. */
  readonly search: 'none' | 'resting' | 'opening' | 'ready' | 'behind' | 'out'
  readonly embedder_ready: boolean
  /** `failing`: slow, away or wrong, and recall goes by words alone; `reasons` says why. */
  readonly embedder: 'none' | 'starting' | 'ready' | 'failing'
  /** null without an API key where one is needed. */
  readonly disk: DiskUse | null
  readonly federation_enabled: boolean
  /** The mesh's format level, and up to which this build reads: below the mesh's it keeps everything, shows no documents and does not write. */
  readonly format: { readonly level: number; readonly reads: number }
  /** Events in the log of a kind, or with fields, that mean nothing here. */
  readonly unknown_events: number
  /** The control log: its last place, and whether another line of it is known that nothing has ended yet. */
  readonly control: { readonly place: number; readonly forked: boolean }
  readonly reasons: readonly string[]
}

export type Problem = { readonly what: string; readonly where: string }
export type VerifyAnswer = {
  readonly ok: boolean
  readonly commits: number
  readonly events: number
  /** Of a kind, or with fields, that mean nothing here. */ readonly unknown_events: number
  readonly bodies: number
  readonly chains: number
  readonly problems: readonly Problem[]
}

/** `digest`: of the rows, hex, when they were all there again. `commits`: those that they were made from. */
/** 64 hex digits each. `documents`: null while some are being worked out; `projection`: null while it cannot be asked. */
export type Digests = {
  readonly frontier: string
  readonly documents: string | null
  readonly projection: string | null
}

/** `namespace`: of the namespaces that one alone. */
export type DigestsOptions = { readonly namespace?: Namespace; readonly limit?: number; readonly cursor?: string }

/**
 * What is on stable storage and, `projection`, what the rows show. `documents_pending`: documents that are being worked out, after a start
 * or because a fork, a revocation or a healed commit touched them. `log`: commits in the arrival log, this peer's own matter.
 */
export type DigestsAnswer = Digests & {
  readonly documents_pending: number
  readonly log: number
  /** A page of them, by their names. */
  readonly namespaces: Readonly<Record<Namespace, Digests>>
  readonly next_cursor: string | null
}

/** `bytes`: of the texts themselves, without what the disk adds. */
export type StoredTexts = { readonly texts: number; readonly bytes: number }
/** `log`: commits without their texts. `would_free`: bytes of texts that no reader of the present is shown. `disk`: as files, null where no folder is known. */
export type StorageAnswer = {
  readonly log: { readonly commits: number; readonly bytes: number }
  readonly texts: Readonly<
    Record<'shown' | 'older' | 'forgotten' | 'episodes' | 'left_out' | 'missing' | 'erased' | 'dropped', StoredTexts>
  >
  readonly would_free: { readonly older: number; readonly forgotten: number }
  /** How much of older versions this peer keeps (`30d`, `5`), null: all of it; and the bytes of texts that it does not keep and that still lie here. */
  readonly policy: { readonly keep_history: string | null; readonly due: number }
  readonly disk: DiskUse | null
}

export type RebuildAnswer = { readonly digest: string; readonly commits: number; readonly ms: number }

export type Node = {
  remember(
    namespace: Namespace,
    input: MemoryInput & { readonly content: string },
    options: WriteOptions,
  ): Promise<WriteAnswer>
  rememberMany(
    memories: readonly {
      readonly namespace: Namespace
      readonly input: MemoryInput & { readonly content: string }
      readonly idempotency_key?: string
    }[],
    options: WriteOptions,
  ): Promise<BulkAnswer>
  patch(id: RecordId, input: MemoryInput, options: WriteOptions & { readonly if_match?: string }): Promise<WriteAnswer>
  forget(
    id: RecordId,
    options: WriteOptions & { readonly erase: boolean; readonly if_match?: string },
  ): Promise<WriteAnswer>
  restore(id: RecordId, options: WriteOptions): Promise<WriteAnswer>
  /** Settles `field` by a new event: to the value that `event_id` wrote, or to `value`. */
  resolve(
    id: RecordId,
    choice: { readonly field: string; readonly event_id?: EventId; readonly value?: unknown },
    options: WriteOptions,
  ): Promise<WriteAnswer>
  link(input: LinkInput, options: WriteOptions): Promise<Written & { readonly link: LinkRow }>
  unlink(input: Pick<LinkInput, 'from' | 'to' | 'relation'>, options: WriteOptions): Promise<Written>
  appendEpisode(
    namespace: Namespace,
    input: EpisodeInput,
    options: WriteOptions,
  ): Promise<Written & { readonly episode: EpisodeRow }>

  get(id: RecordId, options: ReadOptions & PastOptions): Promise<MemoryAnswer>
  list(
    filter: MemoryFilter,
    page: { readonly limit: number; readonly cursor?: string } & PastOptions,
    options: ReadOptions,
  ): Promise<Shown<ListAnswer>>
  /** Oldest first. @param options `diff`: with the lines that each version changed. */
  history(id: RecordId, options: ReadOptions & PageOptions & { readonly diff?: boolean }): Promise<Paged<Version>>
  /** What is not the same in the namespace as of two times; `to` is now unless given, on the first page. A page may be short, or empty, before the end. */
  diff(
    namespace: Namespace,
    between: { readonly from: string; readonly to?: string },
    options: ReadOptions & PageOptions,
  ): Promise<Paged<Change>>
  /**
   * A proof (`crdt/proof-file.ts`) of one event of the memory, in its one form: of the one that made it, unless another is named. Waits a
   * moment for voters that are connected and have not signed yet that they hold it.
   */
  proof(id: RecordId, options: ProofOptions): Promise<string>
  /** A field with more values than fit goes on on the next page. */
  conflicts(id: RecordId, options: ReadOptions & PageOptions & PastOptions): Promise<Paged<Conflict>>
  /** As of a time by words alone, of what was said by then. */
  recall(query: RecallQuery & PastOptions, options: ReadOptions): Promise<Shown<RecallAnswer>>
  /** By their ids. */
  links(id: RecordId, options: ReadOptions & PageOptions & PastOptions): Promise<Paged<LinkRow>>
  /** `valid_at`: links that hold then by what they say of themselves; `as_of` unless given, or now. */
  graph(
    query: Omit<GraphQuery, 'as_of'> & PastOptions & { readonly valid_at?: string },
    options: ReadOptions,
  ): Promise<Shown<GraphAnswer>>
  episodes(
    filter: {
      readonly agent_id: AgentId
      readonly event_type?: string
      readonly since?: string
      readonly limit: number
    },
    options: ReadOptions,
  ): Promise<Shown<Reflecting<EpisodeRow>>>
  namespaces(options: ReadOptions): Promise<Shown<Reflecting<NamespaceCount>>>
  stats(
    options: ReadOptions,
  ): Promise<Readonly<Record<string, unknown>> & { readonly frontier: Frontier | string } & Lagging>

  /** Entries after `after` (a cursor; undefined is the start). `next` is the cursor to go on with. */
  events(
    after: string | undefined,
    filter: { readonly namespace?: Namespace; readonly limit: number },
  ): Promise<{ readonly events: readonly LogEntry[]; readonly next: string }>
  /** Calls back whenever the log has grown; answers the function that ends it. */
  onLogGrown(listener: () => void): () => void

  health(): Promise<Health>
  peers(): Promise<readonly PeerAnswer[]>
  quorum(): Promise<Readonly<Record<string, unknown>>>
  capabilities(): Promise<Readonly<Record<string, unknown>>>
  /** Equal on two members that hold the same. */
  digests(options?: DigestsOptions): Promise<DigestsAnswer>
  verify(onProgress?: (done: number, total: number) => void): Promise<VerifyAnswer>
  /** Drops every row of the projection and makes them anew from the log; those who ask meanwhile share one run. Progress in commits. */
  rebuild(onProgress?: (done: number, total: number) => void): Promise<RebuildAnswer>
  /** What lies where, counted anew. */
  storage(): Promise<StorageAnswer>
  /** Prometheus text. */
  metrics(): Promise<string>

  /** Signs `challenge` (32 bytes) for the port on which it was asked: `crdt/identity-proof.ts`. */
  identify(
    challenge: Uint8Array,
    port: number,
  ): { readonly peer_id: PeerId; readonly mesh_id: string; readonly signature: string }
  /** The control log, as bytes anybody may check against the mesh id. */
  controlLog(): readonly Uint8Array[]
  /** Enrols the holder of a token (needs the authority's key on this peer). Answers the control log after it. */
  join(request: Uint8Array): Promise<readonly Uint8Array[]>
  /** Who has the control log as far as it is here; waits up to `waitMs` (at most `control_wait_ms_max`) for those that are connected. */
  controlApplied(waitMs: number): Promise<Applied>
  /** Takes a member out; `request` is signed by the authority's key. */
  revoke(request: Uint8Array): Promise<void>
  /** The same of one that lets a member leave behind what it sealed in the future, and say it again. */
  leaveBehind(request: Uint8Array): Promise<void>
  /** Raises the mesh's format level; `request` is signed by the authority's key. Refused, `conflict`, while a voter does not read it. */
  raiseLevel(request: Uint8Array): Promise<LevelAnswer>
}
