/**
 * Deriving, against Automerge itself: the same edits through its public API, on a copy with the same actor, must make the
 * same change, byte for byte.
 *
 * The oracle knows nothing of ids, predecessors or counters: it assigns and deletes keys of a JavaScript object. Two things
 * it does otherwise, and such commits are passed over: it writes nothing for a value that is there already, and of twins in
 * one document it edits the one with the greatest operation id, where ours is the first in (hlc, event id).
 */
import * as A from '@automerge/automerge'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LINKS, MEMORIES, SCALAR_FIELDS, valuesAt } from './derive.ts'
import { TEXT_FIELDS, type DocumentEvent, type MemorySet } from './event.ts'
import { segmentId } from './ids.ts'
import { actorOf, derive, type Segment } from './segment.ts'
import { LINKS_OF_HISTORY, RECORDS, historyArb, play } from './history.test-support.ts'
import { NOW_MS, NS, body, createReplica, hlcAt, meshOf, record, said, type TestReplica } from './test-support.ts'

type Fields = Record<string, unknown>
type Doc = { memories: Record<string, Fields>; links: Record<string, Fields> }

/** What a user of Automerge would write for the events. @returns null when a value was there already. */
const oracle = (before: Uint8Array, actor: string, events: readonly DocumentEvent[]): A.DecodedChange | null => {
  let writesNothing = false
  const assign = (target: Fields, field: string, value: unknown): void => {
    const present = target[field]
    if (value === null) {
      delete target[field]
      return
    }
    if (present !== undefined && (A.isImmutableString(present) ? present.val : present) === value) writesNothing = true
    if (typeof value === 'number') target[field] = field === 'confidence' ? new A.Float64(value) : new A.Int(value)
    else target[field] = typeof value === 'string' ? new A.ImmutableString(value) : value
  }
  const assignSet = (target: Fields, set: MemorySet): void => {
    for (const field of SCALAR_FIELDS) if (set[field] !== undefined) assign(target, field, set[field])
    for (const field of TEXT_FIELDS) if (set[field] !== undefined) assign(target, field, set[field]?.ref ?? null)
  }
  const edit = (doc: Doc, event: DocumentEvent): void => {
    switch (event.kind) {
      case 'memory.put':
        doc.memories[event.record] = {}
        doc.memories[event.record]!['tags'] = {}
        return editMemory(doc.memories[event.record]!, event)
      case 'memory.patch':
        return editMemory(doc.memories[event.record]!, event)
      case 'memory.forget':
        return assign(doc.memories[event.record]!, 'forgotten', true)
      case 'memory.restore':
        return assign(doc.memories[event.record]!, 'forgotten', false)
      case 'memory.erase':
        assign(doc.memories[event.record]!, 'forgotten', true)
        return assign(doc.memories[event.record]!, 'erased', true)
      case 'link.put': {
        if (doc.links[event.record] === undefined) doc.links[event.record] = {}
        const link = doc.links[event.record]!
        for (const field of ['from', 'to', 'relation'] as const) assign(link, field, event[field])
        for (const field of ['valid_from', 'valid_until'] as const) assign(link, field, event[field] ?? null)
        return assign(link, 'removed', false)
      }
      case 'link.remove':
        return assign(doc.links[event.record]!, 'removed', true)
    }
  }
  const editMemory = (memory: Fields, event: DocumentEvent & { kind: 'memory.put' | 'memory.patch' }): void => {
    assignSet(memory, event.set)
    const tags = memory['tags'] as Fields
    for (const tag of event.tags?.add ?? []) assign(tags, tag, true)
    for (const tag of event.tags?.remove ?? []) assign(tags, tag, null)
  }
  const after = A.change(A.load<Doc>(before, { actor }), { time: 0 }, (doc) => {
    for (const event of events) edit(doc, event)
  })
  const change = A.getLastLocalChange(after)
  return writesNothing || change === undefined ? null : A.decodeChange(change)
}

const hasTwins = (segment: Segment): boolean =>
  RECORDS.some((id) => valuesAt({ document: segment.document.current, heads: null }, MEMORIES, id).length > 1) ||
  LINKS_OF_HISTORY.some((id) => valuesAt({ document: segment.document.current, heads: null }, LINKS, id).length > 1)

const derivedChange = (replica: TestReplica, segment: Segment, events: readonly DocumentEvent[]): A.DecodedChange => {
  const derivation = derive(
    segment,
    { peer: replica.peer, incarnation: replica.incarnation, chain: replica.chainOf(NS).id },
    [...segment.heads].sort(),
    events,
  )
  if ('refused' in derivation) throw new Error(derivation.refused)
  return A.decodeChange(derivation.change)
}

describe('a derived change', () => {
  it('is the one that Automerge makes of the same edits: operations, predecessors, datatypes, deps, counters', () => {
    const seen = { compared: 0, conflicts: 0, merges: 0 }
    fc.assert(
      fc.property(historyArb, (history) => {
        play(history, ({ replica, where, events }) => {
          const segment = replica.segment(where)
          const ours = derivedChange(replica, segment, events)
          if (ours.ops.length === 0 || hasTwins(segment)) return
          const theirs = oracle(segment.document.current().save(), ours.actor, events)
          if (theirs === null) return
          seen.compared++
          if (ours.ops.some(({ pred }) => pred.length > 1)) seen.conflicts++
          if (ours.deps.length > 1) seen.merges++
          // Automerge also names the actor's own last change where somebody has written on top of it: implied, so ours does not.
          const ownLast = segment.changesByActor.get(ours.actor)?.at(-1)?.change
          expect(theirs.deps.filter((dep) => dep !== ownLast)).toEqual(ours.deps.filter((dep) => dep !== ownLast))
          expect(A.decodeChange(A.encodeChange({ ...theirs, deps: ours.deps }))).toEqual(ours)
        })
      }),
      { numRuns: 25, endOnFailure: true },
    )
    expect(seen.compared).toBeGreaterThan(100)
    expect(seen.conflicts).toBeGreaterThan(0)
    expect(seen.merges).toBeGreaterThan(5)
  })

  it('names both of two concurrent values as predecessors, the older counter first', () => {
    const mesh = meshOf(1, 2)
    const [a, b] = [createReplica(mesh, 1), createReplica(mesh, 2)]
    const home = segmentId(a.peer, 0)
    b.take(
      a.write(hlcAt(NOW_MS), home, { ...said('memory.put', 1), record: record(1), set: { content: body('x') } }).bytes,
    )
    const patch = (n: number, priority: number): DocumentEvent => ({
      ...said('memory.patch', n),
      record: record(1),
      set: { priority },
    })
    const [left, right] = [a.write(hlcAt(NOW_MS, 1), home, patch(2, 1)), b.write(hlcAt(NOW_MS, 2), home, patch(3, 2))]
    a.take(right.bytes)
    const segment = a.segment(home)
    const [op] = derivedChange(a, segment, [patch(4, 9)]).ops
    const actors = [a, b]
      .map((replica) =>
        actorOf({ peer: replica.peer, incarnation: replica.incarnation, chain: replica.chainOf(NS).id }, segment),
      )
      .sort()
    const counter = segment.changeByCommit.get(left.hash)!.startOp
    expect(segment.changeByCommit.get(right.hash)!.startOp).toBe(counter)
    expect(op).toMatchObject({
      action: 'set',
      key: 'priority',
      value: 9,
      datatype: 'int',
      pred: actors.map((actor) => `${counter}@${actor}`),
    })
  })

  it('writes a value that is there already once more: whoever says it last is its writer', () => {
    const a = createReplica(meshOf(1), 1)
    const home = segmentId(a.peer, 0)
    a.write(hlcAt(NOW_MS), home, {
      ...said('memory.put', 1),
      record: record(1),
      set: { content: body('x') },
      tags: { add: ['t'], remove: [] },
    })
    expect(
      derivedChange(a, a.segment(home), [
        {
          ...said('memory.patch', 2),
          record: record(1),
          set: { content: body('x') },
          tags: { add: ['t'], remove: ['u'] },
        },
      ]).ops,
    ).toHaveLength(2)
  })
})
