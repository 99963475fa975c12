/**
 * Rows: what the documents and the bodies say now, in the shape of the read model and of answers.
 */
import { canonicalize } from '../../crdt/canonical.ts'
import type { Commit } from '../../crdt/commit.ts'
import {
  kindOf,
  MEMORY_DEFAULTS,
  TEXT_FIELDS,
  type DocumentEvent,
  type EpisodeAppend,
  type Event,
} from '../../crdt/event.ts'
import { sha256Hex } from '../../crdt/hash.ts'
import type { Hlc } from '../../crdt/hlc.ts'
import type { CommitHash, RecordId, Ref } from '../../crdt/ids.ts'
import type { Written } from '../../crdt/provenance.ts'
import { readLink, readMemory, shown, type RecordState, type Valued } from '../../crdt/reading.ts'
import type { Conflict, ConflictValue } from '../api.ts'
import type { ConflictRow, EpisodeRow, EventFacts, LinkRow, MemoryRow } from '../ports/projection.ts'
import type { CommitStore } from '../ports/store.ts'
import type { Replica } from '../replica/replica-types.ts'
import { isErased, segmentsOf, type SegmentEntry } from '../replica/log-index.ts'
import { createTexts, type PlainObject, type TextField, type TextRead, type Texts } from './texts.ts'

/** What was to be seen then: null of what was not there, or not any more. A text that was destroyed since is not here, and the row says so. */
export type PastReader = Pick<Reader, 'memory' | 'link' | 'conflicts'>

export type Reader = {
  /** As of a time: of what is here, what was said by then. */
  asOf(through: Hlc): PastReader
  memoryState(id: RecordId): RecordState | null
  memory(id: RecordId): MemoryRow | null
  link(id: RecordId): LinkRow | null
  /** Links that begin or end at the memory, removed ones too. */
  linkIdsOf(id: RecordId): Iterable<RecordId>
  /** Writes to the record, from all its segments; no commit is read for it. */
  writesTo(id: RecordId): readonly (Written & { readonly commit: CommitHash; readonly said: DocumentEvent })[]
  conflicts(id: RecordId): readonly Conflict[]
  /** Detached texts, as their fields allow them. */
  readonly texts: Texts
  commit(hash: CommitHash): Commit | null
}

export const createReader = (replica: Replica, store: CommitStore): Reader => {
  const open = (
    id: RecordId,
  ): readonly { entry: SegmentEntry; segment: ReturnType<typeof replica.documents.open>['segment'] }[] =>
    segmentsOf(replica.index, id).map((entry) => ({ entry, segment: replica.documents.open(entry).segment }))
  const texts = createTexts(store)
  const stateIn = (id: RecordId, through?: Hlc): RecordState | null =>
    readMemory(
      open(id).map(({ segment }) => segment),
      id,
      through,
    )
  const orErased = (state: RecordState | null): RecordState | null =>
    state && { ...state, erased: state.erased || isErased(replica.index, state.id) }
  const memoryState = (id: RecordId): RecordState | null => orErased(stateIn(id))
  const pastState = (id: RecordId, through: Hlc): RecordState | null => {
    const state = stateIn(id, through)
    return state === null || state.forgotten || state.erased ? null : orErased(state)
  }

  /** Where it was made first, whichever of its documents came here first. */
  const homeOf = ({ id, segments: [leader] }: RecordState): SegmentEntry | undefined =>
    segmentsOf(replica.index, id).find((entry) => entry.id === leader)
  const link = (id: RecordId, through?: Hlc): LinkRow | null => {
    const state = readLink(
      open(id).map(({ segment }) => segment),
      id,
      through,
    )
    const home = state && homeOf(state)
    return state && home ? linkRow(state, home) : null
  }
  const rowOf = (state: RecordState | null): MemoryRow | null => {
    const home = state && homeOf(state)
    return state && home ? memoryRow(state, home, texts) : null
  }
  const conflictsIn = (state: RecordState | null): readonly Conflict[] =>
    state === null ? [] : conflictsOf(state, texts)

  return {
    asOf: (through) => ({
      memory: (id) => rowOf(pastState(id, through)),
      link: (id) => link(id, through),
      conflicts: (id) => conflictsIn(pastState(id, through)),
    }),
    memoryState,
    link: (id) => link(id),
    linkIdsOf: (id) => replica.index.linksByRecord.get(id) ?? [],
    writesTo: (id) =>
      open(id).flatMap(({ segment }) =>
        (segment.commitsByRecord.get(id) ?? []).flatMap((commit) => {
          const { hlc, peer, spans } = segment.changeByCommit.get(commit)!
          return spans.flatMap(({ record, event, agent, at, said }) =>
            record === id ? [{ hlc, event, agent, peer, at, commit, said }] : [],
          )
        }),
      ),
    texts,
    commit: replica.commits.byHash,
    memory: (id) => rowOf(memoryState(id)),
    conflicts: (id) => conflictsIn(memoryState(id)),
  }
}

const memoryRow = (state: RecordState, home: SegmentEntry, texts: Texts): MemoryRow => {
  const string = (register: string): string | null => (shown(state, register) as string | undefined) ?? null
  const unreadable: TextField[] = []
  const dropped: TextField[] = []
  const body = (field: TextField): string | PlainObject | null => {
    const ref = state.erased ? undefined : told(field, state.registers.get(field)?.values ?? [], texts)[0]?.value
    const read = ref === undefined ? null : texts.read(field, ref as Ref)
    if (read?.kind === 'unreadable') unreadable.push(field)
    if (read?.kind === 'dropped') dropped.push(field)
    return read?.kind === 'read' ? read.value : null
  }
  const row: MemoryRow = {
    id: state.id,
    namespace: home.namespace,
    title: body('title') as string | null,
    content: body('content') as string | null,
    kind: string('kind') ?? MEMORY_DEFAULTS.kind,
    tier: string('tier') ?? MEMORY_DEFAULTS.tier,
    tags: state.tags,
    priority: (shown(state, 'priority') as number | undefined) ?? MEMORY_DEFAULTS.priority,
    confidence: (shown(state, 'confidence') as number | undefined) ?? MEMORY_DEFAULTS.confidence,
    source: body('source') as string | null,
    scope: string('scope'),
    run_id: string('run_id'),
    occurred_at: string('occurred_at'),
    expires_at: string('expires_at'),
    metadata: (body('metadata') as PlainObject | null) ?? {},
    agent_id: state.created.agent,
    peer_id: state.created.peer,
    created_at: state.created.at,
    updated_at: state.updated.at,
    version: versionOf(state),
    forgotten: state.forgotten,
    erased: state.erased,
    conflicts: conflictsOf(state, texts).length,
  }
  return inOrder({ ...row, ...(unreadable.length > 0 && { unreadable }), ...(dropped.length > 0 && { dropped }) })
}

/** Keys ascending, as in the rows of the database (`src/projection/rows.ts`): a list is the same bytes whether rows or log answer. */
const inOrder = <T>(value: T): T => {
  if (Array.isArray(value)) return value.map(inOrder) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, inOrder(inner)]),
  ) as T
}

/** A register's values, without copies of an event whose text is not here: another copy, whose text is, stands for them. */
const told = (field: string, values: readonly Valued[], texts: Texts): readonly Valued[] => {
  if (values.length < 2 || !isText(field)) return values
  const here = new Set(
    values.flatMap(({ value, by }) =>
      isHere(texts.read(field, value as Ref)) ? [`${by.event} ${String(value)}`] : [],
    ),
  )
  const events = new Set([...here].map((place) => place.split(' ', 1)[0]))
  return values.filter(({ value, by }) => !events.has(by.event) || here.has(`${by.event} ${String(value)}`))
}
/** As far as it can be: what is unreadable is all there. */
const isHere = ({ kind }: TextRead): boolean => kind === 'read' || kind === 'unreadable'
const isText = (field: string): field is (typeof TEXT_FIELDS)[number] =>
  (TEXT_FIELDS as readonly string[]).includes(field)

/** Every visible value's writer is in it, so it changes with every visible change, and is equal wherever the state is. */
const versionOf = (state: RecordState): string => {
  const writers = [...state.registers].flatMap(([name, register]) =>
    register.values.map(({ value, by }) => `${name} ${by.event} ${value}`),
  )
  return sha256Hex(
    canonicalize([state.created.event, state.updated.event, ...writers, ...state.tags.map((tag) => `#${tag}`)]),
  ).slice(0, 16)
}

const linkRow = (state: RecordState, home: SegmentEntry): LinkRow => {
  const string = (register: string): string | null => (shown(state, register) as string | undefined) ?? null
  return {
    id: state.id,
    namespace: home.namespace,
    from: string('from') as RecordId,
    to: string('to') as RecordId,
    relation: string('relation') ?? '',
    valid_from: string('valid_from'),
    valid_until: string('valid_until'),
    agent_id: state.created.agent,
    peer_id: state.created.peer,
    created_at: state.created.at,
    removed: shown(state, 'removed') === true,
  }
}

/** A register with several values is a conflict; two refs of one text are not. */
const conflictsOf = (state: RecordState, texts: Texts): readonly Conflict[] => {
  const conflicts: Conflict[] = []
  for (const [field, register] of state.registers) {
    if (field === 'erased' || register.values.length < 2) continue
    const values = told(field, register.values, texts).map(({ value, by }, i) => {
      const said: ConflictValue = {
        ...(isText(field) ? shownText(field, texts.read(field, value as Ref)) : { value }),
        ...saidBy(by),
        shown: i === 0,
      }
      // Of two texts that cannot be read nobody knows that they are one.
      return {
        said,
        words: said.unreadable === true ? `unreadable ${String(value)}` : canonicalize(said.value as never),
      }
    })
    const isFirst = ({ said, words }: (typeof values)[number], i: number): boolean =>
      values.findIndex((other) => other.said.event_id === said.event_id && other.words === words) === i
    if (new Set(values.map(({ words }) => words)).size > 1)
      conflicts.push({ field, values: values.filter(isFirst).map(({ said }) => said) })
  }
  const forget = state.registers.get('forgotten')?.values.find(({ value }) => value === true)
  if (forget && !conflicts.some(({ field }) => field === 'forgotten') && state.editedMeanwhile.length > 0) {
    const edits = state.editedMeanwhile.map((by): ConflictValue => ({ value: false, ...saidBy(by), shown: false }))
    conflicts.push({ field: 'forgotten', values: [{ value: true, ...saidBy(forget.by), shown: true }, ...edits] })
  }
  return conflicts
}

const saidBy = (by: RecordState['created']) => ({ event_id: by.event, agent_id: by.agent, peer_id: by.peer, at: by.at })

/** A text as it is shown in its field. */
export const shownText = (
  field: TextField,
  read: TextRead,
): { readonly value: unknown; readonly unreadable?: true; readonly dropped?: true } => {
  const absent = field === 'metadata' ? {} : null
  return read.kind === 'read'
    ? { value: read.value }
    : read.kind === 'absent'
      ? { value: absent }
      : { value: absent, [read.kind]: true }
}

export const episodeRow = (commit: Commit, event: EpisodeAppend, texts: Texts): EpisodeRow => {
  const read = event.body ? texts.read('body', event.body.ref) : null
  return {
    id: event.id,
    namespace: event.ns,
    agent_id: event.agent,
    peer_id: commit.header.peer,
    event_type: event.event_type,
    sender: event.sender ?? null,
    recipient: event.recipient ?? null,
    body: read === null || read.kind === 'unreadable' ? null : read.kind === 'read' ? (read.value as PlainObject) : {},
    inference_receipt_id: event.inference_receipt_id ?? null,
    audit_event_hash: event.audit_event_hash ?? null,
    created_at: event.at,
    ...(read?.kind === 'unreadable' && { unreadable: ['body'] }),
  }
}

export const eventFacts = ({ hash, header }: Commit, event: Event): EventFacts => ({
  event_id: event.id,
  namespace: event.ns,
  kind: kindOf(event),
  record: 'record' in event ? event.record : null,
  agent_id: event.agent,
  peer_id: header.peer,
  at: event.at,
  commit: hash,
})

export const conflictRows = (memory: RecordId, conflicts: readonly Conflict[]): readonly ConflictRow[] =>
  conflicts.flatMap(({ field, values }) =>
    values.map(({ event_id, agent_id, peer_id, at, shown }): ConflictRow => ({
      memory,
      field,
      event_id,
      agent_id,
      peer_id,
      at,
      shown,
    })),
  )
