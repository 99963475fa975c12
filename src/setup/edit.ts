/**
 * A change of a configuration as text that is put in between, and nothing else: what stood there stays byte for byte, and what was put
 * in can be taken out again.
 */
import { isDeepStrictEqual } from 'node:util'
import { NodeError } from '../errors.ts'

/** @param at a place in the text, in UTF-16 units, before which it is put. */
export type Insertion = { readonly at: number; readonly text: string }

/** Where an entry stands. A last key `LIST` is an element of the list above it, which `isOurs` tells from others. */
export type Place = { readonly keys: readonly string[]; isOurs(value: unknown): boolean }
export const LIST = '[]'

/** What a format does; one for JSON with comments, one for TOML. */
export type Format = {
  /** What the text says, null when it says nothing. @throws NodeError when it is not of the format; `file` names it. */
  parse(text: string, file: string): unknown
  /** How the entry is put in. @throws NodeError where something else stands in its way. */
  insertion(text: string, place: Place, value: unknown, file: string): Insertion
  /** The text without the entry, whoever wrote it, and without those of `made` above it that are empty then. Null when that cannot be told. */
  without(text: string, place: Place, made: number): string | null
}

export const insert = (text: string, { at, text: added }: Insertion): string =>
  text.slice(0, at) + added + text.slice(at)

/** Takes out what was put in, last first. Null when it is not there any more, or more than once. */
export const takeOut = (text: string, insertions: readonly Insertion[]): string | null => {
  let rest = text
  for (const { at, text: added } of insertions.toReversed()) {
    const here = rest.startsWith(added, at) ? at : onlyPlace(rest, added)
    if (here === null) return null
    rest = rest.slice(0, here) + rest.slice(here + added.length)
  }
  return rest
}

const onlyPlace = (text: string, part: string): number | null => {
  const first = text.indexOf(part)
  return first < 0 || text.includes(part, first + 1) ? null : first
}

/** Whether two values are the same but for what stands at these places. */
export const isSameBut = (one: unknown, other: unknown, places: readonly Place[]): boolean =>
  isDeepStrictEqual(places.reduce(pruned, one), places.reduce(pruned, other))

/** @throws NodeError: a change of anything else is not made. */
export const requireSameBut = (before: unknown, after: unknown, place: Place, file: string): void => {
  if (!isSameBut(before, after, [place]))
    throw new NodeError(
      'internal',
      `${file} is written in a way that mnemesh cannot change safely; nothing was changed: see \`--dry-run\` for the entry, and write it by hand`,
    )
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What stands there, undefined when nothing does. */
export const valueAt = (root: unknown, { keys, isOurs }: Place): unknown => {
  let value = root
  for (const key of keys) {
    if (key === LIST) value = Array.isArray(value) ? value.find(isOurs) : undefined
    else value = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined
  }
  // Parsers make objects of their own kinds.
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown)
}

/** Without what stands there, and without what holds nothing else. */
const pruned = (value: unknown, { keys: [key, ...keys], isOurs }: Place): unknown => {
  if (key === undefined) return undefined
  if (key === LIST) return Array.isArray(value) ? value.filter((one) => !isOurs(one)) : (value ?? [])
  if (value !== null && value !== undefined && !isRecord(value)) return value
  const inner = value && Object.hasOwn(value, key) ? pruned(value[key], { keys, isOurs }) : undefined
  const others = Object.entries(value ?? {}).filter(([name]) => name !== key)
  return Object.fromEntries(inner === undefined || isEmpty(inner) ? others : [...others, [key, inner]])
}

const isEmpty = (value: unknown): boolean =>
  Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0
