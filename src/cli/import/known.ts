/**
 * What a namespace already holds of a source, by the places that its memories came from: so that a changed section is a change of the
 * same memory, and what is no longer in the source can be told.
 *
 * A memory carries its place in `metadata.import`: hashes of the folder, the file and the section, and of what the source said there.
 * As long as the source says the same, the memory is left alone, whatever people made of it.
 */
import { createHash } from 'node:crypto'
import { limits } from '../../../crdt/limits.ts'
import type { MemoryRow } from '../../sdk/answers.ts'
import type { Client } from '../../sdk/client.ts'
import { memoryPages } from '../../sdk/pages.ts'
import { cliLimits } from '../limits.ts'
import { type Draft, stableJson } from './item.ts'

/** Where a memory stands in its source: 16 hex digits each. */
export type Place = { readonly root: string; readonly file: string; readonly id: string }
export type KnownRow = Place & {
  readonly memory: string
  readonly version: string
  readonly hash: string
  readonly path: string
  readonly title: string
}
export type Known = {
  readonly byId: ReadonlyMap<string, KnownRow>
  /** By what they say, wherever it stood. */
  readonly byText: ReadonlyMap<string, readonly KnownRow[]>
}

export const shortHash = (...parts: readonly string[]): string => {
  const hash = createHash('sha256').update('mnemesh/place/1')
  for (const part of parts) hash.update(`\0${Buffer.byteLength(part)}\0`).update(part)
  return hash.digest('hex').slice(0, 16)
}

/** What the source says, without where it stands: the same from its folder's parent. */
export const draftHash = (draft: Draft): string => {
  const { path, ...metadata } = draft.metadata ?? {}
  const { source, ...rest } = draft
  return shortHash(stableJson({ ...rest, metadata, ...(source === path ? {} : { source }) }))
}

export const textHash = ({
  title,
  content,
  metadata,
}: Pick<MemoryRow, 'content' | 'metadata'> & { readonly title?: string | null | undefined }): string =>
  shortHash(title ?? '', content ?? '', stableJson(metadata['heading_path'] ?? null))

/** The place that a row says it came from, or null. */
export const knownRow = (row: MemoryRow): KnownRow | null => {
  const said = row.metadata['import']
  if (typeof said !== 'object' || said === null) return null
  const { root, file, id, hash } = said as Readonly<Record<string, unknown>>
  const path = row.metadata['path']
  if (typeof root !== 'string' || typeof file !== 'string' || typeof id !== 'string' || typeof hash !== 'string')
    return null
  return {
    root,
    file,
    id,
    hash,
    memory: row.id,
    version: row.version,
    path: typeof path === 'string' ? path : '',
    title: row.title ?? row.id,
  }
}

export const readKnown = async (client: Client, namespace: string): Promise<Known> => {
  const byId = new Map<string, KnownRow>()
  const byText = new Map<string, KnownRow[]>()
  for await (const page of memoryPages(client, { query: { namespace, limit: limits.list_limit_max } })) {
    for (const row of page.memories) {
      const known = byId.size < cliLimits.import_names_max ? knownRow(row) : null
      // Of two at one place the newer counts, and lists begin with it.
      if (known === null || byId.has(known.id)) continue
      byId.set(known.id, known)
      const text = textHash(row)
      byText.set(text, [...(byText.get(text) ?? []), known])
    }
  }
  return { byId, byText }
}
