/**
 * The deliberately dumb model of a memory: what must be read after a history, by sets and loops over everything ever said.
 *
 * A value of a field stands as long as nobody who knew of it wrote that field again. Of several that stand the latest shows,
 * the others are a conflict. A tag is there while somebody's adding of it stands. Forgetting hides, restoring shows again, erasing
 * destroys the texts for good. Two puts of one id are two twins: a change goes to the earliest that its writer knew of in that
 * document; what is read is the union. Quadratic on purpose.
 */
import { MEMORY_DEFAULTS, type LinkPut } from '../../crdt/event.ts'
import type { RecordId, Ref } from '../../crdt/ids.ts'
import type { LinkRow, MemoryRow } from '../../src/ports.ts'
import { compareSays, type Heard, type Say } from './history.ts'

/** The text of a body, or null when it is nowhere. */
export type TextOf = (ref: Ref) => string | null
type Value = string | number | boolean
type Standing = { readonly say: Say; readonly value: Value }
type Write = { readonly twin: Say; readonly name: string; readonly say: Say; readonly value: Value | null }

export type MemoryReading = Omit<MemoryRow, 'version'>

export const readMemoryOf = ({ says, before, erased: destroyed }: Heard, id: RecordId, textOf: TextOf): MemoryReading | null => {
  const about = says.filter(({ event }) => event.kind.startsWith('memory.') && 'record' in event && event.record === id)
  const twins = about.filter(({ event }) => event.kind === 'memory.put').sort(compareSays)
  const [leader] = twins
  if (leader === undefined) return null
  const writes = about.flatMap((say) => writesOf(say, twinOf(twins, say, before)))
  const standing = (name: string): Standing[] => latestOfEach(stand(writes.filter((write) => write.name === name), before))
  const names = [...new Set(writes.map(({ name }) => name))]
  const shown = (name: string): Value | null => standing(name)[0]?.value ?? null
  const string = (name: string): string | null => shown(name) as string | null
  const erased = destroyed.has(id)
  const text = (name: string): string | null => (erased || shown(name) === null ? null : textOf(shown(name) as Ref))
  const tags = names.filter((name) => name.startsWith(TAG) && standing(name).length > 0).map((name) => name.slice(TAG.length))
  const metadata = text('metadata')
  return {
    id, namespace: leader.event.ns, title: text('title'), content: text('content'),
    kind: string('kind') ?? MEMORY_DEFAULTS.kind, tier: string('tier') ?? MEMORY_DEFAULTS.tier, tags: tags.sort(),
    priority: (shown('priority') as number | null) ?? MEMORY_DEFAULTS.priority, confidence: (shown('confidence') as number | null) ?? MEMORY_DEFAULTS.confidence,
    source: string('source'), scope: string('scope'), run_id: string('run_id'), occurred_at: string('occurred_at'), expires_at: string('expires_at'),
    metadata: metadata === null ? {} : (JSON.parse(metadata) as Record<string, unknown>),
    agent_id: leader.event.agent, peer_id: leader.peer, created_at: leader.event.at, updated_at: about.toSorted(compareSays).at(-1)!.event.at,
    forgotten: shown('forgotten') === true, erased, conflicts: names.filter((name) => isConflict(name, standing(name), textOf)).length + (isHiddenEdit(writes, standing('forgotten'), before) ? 1 : 0),
  }
}

export const readLinkOf = ({ says, before }: Heard, id: RecordId): LinkRow | null => {
  const about = says.filter(({ event }) => event.kind.startsWith('link.') && 'record' in event && event.record === id)
  // A put that knew of an earlier one changes that; only those that knew of none make twins.
  const puts = about.filter(({ event }) => event.kind === 'link.put').sort(compareSays)
  const twins = puts.filter((put) => !puts.some((other) => other.segment === put.segment && before(other, put)))
  const [leader] = twins
  if (leader === undefined) return null
  const writes = about.flatMap((say) => linkWritesOf(say, twins.includes(say) ? say : twinOf(twins, say, before)))
  const shown = (name: string): Value | null => latestOfEach(stand(writes.filter((write) => write.name === name), before))[0]?.value ?? null
  const string = (name: string): string | null => shown(name) as string | null
  return {
    id, namespace: leader.event.ns, from: string('from') as RecordId, to: string('to') as RecordId, relation: string('relation') ?? '', valid_from: string('valid_from'), valid_until: string('valid_until'),
    agent_id: leader.event.agent, peer_id: leader.peer, created_at: leader.event.at, removed: shown('removed') === true,
  }
}

const TAG = 'tag '

/** Which twin a change went to: its own for a put, else the earliest its writer knew of in that document. */
const twinOf = (twins: readonly Say[], say: Say, before: Heard['before']): Say | null =>
  twins.includes(say) ? say : (twins.find((twin) => twin.segment === say.segment && before(twin, say)) ?? null)

const writesOf = (say: Say, twin: Say | null): Write[] => {
  if (twin === null) return []
  const write = (name: string, value: Value | null): Write => ({ twin, name, say, value })
  switch (say.event.kind) {
    case 'memory.put':
    case 'memory.patch': {
      const { set, tags } = say.event
      const fields = Object.entries(set).map(([name, value]: [string, unknown]) => write(name, typeof value === 'object' && value !== null ? (value as { ref: string }).ref : (value as Value | null)))
      return [...fields, ...(tags?.add ?? []).map((tag) => write(TAG + tag, true)), ...(tags?.remove ?? []).map((tag) => write(TAG + tag, null))]
    }
    case 'memory.forget': return [write('forgotten', true)]
    case 'memory.restore': return [write('forgotten', false)]
    case 'memory.erase': return [write('forgotten', true), write('erased', true)]
    default: return []
  }
}

const linkWritesOf = (say: Say, twin: Say | null): Write[] => {
  if (twin === null) return []
  const write = (name: string, value: Value | null): Write => ({ twin, name, say, value })
  if (say.event.kind === 'link.remove') return [write('removed', true)]
  const { from, to, relation, valid_from, valid_until } = say.event as LinkPut
  return [write('from', from), write('to', to), write('relation', relation), write('valid_from', valid_from ?? null), write('valid_until', valid_until ?? null), write('removed', false)]
}

/** Values that nobody who knew of them has overwritten or cleared, in the same twin. */
const stand = (writes: readonly Write[], before: Heard['before']): Standing[] =>
  writes.flatMap(({ twin, say, value }) => (value === null || writes.some((later) => later.twin === twin && before(say, later.say)) ? [] : [{ say, value }]))

/** Equal values once, by their latest writer; the latest first. */
const latestOfEach = (standing: readonly Standing[]): Standing[] => {
  const latest = new Map<Value, Standing>()
  for (const one of standing.toSorted((a, b) => compareSays(a.say, b.say))) latest.set(one.value, one)
  return [...latest.values()].sort((a, b) => compareSays(b.say, a.say))
}

const TEXTS = ['title', 'content', 'metadata']
const isConflict = (name: string, standing: readonly Standing[], textOf: TextOf): boolean => {
  if (name === 'erased' || name.startsWith(TAG) || standing.length < 2) return false
  return new Set(standing.map(({ value }) => (TEXTS.includes(name) ? JSON.stringify(textOf(value as Ref)) : JSON.stringify(value)))).size > 1
}

/** Somebody edited while somebody else forgot, neither knowing of the other. */
const isHiddenEdit = (writes: readonly Write[], forgotten: readonly Standing[], before: Heard['before']): boolean => {
  const values = new Set(forgotten.map(({ value }) => value))
  if (values.size !== 1 || !values.has(true)) return false
  return [...new Set(writes.map(({ twin }) => twin))].some((twin) => {
    const ofTwin = writes.filter((write) => write.twin === twin)
    const forgets = stand(ofTwin.filter(({ name }) => name === 'forgotten'), before).filter(({ value }) => value === true)
    const names = new Set(ofTwin.map(({ name }) => name).filter((name) => name !== 'forgotten' && name !== 'erased'))
    const edits = [...names].flatMap((name) => stand(ofTwin.filter((write) => write.name === name), before))
    return forgets.length > 0 && edits.some((edit) => forgets.every((forget) => edit.say.commit !== forget.say.commit && !before(edit.say, forget.say) && !before(forget.say, edit.say)))
  })
}
