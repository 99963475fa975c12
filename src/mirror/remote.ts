/**
 * The memories of a file as one text. Usually one memory with one text; where several were written at once, the merge of them, which
 * everybody who sees the same events finds alike. Pure.
 */
import { textHash, written } from '../input/memory-file.ts'
import { merge } from './merge.ts'
import type { Head, Row, Version } from './ports.ts'

export type Remote = {
  /** The memory that stands for the file, and others that were made under its name elsewhere at the same time. */
  readonly row: Row
  readonly twins: readonly Row[]
  readonly text: string
  /** Whether this text is what the one memory says. */
  readonly isSettled: boolean
  /** What shows, as it is kept. */
  readonly contents: readonly string[]
  /** Who wrote what shows; empty when nobody asked. */
  readonly agents: readonly string[]
}

export const byAge = (a: Row, b: Row): number => a.created_at.localeCompare(b.created_at) || (a.id < b.id ? -1 : 1)

/** @param parts of each memory the texts that show, and its history where it is needed. */
export const together = (
  parts: readonly { readonly row: Row; readonly heads: readonly Head[]; readonly versions: readonly Version[] }[],
): Remote => {
  const [first, ...others] = parts.toSorted((a, b) => byAge(a.row, b.row))
  const texts = parts
    .map(({ heads, versions }) => mergedHeads([...new Set(heads.map(({ content }) => content))], versions))
    .sort()
  const contents = [...new Set(parts.flatMap(({ heads }) => heads.map(({ content }) => content)))]
  return {
    row: first!.row,
    twins: others.map(({ row }) => row),
    contents,
    text: texts.reduce((all, text) => merge(null, all, text)),
    isSettled: others.length === 0 && contents.length === 1,
    agents: [...new Set(parts.flatMap(({ heads }) => heads.map(({ agent }) => agent)))],
  }
}

const mergedHeads = (contents: readonly string[], versions: readonly Version[]): string => {
  const base = commonAncestor(contents, versions)
  return contents
    .map(written)
    .sort()
    .reduce((all, text) => merge(base === null ? null : written(base), all, text))
}

/**
 * The latest text from which all of `contents` were made; null when the history does not say. An older one than need be is no harm, a younger
 * one would be: so a text that stands in the history twice is taken for its first.
 */
export const commonAncestor = (contents: readonly string[], versions: readonly Version[]): string | null => {
  if (contents.length < 2) return null
  const placeByHash = new Map<number, number>()
  for (const [at, { content }] of versions.entries())
    if (content !== null && !placeByHash.has(textHash(content))) placeByHash.set(textHash(content), at)
  const ancestors = contents.map((content) => {
    const seen = new Set<number>()
    const open = [placeByHash.get(textHash(content))]
    for (let at = open.pop(); open.length > 0 || at !== undefined; at = open.pop()) {
      if (at === undefined || seen.has(at)) continue
      seen.add(at)
      for (const parent of versions[at]?.parents ?? []) {
        const place = placeByHash.get(parent)
        if (place !== undefined && place < at) open.push(place)
      }
    }
    return seen
  })
  const shared = [...ancestors[0]!].filter((at) => ancestors.every((one) => one.has(at))).sort((a, b) => a - b)
  return versions[shared.at(-1) ?? -1]?.content ?? null
}
