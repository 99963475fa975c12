/**
 * Copies: one event in several commits, since its request was made on two peers at once, or repeated across a partition. It happened
 * once, where its earliest copy stands; what a later copy overwrote, of others, still stands.
 *
 * Automerge knows nothing of this, so a record with copies is read from its events: each in order of its earliest copy, a write
 * leaving out what it knew of. Who knew of any copy of an event knew of the event; what an event knew of is what its first
 * attempt knew of (the copies in the chain of the earliest one: one a segment, where the memory has twins). Copies of a creation
 * make one object. What a later copy says otherwise (another request under the same key, raced) stands beside it, at the same place.
 *
 * A function of the set of applied commits, as all reading is.
 */
import { SCALAR_FIELDS } from './derive.ts'
import { TEXT_FIELDS, type DocumentEvent } from './event.ts'
import type { RecordId, SegmentId } from './ids.ts'
import { compareWritten, precedes, type ChangeInfo, type EventSpan, type Written } from './provenance.ts'
import type { Segment } from './segment.ts'

/** An event about a record, in one commit. */
type Copy = {
  readonly segment: SegmentId
  readonly change: ChangeInfo
  readonly span: EventSpan
  /** Among the spans of its commit. */ readonly place: number
}

/** An event, with all its copies, the earliest first. */
type Happening = { readonly by: Written; readonly copies: readonly Copy[]; readonly firstAttempt: readonly Copy[] }

type Valued<Value> = { readonly value: Value; readonly by: Written; readonly source: Happening }
/** What was created by one event, in whichever segments, and what stands of what was written to it. */
type CopiedTwin = {
  readonly segments: readonly SegmentId[]
  readonly created: Written
  readonly valuesByRegister: ReadonlyMap<string, readonly Valued<string | number | boolean>[]>
  readonly tags: readonly (Valued<true> & { readonly tag: string })[]
}

/** Every applied event about the record, from all these segments. */
export const copiesOf = (segments: readonly Segment[], id: RecordId): readonly Copy[] =>
  segments.flatMap((segment) =>
    (segment.commitsByRecord.get(id) ?? []).flatMap((commit) => {
      const change = segment.changeByCommit.get(commit)!
      return change.spans.flatMap((span, place) =>
        span.record === id ? [{ segment: segment.id, change, span, place }] : [],
      )
    }),
  )

/** In the order in which they happened. */
export const happeningsOf = (copies: readonly Copy[]): readonly Happening[] => {
  const byEvent = new Map<string, Copy[]>()
  for (const copy of copies.toSorted(compareCopies)) {
    const key = `${copy.span.kind} ${copy.span.event}`
    const known = byEvent.get(key)
    if (known === undefined) byEvent.set(key, [copy])
    // Only somebody dishonest says one event twice in one document; knowing the second he knew the first.
    else if (!known.some(({ segment, change }) => segment === copy.segment && change.actor === copy.change.actor))
      known.push(copy)
  }
  const happenings = [...byEvent.values()].map((all): Happening => {
    return {
      by: writtenBy(all[0]!),
      copies: all,
      firstAttempt: all.filter(({ change }) => change.chain === all[0]!.change.chain),
    }
  })
  return happenings.sort((a, b) => compareWritten(a.by, b.by) || compareCopies(a.copies[0]!, b.copies[0]!))
}

/** Whether whoever made `later` knew of `earlier`. */
export const knewOf = (later: Happening, earlier: Happening): boolean =>
  later.firstAttempt.some((copy) => earlier.copies.some((other) => isBefore(other, copy)))

/** @param happenings of one record, in order. @param kinds `memory.` or `link.` */
export const foldHappenings = (happenings: readonly Happening[], kinds: 'memory.' | 'link.'): readonly CopiedTwin[] => {
  const objects: {
    readonly creation: Happening
    readonly valuesByRegister: Map<string, Valued<string | number | boolean>[]>
  }[] = []
  for (const happening of happenings) {
    if (!happening.copies[0]!.span.kind.startsWith(kinds)) continue
    const isPut = happening.copies[0]!.span.kind.endsWith('.put')
    const targets = new Set(
      happening.firstAttempt.map((copy) => {
        const known =
          kinds === 'memory.' && isPut
            ? undefined
            : objects.find(({ creation }) => creation.copies.some((other) => isBefore(other, copy)))
        return known ?? null
      }),
    )
    if (targets.delete(null) && isPut) {
      const made = { creation: happening, valuesByRegister: new Map<string, Valued<string | number | boolean>[]>() }
      objects.push(made)
      targets.add(made)
    }
    const written = valuesOf(happening)
    for (const target of targets) {
      for (const [register, values] of written) {
        const left = (target!.valuesByRegister.get(register) ?? []).filter(({ source }) => !knewOf(happening, source))
        target!.valuesByRegister.set(register, [...left, ...values])
      }
    }
  }
  return objects.map(({ creation, valuesByRegister }) => ({
    segments: [...new Set(creation.copies.map(({ segment }) => segment))],
    created: creation.by,
    valuesByRegister: new Map(
      [...valuesByRegister].filter(([register, values]) => !register.startsWith(TAG) && values.length > 0),
    ),
    tags: [...valuesByRegister].flatMap(([register, values]) =>
      register.startsWith(TAG)
        ? values.map(({ by, source }) => ({ tag: register.slice(TAG.length), value: true as const, by, source }))
        : [],
    ),
  }))
}

// ── one event ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** No register is called so. */
const TAG = '#'

/** What it writes to each register, by copies that differ each its own, the earliest copy's first; none where it clears. */
const valuesOf = (happening: Happening): ReadonlyMap<string, readonly Valued<string | number | boolean>[]> => {
  const byRegister = new Map<string, Valued<string | number | boolean>[]>()
  for (const copy of happening.copies) {
    for (const [register, value] of writesOf(copy.span.said)) {
      const values = byRegister.get(register) ?? []
      byRegister.set(register, values)
      if (value !== null && !values.some((known) => known.value === value))
        values.push({ value, by: { ...writtenBy(copy), hlc: happening.by.hlc }, source: happening })
    }
  }
  return byRegister
}

type Write = readonly [register: string, value: string | number | boolean | null]

const writesOf = (event: DocumentEvent): readonly Write[] => {
  switch (event.kind) {
    case 'memory.put':
    case 'memory.patch': {
      const { set, tags } = event
      const scalars = SCALAR_FIELDS.flatMap((field): Write[] => (set[field] === undefined ? [] : [[field, set[field]]]))
      const texts = TEXT_FIELDS.flatMap((field): Write[] =>
        set[field] === undefined ? [] : [[field, set[field]?.ref ?? null]],
      )
      return [
        ...scalars,
        ...texts,
        ...(tags?.add ?? []).map((tag): Write => [TAG + tag, true]),
        ...(tags?.remove ?? []).map((tag): Write => [TAG + tag, null]),
      ]
    }
    case 'memory.forget':
      return [['forgotten', true]]
    case 'memory.restore':
      return [['forgotten', false]]
    case 'memory.erase':
      return [
        ['forgotten', true],
        ['erased', true],
      ]
    case 'link.put':
      return [
        ['from', event.from],
        ['to', event.to],
        ['relation', event.relation],
        ['valid_from', event.valid_from ?? null],
        ['valid_until', event.valid_until ?? null],
        ['removed', false],
      ]
    case 'link.remove':
      return [['removed', true]]
  }
}

const writtenBy = ({ change, span }: Copy): Written => ({
  hlc: change.hlc,
  event: span.event,
  agent: span.agent,
  peer: change.peer,
  at: span.at,
})

const compareCopies = (a: Copy, b: Copy): number =>
  a.change.hlc - b.change.hlc ||
  compareTexts(a.change.commit, b.change.commit) ||
  compareTexts(a.span.kind, b.span.kind) ||
  a.place - b.place
const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const isBefore = (a: Copy, b: Copy): boolean =>
  a.segment === b.segment && (a.change === b.change ? a.place < b.place : precedes(a.change, b.change))
