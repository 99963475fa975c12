/**
 * Authoring: from what agents want said to sealed commits, in batches.
 *
 * All requests that wait for the disk share commits: one a segment, as long as their events do not touch the same record (a
 * later request must see what an earlier one did). Creation goes to our own open segment; a change goes to every segment in
 * which the memory lives, so that a writer who sees twins settles both.
 *
 * Invariants: a request is written whole or not at all; what is derived here is applied to the document at once, so the next
 * derivation sees it; the caller persists it or drops the documents.
 */
import type { Body } from '../../crdt/body.ts'
import { eventsRoot, sealCommit, type AdmittedCommit, type SealedEvent } from '../../crdt/commit.ts'
import { chainId } from '../../crdt/commit.ts'
import { emptyChain, type ChainState } from '../../crdt/chain.ts'
import { readsAt } from '../../crdt/event-schema.ts'
import { decodeEvent, encodeEvent, type DocumentEvent, type EpisodeAppend, type Event } from '../../crdt/event.ts'
import { sha256 } from '../../crdt/hash.ts'
import { hlcMs, latestAt, tick, within, type Hlc } from '../../crdt/hlc.ts'
import {
  ZERO_HASH,
  bytesToHex,
  segmentOwner,
  uuidV8,
  type ChainId,
  type EventId,
  type Incarnation,
  type Namespace,
  type PeerId,
  type RecordId,
  type Ref,
} from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { historyRoot } from '../../crdt/merkle.ts'
import { applyDerived, derive, type Segment } from '../../crdt/segment.ts'
import type { KeyPair } from '../../crdt/signature.ts'
import { sealedAhead } from './clock-words.ts'
import type { Documents } from './documents.ts'
import { isDerived } from './event-index.ts'
import { levelNow, segmentsOf, type LogIndex, type SegmentEntry } from './log-index.ts'
import { ownSegment, segmentBeside } from './own-segment.ts'
import { isSameRequest } from './repeats.ts'
import type { Draft, Refusal, RequestId, WriteRequest } from './types.ts'

export type AuthorContext = {
  readonly self: PeerId
  readonly keys: KeyPair
  readonly incarnation: () => Incarnation
  readonly index: LogIndex
  readonly documents: Documents
  /** The chain's state, the flush under way included. */
  chain(id: ChainId): ChainState | null
  /** Takes the sealed commit into the flush. */
  accept(commit: AdmittedCommit, chain: ChainState, policySeq: number, bodies: Iterable<Body>): void
  /** Whether a put made `record` already. */
  isMade(record: RecordId): boolean
  /** The event of this id, when the log has it: what a request with its key has said before. */
  said(event: EventId): Said | null
  /** A text of the log, the flush under way included; null when it is not here. */
  text(ref: Ref): string | null
}
/** An event of the log, and the commits that hold it: one, or one a document where its memory has twins. */
export type Said = { readonly event: Event; readonly written: readonly WrittenHere[] }
type WrittenHere = { readonly chain: ChainId; readonly seq: number; readonly hash: string }

export type Authored =
  | { readonly request: RequestId; readonly written: readonly WrittenHere[]; readonly existing: EventId | null }
  | { readonly request: RequestId; readonly refusal: Refusal }

type Target = {
  readonly namespace: Namespace
  readonly segment: SegmentEntry | Pick<SegmentEntry, 'namespace' | 'id'> | null
}
type Group = {
  readonly target: Target
  readonly entries: { readonly request: RequestId; readonly event: Event }[]
  readonly records: Set<RecordId>
  readonly ids: Set<EventId>
}

/**
 * Writes the requests, in order. @param lastHlc the latest time seen; the answer's `hlc` is the latest given. @param agreedMs the time that
 * the voters agree on: further ahead of it than `clock_bound_ms` nothing is sealed.
 */
export const authorBatch = (
  context: AuthorContext,
  requests: readonly WriteRequest[],
  lastHlc: Hlc,
  nowMs: number,
  agreedMs: number = nowMs,
): { readonly authored: readonly Authored[]; readonly hlc: Hlc } => {
  const groups = new Map<string, Group>()
  const bodies = new Map<string, Body>()
  const writtenByRequest = new Map<RequestId, WrittenHere[]>()
  const answers = new Map<RequestId, Authored>()
  const freshIn = new Map<string, number>()
  let hlc = within(lastHlc, agreedMs)

  const seal = (key: string): void => {
    const group = groups.get(key)
    if (group === undefined) return
    groups.delete(key)
    for (const part of [group, ...partsOf(group)]) {
      const sealed = sealGroup(context, part, bodies, hlc, nowMs)
      if ('refused' in sealed) {
        if (isWhole(part))
          answers.set(part.entries[0]!.request, {
            request: part.entries[0]!.request,
            refusal: { code: 'refused', message: `the document does not take this: ${sealed.refused}` },
          })
        continue
      }
      hlc = sealed.hlc
      for (const request of new Set(part.entries.map((entry) => entry.request)))
        writtenByRequest.get(request)!.push(sealed.where)
      if (part === group) break
    }
  }
  const sealAll = (): void => {
    for (const key of groups.keys()) seal(key)
  }
  const sealTouching = ({ drafts, idempotent }: WriteRequest): void => {
    const records = drafts.flatMap(recordsOf)
    const touches = (group: Group): boolean =>
      records.some((record) => group.records.has(record)) ||
      (idempotent && drafts.some(({ event }) => group.ids.has(event)))
    for (const [key, group] of groups) if (touches(group)) seal(key)
  }

  for (const request of requests) {
    sealTouching(request)
    const planned = plan(context, request, freshIn, agreedMs)
    if ('refusal' in planned) {
      answers.set(request.id, { request: request.id, refusal: planned.refusal })
      continue
    }
    if ('existing' in planned) {
      answers.set(request.id, {
        request: request.id,
        written: planned.existing.written,
        existing: planned.existing.event.id,
      })
      continue
    }
    writtenByRequest.set(request.id, [])
    for (const body of request.bodies) bodies.set(body.ref, body)
    for (const { target, event } of planned.events) {
      const key = `${target.namespace} ${target.segment?.id ?? ''}`
      if ((groups.get(key)?.entries.length ?? 0) >= limits.events_per_commit_max) seal(key)
      const group = groups.get(key) ?? { target, entries: [], records: new Set<RecordId>(), ids: new Set<EventId>() }
      groups.set(key, group)
      group.entries.push({ request: request.id, event })
      group.ids.add(event.id)
      if ('record' in event) group.records.add(event.record)
    }
  }
  sealAll()
  for (const request of requests) {
    if (!answers.has(request.id))
      answers.set(request.id, {
        request: request.id,
        written: unique(writtenByRequest.get(request.id) ?? []),
        existing: null,
      })
  }
  return { authored: requests.map(({ id }) => answers.get(id)!), hlc }
}

// ── one request: which events, where ───────────────────────────────────────────────────────────────────────────────────

type Planned =
  | { readonly events: readonly { readonly target: Target; readonly event: Event }[] }
  | { readonly existing: Said }
  | { readonly refusal: Refusal }

const plan = (
  context: AuthorContext,
  request: WriteRequest,
  freshIn: Map<string, number>,
  agreedMs: number,
): Planned => {
  // Before anything that may have changed since: the request has been answered once.
  const repeated = request.idempotent ? repeatOf(context, request) : null
  if (repeated !== null) return repeated
  const refusal = request.precondition?.() ?? null
  if (refusal !== null) return { refusal }
  const events: { target: Target; event: Event }[] = []
  for (const draft of request.drafts) {
    const base = { v: 1 as const, id: draft.event, ns: request.namespace, agent: draft.agent, at: draft.at }
    if (draft.op === 'episode') {
      const { event: _id, agent: _agent, at: _at, op: _op, ...fields } = draft
      events.push({
        target: { namespace: request.namespace, segment: null },
        event: { ...base, kind: 'episode.append', ...fields } satisfies EpisodeAppend,
      })
      continue
    }
    if (draft.op === 'put') {
      const again = request.again && isInOwn(context, draft.record)
      // What an import put beside another of our own, and was left out since, goes beside it again.
      const beside = draft.beside === true || (again && isDerived(draft.event) && context.said(draft.event) === null)
      if (!beside && (again || !request.again) && context.isMade(draft.record))
        return { refusal: keyUsed(draft.record) }
      const segment = beside
        ? segmentBeside(context, request.namespace, draft.record, freshIn)
        : ownSegment(context, request.namespace, freshIn)
      events.push({
        target: { namespace: request.namespace, segment },
        event: {
          ...base,
          kind: 'memory.put',
          record: draft.record,
          set: draft.set,
          ...(draft.tags && { tags: draft.tags }),
        },
      })
      continue
    }
    const homes = homesOf(context.index, context.documents, holderOf(draft)!)
    if (homes.length === 0)
      return { refusal: { code: 'not_found', message: 'there is no such memory, or it is not visible to you' } }
    for (const [i, segment] of homes.entries()) {
      if (context.documents.open(segment).damaged) {
        return {
          refusal: {
            code: 'refused',
            message:
              "part of this memory's log is damaged and being fetched again from other peers: try again when health says ok",
          },
        }
      }
      // One event in every document where its id follows from a key, so that copies of it are known for what they are.
      const id = i === 0 || isDerived(draft.event) ? draft.event : (uuidV8(sha256(draft.event, segment.id)) as EventId)
      events.push({
        target: { namespace: segment.namespace, segment },
        event: changeEvent(draft, { ...base, id, ns: segment.namespace }),
      })
      if (draft.op === 'link') break
    }
  }
  const latest = events.reduce((most, { target }) => Math.max(most, pastOf(context, target)), 0) as Hlc
  return latest < latestAt(agreedMs) ? { events } : { refusal: sealedAhead(hlcMs(latest) - agreedMs) }
}

/** The latest time that a commit there must be after. */
const pastOf = (context: AuthorContext, { namespace, segment }: Target): Hlc => {
  const chain = context.chain(chainId(context.self, context.incarnation(), namespace))
  return Math.max(chain?.hlc ?? 0, segment === null ? 0 : headsHlc(context.documents.open(segment).segment)) as Hlc
}
const headsHlc = ({ heads, changeByCommit }: Segment): number => {
  let latest = 0
  for (const head of heads) latest = Math.max(latest, changeByCommit.get(head)?.hlc ?? 0)
  return latest
}

/** What the request has been answered before; null when its event is new here. A request with a key makes one event. */
const repeatOf = (context: AuthorContext, { drafts, bodies }: WriteRequest): Planned | null => {
  const [draft] = drafts
  const said = draft === undefined ? null : context.said(draft.event)
  if (draft === undefined || said === null) return null
  const fresh = new Map(bodies.map(({ ref, text }) => [ref, text]))
  const text = (ref: Ref): string | null => (fresh.has(ref) ? utf8.decode(fresh.get(ref)) : context.text(ref))
  return isSameRequest(draft, said.event, text)
    ? { existing: said }
    : { refusal: keyUsed('record' in said.event ? said.event.record : null) }
}
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

const keyUsed = (id: RecordId | null): Refusal => ({
  code: 'idempotency_conflict',
  message: 'this idempotency key was used with another request: repeat the first one unchanged, or take a new key',
  fields: id === null ? {} : { id },
})

/** The memory or link that a draft changes; null when it makes something new. */
export const holderOf = (draft: Draft): RecordId | null =>
  draft.op === 'put' || draft.op === 'episode' ? null : draft.op === 'link' ? draft.from : draft.record

/** The segments whose documents have it. */
export const homesOf = (index: LogIndex, documents: Documents, holder: RecordId): readonly SegmentEntry[] =>
  segmentsOf(index, holder).filter((segment) => documents.open(segment).segment.commitsByRecord.has(holder))

const isInOwn = ({ index, documents, self }: AuthorContext, record: RecordId): boolean =>
  homesOf(index, documents, record).some((segment) => segmentOwner(segment.id) === self)

const changeEvent = (
  draft: Exclude<Draft, { op: 'put' | 'episode' }>,
  base: { v: 1; id: EventId; ns: Namespace; agent: Draft['agent']; at: string },
): DocumentEvent => {
  switch (draft.op) {
    case 'patch':
      return {
        ...base,
        kind: 'memory.patch',
        record: draft.record,
        set: draft.set,
        ...(draft.tags && { tags: draft.tags }),
      }
    case 'link':
      return {
        ...base,
        kind: 'link.put',
        record: draft.record,
        from: draft.from,
        to: draft.to,
        relation: draft.relation,
        ...(draft.valid_from && { valid_from: draft.valid_from }),
        ...(draft.valid_until && { valid_until: draft.valid_until }),
      }
    case 'unlink':
      return { ...base, kind: 'link.remove', record: draft.record }
    default:
      return { ...base, kind: `memory.${draft.op}`, record: draft.record }
  }
}

/** One request's part of a group each, for when the group as a whole is refused because of one of them. */
const partsOf = (group: Group): Group[] =>
  isWhole(group)
    ? []
    : [...new Set(group.entries.map(({ request }) => request))].map((request) => ({
        ...group,
        entries: group.entries.filter((entry) => entry.request === request),
      }))
const isWhole = (group: Group): boolean => group.entries.every(({ request }) => request === group.entries[0]!.request)

// ── one group: derive, seal, apply ─────────────────────────────────────────────────────────────────────────────────────

const sealGroup = (
  context: AuthorContext,
  group: Group,
  bodies: ReadonlyMap<string, Body>,
  lastHlc: Hlc,
  nowMs: number,
): { readonly hlc: Hlc; readonly where: WrittenHere } | { readonly refused: string } => {
  const { namespace, segment: target } = group.target
  const incarnation = context.incarnation()
  const id = chainId(context.self, incarnation, namespace)
  const chain = context.chain(id) ?? emptyChain(id, context.self, incarnation, namespace)
  const open = target === null ? null : context.documents.open(target)
  const events = group.entries.map(({ event }) => event)
  const author = { peer: context.self, incarnation, chain: id }
  const sealed = events.map((event) => sealedEvent(context.index, event))
  const derivation =
    open === null
      ? null
      : derive(
          open.segment,
          author,
          [...open.segment.heads].sort().slice(0, limits.deps_max),
          sealed.map(({ event }) => event as DocumentEvent),
        )
  if (derivation !== null && 'refused' in derivation) return derivation
  const hlc = tick(Math.max(lastHlc, chain.hlc, open === null ? 0 : headsHlc(open.segment)) as Hlc, nowMs)
  const control = context.index.control
  const commit = sealCommit(
    {
      mesh: context.index.mesh,
      namespace,
      peer: context.self,
      incarnation,
      seq: chain.seq + 1,
      prev: chain.hash,
      history: bytesToHex(historyRoot(chain.history)),
      hlc,
      policy: control.head ?? (ZERO_HASH as never),
      segment: target?.id ?? null,
      deps: derivation?.deps ?? [],
      eventsRoot: eventsRoot(sealed),
      eventCount: sealed.length,
      changeHash: derivation?.hash ?? null,
    },
    sealed,
    context.keys,
  ) as AdmittedCommit
  if (open !== null && derivation !== null) {
    applyDerived(open.segment, derivation, commit)
    context.documents.ahead(open)
  }
  context.accept(commit, chain, control.seq, bodies.values())
  return { hlc, where: { chain: id, seq: commit.header.seq, hash: commit.hash } }
}

/** As everybody reads it: of what the mesh's level does not have yet nothing is derived, here neither. */
const sealedEvent = (index: LogIndex, event: Event): SealedEvent => {
  const bytes = encodeEvent(event, index.reads)
  const read = levelNow(index) < index.reads.level ? decodeEvent(bytes, readsAt(index.reads, levelNow(index))) : null
  if (read === null || !read.ok || read.unread === null) return { bytes, event, attestation: null }
  return { bytes, event: read.event, attestation: null, unread: read.unread }
}

const recordsOf = (draft: Draft): readonly RecordId[] =>
  'record' in draft ? ('from' in draft ? [draft.record, draft.from] : [draft.record]) : []
const unique = (written: readonly WrittenHere[]): readonly WrittenHere[] => [
  ...new Map(written.map((where) => [where.hash, where])).values(),
]
