/** Reading: equal on every peer that has the same commits, whatever the order; twins fold; nothing written is lost. */
import * as A from '@automerge/automerge'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Commit } from './commit.ts'
import type { MemoryPatch, MemoryPut } from './event.ts'
import { LINKS_OF_HISTORY, RECORDS, hear, historyArb, play, type Played } from './history.test-support.ts'
import { segmentId } from './ids.ts'
import { readLink, readMemory, shown, type RecordState } from './reading.ts'
import { documentHeads } from './segment.ts'
import { NOW_MS, body, createReplica, hlcAt, meshOf, record, said, type TestReplica } from './test-support.ts'

const OBSERVER = 9
const OTHER_KEYS = fc.infiniteStream(fc.nat())

const stateOf = (replica: TestReplica, { homes }: Played) => {
  const segments = homes.map(replica.segment)
  return {
    heads: segments.map(documentHeads),
    left_out: segments.map(({ refused }) => [...refused].map(([commit, reason]) => `${commit} ${reason}`).sort()),
    memories: RECORDS.map((id) => readMemory(segments, id)),
    links: LINKS_OF_HISTORY.map((id) => readLink(segments, id)),
  }
}

/** Gives the commits in a random order, some twice, until none waits. */
const giveShuffled = (replica: TestReplica, commits: readonly Commit[], keys: Iterator<number>): void => {
  let waiting = commits
    .map((commit) => [keys.next().value as number, commit] as const)
    .sort(([a], [b]) => a - b)
    .map(([, commit]) => commit)
  while (waiting.length > 0) {
    const still = waiting.filter(({ bytes }) => {
      const { kind } = replica.take(bytes)
      if ((keys.next().value as number) % 3 === 0) replica.take(bytes)
      return kind === 'pending'
    })
    if (still.length === waiting.length) throw new Error('commits wait for ever')
    waiting = still
  }
}

describe('any causal order of delivery', () => {
  it('gives equal heads, equal readings, and documents that save and load', () => {
    const seen = { commits: 0, conflicts: 0, twins: 0, edits: 0 }
    fc.assert(
      fc.property(historyArb, OTHER_KEYS, OTHER_KEYS, (history, keys1, keys2) => {
        const played = play(history)
        const [first] = played.replicas as [TestReplica]
        for (const replica of played.replicas) hear(first, replica)
        const expected = stateOf(first, played)
        for (const keys of [keys1, keys2]) {
          const late = createReplica(played.mesh, OBSERVER)
          giveShuffled(late, played.commits, keys[Symbol.iterator]())
          expect(stateOf(late, played)).toEqual(expected)
        }
        for (const home of played.homes) {
          const loaded = A.load<unknown>(first.segment(home).document.current().save())
          expect(A.getHeads(loaded).sort()).toEqual(documentHeads(first.segment(home)))
          expect(A.getMissingDeps(loaded, [])).toEqual([])
        }
        // The order of the documents makes no difference either.
        const reversed = played.homes.map(first.segment).toReversed()
        expect(RECORDS.map((id) => readMemory(reversed, id))).toEqual(expected.memories)
        seen.commits += played.commits.length
        for (const state of expected.memories) {
          if (state === null) continue
          seen.conflicts += [...state.registers.values()].filter(({ values }) => values.length > 1).length
          seen.twins += Number(state.segments.length > 1)
          seen.edits += state.editedMeanwhile.length
        }
      }),
      { numRuns: 25, endOnFailure: true },
    )
    // Evidence that the histories met what they are for.
    expect(seen.commits).toBeGreaterThan(150)
    expect(Math.min(seen.conflicts, seen.twins, seen.edits)).toBeGreaterThan(0)
  }, 120_000)
})

/** Two peers that have not met, each with a segment of its own. */
const pair = () => {
  const mesh = meshOf(1, 2)
  const [a, b] = [createReplica(mesh, 1), createReplica(mesh, 2)]
  const [homeA, homeB] = [segmentId(a.peer, 0), segmentId(b.peer, 0)]
  const readAll = (): readonly (RecordState | null)[] => {
    hear(a, b)
    hear(b, a)
    return [a, b].flatMap((replica) =>
      [
        [homeA, homeB],
        [homeB, homeA],
      ].map((homes) => readMemory(homes.map(replica.segment), record(1))),
    )
  }
  return { a, b, homeA, homeB, readAll }
}
const put = (n: number, set: Partial<MemoryPut['set']> = {}, add: readonly string[] = []): MemoryPut => ({
  ...said('memory.put', n),
  record: record(1),
  set: { content: body(`${n}`), ...set },
  tags: { add, remove: [] },
})
const patch = (
  n: number,
  set: MemoryPatch['set'],
  add: readonly string[] = [],
  remove: readonly string[] = [],
): MemoryPatch => ({ ...said('memory.patch', n), record: record(1), set, tags: { add, remove } })
const only = (states: readonly (RecordState | null)[]): RecordState => {
  const [state] = states
  for (const other of states) expect(other).toEqual(state)
  if (state === undefined || state === null) throw new Error('the memory is not there')
  return state
}

describe('twins', () => {
  it('fold: the earlier leads, the later value shows, both values and all tags are there', () => {
    const { a, b, homeA, homeB, readAll } = pair()
    a.write(hlcAt(NOW_MS, 5), homeA, put(1, { priority: 1, source: body('only a') }, ['from a']))
    b.write(hlcAt(NOW_MS, 6), homeB, put(2, { priority: 2 }, ['from b']))
    const state = only(readAll())
    expect(state.created).toMatchObject({ event: said('memory.put', 1).id, peer: a.peer })
    expect(state.updated.peer).toBe(b.peer)
    expect(state.segments).toEqual([homeA, homeB])
    expect(state.registers.get('priority')!.values.map(({ value }) => value)).toEqual([2, 1])
    expect(shown(state, 'source')).toBe(body('only a').ref)
    expect(state.tags).toEqual(['from a', 'from b'])
  })

  it('of one moment: the lower event id leads, the higher shows', () => {
    const { a, b, homeA, homeB, readAll } = pair()
    b.write(hlcAt(NOW_MS, 5), homeB, put(1, { priority: 1 }))
    a.write(hlcAt(NOW_MS, 5), homeA, put(2, { priority: 2 }))
    const state = only(readAll())
    expect(state.created.peer).toBe(b.peer)
    expect(shown(state, 'priority')).toBe(2)
  })

  it('of one moment and one event id, as only a dishonest peer makes them: alike on every peer', () => {
    const { a, b, homeA, homeB, readAll } = pair()
    a.write(hlcAt(NOW_MS, 5), homeA, put(1, { priority: 1 }))
    b.write(hlcAt(NOW_MS, 5), homeB, put(1, { priority: 2 }))
    expect(only(readAll()).registers.get('priority')!.values).toHaveLength(2)
  })

  it('with one value have no conflict about it: the latest writer says it', () => {
    const { a, b, homeA, homeB, readAll } = pair()
    a.write(hlcAt(NOW_MS, 5), homeA, put(1, { kind: 'fact' }))
    b.write(hlcAt(NOW_MS, 6), homeB, put(2, { kind: 'fact' }))
    const { values } = only(readAll()).registers.get('kind')!
    expect(values).toHaveLength(1)
    expect(values[0]!.by.peer).toBe(b.peer)
  })

  it('are forgotten when the later word says so, erased when any does', () => {
    const { a, b, homeA, homeB, readAll } = pair()
    a.write(hlcAt(NOW_MS, 5), homeA, put(1))
    b.write(hlcAt(NOW_MS, 6), homeB, put(2))
    a.write(hlcAt(NOW_MS, 7), homeA, { ...said('memory.erase', 3), record: record(1) })
    expect(only(readAll())).toMatchObject({ forgotten: true, erased: true })
    b.write(hlcAt(NOW_MS, 8), homeB, { ...said('memory.restore', 4), record: record(1) })
    expect(only(readAll())).toMatchObject({ forgotten: false, erased: true })
  })
})

describe('concurrent writes', () => {
  const met = () => {
    const scene = pair()
    scene.b.take(scene.a.write(hlcAt(NOW_MS), scene.homeA, put(1, { title: body('old'), priority: 5 }, ['t'])).bytes)
    return scene
  }

  it('to one register keep both, until somebody who saw both writes', () => {
    const { a, b, homeA, readAll } = met()
    a.write(hlcAt(NOW_MS, 9), homeA, patch(2, { priority: 1 }))
    b.write(hlcAt(NOW_MS, 8), homeA, patch(3, { priority: 2 }))
    expect(
      only(readAll())
        .registers.get('priority')!
        .values.map(({ value }) => value),
    ).toEqual([1, 2])
    b.write(hlcAt(NOW_MS, 10), homeA, patch(4, { priority: 2 }))
    expect(
      only(readAll())
        .registers.get('priority')!
        .values.map(({ value }) => value),
    ).toEqual([2])
  })

  it('clearing against setting keeps what was set', () => {
    const { a, b, homeA, readAll } = met()
    a.write(hlcAt(NOW_MS, 1), homeA, patch(2, { title: null }))
    b.write(hlcAt(NOW_MS, 1), homeA, patch(3, { title: body('new') }))
    expect(shown(only(readAll()), 'title')).toBe(body('new').ref)
  })

  it('adding a tag wins over removing an older add', () => {
    const { a, b, homeA, readAll } = met()
    a.write(hlcAt(NOW_MS, 9), homeA, patch(2, {}, [], ['t']))
    b.write(hlcAt(NOW_MS, 1), homeA, patch(3, {}, ['t']))
    expect(only(readAll()).tags).toEqual(['t'])
  })

  it('removing a tag that nobody adds meanwhile removes it', () => {
    const { a, b, homeA, readAll } = met()
    a.write(hlcAt(NOW_MS, 1), homeA, patch(2, {}, [], ['t']))
    b.write(hlcAt(NOW_MS, 1), homeA, patch(3, {}, [], ['t']))
    expect(only(readAll()).tags).toEqual([])
  })

  it('an edit during a forget is kept, hidden and named; one that saw it, or that it saw, is not', () => {
    const { a, b, homeA, readAll } = met()
    a.write(hlcAt(NOW_MS, 1), homeA, patch(2, { kind: 'seen by the forget' }))
    a.write(hlcAt(NOW_MS, 2), homeA, { ...said('memory.forget', 3), record: record(1) })
    b.write(hlcAt(NOW_MS, 3), homeA, patch(4, { priority: 9 }, ['u']))
    expect(only(readAll())).toMatchObject({ forgotten: true, tags: ['t', 'u'] })
    b.write(hlcAt(NOW_MS, 4), homeA, patch(5, { source: body('saw the forget') }))
    const state = only(readAll())
    expect(state.editedMeanwhile.map(({ event }) => event)).toEqual([said('x', 4).id])
    expect(shown(state, 'priority')).toBe(9)
    a.write(hlcAt(NOW_MS, 5), homeA, { ...said('memory.restore', 6), record: record(1) })
    expect(only(readAll())).toMatchObject({ forgotten: false, editedMeanwhile: [] })
  })

  it('forget against restore: the later word shows, the other is a conflict', () => {
    const { a, b, homeA, readAll } = met()
    a.write(hlcAt(NOW_MS, 1), homeA, { ...said('memory.forget', 2), record: record(1) })
    b.write(hlcAt(NOW_MS, 2), homeA, { ...said('memory.restore', 3), record: record(1) })
    const state = only(readAll())
    expect(state.forgotten).toBe(false)
    expect(state.registers.get('forgotten')!.values).toHaveLength(2)
  })
})

describe('links', () => {
  it('lie in the segment of their from, are put again, removed, and fold', () => {
    const { a, homeA } = pair()
    a.write(hlcAt(NOW_MS), homeA, put(1))
    const link = { record: record(50), from: record(1), to: record(7), relation: 'about' }
    a.write(hlcAt(NOW_MS, 1), homeA, { ...said('link.put', 2), ...link, valid_from: '2025-01-01T00:00:00.000Z' })
    const read = (): RecordState | null => readLink([a.segment(homeA)], record(50))
    expect([shown(read()!, 'removed'), shown(read()!, 'valid_from'), shown(read()!, 'to')]).toEqual([
      false,
      '2025-01-01T00:00:00.000Z',
      record(7),
    ])
    a.write(hlcAt(NOW_MS, 2), homeA, { ...said('link.remove', 3), record: record(50) })
    expect(shown(read()!, 'removed')).toBe(true)
    a.write(hlcAt(NOW_MS, 3), homeA, { ...said('link.put', 4), ...link })
    expect([shown(read()!, 'removed'), shown(read()!, 'valid_from')]).toEqual([false, undefined])
    expect(read()!.created.event).toBe(said('link.put', 2).id)
    expect(readLink([a.segment(homeA)], record(51))).toBeNull()
    expect(readMemory([a.segment(homeA)], record(50))).toBeNull()
  })
})
