/** The format level (FORMAT §11): what nobody here knows enters the log like everything else, and derives nothing. */
import { describe, expect, it } from 'vitest'
import { encodeCanonical, type Json } from './canonical.ts'
import { decodeCommit, readAt, textsOf, type Commit, type SealedEvent } from './commit.ts'
import { levelAt } from './control.ts'
import { decodeEvent, kindOf, type Event, type Unread } from './event.ts'
import { OWN_READS, readEvent } from './event-schema.ts'
import { CONTROL_NAMESPACE, segmentId, type Namespace } from './ids.ts'
import { FORMAT_LEVEL } from './level.ts'
import { limits } from './limits.ts'
import { documentHeads } from './segment.ts'
import {
  body,
  createReplica,
  hlcAt,
  meshOf,
  NOW_MS,
  NS,
  record,
  said,
  sealJson,
  type TestReplica,
} from './test-support.ts'

type Fields = Readonly<Record<string, Json>>
const put = (n: number, set: Fields = {}, more: Fields = {}): Json => ({
  ...said('memory.put', n),
  record: record(n),
  set: { content: body(`text ${n}`), ...set },
  ...more,
})
const later = (n: number, more: Fields = {}, ns: Namespace = NS): Json => ({
  ...said('memory.pin', n, ns),
  record: record(1),
  ...more,
})
const unreadOf = (value: Json): Unread | null => {
  const decoded = decodeEvent(encodeCanonical(value))
  if (!decoded.ok) throw new Error(decoded.reason)
  return decoded.unread
}
const write = (
  peer: TestReplica,
  time: number,
  where: Parameters<TestReplica['seal']>[1],
  events: readonly SealedEvent[],
  lie = {},
): Commit => peer.sealAll(hlcAt(NOW_MS, time), where, events, lie)
const decoded = (bytes: Uint8Array): Commit => {
  const read = decodeCommit(bytes)
  if (!read.ok) throw new Error(read.reason)
  return read.commit
}

describe('an event of a later format', () => {
  it('is read without the fields that nobody here knows, wherever they stand', () => {
    const read = decodeEvent(
      encodeCanonical(
        put(1, { mood: 'calm', priority: 3 }, { tags: { add: ['a'], remove: [], kept: ['b'] }, weight: 2 }),
      ),
    )
    expect(read).toMatchObject({
      ok: true,
      event: { kind: 'memory.put', set: { content: body('text 1'), priority: 3 }, tags: { add: ['a'], remove: [] } },
      unread: { fields: ['set.mood', 'tags.kept', 'weight'], texts: [] },
    })
    expect(read.ok && [Object.keys(read.event), 'set' in read.event && Object.keys(read.event.set)]).toEqual([
      ['agent', 'at', 'id', 'kind', 'ns', 'record', 'set', 'tags', 'v'],
      ['content', 'priority'],
    ])
  })

  it('of a later kind is one of an unknown kind, whatever else stands in it', () => {
    const read = decodeEvent(encodeCanonical(later(1, { pinned: [1, { deep: null }] })))
    expect(read).toMatchObject({
      ok: true,
      event: { kind: 'unknown', named: 'memory.pin', about: record(1), ns: NS },
      unread: { fields: [], texts: [] },
    })
    expect(read.ok && kindOf(read.event)).toBe('memory.pin')
    expect(decodeEvent(encodeCanonical(later(1, { record: 7 })))).toMatchObject({ event: { about: null } })
  })

  it('is refused for what every build checks: its envelope, and the fields of the first level', () => {
    for (const wrong of [
      later(1, { at: 'yesterday' }),
      later(1, { v: 2 }),
      later(1, { id: 'x' }),
      later(1, {}, CONTROL_NAMESPACE),
      put(1, { priority: 11, mood: 1 }),
      put(1, { content: { ref: 'ab' } }),
    ])
      expect(decodeEvent(encodeCanonical(wrong)).ok, JSON.stringify(wrong)).toBe(false)
    expect(decodeEvent(encodeCanonical({ ...said('mesh.quota', 1, CONTROL_NAMESPACE), bytes: 1 }))).toMatchObject({
      ok: true,
      event: { kind: 'unknown' },
    })
    expect(decodeEvent(encodeCanonical({ ...said('mesh.quota', 1), bytes: 1 })).ok).toBe(false)
  })

  it('names its texts by their form alone, so that they are kept and acknowledged', () => {
    const [a, b] = [body('a').ref, body('b').ref]
    expect(
      unreadOf(later(1, { list: [{ ref: b }, { deep: { ref: a } }], ref: a, near: { ref: a, more: 1 } }))?.texts,
    ).toEqual([b, a])
    expect(unreadOf(put(1, { summary: { ref: a } }))).toEqual({ fields: ['set.summary'], texts: [a] })
    // Named by a known field too, it is that field's.
    expect(unreadOf(put(1, { summary: body('text 1') }))?.texts).toEqual([])
    const many = Array.from({ length: limits.unread_texts_max + 9 }, (_, i) => body(`text ${i}`))
    expect(unreadOf(later(1, { many }))?.texts).toEqual(many.slice(0, limits.unread_texts_max).map(({ ref }) => ref))
    // In the order of the bytes, which for keys like numbers is not JavaScript's.
    expect(unreadOf(later(1, { 9: { ref: a }, 10: { ref: b } }))?.texts).toEqual([b, a])
  })

  it('whether it is one does not depend on the level at which it is read', () => {
    for (const value of [put(1), put(1, { mood: 1 }), later(1), later(1, { at: 1 }), put(1, { priority: 0 })])
      expect(
        [1, 2, 9].map((level) => readEvent(value, { ...OWN_READS, level }).kind === 'fault'),
        JSON.stringify(value),
      ).toEqual(Array(3).fill(readEvent(value, OWN_READS).kind === 'fault'))
  })
})

describe('a commit of a later format', () => {
  const mesh = meshOf(1, 2)
  it('enters the log, and what follows it on its chain too', () => {
    const [a, b] = [createReplica(mesh, 1), createReplica(mesh, 2)]
    const unknown = write(a, 1, null, sealJson([later(1, { picture: body('picture') })]))
    expect(decoded(unknown.bytes).events[0]).toMatchObject({
      event: { kind: 'unknown' },
      unread: { texts: [body('picture').ref] },
    })
    expect(textsOf(unknown)).toEqual([body('picture').ref])
    for (const peer of [a, b]) expect(peer.take(unknown.bytes)).toMatchObject({ kind: 'admitted', left_out: null })
    const next = write(a, 2, segmentId(a.peer, 0), sealJson([put(2)]))
    for (const peer of [a, b]) expect(peer.take(next.bytes)).toMatchObject({ kind: 'admitted', left_out: null })
  })

  it('derives of an unknown field nothing: the change is that of the event without it', () => {
    const where = segmentId(createReplica(mesh, 1).peer, 0)
    const [plain, more] = [createReplica(mesh, 1), createReplica(mesh, 1)]
    const without = write(plain, 1, where, sealJson([put(1, { priority: 3 })]))
    const withIt = write(
      more,
      1,
      where,
      sealJson([put(1, { priority: 3, mood: 'calm' }, { tags: { add: [], remove: [], kept: 1 } })]),
    )
    expect(withIt.header.changeHash).toBe(without.header.changeHash)
    expect(withIt.header.eventsRoot).not.toBe(without.header.eventsRoot)
    for (const [peer, commit] of [
      [plain, without],
      [more, withIt],
    ] as const)
      expect(peer.take(commit.bytes)).toMatchObject({ kind: 'admitted', left_out: null })
    expect(documentHeads(more.segment(where))).toEqual(documentHeads(plain.segment(where)))
  })

  it('of a kind that is unknown in a document is in the log and not in the document, with all that rests on it', () => {
    const [a, b] = [createReplica(mesh, 1), createReplica(mesh, 2)]
    const where = segmentId(a.peer, 0)
    const first = write(a, 1, where, sealJson([put(1)]))
    for (const peer of [a, b]) peer.take(first.bytes)
    const pin = write(a, 2, where, sealJson([later(2)]), { changeHash: 'ab'.repeat(32) })
    const after = { deps: [pin.hash], changeHash: 'cd'.repeat(32) }
    for (const peer of [a, b])
      expect(peer.take(pin.bytes)).toMatchObject({ kind: 'admitted', left_out: 'unknown_kind' })
    const rests = write(a, 3, where, sealJson([{ ...said('memory.forget', 3), record: record(1) }]), after)
    for (const peer of [a, b])
      expect(peer.take(rests.bytes)).toMatchObject({ kind: 'admitted', left_out: 'dep_refused' })
    expect(documentHeads(a.segment(where))).toEqual(documentHeads(b.segment(where)))
  })

  it('is the same commit at every level, for its bytes are', () => {
    const a = createReplica(mesh, 1)
    const commit = write(a, 1, null, sealJson([later(1)]))
    expect(readAt(commit, FORMAT_LEVEL)).toBe(commit)
    expect(readAt(commit, 0)).toMatchObject({ hash: commit.hash, events: [{ event: { kind: 'unknown' } }] })
  })
})

describe('the level in the control log', () => {
  const level = (n: number, to: number): Event => ({ ...said('mesh.level', n, CONTROL_NAMESPACE), level: to })
  it('holds from its place on, and never falls', () => {
    const mesh = meshOf(1)
    mesh.enrol(2)
    for (const [n, to] of [
      [1, 3],
      [2, 2],
      [3, 3],
      [4, 4],
    ] as const)
      mesh.say(level(n, to))
    const state = createReplica(mesh, 1).control()
    expect([0, 1, 2, 3, 4, 5, 6, 99].map((seq) => levelAt(state, seq))).toEqual([1, 1, 1, 3, 3, 3, 4, 4])
    expect(state.levels).toEqual([
      { seq: 3, level: 3 },
      { seq: 6, level: 4 },
    ])
  })

  it('a statement of a later kind is passed over, and so are unknown fields of one that is known', () => {
    const mesh = meshOf(1)
    mesh.enrol(2)
    mesh.sayJson({ ...said('mesh.quota', 1, CONTROL_NAMESPACE), bytes: 1 })
    mesh.sayJson({ ...said('mesh.level', 2, CONTROL_NAMESPACE), level: 2, because: 'x' })
    const replica = createReplica(mesh, 1)
    expect(replica.control()).toMatchObject({ seq: 4, levels: [{ seq: 4, level: 2 }] })
    expect(replica.control().members.size).toBe(2)
  })
})
