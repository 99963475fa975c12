/**
 * What a memory stands in, as search reads it: every text of its metadata (its note's title and aliases, the headings above it, its
 * file, whatever an importer or an agent wrote there) and its source. Which keys there are is nobody's to know here.
 */
import { limits } from '../../crdt/limits.ts'
import type { MemoryRow } from '../ports/projection.ts'

/** In the order of their keys, each once, and none that the memory says itself. */
export const contextOf = ({ title, content, source, metadata }: MemoryRow): readonly string[] => {
  const texts = new Set<string>()
  collect(metadata, texts, limits.search_context_depth_max)
  if (source !== null && texts.size < limits.search_context_texts_max) texts.add(source)
  for (const said of [title, content]) if (said !== null) texts.delete(said)
  return [...texts]
}

const collect = (value: unknown, texts: Set<string>, deeper: number): void => {
  if (texts.size >= limits.search_context_texts_max) return
  if (typeof value === 'string') texts.add(value)
  else if (typeof value === 'object' && value !== null && deeper > 0) {
    for (const key of Object.keys(value).sort())
      collect((value as Readonly<Record<string, unknown>>)[key], texts, deeper - 1)
  }
}
