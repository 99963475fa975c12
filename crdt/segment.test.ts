/** Segments: the same document from the same commits in any causal order, and what stays out of it. */
import { getHeads, load } from '@automerge/automerge'
import { describe, expect, test } from 'vitest'
import { chainId, sealCommit, type Commit, type SealedEvent } from './commit.ts'
import { encodeEvent, type DocumentEvent, type Event } from './event.ts'
import { eventsRoot } from './commit.ts'
import type { AgentId, CommitHash, EventId, Incarnation, MeshId, Namespace, PeerId, RecordId, Ref } from './ids.ts'
import { ZERO_HASH, incarnation, segmentId } from './ids.ts'
import { readMemory, shown } from './reading.ts'
import {
  applyCommit,
  applyDerived,
  derive,
  documentHeads,
  excludeCommit,
  openSegment,
  type Segment,
} from './segment.ts'
import { keyPairFromSeed, publicKeyHex } from './signature.ts'
import type { Hlc } from './hlc.ts'
import { sha256Hex } from './hash.ts'

const ns = 'team/api' as Namespace
const alice = 'ai:alice' as AgentId
const uuid = (n: number): string => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
const record = (n: number): RecordId => uuid(n) as RecordId
let nextEvent = 1000
const said = <K extends string>(kind: K) => ({
  v: 1 as const,
  id: uuid(nextEvent++) as EventId,
  ns,
  kind,
  agent: alice,
  at: '2026-01-01T00:00:00.000Z',
})
const ref = (text: string): { ref: Ref } => ({ ref: sha256Hex(text) as Ref })

/** A writer that seals commits as a peer does, without a log around it. */
const writer = (seedByte: number) => {
  const keys = keyPairFromSeed(new Uint8Array(32).fill(seedByte))
  const peer = publicKeyHex(keys) as PeerId
  const inc: Incarnation = incarnation(1_700_000_000_000, seedByte)
  let seq = 0
  return {
    peer,
    write: (segment: Segment, hlc: number, ...events: DocumentEvent[]): Commit => {
      const derivation = derive(
        segment,
        { peer, incarnation: inc, chain: chainId(peer, inc, ns) },
        [...segment.heads].sort(),
        events,
      )
      if ('refused' in derivation) throw new Error(derivation.refused)
      const sealed: SealedEvent[] = events.map((event: Event) => ({
        bytes: encodeEvent(event),
        event,
        attestation: null,
      }))
      const commit = sealCommit(
        {
          mesh: ZERO_HASH as MeshId,
          namespace: ns,
          peer,
          incarnation: inc,
          seq: ++seq,
          prev: ZERO_HASH as CommitHash,
          history: ZERO_HASH,
          hlc: hlc as Hlc,
          policy: ZERO_HASH as CommitHash,
          segment: segment.id,
          deps: derivation.deps,
          eventsRoot: eventsRoot(sealed),
          eventCount: sealed.length,
          changeHash: derivation.hash,
        },
        sealed,
        keys,
      )
      applyDerived(segment, derivation, commit)
      return commit
    },
  }
}

describe('a segment', () => {
  test('two peers that write concurrently and exchange commits in any order have the same heads and both values', () => {
    const a = writer(1)
    const b = writer(2)
    const id = segmentId(a.peer, 0)
    const onA = openSegment(ns, id)
    const onB = openSegment(ns, id)
    const put = a.write(onA, 10, {
      ...said('memory.put'),
      record: record(1),
      set: { content: ref('x'), priority: 5 },
      tags: { add: ['one'], remove: [] },
    })
    expect(applyCommit(onB, put)).toBeNull()
    const left = a.write(onA, 20, {
      ...said('memory.patch'),
      record: record(1),
      set: { title: ref('left') },
      tags: { add: ['two'], remove: ['one'] },
    })
    const right = b.write(onB, 21, { ...said('memory.patch'), record: record(1), set: { title: ref('right') } })
    expect(applyCommit(onA, right)).toBeNull()
    expect(applyCommit(onB, left)).toBeNull()
    expect(documentHeads(onA)).toEqual(documentHeads(onB))
    const state = readMemory([onA], record(1))!
    expect(state).toEqual(readMemory([onB], record(1)))
    expect(state.registers.get('title')!.values.map(({ value }) => value)).toEqual([ref('right').ref, ref('left').ref])
    expect(state.tags).toEqual(['two'])
    expect(shown(state, 'priority')).toBe(5)
    // A third peer that sees the commits in another causal order derives the same changes from the past alone.
    const onC = openSegment(ns, id)
    for (const commit of [put, right, left]) expect(applyCommit(onC, commit)).toBeNull()
    expect(documentHeads(onC)).toEqual(documentHeads(onA))
    // And settles it: the next patch sees both.
    const settled = a.write(onA, 30, { ...said('memory.patch'), record: record(1), set: { title: ref('right') } })
    expect(applyCommit(onC, settled)).toBeNull()
    expect(readMemory([onC], record(1))!.registers.get('title')!.values).toHaveLength(1)
  })

  test('forgetting hides, keeps an edit made meanwhile, and says so', () => {
    const a = writer(1)
    const b = writer(2)
    const onA = openSegment(ns, segmentId(a.peer, 0))
    const onB = openSegment(ns, segmentId(a.peer, 0))
    applyCommit(onB, a.write(onA, 10, { ...said('memory.put'), record: record(1), set: { content: ref('x') } }))
    const forget = a.write(onA, 11, { ...said('memory.forget'), record: record(1) })
    const edit = b.write(onB, 12, { ...said('memory.patch'), record: record(1), set: { priority: 9 } })
    expect(applyCommit(onA, edit)).toBeNull()
    expect(applyCommit(onB, forget)).toBeNull()
    for (const state of [readMemory([onA], record(1))!, readMemory([onB], record(1))!]) {
      expect(state.forgotten).toBe(true)
      expect(shown(state, 'priority')).toBe(9)
      expect(state.editedMeanwhile).toHaveLength(1)
    }
  })

  test('refuses a change that is not the derived one, and what builds on it', () => {
    const a = writer(1)
    const onA = openSegment(ns, segmentId(a.peer, 0))
    const onB = openSegment(ns, segmentId(a.peer, 0))
    const put = a.write(onA, 10, { ...said('memory.put'), record: record(1), set: { content: ref('x') } })
    const lying = { ...put, header: { ...put.header, changeHash: sha256Hex('lie') } } as Commit
    expect(applyCommit(onB, lying)).toBe('change_hash_differs')
    const next = a.write(onA, 11, { ...said('memory.patch'), record: record(1), set: { priority: 2 } })
    expect(applyCommit(onB, next)).toBe('dep_refused')
    expect(onB.changeByCommit.size).toBe(0)
  })

  test('takes 512 memories of its owner and no more', () => {
    const a = writer(1)
    const segment = openSegment(ns, segmentId(a.peer, 0))
    for (let batch = 0; batch < 2; batch++) {
      a.write(
        segment,
        10 + batch,
        ...Array.from({ length: 256 }, (_, i) => ({
          ...said('memory.put'),
          record: record(batch * 256 + i + 1),
          set: { content: ref(`${i}`) },
        })),
      )
    }
    expect(() =>
      a.write(segment, 20, { ...said('memory.put'), record: record(9999), set: { content: ref('y') } }),
    ).toThrow('segment_full')
    expect(() =>
      a.write(segment, 20, { ...said('memory.put'), record: record(1), set: { content: ref('y') } }),
    ).toThrow('put_of_an_existing_memory')
  })

  test('takes deps that are implied by others, and still loads', () => {
    const a = writer(1)
    const segment = openSegment(ns, segmentId(a.peer, 0))
    const put = a.write(segment, 10, { ...said('memory.put'), record: record(1), set: { content: ref('x') } })
    const patch = a.write(segment, 11, { ...said('memory.patch'), record: record(1), set: { priority: 2 } })
    const author = { peer: a.peer, incarnation: patch.header.incarnation, chain: patch.chain }
    const derivation = derive(segment, author, [put.hash, patch.hash].sort(), [
      { ...said('memory.patch'), record: record(1), set: { priority: 3 } },
    ])
    if ('refused' in derivation) throw new Error(derivation.refused)
    segment.document.current().applyChanges([derivation.change])
    const loaded = load<{ memories: Record<string, { priority: number }> }>(segment.document.current().save())
    expect(getHeads(loaded)).toEqual([derivation.hash])
    expect(loaded.memories[record(1)]!.priority).toBe(3)
  })

  test("leaves out what was written without its author's own last change, on something refused, or on nothing it knows", () => {
    const a = writer(1)
    const segment = openSegment(ns, segmentId(a.peer, 0))
    const put = a.write(segment, 10, { ...said('memory.put'), record: record(1), set: { content: ref('x') } })
    const patch = a.write(segment, 11, { ...said('memory.patch'), record: record(1), set: { priority: 2 } })
    const author = { peer: a.peer, incarnation: patch.header.incarnation, chain: patch.chain }
    const more = [{ ...said('memory.patch'), record: record(1), set: { priority: 3 } }] as const
    const reason = (deps: readonly CommitHash[], events: readonly DocumentEvent[] = more) => {
      const derivation = derive(segment, author, deps, events)
      return 'refused' in derivation ? derivation.refused : 'in'
    }
    expect(reason([patch.hash])).toBe('in')
    expect(reason([put.hash])).toBe('own_change_not_in_past')
    expect(reason([])).toBe('own_change_not_in_past')
    expect(reason([ZERO_HASH as CommitHash])).toBe('dep_of_another_segment')
    excludeCommit(segment, ZERO_HASH as CommitHash, 'forked')
    expect(reason([ZERO_HASH as CommitHash])).toBe('dep_refused')
    expect(reason([patch.hash], [{ ...said('memory.forget'), record: record(2) }])).toBe('unknown_memory')
    expect(reason([patch.hash], [{ ...said('link.remove'), record: record(2) }])).toBe('unknown_link')
    expect(
      reason(
        [patch.hash],
        [{ ...said('link.put'), record: record(3), from: record(2), to: record(1), relation: 'about' }],
      ),
    ).toBe('link_from_an_unknown_memory')
  })
})
