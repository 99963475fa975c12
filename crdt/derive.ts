/**
 * Deriving: from events and the document as it is at `deps`, the Automerge operations that every peer computes alike.
 *
 * Nothing that somebody else wrote ever reaches Automerge's parser: a change is encoded here from checked events, and its
 * hash must equal the commit's `changeHash`. Operations stand in the events' order; an operation's predecessors are the
 * values visible at deps, or written earlier in the same commit.
 *
 * The document: root { memories: { id: { register…, tags: { tag: true } } }, links: { id: { register… } } }. Everything is a
 * scalar; text registers hold body refs. A patch of a memory that exists twice in one document goes to its leader.
 */
import type { Document, Heads, Op } from './automerge.ts'
import { TEXT_FIELDS, type DocumentEvent, type LinkPut, type MemoryPatch, type MemoryPut } from './event.ts'
import type { RecordId } from './ids.ts'
import { compareWritten, type EventSpan, type Written } from './provenance.ts'

export type Derived = {
  readonly ops: readonly Op[]
  readonly spans: readonly EventSpan[]
  readonly memories: number
  readonly links: number
}

/** The document as derivation sees it: values visible at the deps. */
export type View = {
  readonly document: () => Document
  /** Whether a commit in the document touched the record: else nothing is asked about it, so a put of a new one needs no document. */
  readonly isKnown: (record: RecordId) => boolean
  /** Null when deps are the document's present heads, which is the fast way. */
  readonly heads: Heads | null
  readonly writerOf: (opId: string) => Written
}

export const GENESIS_ACTOR = '00'.repeat(16)
export const MEMORIES = `1@${GENESIS_ACTOR}`
export const LINKS = `2@${GENESIS_ACTOR}`

/** @param startOp counter of the first operation. @returns the operations, or why the events may not stand here. */
export const deriveOps = (
  view: View,
  events: readonly DocumentEvent[],
  actor: string,
  startOp: number,
): Derived | { readonly refused: string } => {
  const draft = createDraft(view, actor, startOp)
  const spans: EventSpan[] = []
  const created = { memories: 0, links: 0 }
  for (const event of events) {
    const firstOp = startOp + draft.ops.length
    const refused = write(draft, event, created)
    if (refused !== null) return { refused }
    spans.push({
      event: event.id,
      kind: event.kind,
      record: event.record,
      agent: event.agent,
      at: event.at,
      firstOp,
      opCount: startOp + draft.ops.length - firstOp,
      said: event,
    })
  }
  return { ops: draft.ops, spans, ...created }
}

const write = (draft: Draft, event: DocumentEvent, created: { memories: number; links: number }): string | null => {
  switch (event.kind) {
    case 'memory.put': {
      if (draft.objectOf(MEMORIES, event.record) !== null) return 'put_of_an_existing_memory'
      created.memories++
      return putMemory(draft, event)
    }
    case 'link.put': {
      if (draft.objectOf(MEMORIES, event.from) === null) return 'link_from_an_unknown_memory'
      if (draft.objectOf(LINKS, event.record) === null) created.links++
      return putLink(draft, event)
    }
    case 'link.remove':
      return onObject(draft, LINKS, event.record, (link) => draft.set(link, 'removed', true))
    case 'memory.patch':
      return onObject(draft, MEMORIES, event.record, (memory) => patchMemory(draft, memory, event))
    case 'memory.forget':
      return onObject(draft, MEMORIES, event.record, (memory) => draft.set(memory, 'forgotten', true))
    case 'memory.restore':
      return onObject(draft, MEMORIES, event.record, (memory) => draft.set(memory, 'forgotten', false))
    case 'memory.erase':
      return onObject(draft, MEMORIES, event.record, (memory) => {
        draft.set(memory, 'forgotten', true)
        draft.set(memory, 'erased', true)
      })
  }
}

const onObject = (draft: Draft, parent: string, record: RecordId, then: (object: string) => void): string | null => {
  const object = draft.objectOf(parent, record)
  if (object === null) return parent === LINKS ? 'unknown_link' : 'unknown_memory'
  then(object)
  return null
}

const putMemory = (draft: Draft, event: MemoryPut): null => {
  const memory = draft.make(MEMORIES, event.record)
  draft.make(memory, 'tags')
  patchMemory(draft, memory, event)
  return null
}

const patchMemory = (draft: Draft, memory: string, { set, tags }: MemoryPut | MemoryPatch): void => {
  for (const field of SCALAR_FIELDS) {
    const value = set[field]
    if (value === null) draft.clear(memory, field)
    else if (value !== undefined) draft.set(memory, field, value)
  }
  for (const field of TEXT_FIELDS) {
    const body = set[field]
    if (body === null) draft.clear(memory, field)
    else if (body !== undefined) draft.set(memory, field, body.ref)
  }
  if (tags === undefined) return
  const tagMap = draft.objectOf(memory, 'tags')!
  for (const tag of tags.add) draft.set(tagMap, tag, true)
  for (const tag of tags.remove) draft.clear(tagMap, tag)
}

const putLink = (draft: Draft, event: LinkPut): null => {
  const link = draft.objectOf(LINKS, event.record) ?? draft.make(LINKS, event.record)
  draft.set(link, 'from', event.from)
  draft.set(link, 'to', event.to)
  draft.set(link, 'relation', event.relation)
  for (const field of ['valid_from', 'valid_until'] as const) {
    const value = event[field]
    if (value === undefined) draft.clear(link, field)
    else draft.set(link, field, value)
  }
  draft.set(link, 'removed', false)
  return null
}

export const SCALAR_FIELDS = [
  'kind',
  'tier',
  'priority',
  'confidence',
  'scope',
  'run_id',
  'occurred_at',
  'expires_at',
] as const

// ── the draft: operations so far, and what is visible with them ────────────────────────────────────────────────────────

type Draft = ReturnType<typeof createDraft>

const createDraft = (view: View, actor: string, startOp: number) => {
  const ops: Op[] = []
  /** What is visible, by object and key: looked up once, then as this commit leaves it. */
  const visibleByPlace = new Map<string, string[]>()
  const fresh = new Set<string>()

  const isNew = (object: string, key: string): boolean =>
    fresh.has(object) || ((object === MEMORIES || object === LINKS) && !view.isKnown(key as RecordId))
  const visible = (object: string, key: string): string[] => {
    const place = `${object}/${key}`
    const known = visibleByPlace.get(place)
    if (known !== undefined) return known
    const found = isNew(object, key) ? [] : valuesAt(view, object, key).map(opIdOf).sort(compareOpIds)
    visibleByPlace.set(place, found)
    return found
  }
  const append = (op: Op, leavesVisible: boolean): string => {
    const id = `${startOp + ops.length}@${actor}`
    ops.push(op)
    visibleByPlace.set(`${op.obj}/${op.key}`, leavesVisible ? [id] : [])
    return id
  }

  return {
    ops,
    /** The map under `key`: the one this commit made, or the leader of those visible; null when there is none. */
    objectOf: (parent: string, key: string): string | null => {
      const candidates = visible(parent, key)
      if (candidates.length < 2) return candidates[0] ?? null
      return candidates.toSorted((a, b) => compareWritten(view.writerOf(a), view.writerOf(b)))[0]!
    },
    make: (parent: string, key: string): string => {
      const id = append({ action: 'makeMap', obj: parent, key, pred: visible(parent, key) }, true)
      fresh.add(id)
      return id
    },
    set: (object: string, key: string, value: string | number | boolean): void => {
      const typed =
        typeof value === 'number' ? { value, datatype: key === 'confidence' ? 'float64' : 'int' } : { value }
      append({ action: 'set', obj: object, key, ...typed, pred: visible(object, key) }, true)
    },
    clear: (object: string, key: string): void => {
      const pred = visible(object, key)
      if (pred.length > 0) append({ action: 'del', obj: object, key, pred }, false)
    },
  }
}

type Entry = readonly [type: string, valueOrObject: unknown, opId?: string]

export const valuesAt = (
  { document, heads }: Pick<View, 'document' | 'heads'>,
  object: string,
  key: string,
): readonly Entry[] => (heads === null ? document().getAll(object, key) : document().getAll(object, key, heads))

/** A map's id is its operation's; a scalar carries its operation's id third. */
export const opIdOf = (entry: Entry): string => (entry[2] ?? entry[1]) as string

/** Lamport order, as Automerge keeps predecessors: counter first, then actor. */
const compareOpIds = (a: string, b: string): number => {
  const [counterA, actorA] = a.split('@') as [string, string]
  const [counterB, actorB] = b.split('@') as [string, string]
  return Number(counterA) - Number(counterB) || (actorA < actorB ? -1 : 1)
}
