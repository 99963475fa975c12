/**
 * Random histories: what four writers (two of them one peer in two incarnations) say and hear from one another.
 *
 * A step is small numbers that mean something in every state, so that shrinking keeps a history playable; what the rules
 * refuse at that moment is left out. Values are few, records fewer, so that writes meet.
 */
import * as fc from 'fast-check'
import type { VerifiedCommit } from './commit.ts'
import type { DocumentEvent, MemorySet } from './event.ts'
import type { Hlc } from './hlc.ts'
import { segmentId, type EventId, type RecordId, type SegmentId } from './ids.ts'
import { derive } from './segment.ts'
import {
  NOW_MS,
  NS,
  body,
  createReplica,
  hlcAt,
  meshOf,
  record,
  said,
  type TestMesh,
  type TestReplica,
} from './test-support.ts'

type Said = {
  readonly kind: DocumentEvent['kind']
  readonly of: number
  readonly set: MemorySet
  readonly add: readonly string[]
  readonly remove: readonly string[]
}
type Step =
  | { readonly writer: number; readonly home: number; readonly says: readonly Said[] }
  | { readonly from: number; readonly to: number }
  /** An event that somebody has said, said by one who has not heard of it: a request repeated elsewhere. `both`: in both documents. */
  | { readonly writer: number; readonly home: number; readonly again: number; readonly both: boolean }
export type History = readonly Step[]

const KINDS = [
  'memory.put',
  'memory.patch',
  'memory.patch',
  'memory.patch',
  'memory.patch',
  'memory.forget',
  'memory.restore',
  'memory.erase',
  'link.put',
  'link.remove',
] as const
const optional = <T>(arb: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arb, { nil: undefined })
const text = fc.constantFrom('a', 'b', 'c').map(body)
const setArb = fc
  .record({
    title: optional(fc.oneof(text, fc.constant(null))),
    content: optional(text),
    kind: optional(fc.constantFrom('fact', 'task')),
    priority: fc.integer({ min: 1, max: 10 }),
    confidence: optional(fc.constantFrom(0, 0.25, 0.5, 1)),
    source: optional(fc.constantFrom(body('x'), body('y'), null)),
    expires_at: optional(fc.constantFrom('2027-01-01T00:00:00.000Z', null)),
  })
  .map((set) => Object.fromEntries(Object.entries(set).filter(([, value]) => value !== undefined)) as MemorySet)
const saidArb: fc.Arbitrary<Said> = fc.record({
  kind: fc.constantFrom(...KINDS),
  of: fc.integer({ min: 0, max: 2 }),
  set: setArb,
  add: fc.uniqueArray(fc.constantFrom('p', 'q', 'r'), { maxLength: 2 }),
  remove: fc.uniqueArray(fc.constantFrom('p', 'q', 'r'), { maxLength: 2 }),
})
const writer = fc.integer({ min: 0, max: 3 })

/** `home`: which of two segments. */
export const historyArb: fc.Arbitrary<History> = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        writer,
        home: fc.integer({ min: 0, max: 1 }),
        says: fc.array(saidArb, { minLength: 1, maxLength: 3 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ from: writer, to: writer }) },
    {
      weight: 1,
      arbitrary: fc.record({
        writer,
        home: fc.integer({ min: 0, max: 1 }),
        again: fc.nat({ max: 1_000 }),
        both: fc.boolean(),
      }),
    },
  ),
  { minLength: 30, maxLength: 50 },
)

const putOf = (of: number): Said => ({ kind: 'memory.put', of, set: {}, add: ['p'], remove: [] })
const rank = (priority: number): Said => ({ kind: 'memory.patch', of: 1, set: { priority }, add: [], remove: [] })
/** Something to write about: two memories that all have heard of, one also as a twin in the other segment, one with a conflict. */
const PROLOGUE: History = [
  { writer: 0, home: 0, says: [putOf(0), putOf(1)] },
  { writer: 1, home: 1, says: [putOf(0)] },
  { from: 0, to: 1 },
  { writer: 0, home: 0, says: [rank(3)] },
  { writer: 1, home: 0, says: [rank(4)] },
  ...[
    [1, 0],
    [0, 1],
    [0, 2],
    [0, 3],
  ].map(([from, to]) => ({ from: from!, to: to! })),
]

const FIRST_LINK = 100
export const RECORDS: readonly RecordId[] = [0, 1, 2].map(record)
export const LINKS_OF_HISTORY: readonly RecordId[] = [0, 1, 2].map((n) => record(FIRST_LINK + n))

const eventOf = ({ kind, of, set, add, remove }: Said, n: number): DocumentEvent => {
  const tags = { add, remove: remove.filter((tag) => !add.includes(tag)) }
  switch (kind) {
    case 'memory.put':
      return { ...said(kind, n), record: record(of), set: { ...put(set), content: set.content ?? body('first') }, tags }
    case 'memory.patch':
      return { ...said(kind, n), record: record(of), set, tags }
    case 'link.put':
      return {
        ...said(kind, n),
        record: record(FIRST_LINK + of),
        from: record(of),
        to: record((of + 1) % 3),
        relation: 'about',
        ...(add.length > 0 && { valid_from: '2025-01-01T00:00:00.000Z' }),
      }
    case 'link.remove':
      return { ...said(kind, n), record: record(FIRST_LINK + of) }
    default:
      return { ...said(kind, n), record: record(of) }
  }
}
/** A put sets; it has nothing to clear. */
const put = (set: MemorySet): MemorySet =>
  Object.fromEntries(Object.entries(set).filter(([, value]) => value !== null)) as MemorySet

export type Written = {
  readonly replica: TestReplica
  readonly where: SegmentId
  readonly events: readonly DocumentEvent[]
}
export type Played = {
  readonly mesh: TestMesh
  readonly replicas: readonly TestReplica[]
  readonly homes: readonly [SegmentId, SegmentId]
  readonly commits: readonly VerifiedCommit[]
}

/** @param beforeWrite sees each commit's makings while its writer's document is still as it was. */
export const play = (history: History, beforeWrite: (written: Written) => void = () => {}): Played => {
  const mesh = meshOf(1, 2, 3)
  const replicas = [
    createReplica(mesh, 1),
    createReplica(mesh, 2),
    createReplica(mesh, 3),
    createReplica(mesh, 1, NOW_MS + 1),
  ]
  const homes = [segmentId(replicas[0]!.peer, 0), segmentId(replicas[1]!.peer, 0)] as const
  const commits: VerifiedCommit[] = []
  const events = new Map<EventId, DocumentEvent>()
  let n = 0
  const write = (replica: TestReplica, where: SegmentId, wanted: readonly DocumentEvent[]): void => {
    const playing = playable(replica, where, wanted)
    if (playing.length === 0) return
    beforeWrite({ replica, where, events: playing })
    // A Lamport clock without a wall: writers that have not met often have equal times, and the event id decides.
    const latest = Math.max(hlcAt(NOW_MS), ...replica.log.map(({ header }) => header.hlc))
    commits.push(replica.write((latest + 1) as Hlc, where, ...playing))
    for (const event of playing) events.set(event.id, event)
  }
  for (const step of [...PROLOGUE, ...history]) {
    if ('from' in step) {
      hear(replicas[step.to]!, replicas[step.from]!)
      continue
    }
    const replica = replicas[step.writer]!
    if ('says' in step) {
      write(
        replica,
        homes[step.home]!,
        step.says.map((each) => eventOf(each, ++n)),
      )
      continue
    }
    const heard = new Set(replica.log.flatMap((commit) => commit.events.map(({ event }) => event.id)))
    const unheard = [...events.values()].filter(({ id }) => !heard.has(id))
    const event = unheard[step.again % Math.max(1, unheard.length)]
    if (event === undefined) continue
    // With salts of its own.
    const again =
      'set' in event && event.set.title
        ? ({ ...event, set: { ...event.set, title: body(`${event.set.title.ref} ${++n}`) } } as DocumentEvent)
        : event
    for (const home of step.both ? [step.home, 1 - step.home] : [step.home]) write(replica, homes[home]!, [again])
  }
  return { mesh, replicas, homes, commits }
}

/** `to` takes what `from` has, in the order in which it arrived there. */
export const hear = (to: TestReplica, from: TestReplica): void => {
  for (const commit of from.log) to.take(commit.bytes)
}

/** The longest beginning of `events` that may stand here. */
const playable = (
  replica: TestReplica,
  where: SegmentId,
  events: readonly DocumentEvent[],
): readonly DocumentEvent[] => {
  const segment = replica.segment(where)
  const author = { peer: replica.peer, incarnation: replica.incarnation, chain: replica.chainOf(NS).id }
  for (let count = events.length; count > 0; count--) {
    const some = events.slice(0, count)
    const foreignPut = some.some(({ kind }) => kind === 'memory.put') && !where.startsWith(replica.peer)
    if (!foreignPut && !('refused' in derive(segment, author, [...segment.heads].sort(), some))) return some
  }
  return []
}
