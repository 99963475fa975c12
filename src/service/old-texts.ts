/**
 * Which texts of a memory a peer keeps no longer, by its own policy: those of older versions, after a while or beyond a number.
 *
 * A text that some field holds is never among them, as one of several concurrent values neither. A version's age begins when another took its
 * place, by the commits' clocks. Each peer decides for itself: the log keeps every hash, so frontiers, documents, rows and proofs are the
 * same with the text and without.
 */
import { TEXT_FIELDS } from '../../crdt/event.ts'
import { hlcMs } from '../../crdt/hlc.ts'
import type { Ref } from '../../crdt/ids.ts'
import { compareWritten } from '../../crdt/provenance.ts'
import type { RecordState } from '../../crdt/reading.ts'
import type { Reader } from './rows.ts'

/** For so long after another took its place, or the newest so many. */
export type KeepHistory = { readonly ms: number } | { readonly versions: number }

const UNITS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const

/** `30d`, `12h`, `90m`, `45s`: for so long; a number: so many versions, the shown one among them. Null: neither. */
export const readKeepHistory = (text: string): KeepHistory | null => {
  const [, digits, unit] = /^([1-9]\d{0,8})([dhms])?$/.exec(text) ?? []
  if (digits === undefined) return null
  return unit === undefined ? { versions: Number(digits) } : { ms: Number(digits) * UNITS[unit as keyof typeof UNITS] }
}

/** As it is typed. */
export const keepHistoryText = (keep: KeepHistory): string => {
  if ('versions' in keep) return String(keep.versions)
  const [unit = 's'] = (Object.keys(UNITS) as (keyof typeof UNITS)[]).filter((one) => keep.ms % UNITS[one] === 0)
  return `${keep.ms / UNITS[unit]}${unit}`
}

type OldTexts = {
  readonly refs: readonly Ref[]
  /** When the next one will be old; null when only another write can make one so. */
  readonly nextMs: number | null
}

export const oldTexts = (
  reader: Pick<Reader, 'writesTo'>,
  state: Pick<RecordState, 'id' | 'registers'>,
  keep: KeepHistory,
  nowMs: number,
): OldTexts => {
  const writes = [...reader.writesTo(state.id)]
    .sort((a, b) => compareWritten(a, b))
    .flatMap((write) => ('set' in write.said ? [{ ...write, set: write.said.set }] : []))
  const refs = new Set<Ref>()
  let nextMs = Number.POSITIVE_INFINITY
  for (const field of TEXT_FIELDS) {
    const values = state.registers.get(field)?.values ?? []
    const held = new Set([...values.map(({ value }) => value), ...values.map(({ by }) => by.event)])
    const here = writes.filter(({ set }) => set[field] !== undefined)
    for (const [i, { set, event }] of here.entries()) {
      const ref = set[field]?.ref
      // Copies of one event may name the text under several refs.
      if (ref === undefined || held.has(ref) || held.has(event)) continue
      const after = here.slice(i + 1).find((later) => later.event !== event)
      if (after === undefined) continue
      if ('versions' in keep) {
        if (versionsAfter(here, i) >= keep.versions) refs.add(ref)
        continue
      }
      const dueMs = hlcMs(after.hlc) + keep.ms
      if (dueMs <= nowMs) refs.add(ref)
      else nextMs = Math.min(nextMs, dueMs)
    }
  }
  return { refs: [...refs], nextMs: Number.isFinite(nextMs) ? nextMs : null }
}

/** How many values of the field came behind number `i`. */
const versionsAfter = (writes: readonly { readonly event: string }[], i: number): number =>
  new Set(writes.slice(i + 1).map(({ event }) => event)).size

/** Whether nobody is shown the text `ref` of this memory any more, whatever the policy: another took its place. */
export const isReplaced = (state: Pick<RecordState, 'registers'>, ref: Ref): boolean =>
  TEXT_FIELDS.every((field) => !(state.registers.get(field)?.values ?? []).some(({ value }) => value === ref))
