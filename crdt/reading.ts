/**
 * Reading: what a memory is, from all the documents in which it was created.
 *
 * Twins (one id created twice, by a request retried elsewhere during a partition) fold: the one with the lower (hlc, event id)
 * leads and gives creator and creation time; every register holds the union of the values visible in any of them; tags are
 * the union. Of several values the one with the greatest (hlc, event id) shows; the others are conflicts. Nothing is lost.
 * The fold is commutative: it depends on the set of readings alone.
 */
import { LINKS, MEMORIES, opIdOf, valuesAt } from './derive.ts'
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

/** The memory, or null when none of the segments has it. */
export const readMemory = (segments: readonly Segment[], id: RecordId): RecordState | null => readRecord(segments, MEMORIES, id)

/** The link, or null. Its `removed` register hides it. */
export const readLink = (segments: readonly Segment[], id: RecordId): RecordState | null => readRecord(segments, LINKS, id)

/** The shown value of a register, or undefined when it is not set. */
export const shown = (state: RecordState, register: string): Scalar | undefined => state.registers.get(register)?.values[0]?.value

type Twin = {
  readonly segment: SegmentId
  readonly created: Written
  readonly valuesByRegister: ReadonlyMap<string, readonly (Valued & { readonly change: ChangeInfo })[]>
  readonly tags: readonly { readonly tag: string; readonly by: Written; readonly change: ChangeInfo }[]
}

const readRecord = (segments: readonly Segment[], parent: string, id: RecordId): RecordState | null => {
  // Only a dishonest peer makes two writes with one (hlc, event id); sorting is stable, so segment ids and then Automerge's order decide.
  const inOrder = segments.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  const twins = inOrder.flatMap((segment) => readTwins(segment, parent, id)).sort((a, b) => compareWritten(a.created, b.created))
  const [leader] = twins
  if (leader === undefined) return null
  const registers = foldRegisters(twins)
  return {
    id,
    created: leader.created,
    updated: inOrder.flatMap((segment) => writesTo(segment, id)).reduce((latest, write) => (compareWritten(write, latest) > 0 ? write : latest), leader.created),
    segments: [...new Set(twins.map((twin) => twin.segment))],
    registers,
    tags: [...new Set(twins.flatMap((twin) => twin.tags.map(({ tag }) => tag)))].sort(),
    forgotten: registers.get('forgotten')?.values[0]?.value === true,
    erased: registers.get('erased')?.values.some(({ value }) => value === true) ?? false,
    editedMeanwhile: twins.flatMap(editsDuringForget).sort(compareWritten),
  }
}

const writesTo = (segment: Segment, id: RecordId): readonly Written[] =>
  (segment.commitsByRecord.get(id) ?? []).flatMap((commit) => {
    const { hlc, peer, spans } = segment.changeByCommit.get(commit)!
    return spans.flatMap(({ record, event, agent, at }) => (record === id ? [{ hlc, event, agent, peer, at }] : []))
  })

const readTwins = (segment: Segment, parent: string, id: RecordId): Twin[] => {
  const view = { doc: segment.doc, heads: null }
  return valuesAt(view, parent, id).map((entry) => {
    const object = opIdOf(entry)
    const valuesByRegister = new Map<string, (Valued & { change: ChangeInfo })[]>()
    const tags: { tag: string; by: Written; change: ChangeInfo }[] = []
    for (const key of segment.doc.keys(object)) {
      for (const value of valuesAt(view, object, key)) {
        if (value[0] === 'map') {
          for (const tag of segment.doc.keys(opIdOf(value))) {
            for (const set of valuesAt(view, opIdOf(value), tag)) tags.push({ tag, ...by(segment, opIdOf(set)) })
          }
        } else {
          const values = valuesByRegister.get(key) ?? []
          values.push({ value: value[1] as Scalar, ...by(segment, opIdOf(value)) })
          valuesByRegister.set(key, values)
        }
      }
    }
    return { segment: segment.id, created: by(segment, object).by, valuesByRegister, tags }
  })
}

const by = (segment: Segment, opId: string): { readonly by: Written; readonly change: ChangeInfo } => {
  const { change, written } = whoWrote(segment.changesByActor, opId)
  return { by: written, change }
}

const foldRegisters = (twins: readonly Twin[]): Map<string, Register> => {
  const names = new Set(twins.flatMap((twin) => [...twin.valuesByRegister.keys()]))
  const registers = new Map<string, Register>()
  for (const name of [...names].sort()) {
    const earliestFirst = twins.flatMap((twin) => twin.valuesByRegister.get(name) ?? []).sort((a, b) => compareWritten(a.by, b.by))
    const latestByValue = new Map<Scalar, Valued>()
    for (const { value, by: writer } of earliestFirst) latestByValue.set(value, { value, by: writer })
    registers.set(name, { values: [...latestByValue.values()].sort((a, b) => compareWritten(b.by, a.by)) })
  }
  return registers
}

/** Writes to other registers that neither saw the forgetting nor were seen by it. */
const editsDuringForget = (twin: Twin): Written[] => {
  const forgets = (twin.valuesByRegister.get('forgotten') ?? []).filter(({ value }) => value === true)
  if (forgets.length === 0) return []
  const others = [...[...twin.valuesByRegister].filter(([name]) => name !== 'forgotten' && name !== 'erased').flatMap(([, values]) => values), ...twin.tags]
  const concurrent = others.filter(({ change }) => forgets.every((forget) => !precedes(change, forget.change) && !precedes(forget.change, change)))
  return [...new Map(concurrent.map((edit) => [edit.by.event, edit.by])).values()]
}
