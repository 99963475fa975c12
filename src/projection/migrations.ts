/**
 * The tables, as steps that are applied once each, in order, in one transaction.
 *
 * A row's whole content stands in `row` as canonical JSON text (`rows.ts`): that is what is answered and what the digest
 * covers, so no column type can bend or lose a field. The other columns exist to filter, order and search by.
 * Times there are ms since 1970: Postgres' own reject some that RFC 3339 allows.
 *
 * Invariant: a step that has been released is never edited. Rows being derived, tables of a version before the first step are not
 * brought up to date but made anew from the log.
 */
import { emptyFrontierSum, frontierToken } from '../../crdt/frontier-token.ts'
import type { ChainId, Namespace } from '../../crdt/ids.ts'
import { ProjectionFailure } from '../ports/projection.ts'
import { writeChains } from './chains.ts'
import type { Query } from './sql.ts'

/** The version that the first step makes. Rows of those before it lack words that are looked for now: what a memory stands in. */
const OLDEST = 10

/** Statements, and what is worked out here in between. */
type Step = readonly (string | ((query: Query) => Promise<unknown>))[]

/** From the frontier that each cursor held whole. */
const moveFrontier = async (query: Query): Promise<void> => {
  const rows = await query<{ chain: ChainId; namespace: Namespace; seq: number }>(
    `select chain, namespace, seq::float8 as seq from cursor, jsonb_each(cursor.frontier) as by_namespace(namespace, chains), jsonb_each_text(by_namespace.chains) as by_chain(chain, seq)`,
  )
  const sum = emptyFrontierSum()
  await writeChains(
    query,
    rows.map(({ chain, namespace, seq }) => ({ chain, namespace, arrived: seq, counted: seq })),
    sum,
  )
  await query('update cursor set token = $1, commits = $2::bigint, chains = $3::bytea', [
    frontierToken(sum),
    sum.commits,
    sum.set,
  ])
}

const STEPS: readonly Step[] = [
  [
    // `hash`: of the row's text (`digest.ts`).
    `create table memories (
      id uuid primary key, namespace text not null, kind text not null, tier text not null, tags text[] not null,
      agent_id text not null, run_id text, created_ms bigint not null, updated_ms bigint not null, expires_ms bigint,
      hidden boolean not null, erased boolean not null, row text not null, hash bytea not null,
      no integer generated always as identity unique, run integer, ordered_ms bigint not null)`,
    'create index memories_newest on memories (created_ms desc, id desc) where not hidden',
    'create index memories_newest_in on memories (namespace, created_ms desc, id desc) where not hidden',
    'create index memories_run on memories (run_id) where not hidden and run_id is not null',
    'create index memories_tags on memories using gin (tags)',
    // Neighbours in a run, in the order in which things happened.
    'create index memories_beside on memories (run, ordered_ms, created_ms, id) where not hidden and run is not null',
    // The latest change of a namespace, and what expires, for the counters (`counts.ts`).
    'create index memories_updated on memories (namespace, updated_ms) where not hidden',
    'create index memories_expiring on memories (expires_ms) include (namespace, kind, tier) where not hidden and expires_ms is not null',
    'create table runs (id integer generated always as identity primary key, namespace text not null, run_id text not null, unique (namespace, run_id))',
    // The inverted index: which memories have a word, and what it is worth in each, in steps (`weights.ts`). `memories` of a word is how
    // many have it, of a space how many can be found there: exact at every moment, changed with the rows in one transaction.
    `create table words (
      id integer generated always as identity primary key, namespace text not null, word text not null, memories integer not null,
      unique (namespace, word)) with (fillfactor = 70)`,
    'create table postings (word integer not null, memory integer not null, run integer, weight smallint not null, primary key (word, memory) include (run, weight))',
    'create table spaces (namespace text primary key, memories integer not null)',
    // Which visible memories have a tag (`tags.ts`).
    `create table tags (
      tag text collate "C" not null, namespace text collate "C" not null, memory integer not null, expires_ms bigint,
      primary key (tag, namespace, memory) include (expires_ms))`,
    `create table links (
      id uuid primary key, namespace text not null, from_id uuid not null, to_id uuid not null, relation text not null, valid_from_ms bigint,
      valid_until_ms bigint, created_ms bigint not null, removed boolean not null, row text not null, hash bytea not null,
      no integer generated always as identity unique)`,
    'create index links_from on links (from_id) where not removed',
    'create index links_to on links (to_id) where not removed',
    `create table episodes (
      id uuid primary key, namespace text not null, agent_id text not null, event_type text not null, created_ms bigint not null, row text not null, hash bytea not null)`,
    'create index episodes_of on episodes (agent_id, created_ms desc, id desc)',
    // Whose vectors lie in `embeddings` (`vectors.ts`), at most one `wanted` and one `serving`; and the memories that lack one of the wanted.
    `create table embedders (
      id integer generated always as identity primary key, embedder text not null, version text not null, dim integer not null, origin text not null,
      wanted boolean not null, serving boolean not null, vectors bigint not null, unique (embedder, version, dim))`,
    'create table unembedded (memory uuid primary key, created_ms bigint not null)',
    'create index unembedded_newest on unembedded (created_ms desc, memory desc)',
    // At most one row: how far the graph in Apache AGE is (`age.ts`), where there is one.
    'create table graphs (one boolean primary key default true check (one), arrival bigint not null)',
    // What the log says, for those who ask in SQL (`audit.ts`).
    `create table events (
      id uuid not null, commit_hash text collate "C" not null, namespace text not null, kind text not null, record uuid, agent_id text not null, peer_id text not null,
      at_ms bigint not null, hlc bigint not null, primary key (id, commit_hash))`,
    'create index events_of on events (record, hlc) where record is not null',
    `create table conflicts (
      memory uuid not null, field text not null, event uuid not null, agent_id text not null, peer_id text not null, at_ms bigint not null, shown boolean not null,
      primary key (memory, field, event))`,
    // An event that stands in several commits (a request repeated elsewhere) is one, where its earliest copy stands.
    `create view versions as select record as memory, row_number() over (partition by record order by hlc, id) as number, id as event, kind, agent_id, peer_id, at_ms, commit_hash
      from (select distinct on (record, id, kind) * from events where kind like 'memory.%' order by record, id, kind, hlc, commit_hash) as said`,
    'create view agents as select agent_id, count(distinct id) as events, min(at_ms) as first_ms, max(at_ms) as last_ms from events group by agent_id',
    // Kept in step with the rows (`tallies.ts`): `rows` and `digest` are of all rows of a namespace, `memories` of those that can be seen;
    // `updated_ms`: the latest change of a memory that is not hidden.
    `create table namespaces (
      namespace text primary key, rows bigint not null, memories bigint not null, updated_ms bigint, digest text not null) with (fillfactor = 50)`,
    'create table counts (what text not null, name text not null, count bigint not null, primary key (what, name)) with (fillfactor = 50)',
    // The state of each namespace's set hash, and of all rows' under '' (`digest.ts`): in its place, for it does not compress; two to a
    // page, so that a new one finds room beside the old.
    'create table set_hashes (namespace text primary key, state bytea not null) with (fillfactor = 60)',
    'alter table set_hashes alter column state set storage plain',
    // At most one row: the log's epoch and place that the rows reflect. `memories`: how many there are, which ranking asks every
    // time and counting takes long. `scrub`: an erased text may still lie in the files. `counted_ms`: the counters leave out what had
    // expired by then.
    `create table cursor (
      one boolean primary key default true check (one), epoch text not null, arrival bigint not null, frontier jsonb not null,
      memories bigint not null, scrub boolean not null, counted_ms bigint not null default -8640000000000000)`,
  ],
  [
    // Which reading of the log the rows show.
    'alter table cursor add column revision bigint not null default 0',
  ],
  [
    // How far each chain is (`chains.ts`). Of the sum over them the state stands in the cursor, in its place, for it does not compress.
    'create table chains (chain uuid primary key, namespace text, arrived bigint not null, counted bigint not null)',
    "alter table cursor add column token text not null default '', add column commits bigint not null default 0, add column chains bytea",
    'alter table cursor alter column chains set storage plain',
    'alter table cursor set (fillfactor = 50)',
    moveFrontier,
    'alter table cursor drop column frontier',
  ],
  [
    // Lists go by when something happened.
    'drop index memories_newest',
    'drop index memories_newest_in',
    'create index memories_newest on memories (ordered_ms desc, id desc) where not hidden',
    'create index memories_newest_in on memories (namespace, ordered_ms desc, id desc) where not hidden',
  ],
  [
    // Languages that memories were written in, beside English (`languages.ts`).
    'create table languages (language text primary key)',
  ],
]

const NEWEST = OLDEST + STEPS.length - 1

export const hasTables = async (query: Query): Promise<boolean> => {
  const [row] = await query<{ there: boolean }>("select to_regclass('schema_version') is not null as there")
  return row?.there === true
}

/** Whether the tables are those of this program. */
export const isNewest = async (query: Query): Promise<boolean> =>
  (await hasTables(query)) &&
  (await query<{ version: number }>('select version from schema_version'))[0]?.version === NEWEST

/** Brings the tables up to date. Rows of a newer version than ours, or of one that is too old, ask for a rebuild. */
export const migrate = async (query: Query): Promise<void> => {
  await query('create table if not exists schema_version (version integer not null)')
  const [row] = await query<{ version: number }>('select version from schema_version')
  if (row !== undefined && row.version < OLDEST)
    throw new ProjectionFailure(
      `projection: its tables are of version ${row.version}, older than ${OLDEST}; they are rebuilt`,
      true,
    )
  const version = row?.version ?? OLDEST - 1
  if (version > NEWEST)
    throw new ProjectionFailure(
      `projection: its tables are of version ${version}, this program knows ${NEWEST}; they are rebuilt`,
      true,
    )
  for (const step of STEPS.slice(version - OLDEST + 1))
    for (const part of step) await (typeof part === 'string' ? query(part) : part(query))
  if (version === NEWEST) return
  await query(row === undefined ? 'insert into schema_version values ($1)' : 'update schema_version set version = $1', [
    NEWEST,
  ])
}
