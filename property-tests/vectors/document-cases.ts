/**
 * The byte vectors of documents: commits in the order in which a log took them, each with the Automerge change that it
 * stands for, and what the memories read as in the end.
 */
import { decodeChange } from '@automerge/automerge'
import type { Commit } from '../../crdt/commit.ts'
import type { DocumentEvent, MemoryPatch, MemoryPut } from '../../crdt/event.ts'
import { bytesToHex, segmentId, type ChangeHash, type RecordId, type SegmentId } from '../../crdt/ids.ts'
import { readLink, readMemory, type RecordState, type Scalar } from '../../crdt/reading.ts'
import { derive, documentHeads } from '../../crdt/segment.ts'
import {
  NOW_MS,
  NS,
  body,
  createReplica,
  hlcAt,
  meshOf,
  record,
  said,
  type TestReplica,
} from '../../crdt/test-support.ts'

export type ReadingVector = {
  readonly id: string
  readonly created: string
  readonly updated: string
  readonly segments: readonly string[]
  readonly registers: Readonly<
    Record<string, readonly { readonly value: Scalar; readonly event: string; readonly hlc: number }[]>
  >
  readonly tags: readonly string[]
  readonly forgotten: boolean
  readonly erased: boolean
  readonly edited_meanwhile: readonly string[]
}
export type DocumentVectors = {
  readonly mesh: string
  readonly namespace: string
  /** The control log, to be taken first. */
  readonly control: readonly string[]
  /** In arrival order. `change` is null where the commit stays out of the document, and `left_out` says why. */
  readonly commits: readonly {
    readonly name: string
    readonly bytes: string
    readonly hash: string
    readonly history: string
    readonly left_out: string | null
    readonly change: string | null
    readonly change_hash: string | null
    readonly actor?: string
    readonly seq?: number
    readonly start_op?: number
    readonly deps?: readonly string[]
    readonly ops?: readonly object[]
  }[]
  readonly segments: readonly { readonly id: string; readonly heads: readonly string[] }[]
  readonly memories: readonly ReadingVector[]
  readonly links: readonly ReadingVector[]
}

export const readingVector = (state: RecordState): ReadingVector => ({
  id: state.id,
  created: state.created.event,
  updated: state.updated.event,
  segments: state.segments,
  tags: state.tags,
  forgotten: state.forgotten,
  erased: state.erased,
  registers: Object.fromEntries(
    [...state.registers].map(([name, { values }]) => [
      name,
      values.map(({ value, by }) => ({ value, event: by.event, hlc: by.hlc })),
    ]),
  ),
  edited_meanwhile: state.editedMeanwhile.map(({ event }) => event),
})

const [M1, M2, LINK] = [record(1), record(2), record(9)] as [RecordId, RecordId, RecordId]
const put = (n: number, of: RecordId, set: Partial<MemoryPut['set']> = {}, add: readonly string[] = []): MemoryPut => ({
  ...said('memory.put', n),
  record: of,
  set: { content: body(`text ${n}`), ...set },
  tags: { add, remove: [] },
})
const patch = (n: number, set: MemoryPatch['set'], tags?: MemoryPatch['tags']): MemoryPatch => ({
  ...said('memory.patch', n),
  record: M1,
  set,
  ...(tags && { tags }),
})

export const makeDocumentVectors = (): DocumentVectors => {
  const mesh = meshOf(1, 2)
  const [a, b] = [createReplica(mesh, 1), createReplica(mesh, 2)]
  const [homeA, homeB] = [segmentId(a.peer, 0), segmentId(b.peer, 0)]
  const commits: DocumentVectors['commits'][number][] = []
  let time = 0

  /** Writes at `author`; `hears` is what it takes first, so that who has not heard writes concurrently. */
  const say = (
    name: string,
    author: TestReplica,
    where: SegmentId,
    events: readonly DocumentEvent[],
    hears = true,
  ): Commit => {
    if (hears) for (const other of [a, b]) for (const commit of other.log) author.take(commit.bytes)
    const segment = author.segment(where)
    const derivation = derive(
      segment,
      { peer: author.peer, incarnation: author.incarnation, chain: author.chainOf(NS).id },
      [...segment.heads].sort(),
      events,
    )
    if ('refused' in derivation) throw new Error(`${name}: ${derivation.refused}, mend the case`)
    const commit = author.write(hlcAt(NOW_MS, ++time), where, ...events)
    const { actor, seq, startOp, deps, ops } = decodeChange(derivation.change)
    commits.push({
      name,
      bytes: bytesToHex(commit.bytes),
      hash: commit.hash,
      history: commit.header.history,
      left_out: null,
      change: bytesToHex(derivation.change),
      change_hash: derivation.hash,
      actor,
      seq,
      start_op: startOp,
      deps,
      ops,
    })
    return commit
  }
  /** Well formed, signed and admitted, but no change that this past and these events make. */
  const lie = (
    name: string,
    author: TestReplica,
    where: SegmentId,
    events: readonly DocumentEvent[],
    header: Partial<Commit['header']> = {},
  ): void => {
    const commit = author.seal(hlcAt(NOW_MS, ++time), where, events, header)
    const verdict = author.take(commit.bytes)
    if (verdict.kind !== 'admitted' || typeof verdict.left_out !== 'string')
      throw new Error(`${name} is in the document: mend the case`)
    commits.push({
      name,
      bytes: bytesToHex(commit.bytes),
      hash: commit.hash,
      history: commit.header.history,
      left_out: verdict.left_out,
      change: null,
      change_hash: commit.header.changeHash,
    })
  }

  say('put with every register', a, homeA, [
    put(
      1,
      M1,
      {
        title: body('title'),
        metadata: body('{}'),
        kind: 'fact',
        tier: 'mid',
        priority: 5,
        confidence: 0.5,
        source: body('s'),
        scope: 's',
        run_id: 'r',
        occurred_at: '2026-01-01T00:00:00.000Z',
        expires_at: '2027-01-01T00:00:00.000Z',
      },
      ['old', 'kept'],
    ),
  ])
  say('patch', b, homeA, [patch(2, { priority: 1 })])
  say('patch, concurrently', a, homeA, [patch(3, { priority: 2 })], false)
  say('patch with two predecessors', b, homeA, [patch(4, { priority: 9 })])
  say('tags added and removed', a, homeA, [patch(5, {}, { add: ['new'], remove: ['old', 'never there'] })])
  say('a register cleared', a, homeA, [patch(6, { title: null, confidence: 1 })])
  say('a patch that says nothing', a, homeA, [patch(7, {})])
  say('a tag added again', b, homeA, [patch(8, {}, { add: ['kept'], remove: [] })])
  say('and removed, concurrently: the add wins', a, homeA, [patch(9, {}, { add: [], remove: ['kept'] })], false)
  say('three events in one commit', a, homeA, [
    put(10, M2),
    {
      ...said('link.put', 11),
      record: LINK,
      from: M2,
      to: M1,
      relation: 'about',
      valid_from: '2026-01-01T00:00:00.000Z',
    },
    { ...patch(12, { priority: 3 }), record: M2 },
  ])
  say('a link put again, without its time', b, homeA, [
    { ...said('link.put', 13), record: LINK, from: M2, to: M1, relation: 'about' },
  ])
  say('a link removed', a, homeA, [{ ...said('link.remove', 14), record: LINK }])
  say('forgotten', a, homeA, [{ ...said('memory.forget', 15), record: M1 }])
  say('edited meanwhile', b, homeA, [patch(16, { kind: 'task' })], false)
  say('another memory erased', a, homeA, [{ ...said('memory.erase', 17), record: M2 }])
  say('and restored: hidden no more, erased still', b, homeA, [{ ...said('memory.restore', 18), record: M2 }])
  say('a twin', b, homeB, [put(19, M1, { source: body('twin'), priority: 4 }, ['twin'])])
  for (const commit of a.log) b.take(commit.bytes)
  lie('another change hash', b, homeA, [patch(20, { priority: 7 })], { changeHash: 'ab'.repeat(32) as ChangeHash })
  lie('made on one that was left out', b, homeA, [patch(21, { priority: 8 })], { deps: [b.log.at(-1)!.hash] })
  lie('without its own last change in its past', b, homeA, [patch(22, { priority: 8 })], {
    deps: [a.log.at(-1)!.header.deps[0] ?? a.log.at(-1)!.hash],
  })
  lie('a patch of nothing', b, homeA, [{ ...patch(23, {}), record: record(77) }])
  lie('a link from nothing', b, homeA, [
    { ...said('link.put', 24), record: record(78), from: record(77), to: M1, relation: 'about' },
  ])
  lie('a put of what is there', b, homeB, [put(25, M1)])

  const segments = [homeA, homeB].map((id) => b.segment(id))
  const readings = (read: typeof readMemory, ids: readonly RecordId[]): readonly ReadingVector[] =>
    ids.map((id) => {
      const state = read(segments, id)
      if (state === null) throw new Error(`${id} is not there: mend the case`)
      return readingVector(state)
    })
  return {
    mesh: mesh.id,
    namespace: NS,
    control: mesh.control.map(({ bytes }) => bytesToHex(bytes)),
    commits,
    segments: segments.map((segment) => ({ id: segment.id, heads: documentHeads(segment) })),
    memories: readings(readMemory, [M1, M2]),
    links: readings(readLink, [LINK]),
  }
}
