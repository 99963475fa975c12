/** The vectors of format levels on file, read as another implementation would read them: changes with Automerge. */
import { applyChanges, encodeChange, getHeads, init } from '@automerge/automerge'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../crdt/canonical.ts'
import { OWN_READS, readsAt } from '../../crdt/event-schema.ts'
import { decodeCommit, textsOf } from '../../crdt/commit.ts'
import { levelAt } from '../../crdt/control.ts'
import { decodeEvent, kindOf } from '../../crdt/event.ts'
import { hexToBytes, type MeshId, type SegmentId } from '../../crdt/ids.ts'
import { documentHeads } from '../../crdt/segment.ts'
import { createMesh, createReplica } from '../../crdt/test-support.ts'
import { makeLevelVectors, type LevelVectors } from './level-cases.ts'

const vectors = JSON.parse(readFileSync(new URL('level.json', import.meta.url), 'utf8')) as LevelVectors

it('the file is what the script makes', () => expect(JSON.parse(JSON.stringify(makeLevelVectors()))).toEqual(vectors))

it.each(vectors.events)('event: $name', ({ bytes, kind, reads_as, unread, texts }) => {
  const read = decodeEvent(hexToBytes(bytes), readsAt(OWN_READS, 1))
  if (!read.ok) throw new Error(read.reason)
  expect([kindOf(read.event), read.event.kind === 'unknown' ? null : (read.event as Json), read.unread]).toEqual([
    kind,
    reads_as,
    { fields: unread, texts },
  ])
})

describe('commits', () => {
  const replica = createReplica({ ...createMesh(), id: vectors.mesh as MeshId, control: [] }, 9)
  for (const { bytes } of vectors.control) replica.take(hexToBytes(bytes))

  it('the level behind each place of the control log', () => {
    expect(replica.control().seq).toBe(vectors.control.length)
    expect(vectors.control.map((_, i) => levelAt(replica.control(), i + 1))).toEqual(
      vectors.control.map(({ level }) => level),
    )
  })

  it('are all admitted; some are in no document', () => {
    for (const { name, bytes, hash, left_out, texts } of vectors.commits) {
      const decoded = decodeCommit(hexToBytes(bytes))
      expect(decoded.ok && [decoded.commit.hash, textsOf(decoded.commit)], name).toEqual([hash, texts])
      expect(replica.take(hexToBytes(bytes)), name).toMatchObject({ kind: 'admitted', left_out })
    }
    for (const { id, heads } of vectors.segments) expect(documentHeads(replica.segment(id as SegmentId))).toEqual(heads)
  })

  it('those in a document are their changes, for Automerge too', () => {
    const genesis = encodeChange({
      actor: '00'.repeat(16),
      seq: 1,
      startOp: 1,
      time: 0,
      message: null,
      author: null,
      deps: [],
      ops: [
        { action: 'makeMap', obj: '_root', key: 'memories', pred: [] },
        { action: 'makeMap', obj: '_root', key: 'links', pred: [] },
      ] as never,
    })
    for (const { id, heads } of vectors.segments) {
      const changes = vectors.commits.flatMap(({ bytes, change }) => {
        const decoded = decodeCommit(hexToBytes(bytes))
        return change !== null && decoded.ok && decoded.commit.header.segment === id ? [hexToBytes(change)] : []
      })
      const [doc] = applyChanges(init(), [genesis, ...changes])
      expect(getHeads(doc).toSorted()).toEqual(heads)
    }
  })

  it('a field that nobody knows makes no operation', () => {
    const [plain, more] = vectors.commits
    const shape = (ops: readonly object[] | null): unknown =>
      ops?.map((op) => ({
        ...op,
        obj: 'x',
        pred: [],
        key: 'key' in op && String(op.key).includes('-') ? 'record' : (op as { key?: string }).key,
        value: 'value' in op && String(op.value).length === 64 ? 'ref' : (op as { value?: unknown }).value,
      }))
    expect(shape(more!.ops)).toEqual(shape(plain!.ops))
  })
})
