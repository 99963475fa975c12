/**
 * A mapping in YAML as plain JSON values, mended where people write what YAML dislikes.
 *
 * Bounds: aliases (a bomb of a few lines is gigabytes of values), depth and count. Nothing is lost on the way: an integer that no double
 * holds is its digits, a key that comes again keeps both values, what lies too deep is its JSON text.
 */
import { parseDocument, type Document } from 'yaml'

export type Mapping = {
  readonly kind: 'mapping'
  readonly values: ReadonlyMap<string, unknown>
  readonly said: readonly string[]
}
export type ReadMapping = Mapping | { readonly kind: 'unreadable'; readonly why: string } | { readonly kind: 'other' }

/** Aliases that stand for values twice and more; front matter has none. */
const ALIASES_MAX = 100
/** Values of one block: some 10 ms. */
const VALUES_MAX = 20_000
/** Brackets within a value: what metadata may nest, less the object around it. */
const DEPTH_MAX = 14

export const readMapping = (yaml: string): ReadMapping => {
  const said: string[] = []
  let parsed = parse(yaml)
  if ('why' in parsed) {
    if (parsed.bomb) return { kind: 'unreadable', why: parsed.why }
    const mended = parse(mend(yaml))
    if ('why' in mended)
      return /^[ \t]*[^\s#:-][^:\n]*:(\s|$)/m.test(yaml) ? { kind: 'unreadable', why: parsed.why } : { kind: 'other' }
    said.push(`its front matter is no YAML (${parsed.why}); its lines were read as they stand`)
    parsed = mended
  }
  const { value } = parsed
  if (!(value instanceof Map)) return { kind: 'other' }
  const budget = { values: VALUES_MAX }
  const values = new Map<string, unknown>()
  try {
    for (const [key, inner] of value as Map<unknown, unknown>) {
      const plain = plainOf(inner, 0, budget, (what) => said.push(`${keyText(key)}: ${what}`))
      values.set(keyText(key), plain)
    }
  } catch (error) {
    if (error instanceof TooMuch) return { kind: 'unreadable', why: error.message }
    throw error
  }
  for (const [name, again] of parsed.twice) {
    let n = 2
    while (values.has(`${name} (${n})`)) n++
    values.set(
      `${name} (${n})`,
      plainOf(again, 0, budget, () => undefined),
    )
    said.push(`${name} stands there more than once; the first counts, the other is '${name} (${n})' in the metadata`)
  }
  return { kind: 'mapping', values, said }
}

class TooMuch extends Error {}

type Parsed = { readonly value: unknown; readonly twice: readonly (readonly [string, unknown])[] }

const parse = (yaml: string): Parsed | { readonly why: string; readonly bomb: boolean } => {
  try {
    const document = parseDocument(yaml, { uniqueKeys: false, intAsBigInt: true, logLevel: 'silent' })
    const [error] = document.errors
    if (error !== undefined)
      return { why: (error.message.split('\n')[0] ?? '').replace(/ at line \d+.*$/, '').replace(/:$/, ''), bomb: false }
    const twice = takeTwice(document)
    return { value: document.toJS({ mapAsMap: true, maxAliasCount: ALIASES_MAX }) as unknown, twice }
  } catch (error) {
    // The parser counts what aliases stand for.
    return error instanceof ReferenceError
      ? { why: `its aliases stand for more than ${ALIASES_MAX} values`, bomb: true }
      : { why: error instanceof Error ? error.message : String(error), bomb: false }
  }
}

/** Takes the later pairs of a key out of the mapping. */
const takeTwice = (document: Document): readonly (readonly [string, unknown])[] => {
  const { contents } = document
  if (contents === null || !('items' in contents) || !Array.isArray(contents.items)) return []
  const seen = new Set<string>()
  const twice: [string, unknown][] = []
  contents.items = (
    contents.items as { key?: unknown; value?: { toJS?(document: Document, options: object): unknown } | null }[]
  ).filter((pair) => {
    const name = String(pair.key)
    if (!('key' in pair) || !seen.has(name)) {
      seen.add(name)
      return true
    }
    twice.push([name, pair.value?.toJS?.(document, { mapAsMap: true, maxAliasCount: ALIASES_MAX }) ?? null])
    return false
  }) as typeof contents.items
  return twice
}

/** Tabs that indent, and values with a colon, a hash or a mark at their start that mean nothing but themselves. */
const mend = (yaml: string): string =>
  yaml
    .split('\n')
    .map((line) => {
      const spaced = line.replace(/^[ \t]+/, (indent) => indent.replaceAll('\t', '  '))
      const [, head, value] = /^(\s*(?:- )?[^\s:#'"[{][^:]*:[ \t]+)(\S.*?)[ \t]*\r?$/.exec(spaced) ?? []
      if (head === undefined || value === undefined || /^(".*"|'.*'|\[.*\]|\{.*\}|[|>][-+\d]*)$/.test(value))
        return spaced
      return /: |:$| #|^[@`%&*!|>[\]{},?#"'-]/.test(value) ? `${head}${JSON.stringify(value)}` : spaced
    })
    .join('\n')

const keyText = (key: unknown): string =>
  typeof key === 'string' ? key : typeof key === 'object' && key !== null ? JSON.stringify(key) : String(key)

const plainOf = (value: unknown, depth: number, budget: { values: number }, say: (what: string) => void): unknown => {
  if (--budget.values < 0) throw new TooMuch(`more than ${VALUES_MAX} values`)
  if (typeof value === 'bigint') {
    if (BigInt(Number(value)) === value) return Number(value)
    say(`${value} has more digits than a number holds, and is kept as text`)
    return String(value)
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    say('a number that is none is kept as text')
    return String(value)
  }
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (typeof value !== 'object' || value === null) return null
  if (depth >= DEPTH_MAX) {
    say(`what lies more than ${DEPTH_MAX} deep is kept as JSON text`)
    return JSON.stringify(deepOf(value))
  }
  if (Array.isArray(value)) return value.map((item: unknown) => plainOf(item, depth + 1, budget, say))
  if (value instanceof Map)
    return Object.fromEntries(
      [...(value as Map<unknown, unknown>)].map(([key, inner]) => [
        keyText(key),
        plainOf(inner, depth + 1, budget, say),
      ]),
    )
  if (value instanceof Set) return [...(value as Set<unknown>)].map((inner) => plainOf(inner, depth + 1, budget, say))
  return JSON.stringify(value)
}

/** For text alone: its own depth is bounded by the parser's. */
const deepOf = (value: unknown): unknown =>
  value instanceof Map
    ? Object.fromEntries([...(value as Map<unknown, unknown>)].map(([key, inner]) => [keyText(key), deepOf(inner)]))
    : Array.isArray(value)
      ? value.map(deepOf)
      : typeof value === 'bigint'
        ? String(value)
        : value
