/**
 * The vectors of format levels (FORMAT §11): events and commits with kinds and fields that nobody here knows, and what is made of them.
 */
import { decodeChange } from '@automerge/automerge'
import { encodeCanonical, type Json } from '../../crdt/canonical.ts'
import { textsOf, type Commit } from '../../crdt/commit.ts'
import { levelAt } from '../../crdt/control.ts'
import { decodeEvent, isDocumentEvent, kindOf } from '../../crdt/event.ts'
import { CONTROL_NAMESPACE, bytesToHex, segmentId, type SegmentId } from '../../crdt/ids.ts'
import { OWN_READS, readsAt } from '../../crdt/event-schema.ts'
import { limits } from '../../crdt/limits.ts'
import { derive, documentHeads } from '../../crdt/segment.ts'
import { NOW_MS, NS, body, createReplica, hlcAt, meshOf, record, said, sealJson } from '../../crdt/test-support.ts'

export type LevelVectors = {
  /** `reads_as`: the event at level 1, null where its kind is unknown there; `unread`: paths of fields without a meaning. `texts`: those that only such parts name. */
  readonly events: readonly {
    readonly name: string
    readonly bytes: string
    readonly kind: string
    readonly reads_as: Json
    readonly unread: readonly string[]
    readonly texts: readonly string[]
  }[]
  readonly mesh: string
  readonly namespace: string
  /** The control log, with the level in force behind each commit. */
  readonly control: readonly { readonly says: string; readonly bytes: string; readonly level: number }[]
  /** All are admitted, in this order. `left_out`: why it is in no document; null where it is, or is log only. */
  readonly commits: readonly {
    readonly name: string
    readonly bytes: string
    readonly hash: string
    readonly left_out: string | null
    readonly change: string | null
    readonly ops: readonly object[] | null
    readonly texts: readonly string[]
  }[]
  readonly segments: readonly { readonly id: string; readonly heads: readonly string[] }[]
}

type Fields = Readonly<Record<string, Json>>
const put = (n: number, of: number, set: Fields = {}, more: Fields = {}): Json => ({
  ...said('memory.put', n),
  record: record(of),
  set: { content: body(`text ${n}`), ...set },
  ...more,
})
const pin = (n: number, more: Fields = {}): Json => ({ ...said('memory.pin', n), record: record(1), ...more })
const many = Array.from({ length: limits.unread_texts_max + 1 }, (_, i) => body(`text ${i}`))

const EVENTS: readonly (readonly [string, Json])[] = [
  ['a kind that nobody knows', pin(1, { pinned: true })],
  ['with a text in it', pin(2, { picture: body('picture') })],
  ['with more texts than count', pin(3, { many })],
  ['keys like numbers: 10 is before 9', pin(4, { 9: body('nine'), 10: body('ten') })],
  ['an object with more than a ref names no text', pin(5, { near: { ...body('near'), more: 1 } })],
  ['a kind of a later control log', { ...said('mesh.quota', 6, CONTROL_NAMESPACE), bytes: 1 }],
  ['an unknown field beside the others', put(7, 1, {}, { weight: 2 })],
  ['in what is set', put(8, 1, { mood: 'calm', priority: 3 })],
  ['in the tags', put(9, 1, {}, { tags: { add: ['a'], kept: ['b'], remove: [] } })],
  ['with a text in it', put(10, 1, { summary: body('summary') })],
  ['that names the text of a known one', put(11, 1, { summary: body('text 11') })],
]

export const makeLevelVectors = (): LevelVectors => {
  const mesh = meshOf(1, 2)
  const steps: readonly (readonly [string, Json])[] = [
    ['a kind that nobody knows: passed over', { ...said('mesh.quota', 0x2001, CONTROL_NAMESPACE), bytes: 1 }],
    [
      'a member, with a field that nobody knows',
      {
        ...said('peer.enrol', 0x2002, CONTROL_NAMESPACE),
        peer: 'ab'.repeat(32),
        name: 'peer 3',
        role: 'voter',
        region: 'north',
      },
    ],
  ]
  for (const [, statement] of steps) mesh.sayJson(statement)
  const [a, b] = [createReplica(mesh, 1), createReplica(mesh, 2)]
  const [home, other] = [segmentId(a.peer, 0), segmentId(a.peer, 1)]
  const commits: LevelVectors['commits'][number][] = []
  let time = 0
  const write = (
    name: string,
    where: SegmentId | null,
    events: readonly Json[],
    lie: Partial<Commit['header']> = {},
  ): Commit => {
    const sealed = sealJson(events)
    const known = sealed.map(({ event }) => event).filter(isDocumentEvent)
    const derivation =
      where === null || known.length < sealed.length
        ? null
        : derive(
            a.segment(where),
            { peer: a.peer, incarnation: a.incarnation, chain: a.chainOf(NS).id },
            [...a.segment(where).heads].sort(),
            known,
          )
    const commit = a.sealAll(hlcAt(NOW_MS, ++time), where, sealed, lie)
    const verdict = a.take(commit.bytes)
    if (verdict.kind !== 'admitted' || b.take(commit.bytes).kind !== 'admitted')
      throw new Error(`${name} is not admitted: mend the case`)
    const change =
      verdict.left_out === null && derivation !== null && !('refused' in derivation) ? derivation.change : null
    commits.push({
      name,
      bytes: bytesToHex(commit.bytes),
      hash: commit.hash,
      left_out: verdict.left_out ?? null,
      change: change && bytesToHex(change),
      ops: change && decodeChange(change).ops,
      texts: textsOf(commit),
    })
    return commit
  }
  write('a memory', home, [put(0x101, 1, { priority: 3 })])
  write('the same in another document, with fields that nobody knows: the same operations', other, [
    put(0x102, 2, { mood: 'calm', priority: 3 }, { weight: 1 }),
  ])
  write('log only, of a kind that nobody knows', null, [pin(0x103, { picture: body('picture') })])
  const pinned = write('of such a kind, in a document: left out', home, [pin(0x104)], {
    changeHash: 'ab'.repeat(32) as never,
  })
  write(
    'beside one that is known: both are left out',
    other,
    [{ ...said('memory.forget', 0x105), record: record(2) }, pin(0x106)],
    { changeHash: 'cd'.repeat(32) as never },
  )
  write('what rests on it is left out', home, [{ ...said('memory.forget', 0x107), record: record(1) }], {
    deps: [pinned.hash],
    changeHash: 'ef'.repeat(32) as never,
  })
  write('what does not goes on', home, [{ ...said('memory.patch', 0x108), record: record(1), set: { priority: 4 } }])
  const state = a.control()
  return {
    events: EVENTS.map(([name, value]) => {
      const bytes = encodeCanonical(value)
      const read = decodeEvent(bytes, readsAt(OWN_READS, 1))
      if (!read.ok || read.unread === null) throw new Error(`${name} has nothing unknown: mend the case`)
      return {
        name,
        bytes: bytesToHex(bytes),
        kind: kindOf(read.event),
        reads_as: read.event.kind === 'unknown' ? null : read.event,
        unread: read.unread.fields,
        texts: read.unread.texts,
      }
    }),
    mesh: mesh.id,
    namespace: NS,
    control: mesh.control.map(({ bytes, header }, i) => ({
      says: steps[i - 1]?.[0] ?? 'genesis: two voters found it',
      bytes: bytesToHex(bytes),
      level: levelAt(state, header.seq),
    })),
    commits,
    segments: [home, other].map((id) => ({ id, heads: documentHeads(a.segment(id)) })),
  }
}
