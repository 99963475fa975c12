/** Documents that are behind: whoever asks sees all, whenever that is, and a new record asks for nothing. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LINKS_OF_HISTORY, RECORDS, hear, historyArb, play } from './history.test-support.ts'
import { GATHERED_EVENTS_MAX, createLazyDocument } from './lazy-document.ts'
import { openDocument, type Document } from './automerge.ts'
import { readLink, readMemory } from './reading.ts'
import { documentHeads } from './segment.ts'
import { NOW_MS, body, createReplica, hlcAt, meshOf, record, said, type TestReplica } from './test-support.ts'
import { segmentId, type SegmentId } from './ids.ts'
import type { DocumentEvent } from './event.ts'

const seenBy = (replica: TestReplica, homes: readonly SegmentId[]): unknown => {
  const segments = homes.map((home) => replica.segment(home))
  return [
    segments.map(documentHeads),
    RECORDS.map((id) => readMemory(segments, id)),
    LINKS_OF_HISTORY.map((id) => readLink(segments, id)),
  ]
}

describe('a lazy document', () => {
  it('is what one is that was asked after each commit, however seldom it is asked', () => {
    fc.assert(
      fc.property(historyArb, fc.array(fc.boolean(), { minLength: 16, maxLength: 16 }), (history, asks) => {
        const { mesh, replicas, homes } = play(history)
        for (const other of replicas) hear(replicas[0]!, other)
        const [eager, lazy, late] = [createReplica(mesh, 3), createReplica(mesh, 3), createReplica(mesh, 3)]
        for (const [n, { bytes }] of replicas[0]!.log.entries()) {
          for (const replica of [eager, lazy, late]) replica.take(bytes)
          const seen = seenBy(eager, homes)
          if (asks[n % asks.length]) expect(seenBy(lazy, homes)).toEqual(seen)
        }
        expect(seenBy(late, homes)).toEqual(seenBy(eager, homes))
      }),
      { numRuns: 6, endOnFailure: true },
    )
  })

  it('is given nothing by puts of new records until enough have come, and then all at once', () => {
    const replica = createReplica(meshOf(1), 1)
    const home = segmentId(replica.peer, 0)
    const given: number[] = []
    const document = watched(openDocument(), given)
    replica.segments.set(home, { ...replica.segment(home), document: createLazyDocument(() => document) })
    const put = (n: number): DocumentEvent => ({
      ...said('memory.put', n),
      record: record(n),
      set: { content: body('x') },
    })
    for (let n = 1; n < GATHERED_EVENTS_MAX; n++) replica.write(hlcAt(NOW_MS, n), home, put(n))
    expect(given).toEqual([])
    replica.write(hlcAt(NOW_MS, GATHERED_EVENTS_MAX), home, put(GATHERED_EVENTS_MAX))
    expect(given).toEqual([GATHERED_EVENTS_MAX])
  })
})

const watched = (document: Document, given: number[]): Document =>
  new Proxy(document, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (name === 'applyChanges') return (changes: Uint8Array[]): void => void given.push(changes.length)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
