/**
 * Re-offering: what we wrote on top of commits that a fork or a revocation left out, or have left behind ourselves, said again by new commits.
 *
 * The events are the same bytes, so an agent's word stays its word; only the commit around them is new. Nothing that is in the
 * documents already is said twice.
 */
import { isWriter } from '../../crdt/control.ts'
import type { DocumentEvent, EpisodeAppend } from '../../crdt/event.ts'
import type { EventId, PeerId, RecordId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { holderOf, homesOf } from './author.ts'
import { branchErasures } from './branch-erasures.ts'
import type { Commits } from './commits.ts'
import type { Documents } from './documents.ts'
import type { LeftBehind } from './left-behind.ts'
import type { LogIndex } from './log-index.ts'
import type { Draft, WriteRequest } from './types.ts'

/** One request an event, of what we said ourselves, and of what we have to say of branches that we acted on. */
export const reoffer = (
  index: LogIndex,
  commits: Commits,
  left: readonly LeftBehind[],
  self: PeerId,
  nowMs: number,
): readonly WriteRequest[] => {
  if (!isWriter(index.control, self)) return []
  const ours = left.flatMap(({ commit, event }) => {
    const draft = commit.header.peer === self ? draftOf(event) : null
    return draft === null ? [] : [{ namespace: event.ns, draft }]
  })
  return [...ours, ...branchErasures(index, commits, self)].map(({ namespace, draft }) => ({
    id: -1,
    namespace,
    drafts: [draft],
    bodies: [],
    precondition: null,
    idempotent: false,
    again: true,
    quorum: 1,
    deadlineMs: nowMs + limits.quorum_timeout_ms_default,
  }))
}

/** What is to be said again. A change of a memory that somebody else has to say again first waits for that. */
export type Reoffers = {
  /** What waits already is not taken twice. */
  add(requests: readonly WriteRequest[]): void
  /** What can be written in one flush. */
  take(max: number): readonly WriteRequest[]
  /** The disk refused them: they wait until the documents have grown, or somebody says so. */
  failed(requests: readonly WriteRequest[]): void
  /** What waits may have its memory now. @param records that the documents may have since; all, when it is not known which. */
  grown(records?: ReadonlySet<string>): void
  readonly ready: number
}

export const createReoffers = (index: LogIndex, documents: Documents): Reoffers => {
  let ready: WriteRequest[] = []
  /** Kept up to a bound; all are found again by the next start. */
  let waiting: WriteRequest[] = []
  const eventOf = ({ drafts }: WriteRequest): EventId | undefined => drafts[0]?.event
  const isHere = ({ drafts }: WriteRequest): boolean => {
    const holder = drafts[0] === undefined ? null : holderOf(drafts[0])
    if (holder === null) return true
    const homes = homesOf(index, documents, holder)
    return homes.length > 0 && homes.every((home) => !documents.open(home).damaged)
  }
  return {
    add: (requests) => {
      const known = new Set([...ready, ...waiting].map(eventOf))
      for (const request of requests) if (!known.has(eventOf(request))) ready.push(request)
    },
    take: (max) => {
      if (ready.length === 0) return []
      const here = new Set(ready.filter(isHere))
      for (const request of ready)
        if (!here.has(request) && waiting.length < limits.reoffers_waiting_max) waiting.push(request)
      ready = [...here]
      return takeTogether(ready, max)
    },
    failed: (requests) => {
      waiting = [...requests, ...waiting]
    },
    grown: (records) => {
      if (waiting.length === 0) return
      // Whether it is here may take the replay of a cold segment: asked only of those that the news is about.
      const isNews = ({ drafts }: WriteRequest): boolean =>
        records === undefined || drafts[0] === undefined || records.has(holderOf(drafts[0]) ?? '')
      const here = new Set(waiting.filter((request) => isNews(request) && isHere(request)))
      for (const request of here) ready.push(request)
      waiting = waiting.filter((request) => !here.has(request))
    },
    get ready() {
      return ready.length
    },
  }
}

/** Takes from the front what can be written in one flush: nothing that changes a record which that flush only makes. */
const takeTogether = (waiting: WriteRequest[], max: number): WriteRequest[] => {
  const made = new Set<RecordId>()
  let count = 0
  for (const { drafts } of waiting) {
    const [draft] = drafts
    const touches =
      draft !== undefined && 'record' in draft && (made.has(draft.record) || ('from' in draft && made.has(draft.from)))
    if (touches || count >= max) break
    if (draft?.op === 'put') made.add(draft.record)
    count++
  }
  return waiting.splice(0, count)
}

const draftOf = (event: DocumentEvent | EpisodeAppend): Draft | null => {
  const base = { event: event.id, agent: event.agent, at: event.at }
  switch (event.kind) {
    case 'episode.append': {
      const { v: _v, id: _id, ns: _ns, kind: _kind, ...fields } = event
      return { ...fields, ...base, op: 'episode' }
    }
    case 'memory.put':
      return { ...base, op: 'put', record: event.record, set: event.set, tags: event.tags ?? null }
    case 'memory.patch':
      return { ...base, op: 'patch', record: event.record, set: event.set, tags: event.tags ?? null }
    case 'memory.forget':
    case 'memory.restore':
    case 'memory.erase':
      return {
        ...base,
        op: event.kind === 'memory.forget' ? 'forget' : event.kind === 'memory.restore' ? 'restore' : 'erase',
        record: event.record,
      }
    case 'link.put':
      return {
        ...base,
        op: 'link',
        record: event.record,
        from: event.from,
        to: event.to,
        relation: event.relation,
        ...(event.valid_from && { valid_from: event.valid_from }),
        ...(event.valid_until && { valid_until: event.valid_until }),
      }
    case 'link.remove':
      return { ...base, op: 'unlink', record: event.record }
    default:
      return null
  }
}
