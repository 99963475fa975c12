/**
 * The history of one memory as a peer can say it again, one entry after the other, so that it ends in the same state.
 *
 * A peer says one thing after another, and what two said at once has no order. So the entries stand in the order in which values lead,
 * and each that would undo what stands is put where it does not:
 * - of a field with several values all but the first are `beside`; what was replaced of it comes before the first of them, so that what
 *   stands stands last. Who said it and when keeps its place, with nothing left in it;
 * - a tag that was added while another removed it stands: that removal is left out;
 * - what was changed after it was forgotten, by who did not know, comes before the forgetting.
 * Of an export that was imported the same entries come out again.
 */
import type { Conflict, Version } from '../../api.ts'
import { originalAgent } from '../../input/imported-agent.ts'
import { SAID_KINDS, type Said } from '../../input/said.ts'
import { stableJson } from '../import/item.ts'

/** What the memory is now. */
export type Now = { readonly fields: Readonly<Record<string, unknown>>; readonly tags: readonly string[] }

type Fields = Readonly<Record<string, unknown>>
type Entry = Omit<Said, 'set' | 'tags'> & {
  readonly set: Fields
  readonly tags: Tags | null
  readonly event: string | null
}
type Tags = NonNullable<Said['tags']>

/** @param now null where it is not known. @returns null where the text that it was made with is not here. */
export const saidOf = (
  versions: readonly Version[],
  conflicts: readonly Conflict[],
  now: Now | null,
): readonly Said[] | null => {
  const entries = forgottenLast(versions.flatMap(entryOf()))
  if (entries[0]?.kind !== 'put' || entries[0].set['content'] === undefined) return null
  return withTagsKept(withValuesKept(entries, conflicts, now), now).map(plain)
}

/** Who said it, and who brought it. */
export const sayer = (agent: string): { readonly agent: string; readonly imported_by?: string } => {
  const { agent: of, by } = originalAgent(agent)
  return { agent: of, ...(by === null ? {} : { imported_by: by }) }
}

/** A memory is made once. What made it again, in another document, is a change; and what that repeats was said before. */
const entryOf = (): ((version: Version) => readonly Entry[]) => {
  const last = new Map<string, string>()
  let isMade = false
  return ({ kind: of, event_id, agent_id, at, set: said, tags }) => {
    const kind = SAID_KINDS.find((known) => `memory.${known}` === of)
    if (kind === undefined) return []
    const again = isMade && kind === 'put'
    const set = Object.entries(said).filter(
      // A content is never cleared: its text is not here.
      ([field, value]) => !(field === 'content' && value === null) && !(again && last.get(field) === stableJson(value)),
    )
    for (const [field, value] of set) last.set(field, stableJson(value))
    isMade ||= kind === 'put'
    return [
      {
        kind: again ? 'patch' : kind,
        ...sayer(agent_id),
        at,
        set: Object.fromEntries(set),
        tags: tags ?? null,
        event: event_id,
      },
    ]
  }
}

/** What a change made after the forgetting comes before it. One that is forgotten is not forgotten again. */
const forgottenLast = (entries: readonly Entry[]): readonly Entry[] => {
  const ordered: Entry[] = []
  let held: Entry | null = null
  for (const entry of entries) {
    if (entry.kind === 'forget') {
      held ??= entry
      continue
    }
    if (entry.kind === 'restore' && held !== null) {
      ordered.push(held)
      held = null
    }
    ordered.push(entry)
  }
  return held === null ? ordered : [...ordered, held]
}

/** What becomes of one entry: what is said of it before another one, what stays, and what it says beside. */
const withValuesKept = (
  entries: readonly Entry[],
  conflicts: readonly Conflict[],
  now: Now | null,
): readonly Entry[] => {
  const stays = entries.map(({ set }): Record<string, unknown> => ({ ...set }))
  const besides = entries.map((): Record<string, unknown> => ({}))
  /** Before an entry, by whose they are: what was replaced. Of the entry that made the memory, behind it, and then what it says itself again. */
  const replaced = entries.map(() => new Map<number, Record<string, unknown>>())
  const emptied = new Set<number>()

  const fields = new Set(entries.flatMap(({ set }) => Object.keys(set)))
  for (const field of fields) {
    const writers = entries.flatMap(({ set }, at) => (Object.hasOwn(set, field) ? [at] : []))
    const [first, ...others] = standing(field, entries, writers, conflicts, now)
    if (first === undefined) continue
    const move = (at: number, to: Record<string, unknown>): void => {
      to[field] = entries[at]!.set[field]
      delete stays[at]![field]
    }
    for (const at of others) move(at, besides[at]!)
    const gone = writers.filter((at) => at > first && !others.includes(at))
    for (const at of gone) {
      const to = replaced[first]!.get(at) ?? {}
      replaced[first]!.set(at, to)
      move(at, to)
      emptied.add(at)
    }
    if (first === 0 && gone.length > 0) {
      const to = replaced[0]!.get(0) ?? {}
      replaced[0]!.set(0, to)
      to[field] = entries[0]!.set[field]
    }
  }

  return entries.flatMap((entry, at) => {
    const moved = [...replaced[at]!]
      .sort(([a], [b]) => (a === 0 ? 1 : b === 0 ? -1 : a - b))
      .map(([of, set]) => only(entries[of]!, 'patch', set))
    const isSaid = Object.keys(stays[at]!).length > 0 || entry.tags !== null || emptied.has(at)
    const isBeside = Object.keys(besides[at]!).length > 0
    const own = isSaid || !isBeside ? [{ ...entry, set: stays[at]! }] : []
    const beside = isBeside ? [only(entry, 'beside', besides[at]!)] : []
    return at === 0 ? [...own, ...moved, ...beside] : [...moved, ...own, ...beside]
  })
}

const only = (entry: Entry, kind: 'patch' | 'beside', set: Fields): Entry => ({
  ...entry,
  kind,
  set,
  tags: null,
  event: null,
})

/** Places of the entries whose value of the field stands, in their order; none where that is not known, or nothing is to be seen. */
const standing = (
  field: string,
  entries: readonly Entry[],
  writers: readonly number[],
  conflicts: readonly Conflict[],
  now: Now | null,
): readonly number[] => {
  const says = (at: number, value: unknown): boolean => stableJson(entries[at]?.set[field]) === stableJson(value)
  const values = conflicts.find((conflict) => conflict.field === field)?.values
  if (values === undefined) {
    const value = now?.fields[field]
    const at = value === undefined ? undefined : writers.findLast((one) => says(one, value))
    return at === undefined ? [] : [at]
  }
  const placeByValue = new Map<string, number>()
  for (const { value, event_id } of values) {
    const at = writers.find((one) => entries[one]?.event === event_id) ?? writers.findLast((one) => says(one, value))
    const text = stableJson(value)
    if (at !== undefined && at > (placeByValue.get(text) ?? -1)) placeByValue.set(text, at)
  }
  return [...new Set(placeByValue.values())].sort((a, b) => a - b)
}

const withTagsKept = (entries: readonly Entry[], now: Now | null): readonly Entry[] => {
  const kept = new Set(now?.tags)
  const has = new Set<string>()
  return entries.map((entry, at) => {
    if (entry.tags === null) return entry
    const add = entry.tags.add.filter((tag) => !has.has(tag)).sort()
    const remove = entry.tags.remove
      .filter((tag) => has.has(tag))
      .filter((tag) => !kept.has(tag) || entries.slice(at + 1).some(({ tags }) => tags?.add.includes(tag)))
      .sort()
    for (const tag of add) has.add(tag)
    for (const tag of remove) has.delete(tag)
    return { ...entry, tags: add.length + remove.length === 0 ? null : { add, remove } }
  })
}

const plain = ({ event: _event, set, tags, ...entry }: Entry): Said => ({
  ...entry,
  ...(Object.keys(set).length === 0 ? {} : { set: inOrder(set) }),
  ...(tags === null ? {} : { tags }),
})

const inOrder = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)))
