/** The index document: the same bytes on every peer, whatever order its segments became known in. */
import * as A from '@automerge/automerge'
import { describe, expect, test } from 'vitest'
import { segmentId, type MeshId, type Namespace, type PeerId, type SegmentId } from '../../crdt/ids.ts'
import { indexUrl, parseDocumentId, indexKey, segmentKey, segmentUrl } from './document-id.ts'
import { openIndexDocument, type IndexDocument } from './index-document.ts'
import { liveLimits } from './limits.ts'

const ns = 'team/api' as Namespace
const mesh = 'ab'.repeat(32) as MeshId
const owner = (n: number): PeerId => n.toString(16).padStart(64, '0') as PeerId
const segments = (peer: PeerId, count: number) => Array.from({ length: count }, (_, index) => segmentId(peer, index))
const open = (list: readonly SegmentId[]) => {
  const index = openIndexDocument(ns, (segment) => segmentUrl(mesh, ns, segment))
  enlist(index, list)
  return index
}
const enlist = (index: IndexDocument, list: readonly SegmentId[]): void => {
  index.add(list)
  while (index.grow());
}

describe('an index', () => {
  test('is the same whatever the order in which its segments became known', () => {
    const all = [...segments(owner(1), 70), ...segments(owner(2), 130)]
    const atOnce = open(all)
    const backwards = openIndexDocument(ns, (segment) => segmentUrl(mesh, ns, segment))
    for (const segment of all.toReversed()) enlist(backwards, [segment])
    expect(backwards.heads()).toEqual(atOnce.heads())
    expect(A.load(atOnce.save()!)).toEqual(A.load(backwards.save()!))
  })

  test('of one peer merges with another that knows other segments, without a conflict', () => {
    const left = open(segments(owner(1), 64))
    const right = open([...segments(owner(1), 40), segmentId(owner(2), 3)])
    const merged = A.merge(
      A.load<{ segments: Record<string, unknown> }>(left.save()!),
      A.load<{ segments: Record<string, unknown> }>(right.save()!),
    )
    expect(Object.keys(merged.segments)).toHaveLength(65)
    for (const segment of Object.keys(merged.segments)) expect(A.getConflicts(merged.segments, segment)).toBeUndefined()
    enlist(right, segments(owner(1), 64))
    expect(A.getHeads(merged).sort()).toEqual(right.heads())
  })

  test('keeps its heads few: one for each whole block of 64', () => {
    expect(open(segments(owner(1), 63)).heads()).toHaveLength(63)
    expect(open(segments(owner(1), 64)).heads()).toHaveLength(1)
    expect(open(segments(owner(1), 130)).heads()).toHaveLength(4)
  })

  test('says how many it could not list', () => {
    const index = openIndexDocument(ns, (segment) => segmentUrl(mesh, ns, segment))
    expect(index.add(segments(owner(1), liveLimits.live_index_segments_max - 1))).toBe(0)
    expect(index.add([segmentId(owner(2), 0), segmentId(owner(2), 1), segmentId(owner(1), 0)])).toBe(1)
  })
})

describe('document ids', () => {
  test('are found again from the URL that a client asks for, and differ by mesh, namespace, segment and kind', () => {
    const [segment] = segments(owner(1), 1) as [SegmentId]
    expect(parseDocumentId(indexUrl(mesh, ns).slice('automerge:'.length))).toBe(indexKey(mesh, ns))
    expect(parseDocumentId(segmentUrl(mesh, ns, segment).slice('automerge:'.length))).toBe(
      segmentKey(mesh, ns, segment),
    )
    const others = ['cd'.repeat(32) as MeshId, mesh].flatMap((other) =>
      ['a', 'team/api'].flatMap((name) => [
        indexUrl(other, name as Namespace),
        segmentUrl(other, name as Namespace, segment),
      ]),
    )
    expect(new Set(others).size).toBe(8)
    for (const bad of ['', 'x', '0OIl', 'a'.repeat(10_000), '3yZe7d']) expect(parseDocumentId(bad)).toBeNull()
  })

  test('stay as they are: readers keep these addresses', () => {
    expect(indexUrl(mesh, ns)).toBe('automerge:BoD7E42vuajmi9P2yuHtefXfJLt')
  })
})
