/**
 * What an importer reads out of its source, before anything is sent.
 *
 * Every memory carries a key that depends on nothing but the source, so that a second run says the same thing again and
 * the mesh stores it once. A source never drops or changes anything silently: what it cannot use is a problem that names the place, what
 * came in otherwise than it stands there is a note, what it passes over is counted by reason.
 */
import { createHash } from 'node:crypto'
import type { MemoryInput } from '../../api.ts'
import type { Said } from '../../input/said.ts'

export const FORMATS = ['markdown', 'jsonl', 'git', 'mcp-memory', 'conversations', 'mem0', 'letta', 'csv'] as const
export type ImportFormat = (typeof FORMATS)[number]

export type Draft = MemoryInput & { readonly content: string }

export type MemoryItem = {
  readonly kind: 'memory'
  readonly draft: Draft
  /** Sent as `idempotency_key`. */
  readonly key: string
  /** For problems: `notes/a.md`, `line 12`. */
  readonly where: string
  /** The namespace that the source itself names, if it does. */
  readonly namespace?: string
  /** By which links of the same source call it; the first of several parts has it. */
  readonly name?: string
  /** Id in the mesh that it was exported from. */
  readonly exported_id?: string
  /** Its history, as a full export has it: said again entry by entry, in place of `draft`. */
  readonly said?: readonly Said[]
  /** Where it stands in a source that people go on editing. */
  readonly place?: { readonly root: string; readonly file: string; readonly id: string }
}

export type LinkItem = {
  readonly kind: 'link'
  readonly where: string
  /** Names of memories of this source. */
  readonly from: string
  readonly to: string
  readonly relation: string
  readonly valid_from?: string
  readonly valid_until?: string
  /** Counted where an end did not come in, and no problem. */
  readonly mayLeadNowhere?: true
  /** Who made it where it was exported from, and when. */
  readonly said?: { readonly agent: string; readonly at: string }
}

export type ProblemItem = { readonly kind: 'problem'; readonly where: string; readonly message: string }

/** Came in, and something is to be said of it. */
export type NoteItem = { readonly kind: 'note'; readonly where: string; readonly message: string }

export type ImportSource = {
  readonly format: ImportFormat
  readonly unit: 'bytes' | 'files' | 'commits'
  /** In `unit`; 0 when it is not known. */
  readonly total: number
  /** How much of `total` `memories()` has read. */
  done(): number
  memories(): AsyncIterable<MemoryItem | ProblemItem | NoteItem>
  /** Said before the first memory: what was chosen, and what else there is. */
  readonly told?: readonly string[]
  /** What it passed over, count by reason; whole when `memories` is through. */
  readonly skipped?: ReadonlyMap<string, number>
  /** Of a source with places: whether a memory that came from there, and did not come again, is gone from it. */
  readonly covers?: (known: { readonly root: string; readonly file: string; readonly path: string }) => boolean
  /** Why there may be nothing in it, for who gets nothing. */
  readonly hint?: string
  /** Read after every memory is stored. Absent where a source knows no links. */
  links?(): AsyncIterable<LinkItem | ProblemItem>
}

/** SHA-256 over the parts, each with its length before it, so that no two lists of parts run together. 64 hex digits. */
export const keyOf = (...parts: readonly string[]): string => {
  const hash = createHash('sha256').update('mnemesh/import/1')
  for (const part of parts) hash.update(`\0${Buffer.byteLength(part)}\0`).update(part)
  return hash.digest('hex')
}

/** JSON with keys in order: equal values give equal text, whatever order they were written in. */
export const stableJson = (value: unknown): string => {
  if (Array.isArray(value))
    return `[${value.map((item) => (item === undefined ? 'null' : stableJson(item))).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${entries.map(([name, inner]) => `${JSON.stringify(name)}:${stableJson(inner)}`).join(',')}}`
}
