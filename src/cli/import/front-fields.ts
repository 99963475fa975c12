/**
 * The values of a front matter by what they mean to a memory. What does not fit its field stays in the metadata, and is said.
 */
import { limits } from '../../../crdt/limits.ts'
import type { MemoryInput } from '../../api.ts'
import { isTime } from '../../input/keywords.ts'

export type FrontFields = {
  readonly title: string | null
  readonly fields: Pick<
    MemoryInput,
    'kind' | 'tier' | 'tags' | 'priority' | 'confidence' | 'scope' | 'run_id' | 'occurred_at' | 'expires_at'
  >
  /** Other names of the note, as Obsidian has them; they stay in the metadata too. */
  readonly aliases: readonly string[]
  readonly metadata: Readonly<Record<string, unknown>>
  /** What came in otherwise than it stands there. */
  readonly said: readonly string[]
}
/** `left`: of a value of which a part fits, the rest. */
type Fit<T> = { readonly value: T; readonly left?: unknown } | null

/** Names in the metadata that the importer sets. */
const OURS = ['import', 'path', 'heading_path', 'document']

export const takeFields = (values: ReadonlyMap<string, unknown>): FrontFields => {
  const left = new Map(values)
  const said: string[] = []
  const take = <T>(names: readonly string[], needs: string, read: (value: unknown) => Fit<T>): T | null => {
    for (const name of names) {
      const value = left.get(name)
      if (value === undefined || value === null || value === '') continue
      const fit = read(value)
      if (fit === null || fit.left !== undefined)
        said.push(`${name} ${short(fit === null ? value : fit.left)} is not ${needs}; it stays in the metadata`)
      if (fit === null) continue
      if (fit.left === undefined) left.delete(name)
      else left.set(name, fit.left)
      return fit.value
    }
    return null
  }
  const fields = {
    tags: take(
      ['tags', 'tag', 'keywords'],
      `up to ${limits.tags_per_event_max} tags of up to ${limits.tag_bytes_max} bytes`,
      asTags,
    ),
    kind: take(['kind', 'type'], 'a name', asName),
    tier: take(['tier'], 'a name', asName),
    priority: take(['priority'], 'a whole number from 1 to 10', (value) =>
      typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 10 ? { value } : null,
    ),
    confidence: take(['confidence'], 'a number from 0 to 1', (value) =>
      typeof value === 'number' && value >= 0 && value <= 1 ? { value } : null,
    ),
    scope: take(['scope'], 'a name', asName),
    run_id: take(['run_id'], 'a name', asName),
    occurred_at: take(['occurred_at', 'date', 'created', 'created_at'], 'a day or time that exists', asTime),
    expires_at: take(['expires_at', 'expires'], 'a day or time that exists', asTime),
  }
  for (const name of OURS) {
    if (!left.has(name)) continue
    left.set(`${name} (own)`, left.get(name))
    left.delete(name)
    said.push(`${name} is what import itself says in the metadata; the note's own is '${name} (own)'`)
  }
  const title = take(['title'], 'a text', (value) =>
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? { value: String(value).trim() || null }
      : null,
  )
  const aliases = [left.get('aliases'), left.get('alias')]
    .flatMap((value) => (Array.isArray(value) ? (value as readonly unknown[]) : [value]))
    .filter((name): name is string => typeof name === 'string' && name.trim() !== '')
  const known = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))
  return { title, fields: known, aliases, metadata: Object.fromEntries(left), said }
}

const short = (value: unknown): string => {
  const text = typeof value === 'string' ? `'${value}'` : JSON.stringify(value)
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`
}

/** A list, or one text with commas. An empty bullet is no tag and says nothing. */
const asTags = (value: unknown): Fit<readonly string[]> => {
  const parts: readonly unknown[] =
    typeof value === 'string' ? value.split(',') : Array.isArray(value) ? (value as readonly unknown[]) : [value]
  const tags = new Set<string>()
  const left: unknown[] = []
  for (const part of parts) {
    const tag =
      typeof part === 'string' || typeof part === 'number' || typeof part === 'boolean'
        ? String(part).trim().replace(/^#/, '')
        : null
    if (part === null || tag === '') continue
    if (
      tag === null ||
      Buffer.byteLength(tag) > limits.tag_bytes_max ||
      (tags.size >= limits.tags_per_event_max && !tags.has(tag))
    )
      left.push(part)
    else tags.add(tag)
  }
  return tags.size === 0 && left.length > 0 ? null : { value: [...tags], ...(left.length === 0 ? {} : { left }) }
}

const asName = (value: unknown): Fit<string> =>
  typeof value === 'string' && value.trim() !== '' && Buffer.byteLength(value) <= limits.name_bytes_max
    ? { value: value.trim() }
    : null

/** `2026-11-20`, `2026-11-20 14:30`, RFC 3339; a time without a zone is UTC, so that every machine reads it alike. */
const asTime = (value: unknown): Fit<string> => {
  const [, day, clock, zone] =
    /^(\d{4}-\d{2}-\d{2})(?:[Tt ]+(\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?) *([Zz]|[+-]\d{2}:?\d{2})?)?$/.exec(
      typeof value === 'string' ? value.trim() : '',
    ) ?? []
  if (day === undefined) return null
  const time = clock === undefined ? '00:00:00' : clock.length === 5 ? `${clock}:00` : clock.slice(0, 18)
  const text = `${day}T${time}${(zone ?? 'Z').replace(/^([+-]\d\d)(\d\d)$/, '$1:$2')}`
  return isTime(text) ? { value: new Date(text.toUpperCase()).toISOString() } : null
}
