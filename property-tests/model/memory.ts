/**
 * The deliberately dumb model of a memory: what must be read after a history, by sets and loops over everything ever said.
 *
 * A value of a field stands as long as nobody who knew of it wrote that field again. Of several that stand the latest shows,
 * the others are a conflict. A tag is there while somebody's adding of it stands. Forgetting hides, restoring shows again, erasing
 * destroys the texts for good. What is said again, by somebody who had not heard of it, happened once, at the first time, and reads by
 * whichever saying has its text here. Two puts of one id are two twins: a change goes to the earliest that its writer knew of in that
 * document; what is read is the union. Quadratic on purpose.
 */
import { MEMORY_DEFAULTS, type LinkPut } from '../../crdt/event.ts'
import type { RecordId, Ref } from '../../crdt/ids.ts'
import type { LinkRow, MemoryRow } from '../../src/ports/projection.ts'
import { compareHappened, firstAttempt, type Happened, type Heard, type Say } from './history.ts'

/** Bytes that are no text. */
export const NO_TEXT = '\u0000'
/** The text of a body, or null when it is nowhere. */
export type TextOf = (ref: Ref) => string | null
type Value = string | number | boolean
type Standing = { readonly by: Happened; readonly value: Value }
type Write = { readonly twin: Happened; readonly name: string; readonly by: Happened; readonly value: Value | null }

export type MemoryReading = Omit<MemoryRow, 'version'>

export const readMemoryOf = (
  { happened, before, saidBefore, erased: destroyed }: Heard,
  id: RecordId,
  textOf: TextOf,
): MemoryReading | null => {
  const about = happened.filter(
    ({ first: { event } }) => event.kind.startsWith('memory.') && 'record' in event && event.record === id,
  )
  const twins = about.filter(({ first: { event } }) => event.kind === 'memory.put').sort(compareHappened)
  const [leader] = twins
  if (leader === undefined) return null
  const writes = about.flatMap((by) =>
    (twins.includes(by) ? [by] : twinsOf(twins, by, saidBefore)).flatMap((twin) =>
      by.copies.flatMap((copy) => writesOf(copy, by, twin)),
    ),
  )
  const standing = (name: string): Standing[] => {
    const all = latestOfEach(
      stand(
        writes.filter((write) => write.name === name),
        before,
      ),
    )
    const isHere = ({ value }: Standing): boolean => !TEXTS.includes(name) || textOf(value as Ref) !== null
    return all.filter((one) => isHere(one) || !all.some((other) => other.by === one.by && isHere(other)))
  }
  const names = [...new Set(writes.map(({ name }) => name))]
  const shown = (name: string): Value | null => standing(name)[0]?.value ?? null
  const string = (name: string): string | null => shown(name) as string | null
  const erased = destroyed.has(id)
  const unreadable: string[] = []
  const text = (name: string): string | null => {
    const given = erased || shown(name) === null ? null : textOf(shown(name) as Ref)
    if (given === null || allows(name, given)) return given
    unreadable.push(name)
    return null
  }
  const [title, content, source] = [text('title'), text('content'), text('source')]
  const tags = names
    .filter((name) => name.startsWith(TAG) && standing(name).length > 0)
    .map((name) => name.slice(TAG.length))
  const metadata = text('metadata')
  return {
    id,
    namespace: leader.first.event.ns,
    title,
    content,
    kind: string('kind') ?? MEMORY_DEFAULTS.kind,
    tier: string('tier') ?? MEMORY_DEFAULTS.tier,
    tags: tags.sort(),
    priority: (shown('priority') as number | null) ?? MEMORY_DEFAULTS.priority,
    confidence: (shown('confidence') as number | null) ?? MEMORY_DEFAULTS.confidence,
    source,
    scope: string('scope'),
    run_id: string('run_id'),
    occurred_at: string('occurred_at'),
    expires_at: string('expires_at'),
    metadata: metadata === null ? {} : (JSON.parse(metadata) as Record<string, unknown>),
    agent_id: leader.first.event.agent,
    peer_id: leader.first.peer,
    created_at: leader.first.event.at,
    updated_at: about.toSorted(compareHappened).at(-1)!.first.event.at,
    forgotten: shown('forgotten') === true,
    erased,
    conflicts:
      names.filter((name) => isConflict(name, standing(name), textOf)).length +
      (isHiddenEdit(writes, standing('forgotten'), before) ? 1 : 0),
    ...(unreadable.length > 0 && { unreadable }),
  }
}

const DEPTH_MAX = 16
/** What a field's text may be: words of its length, or an object that does not nest too deep. */
const allows = (field: string, text: string): boolean => {
  if (text === NO_TEXT) return false
  if (field !== 'metadata') return field !== 'title' || new TextEncoder().encode(text).length <= 1_024
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) && depthOf(value) <= DEPTH_MAX
  } catch {
    return false
  }
}
const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0

export const readLinkOf = ({ happened, before, saidBefore }: Heard, id: RecordId): LinkRow | null => {
  const about = happened.filter(
    ({ first: { event } }) => event.kind.startsWith('link.') && 'record' in event && event.record === id,
  )
  // A put that knew of an earlier one in that document changes that; only those that knew of none make twins.
  const puts = about.filter(({ first: { event } }) => event.kind === 'link.put').sort(compareHappened)
  const isKnown = (put: Happened, said: Say): boolean =>
    puts.some(
      (other) => other !== put && other.copies.some((copy) => copy.segment === said.segment && saidBefore(copy, said)),
    )
  const twins = puts.filter((put) => firstAttempt(put).some((said) => !isKnown(put, said)))
  const [leader] = twins
  if (leader === undefined) return null
  const writes = about.flatMap((by) =>
    [...new Set([...(twins.includes(by) ? [by] : []), ...twinsOf(twins, by, saidBefore)])].flatMap((twin) =>
      by.copies.flatMap((copy) => linkWritesOf(copy, by, twin)),
    ),
  )
  const shown = (name: string): Value | null =>
    latestOfEach(
      stand(
        writes.filter((write) => write.name === name),
        before,
      ),
    )[0]?.value ?? null
  const string = (name: string): string | null => shown(name) as string | null
  return {
    id,
    namespace: leader.first.event.ns,
    from: string('from') as RecordId,
    to: string('to') as RecordId,
    relation: string('relation') ?? '',
    valid_from: string('valid_from'),
    valid_until: string('valid_until'),
    agent_id: leader.first.event.agent,
    peer_id: leader.first.peer,
    created_at: leader.first.event.at,
    removed: shown('removed') === true,
  }
}

const TAG = 'tag '

/** Which twins a change went to: in each document the earliest that its writer knew of there. */
const twinsOf = (twins: readonly Happened[], by: Happened, saidBefore: Heard['saidBefore']): readonly Happened[] => [
  ...new Set(
    firstAttempt(by).flatMap(
      (said) =>
        twins.find((twin) => twin.copies.some((copy) => copy.segment === said.segment && saidBefore(copy, said))) ?? [],
    ),
  ),
]

/** `say`: one of the copies; what each says stands where the first does. */
const writesOf = (say: Say, by: Happened, twin: Happened): Write[] => {
  const write = (name: string, value: Value | null): Write => ({ twin, name, by, value })
  switch (say.event.kind) {
    case 'memory.put':
    case 'memory.patch': {
      const { set, tags } = say.event
      const fields = Object.entries(set).map(([name, value]: [string, unknown]) =>
        write(
          name,
          typeof value === 'object' && value !== null ? (value as { ref: string }).ref : (value as Value | null),
        ),
      )
      return [
        ...fields,
        ...(tags?.add ?? []).map((tag) => write(TAG + tag, true)),
        ...(tags?.remove ?? []).map((tag) => write(TAG + tag, null)),
      ]
    }
    case 'memory.forget':
      return [write('forgotten', true)]
    case 'memory.restore':
      return [write('forgotten', false)]
    case 'memory.erase':
      return [write('forgotten', true), write('erased', true)]
    default:
      return []
  }
}

const linkWritesOf = (say: Say, by: Happened, twin: Happened): Write[] => {
  const write = (name: string, value: Value | null): Write => ({ twin, name, by, value })
  if (say.event.kind === 'link.remove') return [write('removed', true)]
  const { from, to, relation, valid_from, valid_until } = say.event as LinkPut
  return [
    write('from', from),
    write('to', to),
    write('relation', relation),
    write('valid_from', valid_from ?? null),
    write('valid_until', valid_until ?? null),
    write('removed', false),
  ]
}

/** Values that nobody who knew of them has overwritten or cleared, in the same twin. */
const stand = (writes: readonly Write[], before: Heard['before']): Standing[] =>
  writes.flatMap(({ twin, by, value }) =>
    value === null || writes.some((later) => later.twin === twin && before(by, later.by)) ? [] : [{ by, value }],
  )

/** Equal values once, by their latest writer; the latest first. */
const latestOfEach = (standing: readonly Standing[]): Standing[] => {
  const latest = new Map<Value, Standing>()
  for (const one of standing.toSorted((a, b) => compareHappened(a.by, b.by))) latest.set(one.value, one)
  return [...latest.values()].sort((a, b) => compareHappened(b.by, a.by))
}

const TEXTS = ['title', 'content', 'metadata', 'source']
const isConflict = (name: string, standing: readonly Standing[], textOf: TextOf): boolean => {
  if (name === 'erased' || name.startsWith(TAG) || standing.length < 2) return false
  return (
    new Set(
      standing.map(({ value }) =>
        TEXTS.includes(name) ? JSON.stringify(textOf(value as Ref)) : JSON.stringify(value),
      ),
    ).size > 1
  )
}

/** Somebody edited while somebody else forgot, neither knowing of the other. */
const isHiddenEdit = (writes: readonly Write[], forgotten: readonly Standing[], before: Heard['before']): boolean => {
  const values = new Set(forgotten.map(({ value }) => value))
  if (values.size !== 1 || !values.has(true)) return false
  return [...new Set(writes.map(({ twin }) => twin))].some((twin) => {
    const ofTwin = writes.filter((write) => write.twin === twin)
    const forgets = stand(
      ofTwin.filter(({ name }) => name === 'forgotten'),
      before,
    ).filter(({ value }) => value === true)
    const names = new Set(ofTwin.map(({ name }) => name).filter((name) => name !== 'forgotten' && name !== 'erased'))
    const edits = [...names].flatMap((name) =>
      stand(
        ofTwin.filter((write) => write.name === name),
        before,
      ),
    )
    return (
      forgets.length > 0 &&
      edits.some((edit) => forgets.every((forget) => !before(edit.by, forget.by) && !before(forget.by, edit.by)))
    )
  })
}
