/**
 * YAML between two lines of `---` at the head of a Markdown file.
 *
 * Known names become fields of the memories, the rest is kept as metadata. What is not a YAML mapping stays text: nothing
 * is lost, and a file that begins with a rule is still read right.
 */
import { parse } from 'yaml'
import { limits } from '../../../crdt/limits.ts'
import type { MemoryInput } from '../../api.ts'

export type FrontMatter = {
  readonly title: string | null
  readonly fields: Pick<MemoryInput, 'kind' | 'tier' | 'tags' | 'priority' | 'confidence' | 'scope' | 'run_id' | 'occurred_at' | 'expires_at'>
  readonly metadata: Readonly<Record<string, unknown>>
  /** What follows it. */
  readonly text: string
}

/** Half of what metadata may hold: the importer adds the path and the headings. */
const METADATA_BYTES_MAX = limits.metadata_bytes_max / 2

export const readFrontMatter = (file: string): FrontMatter => {
  const text = file.replace(/^\ufeff/, '')
  const found = /^---[ \t]*\r?\n([\s\S]*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/m.exec(text)
  const values = found === null || found.index !== 0 ? null : parseMapping(found[1] ?? '')
  if (found === null || values === null) return { title: null, fields: {}, metadata: {}, text }

  const left = new Map(Object.entries(values))
  const take = <T>(names: readonly string[], read: (value: unknown) => T | null): T | null => {
    for (const name of names) {
      const value = left.has(name) ? read(left.get(name)) : null
      if (value === null) continue
      left.delete(name)
      return value
    }
    return null
  }
  const fields = {
    tags: take(['tags', 'tag', 'keywords'], asTags),
    kind: take(['kind', 'type'], asName),
    tier: take(['tier'], asName),
    priority: take(['priority'], (value) => (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 10 ? value : null)),
    confidence: take(['confidence'], (value) => (typeof value === 'number' && value >= 0 && value <= 1 ? value : null)),
    scope: take(['scope'], asName),
    run_id: take(['run_id'], asName),
    occurred_at: take(['occurred_at', 'date', 'created', 'created_at'], asTime),
    expires_at: take(['expires_at', 'expires'], asTime),
  }
  const title = take(['title'], (value) => (typeof value === 'string' || typeof value === 'number' ? String(value).trim() || null : null))
  const metadata = Object.fromEntries(left)
  if (Buffer.byteLength(JSON.stringify(metadata)) > METADATA_BYTES_MAX) return { title: null, fields: {}, metadata: {}, text }
  const known = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))
  return { title, fields: known, metadata, text: text.slice(found[0].length) }
}

const parseMapping = (yaml: string): Readonly<Record<string, unknown>> | null => {
  let value: unknown
  try {
    value = parse(yaml, { maxAliasCount: 100, logLevel: 'error' })
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
    return JSON.parse(JSON.stringify(value)) as Readonly<Record<string, unknown>>
  } catch {
    return null
  }
}

/** A list, or one text with commas. Answers null when one of them could be no tag. */
const asTags = (value: unknown): readonly string[] | null => {
  const parts: readonly unknown[] = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value : [value]
  const tags = parts.flatMap((part) => (typeof part === 'string' || typeof part === 'number' ? [String(part).trim().replace(/^#/, '')] : []))
  const named = [...new Set(tags.filter((tag) => tag !== ''))]
  if (tags.length !== parts.length || named.length > limits.tags_per_event_max || named.some((tag) => Buffer.byteLength(tag) > limits.tag_bytes_max)) return null
  return named
}

const asName = (value: unknown): string | null =>
  typeof value === 'string' && value.trim() !== '' && Buffer.byteLength(value) <= limits.name_bytes_max ? value.trim() : null

/** `2026-11-20`, `2026-11-20 14:30`, RFC 3339; a time without a zone is UTC, so that every machine reads it alike. */
const asTime = (value: unknown): string | null => {
  const [, day, clock, zone] = /^(\d{4}-\d{2}-\d{2})(?:[Tt ]+(\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?) *([Zz]|[+-]\d{2}:?\d{2})?)?$/.exec(typeof value === 'string' ? value.trim() : '') ?? []
  const ms = day === undefined ? Number.NaN : Date.parse(`${day}T${clock ?? '00:00:00'}${zone ?? 'Z'}`)
  return Number.isFinite(ms) ? new Date(ms).toISOString() : null
}
