/**
 * Reading: what a memory is, from all the documents in which it was created.
 *
 * Twins (one id created twice, by a request retried elsewhere during a partition) fold: the one with the lower (hlc, event id)
 * leads and gives creator and creation time; every register holds the union of the values visible in any of them; tags are
 * the union. Of several values the one with the greatest (hlc, event id) shows; the others are conflicts. Nothing is lost.
 * The fold is commutative: it depends on the set of readings alone. A record of which an event stands in several commits is read by
 * `copies.ts`: it happened once.
 *
 * As of a time, a record is read from its events alone, of those commits that are not later. A commit is later than all that it rests on,
 * so these are what a peer could have held that heard of nothing since; they are the same wherever the same commits are.
 */
import { copiesOf, foldHappenings, happeningsOf, knewOf } from './copies.ts'
import { LINKS, MEMORIES, opIdOf, valuesAt } from './derive.ts'
import type { Hlc } from './hlc.ts'
import type { RecordId, SegmentId } from './ids.ts'
import { compareWritten, precedes, whoWrote, type ChangeInfo, type Written } from './provenance.ts'
import type { Segment } from './segment.ts'

export type Scalar = string | number | boolean
/** A visible value of a register, and who wrote it. */
export type Valued = { readonly value: Scalar; readonly by: Written }
export type Register = {
  /** The greatest (hlc, event id) first; equal values once, by their latest writer. */
  readonly values: readonly Valued[]
}

export type RecordState = {
  readonly id: RecordId
  readonly created: Written
  /** The latest write of all, also one that left nothing visible (a register cleared, a tag removed). */
  readonly updated: Written
  /** The segments it lives in, the leader's first. */
  readonly segments: readonly SegmentId[]
  readonly registers: ReadonlyMap<string, Register>
  /** Ascending. */
  readonly tags: readonly string[]
  readonly forgotten: boolean
  readonly erased: boolean
  /** Edits made while somebody else forgot it, neither knowing of the other: shown as a conflict of `forgotten`. */
  readonly editedMeanwhile: readonly Written[]
}

/** The memory, or null when none of the segments has it. @param through reads it as of then. */
export const readMemory = (segments: readonly Segment[], id: RecordId, through?: Hlc): RecordState | null =>
  readRecord(segments, MEMORIES, id, through)

/** The link, or null. Its `removed` register hides it. */
export const readLink = (segments: readonly Segment[], id: RecordId, through?: Hlc): RecordState | null =>
  readRecord(segments, LINKS, id, through)

/** The shown value of a register, or undefined when it is not set. */
export const shown = (state: RecordState, register: string): Scalar | undefined =>
  state.registers.get(register)?.values[0]?.value

/** `source`: what wrote it, of which can be asked whether it knew of another. */
type Twin<Source> = {
  readonly segments: readonly SegmentId[]
  readonly created: Written
  readonly valuesByRegister: ReadonlyMap<string, readonly (Valued & { readonly source: Source })[]>
  readonly tags: readonly { readonly tag: string; readonly by: Written; readonly source: Source }[]
}

const readRecord = (
  segments: readonly Segment[],
  parent: string,
  id: RecordId,
  through: Hlc | undefined,
): RecordState | null => {
  // Only a dishonest peer makes two writes with one (hlc, event id); sorting is stable, so segment ids and then Automerge's order decide.
  const inOrder = segments.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  if (through !== undefined || hasCopies(inOrder, id)) {
    const happenings = happeningsOf(
      copiesOf(inOrder, id).filter(({ change }) => through === undefined || change.hlc <= through),
    )
    return stateOf(
      id,
      foldHappenings(happenings, parent === LINKS ? 'link.' : 'memory.'),
      happenings.map(({ by: written }) => written),
      knewOf,
    )
  }
  const twins = inOrder
    .flatMap((segment) => readTwins(segment, parent, id))
    .sort((a, b) => compareWritten(a.created, b.created))
  return stateOf(id, twins, writesTo(inOrder, id), (later, earlier) => precedes(earlier, later))
}

/** Whether an event about it stands in several commits: of one segment, or of several, where a change of twins is one event in each. */
const hasCopies = (segments: readonly Segment[], id: RecordId): boolean => {
  const home = segments.filter((segment) => segment.commitsByRecord.has(id))
  if (home.some((segment) => segment.copied.has(id))) return true
  if (home.length < 2) return false
  const copies = copiesOf(home, id)
  return new Set(copies.map(({ span }) => span.event)).size < copies.length
}

const writesTo = function* (segments: readonly Segment[], id: RecordId): Generator<Written> {
  for (const segment of segments) {
    for (const commit of segment.commitsByRecord.get(id) ?? []) {
      const { hlc, peer, spans } = segment.changeByCommit.get(commit)!
      for (const { record, event, agent, at } of spans) if (record === id) yield { hlc, event, agent, peer, at }
    }
  }
}

/** @param twins the leader first. @param writes all that were ever made. */
const stateOf = <Source>(
  id: RecordId,
  twins: readonly Twin<Source>[],
  writes: Iterable<Written>,
  knew: (later: Source, earlier: Source) => boolean,
): RecordState | null => {
  const [leader] = twins
  if (leader === undefined) return null
  const registers = foldRegisters(twins)
  return {
    id,
    created: leader.created,
    updated: latestOf(writes, leader.created),
    segments: [...new Set(twins.flatMap((twin) => twin.segments))],
    registers,
    tags: [...new Set(twins.flatMap((twin) => twin.tags.map(({ tag }) => tag)))].sort(),
    forgotten: registers.get('forgotten')?.values[0]?.value === true,
    erased: registers.get('erased')?.values.some(({ value }) => value === true) ?? false,
    editedMeanwhile: twins.flatMap((twin) => editsDuringForget(twin, knew)).sort(compareWritten),
  }
}

const latestOf = (writes: Iterable<Written>, first: Written): Written => {
  let latest = first
  for (const write of writes) if (compareWritten(write, latest) > 0) latest = write
  return latest
}

const readTwins = (segment: Segment, parent: string, id: RecordId): Twin<ChangeInfo>[] => {
  const document = segment.document.current()
  const view = { document: () => document, heads: null }
  return valuesAt(view, parent, id).map((entry) => {
    const object = opIdOf(entry)
    const valuesByRegister = new Map<string, (Valued & { source: ChangeInfo })[]>()
    const tags: { tag: string; by: Written; source: ChangeInfo }[] = []
    for (const key of document.keys(object)) {
      for (const value of valuesAt(view, object, key)) {
        if (value[0] === 'map') {
          for (const tag of document.keys(opIdOf(value))) {
            for (const set of valuesAt(view, opIdOf(value), tag)) tags.push({ tag, ...by(segment, opIdOf(set)) })
          }
        } else {
          const values = valuesByRegister.get(key) ?? []
          values.push({ value: value[1] as Scalar, ...by(segment, opIdOf(value)) })
          valuesByRegister.set(key, values)
        }
      }
    }
    return { segments: [segment.id], created: by(segment, object).by, valuesByRegister, tags }
  })
}

const by = (segment: Segment, opId: string): { readonly by: Written; readonly source: ChangeInfo } => {
  const { change, written } = whoWrote(segment.changesByActor, opId)
  return { by: written, source: change }
}

const foldRegisters = (twins: readonly Twin<unknown>[]): Map<string, Register> => {
  const names = new Set(twins.flatMap((twin) => [...twin.valuesByRegister.keys()]))
  const registers = new Map<string, Register>()
  for (const name of [...names].sort()) {
    const earliestFirst = twins
      .flatMap((twin) => twin.valuesByRegister.get(name) ?? [])
      .sort((a, b) => compareWritten(a.by, b.by))
    const latestByValue = new Map<Scalar, Valued>()
    for (const { value, by: writer } of earliestFirst) latestByValue.set(value, { value, by: writer })
    registers.set(name, { values: [...latestByValue.values()].sort((a, b) => compareWritten(b.by, a.by)) })
  }
  return registers
}

/** Writes to other registers that neither saw the forgetting nor were seen by it. */
const editsDuringForget = <Source>(
  twin: Twin<Source>,
  knew: (later: Source, earlier: Source) => boolean,
): Written[] => {
  const forgets = (twin.valuesByRegister.get('forgotten') ?? []).filter(({ value }) => value === true)
  if (forgets.length === 0) return []
  const others = [
    ...[...twin.valuesByRegister]
      .filter(([name]) => name !== 'forgotten' && name !== 'erased')
      .flatMap(([, values]) => values),
    ...twin.tags,
  ]
  const concurrent = others.filter(({ source }) =>
    forgets.every((forget) => !knew(forget.source, source) && !knew(source, forget.source)),
  )
  return [...new Map(concurrent.map((edit) => [edit.by.event, edit.by])).values()]
}
